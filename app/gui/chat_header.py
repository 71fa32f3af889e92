"""The header of the chat page: title, preset chip, model pill, inspector switch."""

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QFrame, QHBoxLayout, QWidget

from app.core.conversations import Conversation
from app.core.presets import Preset
from app.core.runtime import LoadedModel
from app.gui.controls.buttons import IconButton
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.focus import RingFocus
from app.gui.controls.painting import box, clip_round, dpr_of, painter_for, pixmap_in
from app.gui.icons import Icons

PADDING = 10
ICON = 16
NARROW_PRESET = 560
"""Header width below which the preset shows its icon only."""
NARROW_QUANTIZATION = 460
"""Header width below which the quantization gives way."""


class HeaderChip(RingFocus, QAbstractButton):
    """A field-like button with a chevron; subclasses paint what is in it."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.icons = icons
        self.theme = icons.theme
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(self.theme.metric("control"))
        self.theme.changed.connect(self.update)

    def content_width(self) -> int:
        """Pixels between the paddings, without the chevron."""
        raise NotImplementedError

    def paint_content(self, painter: QPainter, rect: QRect) -> None:
        """Draw what is in it."""
        raise NotImplementedError

    def sizeHint(self) -> QSize:
        """Content, chevron and the room around them."""
        width = PADDING + self.content_width() + 8 + ICON + PADDING - 2
        return QSize(width, self.theme.metric("control"))

    def minimumSizeHint(self) -> QSize:
        """As much as it wants: the header decides what gives way."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, content, chevron."""
        painter = painter_for(QPainter(self))
        hover = self.underMouse() or self.isDown()
        theme = self.theme
        ground = "control-pressed" if self.isDown() else "control-hover" if hover else "control"
        border = theme.color("border-strong")
        radius = theme.radius("control")
        box(painter, self.rect(), radius, fill=theme.color(ground), border=border)
        right = QRect(self.width() - PADDING + 2 - ICON, 0, ICON, self.height())
        chevron = self.icons.pixmap("chevron-down", 14, "text-3", dpr_of(painter))
        pixmap_in(painter, right, chevron)
        self.paint_content(painter, self.rect().adjusted(PADDING, 0, -PADDING - ICON - 6, 0))

    def draw_text(self, painter: QPainter, x: int, text: str, style: str, role: str) -> int:
        """Text from `x`, in the middle of the height; answers where it ends."""
        font = self.theme.font(style, tabular=style == "caption")
        painter.setFont(font)
        painter.setPen(self.theme.color(role))
        width = QFontMetrics(font).horizontalAdvance(text)
        painter.drawText(QRect(x, 0, width + 1, self.height()), Qt.AlignmentFlag.AlignVCenter, text)
        return x + width

    def text_width(self, text: str, style: str) -> int:
        """Pixels that `draw_text` needs."""
        font = self.theme.font(style, tabular=style == "caption")
        return QFontMetrics(font).horizontalAdvance(text)


class PresetChip(HeaderChip):
    """The preset in force, with a dot when the chat changed it."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(icons, parent)
        self._icon = "message-square"
        self._name = ""
        self._changed = False
        self._narrow = False

    def show_preset(self, preset: Preset, *, changed: bool) -> None:
        """Take over another preset."""
        self._icon, self._name, self._changed = preset.icon, preset.name, changed
        self.setAccessibleName(self.tr("Preset: %s") % preset.name)
        tip = self.tr("How the model should behave (system-prompt preset)")
        self.setToolTip(f"{preset.name}. {tip}" if self._narrow else tip)
        self.setAccessibleDescription(self.tr("Changed, not saved") if changed else "")
        self.updateGeometry()
        self.update()

    def set_narrow(self, narrow: bool) -> None:
        """Leave the name out; the icon stays."""
        if narrow != self._narrow:
            self._narrow = narrow
            self.updateGeometry()

    def content_width(self) -> int:
        """Icon, name, dot."""
        name = 0 if self._narrow else 8 + self.text_width(self._name, "body-strong")
        return ICON + name + (14 if self._changed else 0)

    def paint_content(self, painter: QPainter, rect: QRect) -> None:
        """Icon, name, dot."""
        icon = self.icons.pixmap(self._icon, ICON, "text-2", dpr_of(painter))
        pixmap_in(painter, QRect(rect.x(), 0, ICON, self.height()), icon)
        x = rect.x() + ICON
        if not self._narrow:
            x = self.draw_text(painter, x + 8, self._name, "body-strong", "text")
        if self._changed:
            dot = QRectF(x + 8, self.height() / 2 - 3, 6, 6)
            box(painter, dot, 3, fill=self.theme.color("accent"))


class ModelPill(HeaderChip):
    """The chat's model: a dot that says its state, name, quantization, progress of a load."""

    cancel_asked = Signal()

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(icons, parent)
        self._dot = ""
        self._name = self.tr("Choose a model")
        self._side = ""
        self._fraction: float | None = None
        self._narrow = False

    def show_nothing(self) -> None:
        """No model is chosen."""
        self._take("", self.tr("Choose a model"), "", None)

    def show_model(self, name: str, quantization: str, loaded: LoadedModel | None) -> None:
        """A model by name, with the state of its engine."""
        if loaded is None:
            self._take("", name, quantization, None)
        elif loaded.state == "loading":
            self._take("accent", name, f"{loaded.fraction:.0%}", loaded.fraction)
        elif loaded.state == "ready":
            self._take("success-mark", name, quantization, None)
        else:
            self._take("danger-mark", name, self.tr("Stopped"), None)

    def _take(self, dot: str, name: str, side: str, fraction: float | None) -> None:
        self._dot, self._name, self._side, self._fraction = dot, name, side, fraction
        words = {
            "success-mark": self.tr("ready"),
            "accent": self.tr("loading"),
            "danger-mark": self.tr("stopped"),
        }
        state = words.get(dot, self.tr("not loaded"))
        self.setAccessibleName(self.tr("Model: %s, %s") % (name, state))
        tip = self.tr("Choose and load a model")
        self.setToolTip(self.tr("Click the cross to stop loading") if fraction is not None else tip)
        self.updateGeometry()
        self.update()

    def set_narrow(self, narrow: bool) -> None:
        """Leave the quantization out."""
        if narrow != self._narrow:
            self._narrow = narrow
            self.updateGeometry()

    def _shown_side(self) -> str:
        return "" if self._narrow and self._fraction is None else self._side

    def content_width(self) -> int:
        """Dot, name, side, and the cross while loading."""
        side = self._shown_side()
        width = 8 + 8 + self.text_width(self._name, "body-strong")
        width += 8 + self.text_width(side, "body") if side else 0
        return width + (22 if self._fraction is not None else 0)

    def paint_content(self, painter: QPainter, rect: QRect) -> None:
        """Dot, name, side; a bar at the foot while loading."""
        dot = QRectF(rect.x(), self.height() / 2 - 4, 8, 8)
        if self._dot:
            box(painter, dot, 4, fill=self.theme.color(self._dot))
        else:
            box(painter, dot, 4, border=self.theme.color("text-3"))
        x = self.draw_text(painter, rect.x() + 16, self._name, "body-strong", "text")
        side = self._shown_side()
        if side:
            tone = "text-2" if self.underMouse() else "text-3"
            self.draw_text(painter, x + 8, side, "body", tone)
        if self._fraction is not None:
            self._paint_load(painter, self._fraction)

    def _paint_load(self, painter: QPainter, fraction: float) -> None:
        pixmap_in(painter, self._cross(), self.icons.pixmap("x", 14, "text-2", dpr_of(painter)))
        painter.save()
        clip_round(painter, QRectF(self.rect()), self.theme.radius("control"))
        foot = QRectF(0, self.height() - 2, self.width() * fraction, 2)
        painter.fillRect(foot, self.theme.color("accent"))
        painter.restore()

    def _cross(self) -> QRect:
        return QRect(self.width() - PADDING - ICON - 26, 0, 24, self.height())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """On the cross: stop loading; elsewhere the button's click."""
        if self._fraction is not None and self._cross().contains(event.position().toPoint()):
            self.setDown(False)
            self.cancel_asked.emit()
            return
        super().mouseReleaseEvent(event)


class ChatHeader(QFrame):
    """52 high, a line below; the title gives way first."""

    preset_clicked = Signal()
    model_clicked = Signal()
    load_cancelled = Signal()
    inspector_toggled = Signal(bool)

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("region", "canvas")
        self.setFixedHeight(icons.theme.metric("header") - 1)  # the line below counts
        self.title = ElidedLabel(self.tr("New chat"), "body-strong")
        self.preset = PresetChip(icons)
        self.model = ModelPill(icons)
        self.inspector = IconButton(
            icons, "panel-right", self.tr("Chat settings"), shortcut="Ctrl+I", checkable=True
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 1, 12, 0)
        row.setSpacing(8)
        row.addWidget(self.title, 1)
        row.addWidget(self.preset)
        row.addWidget(self.model)
        row.addWidget(self.inspector)
        self.preset.clicked.connect(self.preset_clicked)
        self.model.clicked.connect(self.model_clicked)
        self.model.cancel_asked.connect(self.load_cancelled)
        self.inspector.clicked.connect(self.inspector_toggled)

    def show_conversation(self, conversation: Conversation | None) -> None:
        """Its title; a chat that is not stored yet is a new one, said quietly."""
        named = conversation is not None and conversation.title
        text = conversation.title if conversation is not None else ""
        self.title.setText(text or self.tr("New chat"))
        self.title.set_role("text" if named else "text-3")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the quantization and then the preset's name give way."""
        super().resizeEvent(event)
        self.preset.set_narrow(self.width() < NARROW_PRESET)
        self.model.set_narrow(self.width() < NARROW_QUANTIZATION)
