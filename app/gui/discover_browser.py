"""The left side of Discover: the shipped list, or the hub's list page by page."""

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.core.catalogue import CatalogueEntry
from app.core.errors import AppError, OfflineError
from app.core.hub import HubClient, HubModel, HubPage, HubQuery
from app.core.hub_reference import Reference, parse_reference
from app.core.library import LocalModel
from app.core.ollama_name import from_repo, repository_title
from app.gui import discover_rows
from app.gui.controls.card import Line, Region
from app.gui.controls.empty_state import EmptyState
from app.gui.controls.labels import Label
from app.gui.controls.strip import Strip
from app.gui.discover_fit import FitCheck
from app.gui.discover_head import DiscoverHead
from app.gui.discover_list import DiscoverList
from app.gui.discover_rows import SKELETONS, DiscoverFilter, Listing, ModelRow
from app.gui.formatting import error_words
from app.gui.icons import Icons
from app.gui.ollama_words import registry_word
from app.gui.worker import Task, Worker

SKELETON_MS = 200
MOST_PAGES_AT_ONCE = 4
"""Pages asked for without a scroll, where filters leave little of each."""


class DiscoverBrowser(Region):
    """Search, filters, list and footer."""

    row_chosen = Signal(object)
    """ModelRow."""
    reference_given = Signal(object)
    """Reference: the person named one repository."""
    settings_wanted = Signal()
    failed = Signal()
    """The hub sent no list; why is in `failure`."""

    def __init__(
        self,
        icons: Icons,
        worker: Worker,
        hub: HubClient,
        entries: Sequence[CatalogueEntry],
        check: FitCheck,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("sidebar", parent)
        self._worker, self._hub, self._entries = worker, hub, entries
        self._check = check
        self._local: Sequence[LocalModel] = ()
        self._offline = False
        self._models: list[HubModel] = []
        self._cursor: str | None = None
        self.failure: AppError | None = None
        """Why there is no list; None once one came or another is asked for."""
        self._asked_alone = 0
        self._task: Task | None = None
        self._fetched: tuple[str, ...] | None = None
        self._reference: Reference | None = None
        self.setFixedWidth(icons.theme.metric("list-discover") - 1)  # the line beside it counts
        self._lay_out(icons)
        self._skeleton_timer = QTimer(self, singleShot=True, interval=SKELETON_MS)
        self._skeleton_timer.timeout.connect(self._show_skeletons)

    def _lay_out(self, icons: Icons) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.head = DiscoverHead(icons)
        self.head.changed.connect(self._filter_changed)
        column.addWidget(self.head)
        column.addWidget(Line())
        self.strip = Strip(icons, tone="warning", action=self.tr("Retry"))
        self.strip.action_chosen.connect(self.retry)
        self.strip.hide()
        column.addWidget(self.strip)
        self.list = DiscoverList(icons)
        self.list.row_chosen.connect(self.row_chosen)
        self.list.near_end.connect(self._fetch_more)
        holder = QWidget()
        inner = QVBoxLayout(holder)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.list)
        self._empty = EmptyState(icons, "search", "", "", action=self.tr("Clear the filters"))
        self._empty.button.clicked.connect(self._empty_pressed)
        self._stack = QStackedWidget()
        self._stack.addWidget(holder)
        self._stack.addWidget(self._empty)
        column.addWidget(self._stack, 1)
        column.addWidget(Line())
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 0, 20, 0)
        self.footer = Label("", "caption", "text-3")
        self.footer.setFixedHeight(35)
        foot.addWidget(self.footer)
        column.addLayout(foot)

    # What it is told

    def set_world(self, check: FitCheck, local: Sequence[LocalModel], *, offline: bool) -> None:
        """Memory, models on this computer and the offline switch are like this now."""
        self._check, self._local, self._offline = check, tuple(local), offline
        if offline:
            self._stop()
        is_hub = self.head.current().scope == "hub" and self._reference is None
        if is_hub and not offline and self._fetched is None:
            self._begin()
        else:
            self._show()

    def open_text(self, text: str) -> None:
        """Search the hub for something another page sent."""
        self.head.search_for(text, on_hub=True)

    def retry(self) -> None:
        """Ask the hub again for what did not come."""
        self.strip.hide()
        if self._models:
            self._fetch_more()
        else:
            self._begin()

    # The list

    def _filter_changed(self, wanted: DiscoverFilter) -> None:
        self._reference = parse_reference(wanted.text) if wanted.text else None
        if self._reference is not None:
            self._stop()
            self._show()
            self.reference_given.emit(self._reference)
        elif wanted.scope == "hub":
            self._begin()
        else:
            self._stop()
            self._show()

    def _stop(self) -> None:
        self._skeleton_timer.stop()
        self.strip.hide()
        self.failure = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _begin(self) -> None:
        """Ask for the first page, unless what is asked for is here already."""
        wanted = self.head.current()
        question = (wanted.text, wanted.sort, wanted.format)
        if question == self._fetched:
            self._show()
            return
        self._stop()
        self._models, self._cursor, self._fetched = [], None, None
        if self._offline:
            self._show()
            return
        self._asked_alone = 0
        self._skeleton_timer.start()
        self._ask()

    def _fetch_more(self) -> None:
        is_hub = self.head.current().scope == "hub" and self._reference is None
        if is_hub and self._task is None and self._cursor and not self._offline:
            self._asked_alone = 0
            self._ask()

    def _ask(self) -> None:
        wanted = self.head.current()
        query = HubQuery(wanted.text, wanted.format, wanted.sort)
        self._task = self._worker.run(
            self._hub.search, query, self._cursor, done=self._page_came, failed=self._failed
        )

    def _page_came(self, page: HubPage) -> None:
        self._skeleton_timer.stop()
        self._task = None
        wanted = self.head.current()
        self._fetched = (wanted.text, wanted.sort, wanted.format)
        known = {model.repo for model in self._models}
        self._models += [model for model in page.models if model.repo not in known]
        self._cursor = page.next
        self._show()
        if self._cursor and self.list.is_near_end() and self._asked_alone < MOST_PAGES_AT_ONCE:
            self._asked_alone += 1
            self._ask()
            self._show()

    def _failed(self, error: AppError) -> None:
        self._skeleton_timer.stop()
        self._task = None
        if isinstance(error, OfflineError):
            self._offline = True
        elif self._models:
            self.strip.say(error_words(error))
        else:
            self.failure = error
        self._show()
        if self.failure is not None:
            self.failed.emit()

    def _show_skeletons(self) -> None:
        self._stack.setCurrentIndex(0)
        self.list.list_model().set_rows(SKELETONS)
        self.footer.setText(self.tr("Asking the hub…"))

    def _show(self) -> None:
        wanted = self.head.current()
        chosen = self.list.current_row()
        if self._reference is not None:
            listing = self._named(self._reference)
        elif wanted.scope == "suggested":
            listing = discover_rows.suggested(self._entries, wanted, self._check, self._local)
        else:
            listing = discover_rows.from_hub(self._models, wanted, self._check, self._local)
        if not listing.rows and self._task is not None:
            return
        rows = listing.rows + (SKELETONS[:2] if self._task is not None else ())
        self.list.list_model().set_rows(rows)
        if chosen is not None and self.list.current_row() is None:
            blocked = self.list.blockSignals(True)
            self.list.choose(chosen.key)
            self.list.blockSignals(blocked)
        self._stack.setCurrentIndex(0 if listing.rows else 1)
        if not listing.rows:
            self._say_empty(wanted, listing)
        self.footer.setText(self._count(wanted, listing))

    def _named(self, reference: Reference) -> Listing:
        """The one repository that the person named."""
        for entry in self._entries:
            if reference.repo.casefold() in (entry.gguf_repo.casefold(), entry.id):
                judged = self._check.of_entry(entry)
                here = discover_rows.repos_on_disk(self._local)
                on_disk = entry.gguf_repo in here
                row = discover_rows.entry_row(entry, judged, self._check.context, on_disk=on_disk)
                return Listing((row,), 1)
        owner = registry_word() if from_repo(reference.repo) else reference.repo.partition("/")[0]
        on_disk = reference.repo in discover_rows.repos_on_disk(self._local)
        title = repository_title(reference.repo)
        row = ModelRow(f"hub:{reference.repo}", reference.repo, title, owner, on_disk=on_disk)
        return Listing((row,), 1)

    def _count(self, wanted: DiscoverFilter, listing: Listing) -> str:
        if self._reference is not None:
            return self.tr("Named by you")
        shown, hidden = listing.shown, listing.too_large
        if wanted.scope == "suggested":
            one, many = self.tr("1 suggestion"), self.tr("%n suggestions", "", shown)
        elif self._cursor:
            one, many = self.tr("1 model so far"), self.tr("%n models so far", "", shown)
        else:
            one, many = self.tr("1 model"), self.tr("%n models", "", shown)
        text = one if shown == 1 else many
        if hidden:
            more = self.tr("%1, %2 hidden as too large")
            return more.replace("%1", text).replace("%2", str(hidden))
        return text

    def _say_empty(self, wanted: DiscoverFilter, listing: Listing) -> None:
        button = self._empty.button
        if wanted.scope == "hub" and self._offline:
            self._empty.say(
                self.tr("Corral is offline"),
                self.tr("The suggestions work without the hub. Searching it needs the network."),
            )
            button.setText(self.tr("Open settings"))
        elif wanted.scope == "suggested" and wanted.text:
            self._empty.say(
                self.tr("No suggestion is called “%1”").replace("%1", wanted.text),
                self.tr("The hub may have it."),
            )
            button.setText(self.tr("Search the hub"))
        elif self.failure is not None:
            reason = " ".join(part for part in (self.failure.message, self.failure.hint) if part)
            self._empty.say(self.failure.title, reason)
            button.setText(self.tr("Try again"))
        else:
            what = wanted.text and self.tr("for “%1”").replace("%1", wanted.text)
            self._empty.say(
                self.tr("Nothing found %1").replace("%1", what).strip(),
                self.tr("%n models were left out as too large.", "", listing.too_large)
                if listing.too_large > 1
                else self.tr("Other words or fewer filters may help."),
            )
            button.setText(self.tr("Clear the filters"))
        button.setVisible(True)
        button.updateGeometry()

    def _empty_pressed(self) -> None:
        wanted = self.head.current()
        if wanted.scope == "hub" and self._offline:
            self.settings_wanted.emit()
        elif wanted.scope == "suggested" and wanted.text:
            self.head.search_for(wanted.text, on_hub=True)
        elif self.failure is not None:
            self.retry()
        else:
            self.head.clear_filters()
