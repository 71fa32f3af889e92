"""The page of one model in Discover: what it is, its variants, its card."""

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from app.core.errors import AppError, OfflineError
from app.core.hub import HubModel
from app.gui import formatting
from app.gui.controls.buttons import IconButton, PrimaryButton
from app.gui.controls.card import Line
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.empty_state import EmptyState
from app.gui.controls.labels import Label
from app.gui.controls.menu import Menu
from app.gui.controls.strip import ErrorCard, Strip
from app.gui.discover_architecture import ArchitectureFacts
from app.gui.discover_card import CardSection
from app.gui.discover_facts import BadgesRow, FactsRow, SkeletonLines
from app.gui.discover_fit import CONTEXTS, speed_words
from app.gui.discover_subject import Subject
from app.gui.icons import Icons
from app.gui.inline_link import InlineLink
from app.gui.variants_lines import VariantLine
from app.gui.variants_table import VariantsTable
from app.gui.worker import Worker

SKELETON_MS = 200
MOST_OTHERS = 15
"""Repositories in a menu."""
_LINES = (0.32, 0.46, 0.60, 0.0, 0.9, 0.9, 0.9, 0.9, 0.0, 0.8, 0.7, 0.75)


class ModelDetail(QWidget):
    """Shows what it is told; asks by signals."""

    download = Signal(object)
    """VariantLine."""
    download_to = Signal(object)
    """VariantLine that is to go to a folder of the person's choice."""
    pause = Signal(str)
    resume = Signal(str)
    chat = Signal(object)
    """VariantLine of a model on this computer."""
    retry = Signal()
    context_chosen = Signal(int)
    repo_wanted = Signal(str)
    """Its variants shall stand among the others."""
    bookmarked = Signal(bool)
    compared = Signal(bool)
    settings_wanted = Signal()

    def __init__(self, icons: Icons, worker: Worker, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons, self._worker = icons, worker
        self._page = ""
        self._others: Sequence[HubModel] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._make_header())
        column.addWidget(Line())
        self.strip = Strip(icons, tone="warning", action=self.tr("Retry"))
        self.strip.hide()
        self.strip.action_chosen.connect(self.retry)
        column.addWidget(self.strip)
        self.offline = Strip(icons, tone="offline", action=self.tr("Open settings"))
        self.offline.hide()
        self.offline.action_chosen.connect(self.settings_wanted)
        column.addWidget(self.offline)
        self._stack = QStackedWidget()
        column.addWidget(self._stack, 1)
        self._empty = EmptyState(
            icons,
            "compass",
            self.tr("Choose a model"),
            self.tr("Its variants, what they need and its card appear here."),
        )
        self._stack.addWidget(self._empty)
        self._waiting = self._make_waiting()
        self._stack.addWidget(self._waiting)
        self._failure = QWidget()
        self._failure_column = QVBoxLayout(self._failure)
        self._failure_column.setContentsMargins(32, 24, 32, 24)
        self._stack.addWidget(self._failure)
        self._stack.addWidget(self._make_content())
        self._skeleton_timer = QTimer(self, singleShot=True, interval=SKELETON_MS)
        self._skeleton_timer.timeout.connect(lambda: self._stack.setCurrentWidget(self._waiting))

    def _make_header(self) -> QWidget:
        header = QWidget()
        header.setFixedHeight(self._icons.theme.metric("header") - 1)  # the line below counts
        row = QHBoxLayout(header)
        row.setContentsMargins(32, 1, 12, 0)
        row.setSpacing(4)
        self._crumbs = ElidedLabel("", "caption", "text-2")
        row.addWidget(self._crumbs, 1)
        name = self.tr("Bookmark")
        self.bookmark = IconButton(self._icons, "bookmark", name, checkable=True)
        self.bookmark.clicked.connect(self.bookmarked)
        name = self.tr("Compare with other models")
        self.compare = IconButton(self._icons, "git-compare-arrows", name, checkable=True)
        self.compare.clicked.connect(self.compared)
        for button in (self.bookmark, self.compare):
            button.hide()
            row.addWidget(button)
        name = self.tr("Open its page on the hub in the browser")
        self.outside = IconButton(self._icons, "external-link", name)
        self.outside.clicked.connect(self._open_page)
        self.outside.hide()
        row.addWidget(self.outside)
        return header

    def _make_waiting(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(32, 24, 32, 24)
        column.addWidget(SkeletonLines(self._icons, _LINES))
        column.addStretch(1)
        return page

    def _make_content(self) -> QScrollArea:
        icons = self._icons
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.verticalScrollBar().rangeChanged.connect(self._keep_margin)
        content = QWidget()
        self._column = column = QVBoxLayout(content)
        column.setContentsMargins(32, 24, 32, 32)
        column.setSpacing(0)
        self._add_title(column)
        self.badges = BadgesRow(icons)
        column.addSpacing(12)
        column.addWidget(self.badges)
        column.addSpacing(10)
        self._summary = Label("", "reading", "text", wrap=True)
        self._summary.setMaximumWidth(720)
        column.addWidget(self._summary)
        self.danger = Strip(icons, tone="danger")
        self.gated = Strip(icons, tone="info")
        column.addSpacing(8)
        for strip in (self.danger, self.gated):
            strip.hide()
            column.addWidget(strip)
        column.addSpacing(12)
        self._add_variants(column)
        self.architecture = ArchitectureFacts()
        column.addWidget(self.architecture)
        column.addSpacing(24)
        self.card = CardSection(icons, self._worker)
        column.addWidget(self.card)
        column.addStretch(1)
        self._scroll.setWidget(content)
        return self._scroll

    def _add_title(self, column: QVBoxLayout) -> None:
        row = QHBoxLayout()
        row.setSpacing(16)
        words = QVBoxLayout()
        words.setSpacing(4)
        self._title = Label("", "title", wrap=True)
        self._title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words.addWidget(self._title)
        self.facts = FactsRow(self._icons)
        words.addWidget(self.facts)
        row.addLayout(words, 1)
        self.main_button = PrimaryButton(self._icons, "", "download")
        self.main_button.clicked.connect(self._main_pressed)
        side = QVBoxLayout()
        side.setSpacing(6)
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        buttons.addStretch(1)
        buttons.addWidget(self.main_button)
        self.folder_button = IconButton(self._icons, "chevron-down", self.tr("Download to…"))
        self.folder_button.clicked.connect(self._folder_pressed)
        buttons.addWidget(self.folder_button)
        side.addLayout(buttons)
        self.speed = Label("", "caption", "text-3")
        self.speed.setToolTip(
            self.tr("Reckoned from how fast models have answered on this computer so far")
        )
        side.addWidget(self.speed, 0, Qt.AlignmentFlag.AlignRight)
        side.addStretch(1)
        row.addLayout(side)
        column.addLayout(row)

    def _add_variants(self, column: QVBoxLayout) -> None:
        self._variants_head = QWidget()
        row = QHBoxLayout(self._variants_head)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(Label(self.tr("Variants"), "page-title"))
        row.addStretch(1)
        row.addWidget(Label(self.tr("Fit for a context of"), "caption", "text-3"))
        row.addSpacing(2)
        self.context = InlineLink(self._icons, opens=True)
        self.context.clicked.connect(self._open_contexts)
        row.addWidget(self.context)
        column.addWidget(self._variants_head)
        column.addSpacing(6)
        self.table = VariantsTable(self._icons)
        self.table.download.connect(self.download)
        self.table.pause.connect(self.pause)
        self.table.resume.connect(self.resume)
        self.table.page_wanted.connect(lambda page: QDesktopServices.openUrl(QUrl(page)))
        self.table.chosen.connect(self._show_main)
        column.addWidget(self.table)
        self.companions = Label("", "caption", "text-3", wrap=True)
        column.addSpacing(4)
        column.addWidget(self.companions)
        self.others = InlineLink(self._icons, opens=True)
        self.others.clicked.connect(self._open_others)
        self.others.hide()
        column.addWidget(self.others, 0, Qt.AlignmentFlag.AlignLeft)

    def _keep_margin(self, least: int, most: int) -> None:
        """The scroll bar stands in the margin, so that nothing moves when it comes."""
        bar = self._scroll.verticalScrollBar().sizeHint().width() if most > least else 0
        self._column.setContentsMargins(32, 24, 32 - bar, 32)

    # What it is told

    def show_waiting(self, subject: Subject) -> None:
        """Nothing is known of this model yet; the hub is being asked."""
        self._crumbs.setText(subject.crumbs)
        self.strip.hide()
        for button in (self.outside, self.bookmark, self.compare):
            button.hide()
        self._skeleton_timer.start()
        # Another model stands here until then: nothing of it can be chosen any more.
        self.table.setEnabled(False)
        self.main_button.setEnabled(False)

    def show_failure(self, error: AppError) -> None:
        """Nothing is known, and the hub did not help."""
        self._skeleton_timer.stop()
        while (item := self._failure_column.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        offline = isinstance(error, OfflineError)
        words = self.tr("Open settings") if offline else self.tr("Retry")
        card = ErrorCard(self._icons, error, [("settings" if offline else "retry", words)])
        card.remedy_chosen.connect(self.settings_wanted if offline else self.retry)
        card.setMaximumWidth(640)
        self._failure_column.addWidget(card)
        self._failure_column.addStretch(1)
        self._stack.setCurrentWidget(self._failure)

    def show_subject(self, subject: Subject, page: str) -> None:
        """Names, facts and badges; `page` is its address on the hub."""
        self._skeleton_timer.stop()
        self._page = page
        self.outside.setVisible(bool(page))
        self.bookmark.show()
        self.compare.show()
        self._crumbs.setText(subject.crumbs)
        self._title.setText(subject.title)
        self.facts.set_facts(subject.facts())
        self.badges.set_badges(subject.badges())
        self._summary.setText(subject.summary)
        self._summary.setVisible(bool(subject.summary))
        self.architecture.show_architecture(subject.architecture)
        self._say_companions(subject)
        if self._stack.currentWidget() is not self._scroll:
            self._stack.setCurrentWidget(self._scroll)
            self._scroll.verticalScrollBar().setValue(0)

    def _say_companions(self, subject: Subject) -> None:
        found = {
            each.path: each.size
            for variant in (subject.detail.variants if subject.detail else ())
            for each in variant.companions
        }
        names = ", ".join(f"{path} ({formatting.file_size(found[path])})" for path in sorted(found))
        text = self.tr("Downloaded along, for pictures: %1")
        self.companions.setText(text.replace("%1", names))
        self.companions.setVisible(bool(found))

    def set_lines(self, lines: Sequence[VariantLine], *, start_over: bool = False) -> None:
        """The variants as they are now."""
        self.table.setEnabled(True)
        self.table.set_lines(lines, start_over=start_over)
        for part in (self.table, self._variants_head):
            part.setVisible(bool(lines))
        if self.table.chosen_line() is None:
            self.main_button.hide()
            self.speed.hide()

    def set_danger(self, text: str) -> None:
        """Say before the variants what scans found; "" if nothing."""
        self.danger.say(text)

    def set_others(self, models: Sequence[HubModel]) -> None:
        """Further repositories of the same model, whose variants are not in the table."""
        self._others = models
        one, many = self.tr("1 more repository"), self.tr("%n more repositories", "", len(models))
        self.others.setText(one if len(models) == 1 else many)
        self.others.setVisible(bool(models))
        self.others.updateGeometry()

    def set_marks(self, *, bookmarked: bool, compared: bool) -> None:
        """Whether the model is bookmarked and is among those that are compared."""
        self.bookmark.setChecked(bookmarked)
        self.bookmark.set_name(
            self.tr("Remove the bookmark") if bookmarked else self.tr("Bookmark")
        )
        self.bookmark.set_icon("bookmark", "accent" if bookmarked else "text-2")
        self.compare.setChecked(compared)
        self.compare.set_icon("git-compare-arrows", "accent" if compared else "text-2")

    def set_context(self, tokens: int) -> None:
        """The length of context that the verdicts are for."""
        text = self.tr("%1 tokens").replace("%1", formatting.number(tokens))
        self.context.setText(text)
        self.context.updateGeometry()
        self.context.setProperty("tokens", tokens)

    def set_offline(self, offline: bool, text: str = "") -> None:
        """Say that the offline switch is on, and what is shown instead."""
        self.offline.say(text if offline else "")

    def set_problem(self, text: str, *, retry: bool = True) -> None:
        """Say above the page what did not work; "" when it does."""
        self.strip.action.setVisible(retry)
        self.strip.say(text)

    # What the person does

    def _open_page(self) -> None:
        QDesktopServices.openUrl(QUrl(self._page))

    def _open_others(self) -> None:
        menu = Menu(self._icons, self)
        for model in self._others[:MOST_OTHERS]:
            text = f"{model.repo}  ·  {'MLX' if 'mlx' in model.tags else 'GGUF'}"
            menu.add(text, partial(self.repo_wanted.emit, model.repo))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup_under(self.others)

    def _open_contexts(self) -> None:
        menu = Menu(self._icons, self)
        for tokens in CONTEXTS:
            text = self.tr("%1 tokens").replace("%1", formatting.number(tokens))
            chosen = tokens == self.context.property("tokens")
            menu.add(text, partial(self.context_chosen.emit, tokens), checked=chosen)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup_under(self.context, right=True)

    def _show_main(self, line: VariantLine) -> None:
        """The page's main button says what can be done with the chosen variant."""
        fraction = formatting.percent(line.fraction)
        words = {
            "here": (self.tr("Chat"), "message-square"),
            "asking": (self.tr("Asking the hub…"), "download"),
            "waiting": (self.tr("Waiting"), "download"),
            "running": (self.tr("Downloading, %1").replace("%1", fraction), "download"),
            "verifying": (self.tr("Verifying"), "shield-check"),
            "paused": (self.tr("Resume, %1").replace("%1", fraction), "play"),
            "failed": (self.tr("Retry"), "rotate-cw"),
        }
        size = formatting.file_size(line.download_size, about=line.about)
        download = self.tr("Download %1").replace("%1", size if line.size else "").strip()
        text, icon = words.get(line.state, (download, "download"))
        self.main_button.setText(text)
        self.main_button.set_icon(icon)
        self.speed.setText(speed_words(line.speed).rstrip("."))
        self.speed.setVisible(line.speed is not None)
        busy = line.state in ("asking", "waiting", "running", "verifying")
        self.main_button.setEnabled(line.usable and not busy)
        self.main_button.setToolTip(line.problem)
        self.main_button.updateGeometry()
        self.main_button.show()
        self.folder_button.setVisible(line.state == "absent" and line.usable)

    def _folder_pressed(self) -> None:
        if (line := self.table.chosen_line()) is not None:
            self.download_to.emit(line)

    def _main_pressed(self) -> None:
        line = self.table.chosen_line()
        if line is None:
            return
        if line.state == "here":
            self.chat.emit(line)
        elif line.state in ("paused", "failed"):
            self.resume.emit(line.item_id)
        else:
            self.download.emit(line)
