"""Server: other programs use the models of this computer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.gui.controls.buttons import Button, IconButton
from app.gui.controls.card import Card, Line, Region, ScrollPage
from app.gui.controls.empty_state import EmptyState
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.formatting import decimal
from app.gui.page import Page
from app.gui.server_connect import ConnectCard
from app.gui.server_phone import PhonePanel
from app.gui.server_requests import RequestsTable
from app.gui.server_snippets import Reach
from app.gui.server_switch import HERE, SwitchCard
from app.gui.server_tokens import TokensCard

if TYPE_CHECKING:
    from app.core.request_log import RequestRecord
    from app.gui.context import AppContext

NARROW = 900
"""Pixels below which the two columns stand under each other."""
SPEED_SECONDS = 10.0


class ServerPage(Page):
    """Switch, tokens, how to connect, and what is asked."""

    page_id = "server"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._paused = False
        self.switch = SwitchCard(context)
        self.tokens = TokensCard(context)
        self.connect_card = ConnectCard(context)
        self.table = RequestsTable(context.icons)
        self._lay_out()
        self._news = QTimer(self, singleShot=True, interval=100)
        self._news.timeout.connect(self._say_speed)
        bridge = context.bridge
        bridge.on(context.settings.changed, self.refresh)
        bridge.on(context.requests.changed, self._request_news)
        bridge.on(context.runtime.changed, self._models_changed)
        bridge.on(context.access.changed, self._fill_snippets)
        if context.server is not None:
            bridge.on(context.server.changed, self.refresh)
        self.refresh()

    def _lay_out(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        region = Region("canvas")
        outer.addWidget(region)
        column = QVBoxLayout(region)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._make_header())
        column.addWidget(Line())
        self._page = ScrollPage(1216, above=20)
        column.addWidget(self._page, 1)
        left = QVBoxLayout()
        left.setSpacing(20)
        left.addWidget(self.switch)
        left.addWidget(self.tokens)
        left.addStretch(1)
        self._columns = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._columns.setSpacing(20)
        self._columns.addLayout(left, 5)
        self._columns.addWidget(self.connect_card, 7)
        self._page.column.addLayout(self._columns)
        self._page.column.addSpacing(20)
        self._page.column.addLayout(self._make_requests_head())
        self._page.column.addSpacing(8)
        card = Card()
        inside = QVBoxLayout(card)
        inside.setContentsMargins(1, 1, 1, 1)
        self._stack = QStackedWidget()
        self._nothing = EmptyState(
            self._context.icons,
            "activity",
            self.tr("No requests yet"),
            self.tr("What other programs ask appears here as it happens."),
        )
        self._stack.addWidget(self._nothing)
        self._stack.addWidget(self.table)
        inside.addWidget(self._stack)
        card.setMinimumHeight(300)
        self._page.column.addWidget(card, 1)

    def _make_header(self) -> QWidget:
        header = QWidget()
        header.setFixedHeight(self._context.theme.metric("header") - 1)
        row = QHBoxLayout(header)
        row.setContentsMargins(24, 1, 12, 0)
        row.setSpacing(8)
        row.addWidget(Label(self.tr("Server"), "page-title"))
        row.addSpacing(8)
        words = self.tr("Other programs on this computer can use your models")
        row.addWidget(Label(words, "body", "text-3"))
        row.addStretch(1)
        self.phone = Button(self._context.icons, self.tr("Use on my phone"), "qr-code")
        self.phone.clicked.connect(self._open_phone)
        row.addWidget(self.phone)
        self.settings = IconButton(
            self._context.icons, "sliders-horizontal", self.tr("Server settings")
        )
        self.settings.clicked.connect(self._open_settings)
        row.addWidget(self.settings)
        return header

    def _make_requests_head(self) -> QHBoxLayout:
        icons = self._context.icons
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(Label(self.tr("Requests"), "group-title"))
        self.log_words = Label("", "caption", "text-3")
        row.addWidget(self.log_words)
        row.addStretch(1)
        row.addWidget(IconView(icons, "activity", 14))
        self.speed = Label("", "caption", "text-2")
        row.addWidget(self.speed)
        row.addSpacing(4)
        self.pause = IconButton(icons, "pause", self.tr("Hold the list"), small=True)
        self.pause.clicked.connect(self._pause)
        row.addWidget(self.pause)
        self.clear = IconButton(icons, "trash-2", self.tr("Clear the list"), small=True)
        self.clear.clicked.connect(self._clear)
        row.addWidget(self.clear)
        return row

    # The page protocol

    def activated(self) -> None:
        """Show everything as it is now."""
        self.tokens.refresh()
        self.refresh()
        self.switch.watch(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks."""
        super().hideEvent(event)
        self.switch.watch(False)

    def regions(self) -> Sequence[QWidget]:
        """The header's button, the cards, the table."""
        return (self.phone, self.switch, self.connect_card, self.table)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """One column where there is no room for two."""
        super().resizeEvent(event)
        narrow = self.width() < NARROW
        direction = QBoxLayout.Direction
        self._columns.setDirection(direction.TopToBottom if narrow else direction.LeftToRight)

    # What is shown

    def refresh(self, _: object = None) -> None:
        """Follow settings, server and log."""
        self.switch.show_state()
        self._fill_snippets()
        keeps = self._context.settings.current.server.log_prompts
        self.log_words.setText(
            self.tr("Live. Prompts and answers are shown in the tips.")
            if keeps
            else self.tr("Live. Prompts are not written down.")
        )
        if not self._paused:
            self._fill_table()

    def _models_changed(self, _: object = None) -> None:
        self.switch.show_loaded()
        self._fill_snippets()

    def _fill_snippets(self) -> None:
        settings = self._context.settings.current.server
        loaded = [m for m in self._context.runtime.loaded() if m.state == "ready"]
        usable = [m for m in self._context.library.models() if m.present and not m.problem]
        usable.sort(key=lambda m: bool(m.variant_of))  # a model before what was made of it
        model = loaded[0].model.id if loaded else next((m.id for m in usable), "MODEL")
        own, shared = self.switch.own_address(), self.switch.shown_address()
        needed = settings.require_token or f"//{HERE}:" not in own
        here = Reach(own, "YOUR_TOKEN") if needed else Reach(own)
        elsewhere = Reach(shared, "YOUR_TOKEN") if shared != own else None
        self.connect_card.show_for(model, here, elsewhere)

    def _fill_table(self) -> None:
        records = self._context.requests.records()
        self.table.rows.show_all(records)
        self._stack.setCurrentWidget(self.table if records else self._nothing)
        self.clear.setEnabled(bool(records))
        self._say_speed()

    def _request_news(self, record: RequestRecord) -> None:
        if self._paused:
            return
        if not self.table.rows.rowCount():
            self._fill_table()
        else:
            self.table.rows.take(record)
        if not self._news.isActive():
            self._news.start()

    def _say_speed(self) -> None:
        records = self._context.requests.records()
        count = self.tr("%n requests", "", len(records))
        if len(records) == 1:
            count = self.tr("1 request")
        speeds = [r.tokens_per_second for r in records[-5:] if r.tokens_per_second]
        if speeds:
            latest = self.tr("%1 tokens/s").replace("%1", decimal(speeds[-1]))
            self.speed.setText(f"{latest} · {count}")
        else:
            self.speed.setText(count if records else "")

    # What the person does

    def _pause(self) -> None:
        self._paused = not self._paused
        self.pause.set_icon("play" if self._paused else "pause")
        self.pause.set_name(self.tr("Go on") if self._paused else self.tr("Hold the list"))
        if not self._paused:
            self._fill_table()

    def _clear(self) -> None:
        self._context.requests.clear()
        self._fill_table()

    def _open_settings(self) -> None:
        self.open_page.emit("settings", {"section": "server"})

    def _open_phone(self) -> None:
        panel = PhonePanel(self._context, self.window())
        panel.wants_certificate.connect(self._open_settings)
        panel.begin()
