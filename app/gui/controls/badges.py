"""Small facts and verdicts: badges, dots, key caps, counts."""

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.gui.controls.painting import box, dpr_of, painter_for, pixmap_in
from app.gui.icons import Icons
from app.gui.theme import Theme

_TONES: dict[str, tuple[str, str]] = {
    "neutral": ("hover", "text-2"),
    "accent": ("accent-tint", "accent"),
    "success": ("success-tint", "success"),
    "warning": ("warning-tint", "warning"),
    "danger": ("danger-tint", "danger"),
}
FIT_TONES = {"fits": "success", "tight": "warning", "too_large": "danger"}
FIT_MARKS = {"fits": "success-mark", "tight": "warning-mark", "too_large": "danger-mark"}


class Badge(QWidget):
    """20 high. Neutral tells a fact, accent is chosen, the other tones are verdicts."""

    def __init__(
        self,
        icons: Icons,
        text: str,
        *,
        icon: str = "",
        tone: str = "neutral",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icons = icons
        self._text = text
        self._icon_name = icon
        self._tone = tone
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(text)
        icons.theme.changed.connect(self.updateGeometry)

    def set_text(self, text: str, tone: str | None = None) -> None:
        """Another text, and another tone if given."""
        self._text, self._tone = text, tone or self._tone
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def text(self) -> str:
        """What it says."""
        return self._text

    def sizeHint(self) -> QSize:
        """Icon, text, 6 at the sides."""
        theme = self._icons.theme
        width = QFontMetrics(theme.font("caption")).horizontalAdvance(self._text)
        icon = 14 + 4 if self._icon_name else 0
        return QSize(width + icon + 12, theme.metric("badge"))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, icon, text in the middle."""
        theme = self._icons.theme
        ground, ink = _TONES[self._tone]
        painter = painter_for(QPainter(self))
        box(painter, self.rect(), theme.radius("small"), fill=theme.color(ground))
        text = QFontMetrics(theme.font("caption")).horizontalAdvance(self._text)
        icon = 14 + 4 if self._icon_name else 0
        x = (self.width() - text - icon) // 2
        if self._icon_name:
            role = "text-3" if self._tone == "neutral" else ink
            pixmap = self._icons.pixmap(self._icon_name, 14, role, dpr_of(painter))
            pixmap_in(painter, QRect(x, 0, 14, self.height()), pixmap)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color(ink))
        area = QRect(x + icon, 0, text + 2, self.height())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, self._text)


class FitBadge(Badge):
    """The verdict for this computer: fits, tight or too_large, in a word."""

    def __init__(self, icons: Icons, fit: str = "fits", parent: QWidget | None = None) -> None:
        super().__init__(icons, "", tone=FIT_TONES[fit], parent=parent)
        self.set_fit(fit)

    def set_fit(self, fit: str, tip: str = "") -> None:
        """Another verdict; `tip` holds the numbers behind it."""
        words = {
            "fits": self.tr("Fits"),
            "tight": self.tr("Tight"),
            "too_large": self.tr("Too large"),
        }
        self.set_text(words[fit], FIT_TONES[fit])
        self.setToolTip(tip)


class StatusDot(QWidget):
    """An 8 px dot beside a word. Role "" draws it hollow."""

    def __init__(self, icons: Icons, role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self._role = role
        self.setFixedSize(8, 8)
        self._theme.changed.connect(self.update)

    def set_role(self, role: str) -> None:
        """Another colour; "" for hollow."""
        self._role = role
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The dot."""
        painter = painter_for(QPainter(self))
        color = self._theme.color(self._role or "text-3")
        if self._role:
            box(painter, self.rect(), 4, fill=color)
        else:
            box(painter, self.rect(), 4, border=color)


class KeyCap(QWidget):
    """A key as it is printed on the keyboard."""

    def __init__(self, icons: Icons, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self._text = text
        self.setAccessibleName(text)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """As wide as the text, at least a square."""
        width = QFontMetrics(self._theme.font("micro")).horizontalAdvance(self._text)
        return QSize(max(18, width + 10), 18)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A small frame with the text."""
        draw_key_cap(painter_for(QPainter(self)), self.rect(), self._text, self._theme)


def draw_key_cap(painter: QPainter, rect: QRect, text: str, theme: Theme) -> None:
    """Draw a key; delegates use it where a widget would be too much."""
    box(painter, rect, theme.radius("small"), border=theme.color("border-strong"))
    painter.setFont(theme.font("micro"))
    painter.setPen(theme.color("text-2"))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)


def draw_count(
    painter: QPainter, right: int, top: int, count: int, theme: Theme, fill: str = "accent-fill"
) -> None:
    """A round count whose right upper corner is at (`right`, `top`), on ground of role `fill`."""
    text = str(count) if count < 100 else "99+"
    font = theme.font("micro", tabular=True)
    width = max(16, QFontMetrics(font).horizontalAdvance(text) + 8)
    rect = QRectF(right - width, top, width, 16)
    box(painter, rect, 8, fill=theme.color(fill))
    painter.setFont(font)
    painter.setPen(theme.color("on-accent"))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
