"""The model card: Markdown from the hub, shown without loading anything from elsewhere."""

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextBrowser, QWidget

from app.gui.markdown import allowed_link
from app.gui.theme import Theme


class CardText(QTextBrowser):
    """As high as its text. Images and style sheets of a card are never loaded."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setAccessibleName(self.tr("Model card"))
        self.setProperty("bare", True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setOpenLinks(False)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().setDocumentMargin(0)
        self.anchorClicked.connect(self._open)
        self.document().documentLayout().documentSizeChanged.connect(self.updateGeometry)

        self._source = ""
        self._limit: int | None = None
        theme.changed.connect(self._show)

    def show_markdown(self, text: str) -> None:
        """Show another card."""
        self._source = text
        self._show()

    def _show(self) -> None:
        self.setFont(self._theme.font("reading"))
        self.setMarkdown(self._source)
        self.updateGeometry()

    def set_limit(self, height: int | None) -> None:
        """Show at most so many pixels of it; None shows all."""
        self._limit = height
        self.updateGeometry()

    def is_longer_than(self, height: int) -> bool:
        """Whether something is folded away at a height."""
        return self._whole() > height

    def _whole(self) -> int:
        return int(self.document().size().height()) + 4

    def loadResource(self, kind: int, address: QUrl | str) -> object:
        """Nothing: a card may not make this computer ask anybody for anything."""
        return None

    def sizeHint(self) -> QSize:
        """The height of the text at the width of now."""
        whole = self._whole()
        return QSize(400, whole if self._limit is None else min(whole, self._limit))

    def minimumSizeHint(self) -> QSize:
        """No text is hidden."""
        return QSize(100, self.sizeHint().height())

    def _open(self, address: QUrl) -> None:
        if allowed_link(address.toString()):
            QDesktopServices.openUrl(address)
