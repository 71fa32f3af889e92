"""The card of an error under a message: cause, what was kept, remedies, last words."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.gui.blocks_button import CaptionButton
from app.gui.blocks_text import BlockParts
from app.gui.controls.buttons import Button, IconButton, PrimaryButton
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.controls.painting import box, painter_for
from app.gui.message_item import ErrorNote, Remedy


class MessageError(QWidget):
    """Fits any width by `fit`; the remedies share one frame, the best one is primary."""

    resized = Signal()
    remedy_chosen = Signal(str)
    dismissed = Signal()

    def __init__(self, parts: BlockParts, note: ErrorNote, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts = parts
        self._error = note.error
        self.setAccessibleName(note.error.title)
        row = QHBoxLayout(self)
        row.setContentsMargins(17, 16, 17, 16)
        row.setSpacing(12)
        icon = IconView(parts.icons, "circle-x", 20, "danger")
        row.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(4)
        row.addLayout(column, 1)
        column.addWidget(Label(note.error.title, "page-title", wrap=True))
        sentences = " ".join(part for part in (note.error.message, note.error.hint) if part)
        if sentences:
            column.addWidget(Label(sentences, "body", "text-2", wrap=True))
        self.buttons: list[Button] = []
        if note.remedies:
            column.addSpacing(8)
            column.addWidget(self._remedies(note.remedies))
        self._detail: QPlainTextEdit | None = None
        if note.error.detail or note.note:
            self._add_foot(column, note)
        close = IconButton(parts.icons, "x", self.tr("Close"), small=True)
        close.clicked.connect(self.dismissed)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)

    def fit(self, width: int) -> int:
        """Lay out for a width; returns the height."""
        layout = self.layout()
        assert layout is not None
        return max(layout.totalHeightForWidth(width), layout.totalMinimumSize().height())

    def copy_report(self) -> None:
        """Everything the card knows, to the clipboard."""
        error = self._error
        parts = (error.title, error.message, error.hint, error.detail)
        QGuiApplication.clipboard().setText("\n\n".join(part for part in parts if part))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground and red border."""
        theme = self._parts.theme
        ground, border = theme.color("raised"), QColor(theme.color("danger-mark"))
        border.setAlphaF(0.6)
        box(
            painter_for(QPainter(self)),
            self.rect(),
            theme.radius("surface"),
            fill=ground,
            border=border,
        )

    def _remedies(self, remedies: tuple[Remedy, ...]) -> QWidget:
        frame = _RemedyFrame(self._parts)
        grid = QGridLayout(frame)
        grid.setContentsMargins(17, 1, 9, 1)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(0)
        grid.setColumnStretch(0, 1)
        for row, remedy in enumerate(remedies):
            grid.addWidget(Label(remedy.label or remedy.button, "body"), row, 0)
            grid.addWidget(Label(remedy.needs, "caption", "text-3"), row, 1)
            kind = Button if row else PrimaryButton
            button = kind(self._parts.icons, remedy.button, small=True)
            button.setAccessibleDescription(f"{remedy.label} {remedy.needs}".strip())
            button.clicked.connect(lambda _=False, key=remedy.key: self.remedy_chosen.emit(key))
            self.buttons.append(button)
            grid.addWidget(button, row, 2)
            grid.setRowMinimumHeight(row, _RemedyFrame.ROW)
        frame.rows = len(remedies)
        return frame

    def _add_foot(self, column: QVBoxLayout, note: ErrorNote) -> None:
        column.addSpacing(4)
        line = QHBoxLayout()
        line.setSpacing(4)
        if note.error.detail:
            self.unfold = CaptionButton(
                self._parts.icons,
                self.tr("Show what the engine said last"),
                "chevron-right",
                small=True,
            )
            self.unfold.setCheckable(True)
            self.unfold.toggled.connect(self._unfold)
            copy = CaptionButton(self._parts.icons, self.tr("Copy report"), "copy", small=True)
            copy.clicked.connect(self.copy_report)
            line.addWidget(self.unfold)
            line.addWidget(copy)
        line.addStretch(1)
        line.addWidget(Label(note.note, "caption", "text-3"))
        column.addLayout(line)
        if note.error.detail:
            self._detail = QPlainTextEdit(note.error.detail)
            self._detail.setReadOnly(True)
            self._detail.setProperty("log", True)
            self._detail.setAccessibleName(self.tr("What the engine said last"))
            self._detail.setFixedHeight(132)
            self._detail.hide()
            column.addWidget(self._detail)

    def _unfold(self, opened: bool) -> None:
        self.unfold.set_icon("chevron-down" if opened else "chevron-right")
        if self._detail is not None:
            self._detail.setVisible(opened)
        self.resized.emit()


class _RemedyFrame(QWidget):
    ROW = 48

    def __init__(self, parts: BlockParts) -> None:
        super().__init__()
        self._theme = parts.theme
        self.rows = 0

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = painter_for(QPainter(self))
        border = self._theme.color("border-strong")
        ground = self._theme.color("canvas")
        box(painter, self.rect(), self._theme.radius("control"), fill=ground, border=border)
        for row in range(1, self.rows):
            y = round(self.height() * row / self.rows)
            painter.fillRect(1, y, self.width() - 2, 1, border)
