"""A chat that has not begun: presets as chips and four starting points."""

from functools import partial
from itertools import pairwise

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QGridLayout,
    QHBoxLayout,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.core.presets import Preset
from app.gui.controls.focus import RingFocus
from app.gui.controls.labels import Label
from app.gui.controls.painting import box, dpr_of, painter_for, pixmap_in
from app.gui.flow_layout import FlowLayout
from app.gui.icons import Icons
from app.gui.inline_link import InlineLink

CARD_HEIGHT = 64
MARK = 36
_MUCH = 10_000
"""A stretch that leaves nothing to the margins until the column is full."""


class PresetButton(RingFocus, QAbstractButton):
    """One preset to choose: icon and name, 32 high; blue when it is the chosen one."""

    def __init__(self, icons: Icons, preset: Preset, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self.preset = preset
        self.setText(preset.name)
        self.setToolTip(preset.description)
        self.setAccessibleName(preset.name)
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        icons.theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Icon, name, room around."""
        theme = self._icons.theme
        width = QFontMetrics(theme.font("body-strong")).horizontalAdvance(self.text())
        return QSize(10 + 16 + 8 + width + 12, theme.metric("control"))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground and border by state, icon, name."""
        theme = self._icons.theme
        painter = painter_for(QPainter(self))
        chosen = self.isChecked()
        hover = self.underMouse()
        ground = "accent-tint" if chosen else "control-hover" if hover else "control"
        edge = "accent" if chosen else "border-strong"
        radius = theme.radius("control")
        fill, border = theme.color(ground), theme.color(edge)
        box(painter, self.rect(), radius, fill=fill, border=border)
        role = "accent" if chosen else "text-2"
        icon = self._icons.pixmap(self.preset.icon, 16, role, dpr_of(painter))
        pixmap_in(painter, QRect(10, 0, 16, self.height()), icon)
        painter.setFont(theme.font("body-strong"))
        painter.setPen(theme.color("text" if chosen else "text-2"))
        text = self.rect().adjusted(34, 0, 0, 0)
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, self.text())


class StartCard(RingFocus, QAbstractButton):
    """A starting point: what it is for and how to go about it."""

    ring_radius = 12

    def __init__(self, icons: Icons, icon: str, title: str, hint: str) -> None:
        super().__init__()
        self._icons = icons
        self._icon = icon
        self._hint = hint
        self.setText(title)
        self.setAccessibleName(f"{title}. {hint}")
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(CARD_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        icons.theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Half a column."""
        return QSize(280, CARD_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, icon, two lines."""
        theme = self._icons.theme
        painter = painter_for(QPainter(self))
        ground = "hover" if self.underMouse() else "raised"
        radius = theme.radius("surface")
        fill, border = theme.color(ground), theme.color("border")
        box(painter, self.rect(), radius, fill=fill, border=border)
        icon = self._icons.pixmap(self._icon, 18, "text-2", dpr_of(painter))
        pixmap_in(painter, QRect(16, 0, 18, self.height()), icon)
        lines = (("body-strong", "text", self.text(), 14), ("caption", "text-2", self._hint, 32))
        for style, role, text, top in lines:
            font = theme.font(style)
            line = QRect(46, top, self.width() - 58, 20)
            shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, line.width())
            painter.setFont(font)
            painter.setPen(theme.color(role))
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, shown)


class Mark(QWidget):
    """The program's mark."""

    def __init__(self, icons: Icons) -> None:
        super().__init__()
        self._icons = icons
        self.setFixedSize(MARK, MARK)
        icons.theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The mark in the theme's colours."""
        painter = painter_for(QPainter(self))
        pixmap_in(painter, self.rect(), self._icons.mark(MARK, dpr_of(painter)))


class ChatEmpty(QWidget):
    """What a new chat shows in place of messages."""

    preset_chosen = Signal(str)
    manage_presets = Signal()
    started = Signal(str, str)
    """Preset id and the beginning of a message for the composer."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self._buttons: list[PresetButton] = []
        self._chips = FlowLayout()
        column = QWidget()
        column.setMaximumWidth(icons.theme.metric("text-column-max"))
        column.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._fill(QVBoxLayout(column))
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 16, 24, 16)
        row.addStretch(1)
        row.addWidget(column, _MUCH, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch(1)

    def show_server(self, name: str) -> None:
        """Say where what is written goes: to the server called `name`, or "" for nowhere."""
        if name:
            words = self.tr("What you write is sent to %1, where the model runs.")
            self.promise.setText(words.replace("%1", name))
        else:
            self.promise.setText(self.tr("Everything you write stays on this computer."))

    def _fill(self, column: QVBoxLayout) -> None:
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(Mark(self._icons))
        column.addSpacing(12)
        column.addWidget(Label(self.tr("What shall we work on?"), "title"))
        column.addSpacing(8)
        self.promise = Label("", "body", "text-2")
        self.show_server("")
        column.addWidget(self.promise)
        column.addSpacing(24)
        head = QHBoxLayout()
        text = self.tr("Preset: how the model should behave")
        head.addWidget(Label(text, "caption", "text-3"), 1)
        self._manage = InlineLink(self._icons, self.tr("Manage presets"))
        self._manage.clicked.connect(self.manage_presets)
        head.addWidget(self._manage)
        column.addLayout(head)
        column.addSpacing(8)
        column.addLayout(self._chips)
        column.addSpacing(24)
        column.addWidget(Label(self.tr("Try one of these"), "caption", "text-3"))
        column.addSpacing(8)
        column.addLayout(self._starts())

    def _starts(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(12)
        starts = (
            (
                "text-quote",
                self.tr("Summarise a text"),
                self.tr("Paste it and ask for five points"),
                "summariser",
                self.tr("Summarise the following text in five points:\n\n"),
            ),
            (
                "mail",
                self.tr("Write a short reply"),
                self.tr("Paste a message, say what you want to answer"),
                "writer",
                self.tr("Write a short, friendly reply to this message:\n\n"),
            ),
            (
                "book-open",
                self.tr("Explain it simply"),
                self.tr("“Why is the sky blue?”, for a ten-year-old"),
                "general",
                self.tr("Why is the sky blue? Explain it to a ten-year-old."),
            ),
            (
                "table",
                self.tr("Turn notes into a table"),
                self.tr("Paste rough notes, name the columns you need"),
                "general",
                self.tr("Turn these notes into a table with the columns …:\n\n"),
            ),
        )
        for number, (icon, title, hint, preset, text) in enumerate(starts):
            card = StartCard(self._icons, icon, title, hint)
            card.clicked.connect(partial(self.started.emit, preset, text))
            grid.addWidget(card, number // 2, number % 2)
        return grid

    def show_presets(self, presets: tuple[Preset, ...], chosen: str) -> None:
        """Offer these presets; one of them is the chosen one."""
        for button in self._buttons:
            self._chips.removeWidget(button)
            button.deleteLater()
        self._buttons = []
        for preset in presets:
            button = PresetButton(self._icons, preset)
            button.setChecked(preset.id == chosen)
            button.clicked.connect(partial(self._choose, preset.id))
            self._chips.addWidget(button)
            self._buttons.append(button)
        for before, after in pairwise((self._manage, *self._buttons)):
            QWidget.setTabOrder(before, after)

    def mark(self, preset_id: str) -> None:
        """Show which preset is the chosen one."""
        for button in self._buttons:
            button.setChecked(button.preset.id == preset_id)

    def _choose(self, preset_id: str) -> None:
        self.mark(preset_id)
        self.preset_chosen.emit(preset_id)
