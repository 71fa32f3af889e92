"""All parts of Corral with their licences, and what one may do with Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.core.notices import QT_SOURCE, ListedPart, Notices, notices, qt_folder, text_of
from app.gui.controls.buttons import Button, IconButton
from app.gui.controls.card import Line
from app.gui.controls.labels import Label
from app.gui.controls.list_view import RowDelegate, RowListView, RowRole
from app.gui.controls.overlay import Overlay

if TYPE_CHECKING:
    from app.gui.context import AppContext

WIDTH, HEIGHT, LIST = 960, 440, 300


class LicencesPanel(Overlay):
    """Parts at the left, the texts of one at the right."""

    def __init__(self, context: AppContext, host: QWidget) -> None:
        super().__init__(context.icons, "", host, width=WIDTH)
        self._context = context
        self._shown: ListedPart | None = None
        self.panel.setAccessibleName(self.tr("Licences of all parts"))
        self._add_head()
        self._add_parts()
        self.closed.connect(self.deleteLater)
        context.worker.run(notices, done=self._found, failed=self._failed)

    def _add_head(self) -> None:
        icons = self._context.icons
        head = QHBoxLayout()
        head.setContentsMargins(24, 12, 16, 8)
        head.addWidget(Label(self.tr("Licences of all parts"), "page-title"), 1)
        self.folder = Button(icons, self.tr("Show in folder"), "folder-open", small=True)
        self.folder.hide()
        head.addWidget(self.folder)
        self.close_button = IconButton(icons, "x", self.tr("Close"), shortcut="Esc")
        self.close_button.clicked.connect(self.dismiss)
        head.addWidget(self.close_button)
        self.body.addLayout(head)
        self.about_qt = Label(self._qt_words(), "caption", "text-2", wrap=True)
        self.about_qt.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words = QVBoxLayout()
        words.setContentsMargins(24, 0, 24, 12)
        words.addWidget(self.about_qt)
        self.body.addLayout(words)
        self.body.addWidget(Line())

    def _add_parts(self) -> None:
        icons = self._context.icons
        self._model = QStandardItemModel(self)
        self.list = RowListView(icons, self.tr("Parts"))
        self.list.setItemDelegate(RowDelegate(icons, 52, self.list))
        self.list.setModel(self._model)
        self.list.setFixedWidth(LIST)
        self.list.selectionModel().currentChanged.connect(self._chosen)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setProperty("log", True)
        self.text.setAccessibleName(self.tr("Licence"))
        self.text.setTabChangesFocus(True)
        row = QHBoxLayout()
        row.setContentsMargins(1, 0, 1, 1)
        row.setSpacing(0)
        parts = QVBoxLayout()
        parts.setContentsMargins(0, 8, 0, 8)
        parts.addWidget(self.list)
        row.addLayout(parts)
        row.addWidget(Line(vertical=True))
        text = QVBoxLayout()
        text.setContentsMargins(16, 16, 16, 16)
        text.addWidget(self.text)
        row.addLayout(text, 1)
        holder = QWidget()
        holder.setLayout(row)
        holder.setMinimumHeight(HEIGHT)
        self.body.addWidget(holder, 1)

    def _qt_words(self) -> str:
        words = self.tr(
            "Corral is free software under the Apache License 2.0. It uses Qt and Qt for Python, "
            "which it does not change, under the GNU Lesser General Public License, version 3. "
            "Their libraries are files of their own in %1: you may put others with the same "
            "interface in their place. Their source is at %2."
        )
        place = qt_folder()
        where = str(place) if place is not None else self.tr("the folder PySide6")
        return words.replace("%1", where).replace("%2", QT_SOURCE)

    def _found(self, found: Notices) -> None:
        if found.folder is not None:
            url = QUrl.fromLocalFile(str(found.folder))
            self.folder.clicked.connect(lambda: QDesktopServices.openUrl(url))
            self.folder.show()
        for part in found.parts:
            item = QStandardItem(part.title)
            licence = part.licence or self.tr("as its text says")
            item.setData(licence, RowRole.SECOND)
            item.setData(part, RowRole.VALUE)
            item.setData(f"{part.title}, {licence}", Qt.ItemDataRole.AccessibleTextRole)
            item.setEditable(False)
            self._model.appendRow(item)
        names = [part.name.lower() for part in found.parts]
        qt = next((row for row, name in enumerate(names) if name.startswith("pyside6")), 0)
        if names:
            self.list.setCurrentIndex(self._model.index(qt, 0))
            self.list.scrollTo(self._model.index(qt, 0), RowListView.ScrollHint.PositionAtTop)

    def _chosen(self, index: QModelIndex) -> None:
        part = index.data(RowRole.VALUE)
        if not isinstance(part, ListedPart):
            return
        self._shown = part
        self._context.worker.run(
            lambda: (part, text_of(part)), done=self._read, failed=self._failed
        )

    def _read(self, found: tuple[ListedPart, str]) -> None:
        part, text = found
        if part is self._shown:
            self.text.setPlainText(text or self.tr("This package brings no text of its licence."))

    def _failed(self, error: AppError) -> None:
        self.text.setPlainText(f"{error.title}\n\n{error.message} {error.hint}".strip())
