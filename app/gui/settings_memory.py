"""Settings, Memory: what is refused for want of it, what is ejected, what resting chats take."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from msgspec.structs import replace
from PySide6.QtCore import QCoreApplication

from app.core.memory import GuardRails
from app.gui.controls.combo import ComboBox
from app.gui.controls.segments import Segments
from app.gui.controls.slider import ValueSlider
from app.gui.controls.switch import Switch
from app.gui.formatting import memory_size, number
from app.gui.settings_rows import SettingGroup, SettingRow
from backends.types import PARKING_SHARE

if TYPE_CHECKING:
    from app.core.settings import Engine
    from app.gui.context import AppContext

RAILS: tuple[GuardRails, ...] = get_args(GuardRails)
IDLE_MINUTES = (5, 15, 30, 60, 240, 0)
"""Offered times; 0 is never. Another one from the settings file is offered too."""
GB = 10**9
_LARGEST_SHARE = 0.5
"""Of this computer's memory: more is not offered for chats at rest, the models need it."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("MemoryGroup", text)


class MemoryGroup(SettingGroup):
    """Guard rails, idle models, making room, resting chats."""

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
        resting = _tr("Memory for resting chats")
        self.resting = ValueSlider(
            icons,
            resting,
            minimum=0,
            maximum=1,
            decimals=1,
            step=0.1,
            suffix=_tr("GB"),
            show_label=False,
        )
        self.resting.set_measures(0, 72, 8)
        self.resting.setFixedWidth(256)
        self.resting_row = SettingRow(resting, " ", self.resting)
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
            self.resting_row,
        )
        self.rails.chosen.connect(self._choose_rails)
        self.idle.activated.connect(self._choose_idle)
        self.room.clicked.connect(self._choose_room)
        self.resting.value_changed.connect(self._choose_resting)

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
        self._show_resting(engine.default_load.parking_bytes)

    def _show_resting(self, chosen: int | None) -> None:
        total = self._context.hardware.memory_total
        standard = round(total * PARKING_SHARE / GB, 1)
        value = standard if chosen is None else chosen / GB
        self.resting.set_range(0, max(1.0, value, round(total * _LARGEST_SHARE / GB, 1)))
        self.resting.set_default(standard)
        if self.resting.value() != value:  # it may be half typed
            self.resting.set_value(value)
        words = _tr(
            "A chat that gives way to others is kept here, so that it need not be read again."
            " Usually %1, a tenth of this computer's; 0 keeps none."
            " In force from the next load of a model on."
        )
        sentence = words.replace("%1", memory_size(round(standard * GB)))
        self.resting_row.say(sentence)
        self.resting.slider.setAccessibleDescription(sentence)

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

    def _choose_resting(self, size: float | None) -> None:
        left_open = size is None or not self.resting.is_changed()
        parking = None if left_open or size is None else round(size * GB)
        load = self._context.settings.current.engine.default_load
        self._change(default_load=replace(load, parking_bytes=parking))

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
