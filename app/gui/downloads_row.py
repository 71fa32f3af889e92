"""One download on its card: state, name, bar, what it does now, what can be done."""

from functools import partial

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.download_state import DownloadItem
from app.gui import downloads_words as words
from app.gui.controls.bars import ProgressBar
from app.gui.controls.buttons import Button, IconButton
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.focus_heir import focus_kept
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.downloads_files import FileList
from app.gui.downloads_group import Grip
from app.gui.icons import Icons
from app.gui.inline_link import InlineLink

STEP_KEYS = {"top": "Alt+Home", "up": "Alt+Up", "down": "Alt+Down", "bottom": "Alt+End"}
"""Keys that change the order."""
MOVABLE = ("running", "waiting", "paused", "failed", "verifying")
_ACTIONS = 96
"""So that the bars of all rows with icons only end at the same place."""
_BAR_STATES = ("running", "verifying", "failed")


class DownloadRow(QWidget):
    """Asks by signals, each with the id of the download."""

    pause = Signal(str)
    resume = Signal(str)
    cancel = Signal(str)
    remove = Signal(str)
    show_folder = Signal(str)
    chat = Signal(str)
    try_now = Signal(str)
    """Wait no longer for the server or the network."""
    run_now = Signal(str)
    """Before all others, whatever the schedule says."""
    step_wanted = Signal(str, str)
    """Another place in the queue: the id and "top", "up", "down" or "bottom"."""

    def __init__(self, icons: Icons, item: DownloadItem, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.item = item
        # Later: a layout that is at work takes up no new height.
        self._fit = QTimer(self, singleShot=True, interval=0)
        self._fit.timeout.connect(self._fit_height)
        row = QHBoxLayout(self)
        row.setContentsMargins(20, 14, 14, 13)
        row.setSpacing(0)
        self._icons = icons
        self._icon = IconView(icons, "clock", 18)
        self.grip = Grip(icons, self, item.id)
        self.grip.setToolTip(self.tr("Drag to change the order"))
        self._files: FileList | None = None
        row.addWidget(self._icon)
        row.addWidget(self.grip)
        row.addSpacing(18)
        row.addLayout(self._make_words(icons), 1)
        row.addSpacing(16)
        holder = QWidget()
        holder.setMinimumWidth(_ACTIONS)
        self._actions = QHBoxLayout(holder)
        self._actions.setContentsMargins(0, 0, 0, 0)
        self._actions.setSpacing(4)
        self._actions.addStretch(1)
        self._make_actions(icons)
        row.addWidget(holder)
        self._make_keys()

    def event(self, event: QEvent) -> bool:
        """Be as high as the words need at this width: the layouts above keep what was needed."""
        handled = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit.start()
        return handled

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The words may need more or fewer lines."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit.start()

    def hasHeightForWidth(self) -> bool:
        """It has one height, which it sets by itself: what layouts remember of others is old."""
        return False

    def _fit_height(self) -> None:
        layout = self.layout()
        assert layout is not None
        height = layout.totalHeightForWidth(self.width())
        if height > 0 and not self.minimumHeight() == height == self.maximumHeight():
            self.setFixedHeight(height)

    def _make_keys(self) -> None:
        """Alt with the arrows moves the row that has the keyboard, as the menu says."""
        for step, key in STEP_KEYS.items():
            action = QAction(self)
            action.setShortcut(QKeySequence(key))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(partial(self._step, step))
            self.addAction(action)

    def _step(self, step: str) -> None:
        if self.item.state in MOVABLE:
            self.step_wanted.emit(self.item.id, step)

    def _make_words(self, icons: Icons) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(0)
        first = QHBoxLayout()
        first.setSpacing(8)
        self._title = ElidedLabel("", "body-strong")
        first.addWidget(self._title)
        self._quantization = Label("", "body", "text-3")
        first.addWidget(self._quantization)
        self.files_link = InlineLink(icons, "", opens=True)
        self.files_link.clicked.connect(self._toggle_files)
        first.addWidget(self.files_link)
        first.addStretch(1)
        self._percent = Label("", "body", "text-2")
        self._percent.setFont(icons.theme.font("body", tabular=True))
        first.addWidget(self._percent)
        column.addLayout(first)
        self.bar = ProgressBar(icons, self.tr("Progress"))
        self._bar_line = QWidget()
        line = QVBoxLayout(self._bar_line)
        line.setContentsMargins(0, 8, 0, 7)
        line.addWidget(self.bar)
        column.addWidget(self._bar_line)
        self._gap = QWidget()
        self._gap.setFixedHeight(4)
        column.addWidget(self._gap)
        second = QHBoxLayout()
        second.setSpacing(16)
        self._left = Label("", "caption", "text-3", wrap=True)
        second.addWidget(self._left, 1)
        self._right = Label("", "caption", "text-3")
        second.addWidget(self._right, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(second)
        self._column = column
        return column

    def _toggle_files(self) -> None:
        """Show or hide how far each file is."""
        if self._files is None:
            self._files = FileList(self._icons, self.item)
            self._column.addWidget(self._files)
        else:
            self._files.setVisible(self._files.isHidden())

    def _make_actions(self, icons: Icons) -> None:
        self.retry_button = Button(icons, self.tr("Retry"), "rotate-cw", small=True)
        self.retry_button.clicked.connect(lambda: self.resume.emit(self.item.id))
        self.try_button = Button(icons, self.tr("Try now"), "rotate-cw", small=True)
        self.try_button.clicked.connect(lambda: self.try_now.emit(self.item.id))
        self.chat_button = Button(icons, self.tr("Chat"), "message-square", small=True)
        self.chat_button.clicked.connect(lambda: self.chat.emit(self.item.id))
        self.top_button = IconButton(icons, "arrow-up", self.tr("Download now"), small=True)
        self.top_button.clicked.connect(lambda: self.run_now.emit(self.item.id))
        self.pause_button = IconButton(icons, "pause", self.tr("Pause"), small=True)
        self.pause_button.clicked.connect(lambda: self.pause.emit(self.item.id))
        self.resume_button = IconButton(icons, "play", self.tr("Resume"), small=True)
        self.resume_button.clicked.connect(lambda: self.resume.emit(self.item.id))
        self.folder_button = IconButton(
            icons, "folder-open", self.tr("Show in the file manager"), small=True
        )
        self.folder_button.clicked.connect(lambda: self.show_folder.emit(self.item.id))
        self.cancel_button = IconButton(icons, "x", self.tr("Cancel the download"), small=True)
        self.cancel_button.clicked.connect(lambda: self.cancel.emit(self.item.id))
        self.remove_button = IconButton(icons, "x", self.tr("Remove from this list"), small=True)
        self.remove_button.clicked.connect(lambda: self.remove.emit(self.item.id))
        self._shown_in: dict[QWidget, tuple[str, ...]] = {
            self.chat_button: ("done",),
            self.retry_button: ("failed",),
            self.try_button: ("running", "waiting"),
            self.folder_button: ("done",),
            self.top_button: ("waiting",),
            self.pause_button: ("running", "waiting"),
            self.resume_button: ("paused",),
            self.cancel_button: ("running", "verifying", "waiting", "paused", "failed"),
            self.remove_button: ("done",),
        }
        for button in self._shown_in:
            self._actions.addWidget(button)

    def show_item(
        self,
        item: DownloadItem,
        *,
        place: int = 0,
        usable: bool = False,
        gone: bool = False,
        hours: tuple[int, int] | None = None,
        sortable: bool = False,
    ) -> None:
        """Show a newer state; `usable` says that the model is in the library.

        `gone` says of one that is done that its files are not there any more.
        `hours` are those it may run in; `sortable` shows where it can be taken hold of.
        """
        self.item = item
        said = words.words_for(item, place, hours, gone=gone)
        icon, role = words.ICONS[item.state]
        if item.silent or item.again:
            icon, role = "circle-alert", "warning"
        if gone:
            icon, role = "circle-x", "text-3"
        self._icon.set_icon(words.WAITING_ICONS.get(item.waits_for, icon), role)
        self._icon.setVisible(not sortable)
        self.grip.setVisible(sortable)
        self._title.setText(item.request.title)
        self._quantization.setText(words.quantization_of(item))
        count = len(item.request.files)
        self.files_link.setText(self.tr("%1 files").replace("%1", str(count)))
        self.files_link.setVisible(count > 1)
        if self._files is not None:
            self._files.show_item(item)
        self._percent.setText(said.percent)
        self._left.setText(said.left)
        self._left.set_role("danger" if item.state == "failed" else "text-3")
        self._left.setToolTip(item.error.hint if item.error else "")
        self._right.setText(said.right)
        has_bar = item.state in _BAR_STATES or (item.state != "done" and item.done > 0)
        self._bar_line.setVisible(has_bar)
        self._gap.setVisible(not has_bar)
        self.bar.set_fraction(words.fraction(item))
        self.bar.set_role(words.BAR_ROLES.get(item.state, "accent"))
        with focus_kept(self):
            for button, states in self._shown_in.items():
                button.setVisible(item.state in states)
            self.chat_button.setVisible(item.state == "done" and usable)
            self.folder_button.setVisible(item.state == "done" and not gone)
            self.try_button.setVisible(words.can_try_now(item))
            self.top_button.setVisible(item.state == "waiting" and not words.can_try_now(item))
        self.setAccessibleName(f"{item.request.title} {item.request.quantization}, {said.left}")
