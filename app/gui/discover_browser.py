"""The left side of Discover: the shipped list, or the hub's list page by page."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.core.catalogue import CatalogueEntry
from app.core.errors import AppError
from app.core.hub import HubClient, HubQuery
from app.core.hub_reference import Reference, is_name_or_search, parse_named, parse_reference
from app.core.library import LocalModel
from app.core.model_marks import ModelMarks
from app.core.ollama_name import ollama_name_of, repository_title, tagged_name
from app.core.seen_models import SeenModels
from app.gui import discover_rows
from app.gui.ages import ago
from app.gui.controls.card import Line, Region
from app.gui.controls.empty_state import EmptyState
from app.gui.controls.labels import Label
from app.gui.controls.strip import Strip
from app.gui.discover_compare import CompareBar
from app.gui.discover_filter import DiscoverFilter
from app.gui.discover_fit import FitCheck
from app.gui.discover_head import DiscoverHead
from app.gui.discover_hub_list import HubList
from app.gui.discover_list import DiscoverList
from app.gui.discover_rows import SKELETONS, Listing, ModelRow
from app.gui.formatting import error_words
from app.gui.icons import Icons
from app.gui.ollama_words import registry_word
from app.gui.worker import Worker

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
        seen: SeenModels,
        marks: ModelMarks,
        entries: Sequence[CatalogueEntry],
        check: FitCheck,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("sidebar", parent)
        self._marks, self._entries = marks, entries
        self._check = check
        self._local: Sequence[LocalModel] = ()
        self._offline = False
        self._in_view = ""
        self._asked_alone = 0
        self._reference: Reference | None = None
        self._hub = hub
        self._refused: AppError | None = None
        """Why the address that was typed names no repository."""
        self.hub_list = HubList(hub, seen, worker, self)
        self.hub_list.changed.connect(self._page_came)
        self.hub_list.slow.connect(self._show_skeletons)
        self.setFixedWidth(icons.theme.metric("list-discover") - 1)  # the line beside it counts
        self._lay_out(icons)

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
        self.compare = CompareBar(icons)
        column.addWidget(self.compare)
        column.addWidget(Line())
        foot = QVBoxLayout()
        foot.setContentsMargins(20, 9, 20, 9)
        foot.setSpacing(2)
        self.footer = Label("", "caption", "text-3")
        foot.addWidget(self.footer)
        self.age = Label("", "caption", "text-3")
        """How old the shipped list is."""
        foot.addWidget(self.age)
        column.addLayout(foot)

    # What it is told

    def set_world(self, check: FitCheck, local: Sequence[LocalModel], *, offline: bool) -> None:
        """Memory, models on this computer and the offline switch are like this now."""
        self._check, self._local = check, tuple(local)
        if offline != self._offline:
            self._offline = offline
            self.strip.hide()
            self.hub_list.stop()
            if self.hub_list.failure is not None or not self.hub_list.models:
                self.hub_list.forget()
        if self._asks_hub:
            self.hub_list.show(self._query())
        self._show()

    def marks_changed(self) -> None:
        """Bookmarks are others now. What was looked at must not move while one looks."""
        if self.head.current().shelf == "bookmarks":
            self._show()

    @property
    def _asks_hub(self) -> bool:
        wanted = self.head.current()
        named = self._reference is not None or self._refused is not None
        return wanted.scope == "hub" and not wanted.is_own and not named

    def show_in_view(self, repo: str) -> None:
        """The page shows this repository: its row is the current one, if it is listed."""
        self._in_view = repo
        self.list.choose_repo(repo)

    def open_text(self, text: str) -> None:
        """Search the hub for something another page sent."""
        self.head.search_for(text, on_hub=True)

    def retry(self) -> None:
        """Ask the hub again for what did not come."""
        self.strip.hide()
        self.hub_list.again()
        self._show()

    @property
    def failure(self) -> AppError | None:
        """Why there is no list; None where there is one, even an old one."""
        of_hub = self._asks_hub and not self.hub_list.models and not self.hub_list.is_offline
        return self.hub_list.failure if of_hub else None

    # The list

    def _filter_changed(self, wanted: DiscoverFilter) -> None:
        words = not wanted.named and is_name_or_search(wanted.text)
        parse = parse_named if wanted.named else parse_reference
        self._reference = parse(wanted.text) if wanted.text and not words else None
        self._refused = None
        if self._reference is not None:
            try:
                self._hub.check_site(self._reference)
            except AppError as error:
                self._reference, self._refused = None, error
        self.strip.hide()
        if self._asks_hub:
            self._asked_alone = 0
            self.hub_list.show(self._query())
        else:
            self.hub_list.stop()
        self._show()
        if self._reference is not None:
            self.reference_given.emit(self._reference)

    def _query(self) -> HubQuery:
        wanted = self.head.current()
        return HubQuery(wanted.text, wanted.format, wanted.sort)

    def _fetch_more(self) -> None:
        if self._asks_hub and not self._offline:
            self._asked_alone = 0
            self.hub_list.more()

    def _page_came(self) -> None:
        hub = self.hub_list
        self._say_age()
        self._show()
        self._choose_hit()
        if self.failure is not None:
            self.failed.emit()
        near_end = hub.failure is None and hub.cursor and self.list.is_near_end()
        if near_end and self._asked_alone < MOST_PAGES_AT_ONCE:
            self._asked_alone += 1
            hub.more()
            self._show()

    def _choose_hit(self) -> None:
        """What was typed is the whole name of a repository in the list: it is shown."""
        typed = self.head.current().text.casefold()
        for row in self.list.list_model().rows() if "/" in typed else ():
            if isinstance(row, ModelRow) and typed in {repo.casefold() for repo in row.repos}:
                self.list.choose(row.key)

    def _say_age(self) -> None:
        """Above a list that lacks something: why, and how old it is."""
        hub = self.hub_list
        if hub.failure is None or not hub.models:
            self.strip.hide()
            return
        text = self.tr("Corral is offline.") if hub.is_offline else error_words(hub.failure)
        if hub.seen_at is not None:
            kept = self.tr("%1 This list is from %2.").replace("%1", text)
            text = kept.replace("%2", ago(hub.seen_at))
        self.strip.say(text)
        self.strip.action.setVisible(not hub.is_offline)

    def _show_skeletons(self) -> None:
        self._stack.setCurrentIndex(0)
        self.list.list_model().set_rows(SKELETONS)
        self.footer.setText(self.tr("Asking the hub…"))

    def _show(self) -> None:
        wanted = self.head.current()
        if self._reference is not None:
            listing = self._named(self._reference)
        elif self._refused is not None:
            listing = Listing((), 0)
        elif wanted.is_own:
            bookmarks = wanted.shelf == "bookmarks"
            marks = self._marks.bookmarks() if bookmarks else self._marks.recent()
            listing = discover_rows.marked(marks, wanted, self._check, self._local, self._entries)
        elif wanted.scope == "suggested":
            listing = discover_rows.suggested(self._entries, wanted, self._check, self._local)
        else:
            listing = discover_rows.from_hub(
                self.hub_list.models, wanted, self._check, self._local, self._entries
            )
        if not listing.rows and self.hub_list.is_busy:
            return
        rows = listing.rows + (SKELETONS[:2] if self.hub_list.is_busy else ())
        self.list.list_model().set_rows(rows)
        self.list.choose_repo(self._in_view)
        self._stack.setCurrentIndex(0 if listing.rows else 1)
        if not listing.rows:
            self._say_empty(wanted, listing)
        self.footer.setText(self._count(wanted, listing))
        shipped = wanted.scope == "suggested" and not wanted.is_own and self._reference is None
        self.age.setVisible(shipped and bool(self.age.text()))

    def _named(self, reference: Reference) -> Listing:
        """The one repository that the person named."""
        for entry in self._entries:
            if reference.repo.casefold() in (entry.gguf_repo.casefold(), entry.id):
                judged = self._check.of_entry(entry)
                here = discover_rows.repos_on_disk(self._local)
                on_disk = entry.gguf_repo in here
                row = discover_rows.entry_row(entry, judged, self._check.context, on_disk=on_disk)
                return Listing((row,), 1)
        owner = (
            registry_word() if ollama_name_of(reference.repo) else reference.repo.partition("/")[0]
        )
        on_disk = reference.repo in discover_rows.repos_on_disk(self._local)
        title = repository_title(reference.repo)
        row = ModelRow(f"hub:{reference.repo}", reference.repo, title, owner, on_disk=on_disk)
        return Listing((row,), 1)

    def _count(self, wanted: DiscoverFilter, listing: Listing) -> str:
        if self._reference is not None:
            return self.tr("Named by you")
        shown, hidden = listing.shown, listing.too_large
        if wanted.is_own:
            one, many = self.tr("1 model"), self.tr("%n models", "", shown)
        elif wanted.scope == "suggested":
            one, many = self.tr("1 suggestion"), self.tr("%n suggestions", "", shown)
        elif self.hub_list.cursor:
            one, many = self.tr("1 model so far"), self.tr("%n models so far", "", shown)
        else:
            one, many = self.tr("1 model"), self.tr("%n models", "", shown)
        text = one if shown == 1 else many
        if hidden:
            more = self.tr("%1, %2 hidden as too large")
            return more.replace("%1", text).replace("%2", str(hidden))
        return text

    def _say_empty(self, wanted: DiscoverFilter, listing: Listing) -> None:
        title, sentence, button = self._empty_words(wanted, listing)
        self._empty.say(title, sentence)
        self._empty.button.setText(button)
        self._empty.button.setVisible(bool(button))
        self._empty.button.updateGeometry()

    def _empty_words(self, wanted: DiscoverFilter, listing: Listing) -> tuple[str, str, str]:
        """Title, sentence and button of a list without rows."""
        if (refused := self._refused) is not None:
            return refused.title, f"{refused.message} {refused.hint}", self.tr("Clear the filters")
        if wanted.is_own:
            return self._own_empty_words(wanted)
        if tagged_name(wanted.text):
            return (
                self.tr("“%1” is how Ollama names models").replace("%1", wanted.text),
                self.tr("Corral can look for it in Ollama’s registry."),
                self.tr("Look there"),
            )
        if wanted.scope == "hub" and self._offline and not self.hub_list.models:
            return (
                self.tr("Corral is offline"),
                self.tr("The suggestions work without the hub. Searching it needs the network."),
                self.tr("Open settings"),
            )
        if wanted.scope == "suggested" and wanted.text:
            title = self.tr("No suggestion is called “%1”").replace("%1", wanted.text)
            return title, self.tr("The hub may have it."), self.tr("Search the hub")
        if self.failure is not None:
            reason = " ".join(part for part in (self.failure.message, self.failure.hint) if part)
            return self.failure.title, reason, self.tr("Try again")
        if wanted.scope == "hub" and self.hub_list.cursor:
            title = self.tr("None among the first %n models", "", len(self.hub_list.models))
            return title, self.tr("The hub has more of them."), self.tr("Look further")
        what = wanted.text and self.tr("for “%1”").replace("%1", wanted.text)
        title = self.tr("Nothing found %1").replace("%1", what).strip()
        sentence = (
            self.tr("%n models were left out as too large.", "", listing.too_large)
            if listing.too_large > 1
            else self.tr("Other words or fewer filters may help.")
        )
        return title, sentence, self.tr("Clear the filters")

    def _own_empty_words(self, wanted: DiscoverFilter) -> tuple[str, str, str]:
        if wanted.text:
            title = self.tr("Nothing here is called “%1”").replace("%1", wanted.text)
            return title, "", self.tr("Clear the filters")
        if wanted.shelf == "bookmarks":
            return (
                self.tr("No bookmarks yet"),
                self.tr("The bookmark above a model's page keeps the model here."),
                "",
            )
        return self.tr("Nothing yet"), self.tr("Models you look at appear here."), ""

    def _empty_pressed(self) -> None:
        wanted = self.head.current()
        if wanted.is_own or self._refused is not None:
            self.head.clear_filters()
        elif tagged_name(wanted.text):
            self.head.search_for(wanted.text)
        elif wanted.scope == "hub" and self._offline and not self.hub_list.models:
            self.settings_wanted.emit()
        elif wanted.scope == "suggested" and wanted.text:
            self.head.search_for(wanted.text, on_hub=True)
        elif self.failure is not None:
            self.retry()
        elif wanted.scope == "hub" and self.hub_list.cursor:
            self._fetch_more()
        else:
            self.head.clear_filters()
