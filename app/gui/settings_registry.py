"""Settings, Network: where Ollama's registry is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QCoreApplication

from app.core.errors import AppError
from app.core.ollama_gate import DEFAULT_REGISTRY, REGISTRY_VARIABLE, checked_registry
from app.gui.controls.fields import TextField
from app.gui.ollama_words import registry_word
from app.gui.settings_rows import SettingGroup, SettingRow

if TYPE_CHECKING:
    from app.gui.context import AppContext


def _tr(text: str) -> str:
    return QCoreApplication.translate("RegistryGroup", text)


class RegistryGroup(SettingGroup):
    """The address that models called `ollama:…` come from."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        standing = os.environ.get(REGISTRY_VARIABLE) or DEFAULT_REGISTRY
        self.address = TextField(
            context.icons, _tr("Address of Ollama’s registry"), standing, mono=True, small=True
        )
        self.address.setFixedWidth(280)
        self.address.textEdited.connect(self._typed)
        self.address.editingFinished.connect(self._choose)
        self.row = SettingRow(_tr("Address"), " ", self.address)
        super().__init__(registry_word(), self.row)
        self.explain()

    def show_address(self, address: str | None) -> None:
        """Take over what is in force; None is the usual one."""
        if not self.address.hasFocus():
            self.address.setText(address or "")
            self.address.set_wrong("")

    def explain(self) -> None:
        """What it is for, in place of what a test found."""
        text = _tr("For models with Ollama’s names. No log-in is sent.")
        if os.environ.get(REGISTRY_VARIABLE) and not self.address.text().strip():
            text = _tr("The address in force is from %1").replace("%1", REGISTRY_VARIABLE)
        self.row.say(text)

    def _problem(self, text: str) -> str:
        try:
            if text:
                checked_registry(text)
        except AppError as error:
            return error.message
        return ""

    def _typed(self, text: str) -> None:
        problem = self._problem(text.strip())
        self.address.set_wrong(problem)
        if problem:
            self.row.say(problem, "danger")
        else:
            self.explain()

    def _choose(self) -> None:
        """A good address takes effect; a wrong one leaves the last good one in force."""
        text = self.address.text().strip()
        settings = self._context.settings
        if not self._problem(text):
            network = replace(settings.current.network, ollama_registry=text or None)
            settings.update(network=network)
