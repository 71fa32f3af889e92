"""Settings, Connections: the ledger of what went to other computers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent, QStandardItemModel
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from app.gui.connection_rows import ICONS, item_of, purpose_words, summary
from app.gui.controls.buttons import Button
from app.gui.controls.card import Card
from app.gui.controls.combo import ComboBox
from app.gui.controls.empty_state import EmptyState
from app.gui.controls.labels import Label
from app.gui.controls.list_view import RowDelegate, RowListView
from app.gui.controls.strip import Strip
from app.gui.settings_rows import SettingSection

if TYPE_CHECKING:
    from app.core.errors import AppError
    from app.core.ledger import LedgerEntry
    from app.core.settings import Settings
    from app.gui.context import AppContext

SHOWN = 1000
"""The newest; older ones are kept, but nobody scrolls so far."""
REFRESH_MS = 1000


class ConnectionsSection(SettingSection):
    """When, where to, why, how much; with a filter and a way to clear it."""

    section_id = "connections"
    icon = "scroll-text"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self._entries: tuple[LedgerEntry, ...] = ()
        self._stale = True
        icons = context.icons
        self.offline = Strip(icons, tone="offline")
        self._above = QWidget()
        above = QVBoxLayout(self._above)
        above.setContentsMargins(0, 0, 0, 16)
        above.addWidget(self.offline)
        self._above.hide()
        self.column.addWidget(self._above)
        self.column.addLayout(self._head())
        self.column.addSpacing(12)
        self._model = QStandardItemModel(self)
        self.list = RowListView(icons, self.tr("Connections"))
        self.list.setItemDelegate(RowDelegate(icons, 56, self.list))
        self.list.setModel(self._model)
        self.nothing = EmptyState(icons, "scroll-text", "", " ")
        self.stack = QStackedWidget()
        self.stack.addWidget(self.nothing)
        self.stack.addWidget(self.list)
        card = Card()
        card.setMinimumHeight(280)
        card.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        inside = QVBoxLayout(card)
        inside.setContentsMargins(1, 8, 1, 8)
        inside.addWidget(self.stack)
        self.column.addWidget(card, 1)
        self._timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        context.bridge.on(context.ledger.changed, self._news)

    def _head(self) -> QHBoxLayout:
        icons = self._context.icons
        self.summary = Label("", "caption", "text-2", wrap=True)
        self.purpose = ComboBox(icons, self.tr("Show connections for"), small=True)
        self.purpose.setFixedWidth(176)
        self.purpose.add(self.tr("Everything"), "")
        for purpose, icon in ICONS.items():
            self.purpose.add(purpose_words(purpose), purpose, icon)
        self.purpose.activated.connect(self._fill)
        self.clear = Button(icons, self.tr("Clear"), "trash-2", small=True)
        self.clear.setAccessibleName(self.tr("Clear the list of connections"))
        self.clear.setEnabled(False)  # until there is something to clear
        self.clear.clicked.connect(self._ask_clear)
        row = QHBoxLayout()
        row.setContentsMargins(4, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.summary, 1)
        row.addWidget(self.purpose)
        row.addWidget(self.clear)
        return row

    def title(self) -> str:
        """Its name."""
        return self.tr("Connections")

    def filter(self, words: list[str]) -> bool:
        """Found by its name and by what it is about."""
        about = f"{self.title()} {self.tr('ledger network bytes sent received privacy')}"
        return all(word in about.casefold() for word in words)

    def show_settings(self, settings: Settings) -> None:
        """Say that nothing leaves while the offline switch is on."""
        offline = settings.network.offline
        words = self.tr("Offline is on: nothing goes to other computers.")
        self.offline.say(words)
        self._above.setVisible(offline)

    def refresh(self) -> None:
        """Read the ledger, off the GUI thread; later, if nobody looks."""
        if not self.isVisible():
            self._stale = True
            return
        self._stale = False
        self._context.worker.run(
            self._context.ledger.entries, SHOWN, done=self._show_entries, failed=self._unreadable
        )

    def showEvent(self, event: QShowEvent) -> None:
        """What came while nobody looked."""
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def _news(self) -> None:
        """Many a second during a download."""
        if not self.isVisible():
            self._stale = True
        elif not self._timer.isActive():
            self._timer.start()

    def _show_entries(self, entries: tuple[LedgerEntry, ...]) -> None:
        if entries != self._entries or not self._model.rowCount():
            self._entries = entries
            self._fill()

    def _fill(self) -> None:
        purpose = self.purpose.currentData()
        shown = [each for each in self._entries if purpose in ("", each.purpose)]
        self.summary.setText(summary(self._entries))
        bar = self.list.verticalScrollBar()
        place = bar.value()
        self._model.clear()
        for entry in shown:
            self._model.appendRow(item_of(entry))
        bar.setValue(place)
        self.clear.setEnabled(bool(self._entries))
        title = self.tr("No connections") if self._entries else self.tr("No connections yet")
        words = self.tr("Each one that Corral makes is listed here: when, where to and why.")
        self.nothing.say(title, words)
        self.nothing.sentence.show()
        self.stack.setCurrentWidget(self.list if shown else self.nothing)

    def _unreadable(self, error: AppError) -> None:
        self.nothing.say(error.title, f"{error.message} {error.hint}")
        self.nothing.sentence.show()
        self.stack.setCurrentWidget(self.nothing)

    def _ask_clear(self) -> None:
        self._context.notifier.confirm(
            self.tr("Clear the list of connections?"),
            self.tr("What was listed is forgotten for good. New connections are listed again."),
            self.tr("Clear"),
            self._clear,
            danger=True,
        )

    def _clear(self, yes: bool) -> None:
        if yes:
            self._context.worker.run(self._context.ledger.clear, done=self._cleared)

    def _cleared(self, _: object) -> None:
        self.refresh()
