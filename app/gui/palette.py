"""Ctrl+K: switch the model, go to a chat or a place, from the keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QStyle,
    QStyleOptionViewItem,
    QWidget,
)

from app.gui.controls.badges import KeyCap, draw_key_cap
from app.gui.controls.card import Line
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.controls.list_view import Index, RowDelegate, RowListView
from app.gui.controls.overlay import Overlay
from app.gui.controls.painting import box, dpr_of, pixmap_in
from app.gui.palette_model import Command, PaletteModel, PaletteRole
from app.gui.shortcuts_sheet import key_names

if TYPE_CHECKING:
    from app.core.conversations import SearchHit
    from app.gui.context import AppContext
    from app.gui.worker import Task

_TOP = 112
_SEARCH_DELAY_MS = 120
_CHATS_SHOWN = 5


class PaletteDelegate(RowDelegate):
    """Name with the typed letters in accent, a detail after it, keys or a word at the right."""

    def paint_row(
        self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem, index: Index
    ) -> None:
        """One command."""
        command: Command = index.data(PaletteRole.COMMAND)
        slot = QRect(rect.x(), rect.y(), 18, rect.height())
        if command.icon:
            pixmap = self.icons.pixmap(command.icon, 18, "text-2", dpr_of(painter))
            pixmap_in(painter, slot, pixmap)
        else:
            self._paint_dot(painter, slot, command)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        right = self._paint_right(painter, rect, command, selected)
        line = rect.adjusted(30, 0, -right - 12, 0)
        typed = str(index.data(PaletteRole.TYPED) or "")
        used = self._paint_name(painter, line, command.text, typed)
        self.draw_text(painter, line.adjusted(used + 12, 0, 0, 0), command.detail, "body", "text-3")

    def _paint_dot(self, painter: QPainter, slot: QRect, command: Command) -> None:
        dot = QRect(slot.center().x() - 3, slot.center().y() - 3, 8, 8)
        if command.ready:
            box(painter, dot, 4, fill=self.theme.color("success-mark"))
        else:
            box(painter, dot, 4, border=self.theme.color("text-3"))

    def _paint_name(self, painter: QPainter, line: QRect, text: str, typed: str) -> int:
        font: QFont = self.theme.font("body-strong")
        metrics = QFontMetrics(font)
        painter.setFont(font)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, line.width())
        at = shown.casefold().find(typed.casefold()) if typed else -1
        parts = [(shown, "text")]
        if at >= 0:
            end = at + len(typed)
            parts = [(shown[:at], "text"), (shown[at:end], "accent"), (shown[end:], "text")]
        x = line.x()
        for part, role in parts:
            painter.setPen(self.theme.color(role))
            area = QRect(x, line.y(), line.right() - x + 2, line.height())
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, part)
            x += metrics.horizontalAdvance(part)
        return x - line.x()

    def _paint_right(self, painter: QPainter, rect: QRect, command: Command, selected: bool) -> int:
        x = rect.right() + 1
        keys = key_names(command.shortcut) if command.shortcut else []
        if selected and not keys:
            keys = ["↵"]
        for name in reversed(keys):
            width = max(20, QFontMetrics(self.theme.font("micro")).horizontalAdvance(name) + 12)
            cap = QRect(x - width, rect.center().y() - 8, width, 18)
            draw_key_cap(painter, cap, name, self.theme)
            x -= width + 6
        side = command.hint if selected and command.hint else command.side
        if side:
            font = self.theme.font("caption")
            width = QFontMetrics(font).horizontalAdvance(side)
            painter.setFont(font)
            painter.setPen(self.theme.color("text-2" if selected else "text-3"))
            area = QRect(x - width - 2, rect.y(), width + 2, rect.height())
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, side)
            x -= width
        return rect.right() + 1 - x


class Palette(Overlay):
    """A field and what fits it. Arrows choose, Enter opens."""

    page_wanted = Signal(str, object)
    shortcuts_wanted = Signal()

    def __init__(self, context: AppContext, host: QWidget) -> None:
        self._context = context
        width = context.theme.metric("palette")
        super().__init__(context.icons, "", host, width=width, top=_TOP)
        self.panel.setAccessibleName(self.tr("Switch model, or go anywhere"))
        self._search: Task | None = None
        self.model = PaletteModel(context, self)
        self._build()
        self._delay = QTimer(self, singleShot=True, interval=_SEARCH_DELAY_MS)
        self._delay.timeout.connect(self._search_chats)

    def _build(self) -> None:
        icons = self._context.icons
        head = QHBoxLayout()
        head.setContentsMargins(20, 16, 20, 15)
        head.setSpacing(12)
        head.addWidget(IconView(icons, "search", 18, "text-2"))
        self.field = QLineEdit()
        self.field.setProperty("bare", True)
        self.field.setPlaceholderText(self.tr("Switch model, find a chat, go somewhere"))
        self.field.setAccessibleName(self.tr("What to look for"))
        self.field.setFixedHeight(24)
        self.field.textChanged.connect(self._typed)
        head.addWidget(self.field, 1)
        head.addWidget(KeyCap(icons, "Esc"))
        self.body.addLayout(head)
        self.body.addWidget(Line())
        self.list = RowListView(icons, self.tr("What fits"))
        self.list.setItemDelegate(
            PaletteDelegate(icons, self._context.theme.metric("row-palette"), self.list)
        )
        self.list.setModel(self.model)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setFixedHeight(410)
        self.list.opened.connect(self._open)
        self.body.addWidget(self.list)
        self.body.addWidget(Line())
        self.body.addLayout(self._foot())

    def _foot(self) -> QHBoxLayout:
        icons = self._context.icons
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 10, 20, 12)
        foot.setSpacing(4)
        for keys, words in ((("↑", "↓"), self.tr("choose")), (("↵",), self.tr("open"))):
            for key in keys:
                foot.addWidget(KeyCap(icons, key))
            foot.addWidget(Label(words, "caption", "text-3"))
            foot.addSpacing(12)
        foot.addStretch(1)
        return foot

    def start(self) -> None:
        """Open it, empty."""
        self.field.clear()
        self._typed("")
        self.open(self.field)

    def _typed(self, text: str) -> None:
        self.model.show(text.strip())
        self._choose_first()
        self._delay.start()

    def _choose_first(self) -> None:
        for row in range(self.model.rowCount()):
            index = self.model.index(row, 0)
            if index.flags() & Qt.ItemFlag.ItemIsSelectable:
                self.list.setCurrentIndex(index)
                self.list.scrollToTop()
                return

    def _search_chats(self) -> None:
        text = self.field.text().strip()
        if self._search is not None:
            self._search.cancel()
        if text:
            store = self._context.store
            self._search = self._context.worker.run(store.search, text, 40, done=self._chats_found)

    def _chats_found(self, hits: tuple[SearchHit, ...]) -> None:
        chosen = self.list.currentIndex().data(PaletteRole.COMMAND)
        seen: dict[int, SearchHit] = {}
        for hit in hits:
            seen.setdefault(hit.conversation_id, hit)
        self.model.show_chats(tuple(seen.values())[:_CHATS_SHOWN])
        again = self.model.row_of(chosen)
        if again >= 0:
            self.list.setCurrentIndex(self.model.index(again, 0))
        else:
            self._choose_first()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows and Enter go to the list while the field keeps the focus."""
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
        if step is not None:
            self._move(step)
            event.accept()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(self.list.currentIndex())
            event.accept()
        else:
            super().keyPressEvent(event)

    def _move(self, step: int) -> None:
        row, count = self.list.currentIndex().row(), self.model.rowCount()
        for _ in range(count):
            row = (row + step) % count
            index = self.model.index(row, 0)
            if index.flags() & Qt.ItemFlag.ItemIsSelectable:
                self.list.setCurrentIndex(index)
                return

    def _open(self, index: QModelIndex) -> None:
        command = index.data(PaletteRole.COMMAND) if index.isValid() else None
        if command is None:
            return
        self.dismiss()
        if command.page == "shortcuts":
            self.shortcuts_wanted.emit()
        elif command.page == "eject":
            self._context.worker.run(self._context.runtime.eject, command.argument)
        else:
            self.page_wanted.emit(command.page, command.argument)
