"""The page of one model in Discover: what it is, its variants, its card."""

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.gui import formatting
from app.gui.controls.buttons import IconButton, PrimaryButton
from app.gui.controls.card import Line
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.empty_state import EmptyState
from app.gui.controls.labels import Label
from app.gui.controls.menu import Menu
from app.gui.controls.strip import ErrorCard, Strip
from app.gui.discover_card import CardText
from app.gui.discover_facts import BadgesRow, FactsRow, SkeletonLines
from app.gui.discover_fit import CONTEXTS
from app.gui.discover_subject import Subject
from app.gui.icons import Icons
from app.gui.inline_link import InlineLink
from app.gui.variants_lines import VariantLine
from app.gui.variants_table import VariantsTable
from app.gui.worker import Worker

CARD_HEIGHT = 320
"""Of a card that is not unfolded."""
SKELETON_MS = 200
_LINES = (0.32, 0.46, 0.60, 0.0, 0.9, 0.9, 0.9, 0.9, 0.0, 0.8, 0.7, 0.75)


class ModelDetail(QWidget):
    """Shows what it is told; asks by signals."""

    download = Signal(object)
    """VariantLine."""
    pause = Signal(str)
    resume = Signal(str)
    chat = Signal(object)
    """VariantLine of a model on this computer."""
    retry = Signal()
    context_chosen = Signal(int)
    repo_wanted = Signal(str)

    settings_wanted = Signal()

    def __init__(self, icons: Icons, worker: Worker, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons, self._worker = icons, worker
        self._page = ""
        self._mlx_repo = ""
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
        row.setSpacing(8)
        self._crumbs = ElidedLabel("", "caption", "text-2")
        row.addWidget(self._crumbs, 1)
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
        self.gated = Strip(icons, tone="info")
        self.gated.hide()
        column.addSpacing(8)
        column.addWidget(self.gated)
        column.addSpacing(12)
        self._add_variants(column)
        column.addSpacing(24)
        self._add_card(column)
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
        row.addWidget(self.main_button, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(row)

    def _add_variants(self, column: QVBoxLayout) -> None:
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(Label(self.tr("Variants"), "page-title"))
        row.addStretch(1)
        row.addWidget(Label(self.tr("Fit for a context of"), "caption", "text-3"))
        row.addSpacing(2)
        self.context = InlineLink(self._icons, opens=True)
        self.context.clicked.connect(self._open_contexts)
        row.addWidget(self.context)
        column.addLayout(row)
        column.addSpacing(6)
        self.table = VariantsTable(self._icons)
        self.table.download.connect(self.download)
        self.table.pause.connect(self.pause)
        self.table.resume.connect(self.resume)
        self.table.chosen.connect(self._show_main)
        column.addWidget(self.table)
        self.companions = Label("", "caption", "text-3", wrap=True)
        column.addSpacing(4)
        column.addWidget(self.companions)
        self.mlx = InlineLink(self._icons)
        self.mlx.clicked.connect(lambda: self.repo_wanted.emit(self._mlx_repo))
        column.addWidget(self.mlx, 0, Qt.AlignmentFlag.AlignLeft)

    def _add_card(self, column: QVBoxLayout) -> None:
        row = QHBoxLayout()
        row.addWidget(Label(self.tr("Model card"), "page-title"))
        row.addStretch(1)
        self.read_all = InlineLink(self._icons, self.tr("Read all"))
        self.read_all.setCheckable(True)
        self.read_all.toggled.connect(self._fold_card)
        row.addWidget(self.read_all)
        self._card_head = QWidget()
        self._card_head.setLayout(row)
        row.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._card_head)
        column.addSpacing(8)
        self.card = CardText(self._icons, self._worker)
        self.card.setMaximumWidth(720)
        self.card.measured.connect(self._offer_all)
        column.addWidget(self.card)
        self._card_wait = SkeletonLines(self._icons, (0.7, 0.76, 0.66, 0.0, 0.72, 0.5))
        column.addWidget(self._card_wait)
        self._card_note = Label("", "body", "text-3", wrap=True)
        column.addWidget(self._card_note)

    def _keep_margin(self, least: int, most: int) -> None:
        """The scroll bar stands in the margin, so that nothing moves when it comes."""
        bar = self._scroll.verticalScrollBar().sizeHint().width() if most > least else 0
        self._column.setContentsMargins(32, 24, 32 - bar, 32)

    # What it is told

    def show_waiting(self, subject: Subject) -> None:
        """Nothing is known of this model yet; the hub is being asked."""
        self._crumbs.setText(subject.crumbs)
        self.strip.hide()
        self.outside.hide()
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
        card = ErrorCard(self._icons, error, [("retry", self.tr("Retry"))])
        card.remedy_chosen.connect(lambda _: self.retry.emit())
        card.setMaximumWidth(640)
        self._failure_column.addWidget(card)
        self._failure_column.addStretch(1)
        self._stack.setCurrentWidget(self._failure)

    def show_subject(self, subject: Subject, page: str) -> None:
        """Names, facts and badges; `page` is its address on the hub."""
        self._skeleton_timer.stop()
        self._page = page
        self.outside.setVisible(bool(page))
        self._crumbs.setText(subject.crumbs)
        self._title.setText(subject.title)
        self.facts.set_facts(subject.facts())
        self.badges.set_badges(subject.badges())
        self._summary.setText(subject.summary)
        self._summary.setVisible(bool(subject.summary))
        self._mlx_repo = (subject.entry.mlx_repo or "") if subject.entry else ""
        self.mlx.setText(self.tr("For Macs: %1").replace("%1", self._mlx_repo))
        self.mlx.setVisible(bool(self._mlx_repo))
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
        text = self.tr("Downloaded along, for images: %1")
        self.companions.setText(text.replace("%1", names))
        self.companions.setVisible(bool(found))

    def set_lines(self, lines: Sequence[VariantLine], *, start_over: bool = False) -> None:
        """The variants as they are now."""
        self.table.setEnabled(True)
        self.table.set_lines(lines, start_over=start_over)
        self.table.setVisible(bool(lines))
        if self.table.chosen_line() is None:
            self.main_button.hide()

    def set_context(self, tokens: int) -> None:
        """The length of context that the verdicts are for."""
        text = self.tr("%1 tokens").replace("%1", formatting.number(tokens))
        self.context.setText(text)
        self.context.updateGeometry()
        self.context.setProperty("tokens", tokens)

    def set_offline(self, offline: bool, text: str = "") -> None:
        """Say that the offline switch is on, and what is shown instead."""
        self.offline.say(text if offline else "")
        self.mlx.setVisible(bool(self._mlx_repo) and not offline)

    def set_problem(self, text: str) -> None:
        """Say above the page what did not work; "" when it does."""
        self.strip.say(text)

    def set_card(self, markdown: str | None, note: str = "") -> None:
        """The model card; None while it is being fetched, a note where there is none."""
        waiting = markdown is None and not note
        self._card_wait.setVisible(waiting)
        self.card.setVisible(bool(markdown))
        self._card_note.setText(note)
        self._card_note.setVisible(bool(note))
        if markdown:
            self.card.show_markdown(markdown)
        self.read_all.setChecked(False)
        self._fold_card(unfolded=False)

    # What the person does

    def _fold_card(self, unfolded: bool) -> None:
        self.read_all.setText(self.tr("Show less") if unfolded else self.tr("Read all"))
        self.card.set_limit(None if unfolded else CARD_HEIGHT)
        self.read_all.updateGeometry()
        self._offer_all()

    def _offer_all(self) -> None:
        longer = not self.card.isHidden() and self.card.is_longer_than(CARD_HEIGHT)
        self.read_all.setVisible(longer)

    def _open_page(self) -> None:
        QDesktopServices.openUrl(QUrl(self._page))

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
        size = formatting.file_size(line.size, about=line.about)
        download = self.tr("Download %1").replace("%1", size if line.size else "").strip()
        text, icon = words.get(line.state, (download, "download"))
        self.main_button.setText(text)
        self.main_button.set_icon(icon)
        busy = line.state in ("asking", "waiting", "running", "verifying")
        self.main_button.setEnabled(line.usable and not busy)
        self.main_button.setToolTip(line.problem)
        self.main_button.updateGeometry()
        self.main_button.show()

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
