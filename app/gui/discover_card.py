"""The model card: Markdown from the hub, folded until somebody wants to read all of it."""

import re

from PySide6.QtCore import QEvent, QObject, QSize, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.gui.icons import Icons
from app.gui.markdown import allowed_link
from app.gui.markdown_view import MarkdownView
from app.gui.worker import Worker

_TITLE = re.compile(r"\A\s*#[ \t]+[^\n]*(\n|\Z)")


class CardText(QWidget):
    """As high as its text, or cut at a limit."""

    measured = Signal()
    """The height of the whole text is another one."""

    def __init__(self, icons: Icons, worker: Worker, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view = MarkdownView(icons.theme, icons, worker, self)
        self._view.link_activated.connect(_open)
        self._view.installEventFilter(self)
        self._limit: int | None = None
        self.setAccessibleName(self.tr("Model card"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_markdown(self, text: str) -> None:
        """Show another card; its first heading repeats the name above it and is left out."""
        self._view.set_markdown(_TITLE.sub("", text, count=1))
        self._changed()

    def set_limit(self, height: int | None) -> None:
        """Show at most so many pixels of it; None shows all."""
        self._limit = height
        self._changed()

    def is_longer_than(self, height: int) -> bool:
        """Whether something is folded away at a height."""
        return self._view.height() > height

    def sizeHint(self) -> QSize:
        """The height of the text at the width of now."""
        whole = max(24, self._view.height())
        return QSize(400, whole if self._limit is None else min(whole, self._limit))

    def minimumSizeHint(self) -> QSize:
        """Narrow it may be, cut it may not."""
        return QSize(100, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lines break elsewhere."""
        super().resizeEvent(event)
        self._view.setFixedWidth(self.width())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The text knows its height only once it is laid out."""
        if watched is self._view and event.type() == QEvent.Type.Resize:
            self._changed()
        return super().eventFilter(watched, event)

    def _changed(self) -> None:
        self.updateGeometry()
        self.measured.emit()


def _open(address: str) -> None:
    if allowed_link(address):
        QDesktopServices.openUrl(QUrl(address))
