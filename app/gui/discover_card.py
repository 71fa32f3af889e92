"""The model card: Markdown from the hub, folded until somebody wants to read all of it."""

import re

from PySide6.QtCore import QEvent, QObject, QSize, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.gui.controls.labels import Label
from app.gui.discover_facts import SkeletonLines
from app.gui.icons import Icons
from app.gui.inline_link import InlineLink
from app.gui.markdown import allowed_link
from app.gui.markdown_view import MarkdownView
from app.gui.worker import Worker

CARD_HEIGHT = 320
"""Of a card that is not unfolded."""
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


class CardSection(QWidget):
    """The card under its title; a skeleton while it comes, a note where there is none."""

    def __init__(self, icons: Icons, worker: Worker, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addWidget(Label(self.tr("Model card"), "page-title"))
        head.addStretch(1)
        self.read_all = InlineLink(icons, self.tr("Read all"))
        self.read_all.setCheckable(True)
        self.read_all.toggled.connect(self._fold)
        head.addWidget(self.read_all)
        column.addLayout(head)
        column.addSpacing(8)
        self.text = CardText(icons, worker)
        self.text.setMaximumWidth(720)
        self.text.measured.connect(self._offer_all)
        column.addWidget(self.text)
        self._wait = SkeletonLines(icons, (0.7, 0.76, 0.66, 0.0, 0.72, 0.5))
        column.addWidget(self._wait)
        self.note = Label("", "body", "text-3", wrap=True)
        column.addWidget(self.note)

    def show_card(self, markdown: str | None, note: str = "") -> None:
        """The model card; None while it is being fetched, a note where there is none."""
        self._wait.setVisible(markdown is None and not note)
        self.text.setVisible(bool(markdown))
        self.note.setText(note)
        self.note.setVisible(bool(note))
        if markdown:
            self.text.show_markdown(markdown)
        self.read_all.setChecked(False)
        self._fold(unfolded=False)

    def _fold(self, unfolded: bool) -> None:
        self.read_all.setText(self.tr("Show less") if unfolded else self.tr("Read all"))
        self.text.set_limit(None if unfolded else CARD_HEIGHT)
        self.read_all.updateGeometry()
        self._offer_all()

    def _offer_all(self) -> None:
        longer = not self.text.isHidden() and self.text.is_longer_than(CARD_HEIGHT)
        self.read_all.setVisible(longer)


def _open(address: str) -> None:
    if allowed_link(address):
        QDesktopServices.openUrl(QUrl(address))
