"""Settings, Memory: what is refused for want of it, and which models are ejected by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from msgspec.structs import replace
from PySide6.QtCore import QCoreApplication

from app.core.memory import GuardRails
from app.gui.controls.combo import ComboBox
from app.gui.controls.segments import Segments
from app.gui.controls.switch import Switch
from app.gui.formatting import number
from app.gui.settings_rows import SettingGroup, SettingRow

if TYPE_CHECKING:
    from app.core.settings import Engine
    from app.gui.context import AppContext

RAILS: tuple[GuardRails, ...] = get_args(GuardRails)
IDLE_MINUTES = (5, 15, 30, 60, 240, 0)
"""Offered times; 0 is never. Another one from the settings file is offered too."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("MemoryGroup", text)


class MemoryGroup(SettingGroup):
    """Guard rails, idle models, making room."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        icons = context.icons
        self.rails = Segments(
            icons,
            _tr("Memory guard"),
            [_tr("Off"), _tr("Relaxed"), _tr("Strict")],
        )
        self.rails_row = SettingRow(_tr("Memory guard"), " ", self.rails)
        self.idle = ComboBox(icons, _tr("Eject unused models"))
        self.idle.setFixedWidth(200)
        self.room = Switch(icons, _tr("Make room"))
        super().__init__(
            _tr("Memory"),
            self.rails_row,
            SettingRow(
                _tr("Eject unused models"),
                _tr("They are loaded again when a chat needs them"),
                self.idle,
            ),
            SettingRow(
                _tr("Make room"),
                _tr("A model that would not fit ejects the one that was unused the longest"),
                self.room,
            ),
        )
        self.rails.chosen.connect(self._choose_rails)
        self.idle.activated.connect(self._choose_idle)
        self.room.clicked.connect(self._choose_room)

    def show_engine(self, engine: Engine) -> None:
        """Take over what is in force."""
        self.rails.set_current(RAILS.index(engine.guard_rails))
        self.rails_row.say(
            {
                "off": _tr("Every model is loaded, after a warning where memory is short"),
                "relaxed": _tr("Asks before a model takes more memory than is free"),
                "strict": _tr("Asks before a model takes more than 85 % of what is free"),
            }[engine.guard_rails]
        )
        self._fill_idle(engine.idle_minutes)
        self.room.setChecked(engine.make_room)

    def _fill_idle(self, minutes: int) -> None:
        self.idle.clear()
        offered = sorted({*IDLE_MINUTES, minutes}, key=lambda each: each or float("inf"))
        for each in offered:
            self.idle.add(_idle_words(each), each)
        self.idle.choose(minutes)

    def _choose_rails(self, index: int) -> None:
        self._change(guard_rails=RAILS[index])

    def _choose_idle(self) -> None:
        self._change(idle_minutes=self.idle.currentData())

    def _choose_room(self, on: bool) -> None:
        self._change(make_room=on)

    def _change(self, **values: object) -> None:
        settings = self._context.settings
        settings.update(engine=replace(settings.current.engine, **values))


def _idle_words(minutes: int) -> str:
    if not minutes:
        return _tr("Never")
    if minutes % 60:
        return _tr("After %1 minutes").replace("%1", number(minutes))
    if minutes == 60:
        return _tr("After an hour")
    return _tr("After %1 hours").replace("%1", number(minutes // 60))
