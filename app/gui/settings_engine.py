"""Settings, Engine: which one runs models, and which of its codes for the processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QCoreApplication

from app.core.engine_shelf import AUTOMATIC
from app.gui.controls.combo import ComboBox
from app.gui.settings_rows import SettingGroup, SettingRow

if TYPE_CHECKING:
    from app.core.settings import Engine
    from app.gui.context import AppContext


def _tr(text: str) -> str:
    return QCoreApplication.translate("EngineGroup", text)


class EngineGroup(SettingGroup):
    """The installed engine and its code for the processor, where it has several."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self.code = ComboBox(context.icons, _tr("Code for the processor"))
        self.code.setFixedWidth(200)
        self.engine_row = SettingRow(_tr("Engine"), " ")
        self.code_row = SettingRow(
            _tr("Code for the processor"),
            _tr(
                "Automatic takes the fastest that this processor can run."
                " In force from the next load of a model on."
            ),
            self.code,
        )
        super().__init__(_tr("Engine"), self.engine_row, self.code_row)
        self.code.activated.connect(self._choose)

    def show_engine(self, engine: Engine) -> None:
        """Take over what is in force."""
        installed = self._context.runtime.engines.engines()
        best = installed[0] if installed else None
        self.engine_row.title.setText(best.name if best else _tr("None"))
        self.engine_row.say(_place_among(len(installed)))
        variants = best.variants if best else ()
        self.code.clear()
        self.code.add(_tr("Automatic"), AUTOMATIC)
        for variant in reversed(variants):  # the fastest first
            self.code.add(variant, variant)
        chosen = engine.cpu_code if engine.cpu_code in variants else AUTOMATIC
        self.code.choose(chosen)
        # Without a choice there is nothing to set; its name stands under About.
        self.engine_row.wanted = self.code_row.wanted = bool(variants)
        self.show_wanted()

    def _choose(self) -> None:
        settings = self._context.settings
        code = self.code.currentData()
        settings.update(engine=replace(settings.current.engine, cpu_code=code))


def _place_among(installed: int) -> str:
    if installed < 2:
        return _tr("Runs the models on this computer")
    return _tr("The best of %1 that are installed").replace("%1", str(installed))
