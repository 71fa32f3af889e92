"""Round corners for windows that pop up, also where nothing composes windows.

Under X11 Qt cannot tell whether there is a compositor; without one a translucent window has
black corners. So the corners are cut off there, and translucent everywhere else.
"""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QGuiApplication, QPainter, QPainterPath, QRegion
from PySide6.QtWidgets import QWidget

from app.gui.controls.painting import box
from app.gui.theme import Theme


def _cuts_corners() -> bool:
    return QGuiApplication.platformName() == "xcb"


def prepare_popup(popup: QWidget) -> None:
    """Once, before the popup is shown."""
    if not _cuts_corners():
        popup.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)


def shape_popup(popup: QWidget, theme: Theme) -> None:
    """At every new size."""
    if _cuts_corners():
        path = QPainterPath()
        radius = theme.radius("surface") - 2  # a little less, so that the border stays whole
        path.addRoundedRect(QRectF(popup.rect()), radius, radius)
        popup.setMask(QRegion(path.toFillPolygon().toPolygon()))


def paint_popup(popup: QWidget, painter: QPainter, theme: Theme) -> None:
    """Ground and border."""
    if _cuts_corners():
        painter.fillRect(popup.rect(), theme.color("overlay"))
    box(
        painter,
        popup.rect(),
        theme.radius("surface"),
        fill=theme.color("overlay"),
        border=theme.color("border-strong"),
    )
