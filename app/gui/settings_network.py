"""Settings, Network: where hub and registry are, who is logged in, which proxy, trusting whom."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtGui import QShowEvent

from app.core.connection_check import HubState, check_hubs, check_registry
from app.core.errors import AppError
from app.core.hub_addresses import (
    DEFAULT_ENDPOINT,
    ENDPOINT_VARIABLE,
    checked_endpoint,
    main_address,
)
from app.core.ollama_gate import RegistryGate
from app.core.ollama_http import RegistryHttp
from app.gui.controls.buttons import Button
from app.gui.controls.fields import TextField
from app.gui.controls.focus import release_focus
from app.gui.controls.switch import Switch
from app.gui.formatting import duration, error_words
from app.gui.settings_account import AccountGroup
from app.gui.settings_mirrors import MirrorsGroup
from app.gui.settings_proxy import CertificatesGroup, ProxyGroup
from app.gui.settings_registry import RegistryGroup
from app.gui.settings_rows import SettingGroup, SettingRow, SettingSection

if TYPE_CHECKING:
    from app.core.settings import Mirror, Network, Settings
    from app.gui.context import AppContext


def _standing_address() -> str:
    """The hub that is asked while the person names none."""
    return os.environ.get(ENDPOINT_VARIABLE) or DEFAULT_ENDPOINT


def _address_in_force(network: Network) -> str:
    """The hub that is asked first; empty where the settings name none that can be used."""
    try:
        return main_address(network, os.environ)
    except AppError:
        return ""


class NetworkSection(SettingSection):
    """How Corral reaches the hub and Ollama's registry."""

    section_id = "network"
    icon = "globe"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self._asking = 0
        """Answers of the test that are still to come."""
        self._tested: Network | None = None
        """What the sentences of the last test are about."""
        self._mirrors: tuple[Mirror, ...] = ()
        self.add(self._hub())
        self.mirrors = MirrorsGroup(context, ())
        self.add(self.mirrors)
        self.account = AccountGroup(context)
        self.add(self.account)
        self.registry = RegistryGroup(context)
        self.add(self.registry)
        self.proxy = ProxyGroup(context)
        self.add(self.proxy)
        self.certificates = CertificatesGroup(context)
        self.add(self.certificates)
        self.column.addStretch(1)

    def title(self) -> str:
        """Its name."""
        return self.tr("Network")

    def _hub(self) -> SettingGroup:
        icons = self._context.icons
        self.endpoint = TextField(
            icons, self.tr("Model hub"), _standing_address(), mono=True, small=True
        )
        self.endpoint.setFixedWidth(280)
        self.endpoint.textEdited.connect(self._typed)
        self.endpoint.editingFinished.connect(self._choose_endpoint)
        self.check = Button(icons, self.tr("Test"), small=True)
        self.check.clicked.connect(self._check)
        self.hub_row = SettingRow(self.tr("Model hub"), " ", self.endpoint, self.check)
        self.token = Switch(icons, self.tr("Send the log-in to another hub"))
        self.token.clicked.connect(self._choose_token)
        token_row = SettingRow(
            self.tr("Send the log-in to another hub"),
            self.tr(
                "An access token goes to huggingface.co only, unless this is on; another address "
                "switches it off"
            ),
            self.token,
        )
        return SettingGroup(self.tr("Hub"), self.hub_row, token_row)

    def _explain(self) -> None:
        text = self.tr("Where models are searched and downloaded")
        if os.environ.get(ENDPOINT_VARIABLE) and not self.endpoint.text().strip():
            text = self.tr("The address in force is from %1").replace("%1", ENDPOINT_VARIABLE)
        self.hub_row.say(text)

    def show_settings(self, settings: Settings) -> None:
        """Take over what is in force."""
        network = settings.network
        if not self.endpoint.hasFocus():
            self.endpoint.setText(network.endpoint or "")
            self.endpoint.set_wrong("")
        if network.mirrors != self._mirrors:
            self._show_mirrors(network.mirrors)
        if not self._asking and network != self._tested:
            self._tested = None
            self._explain()
            self.mirrors.explain()
            self.registry.explain()
        self.token.setChecked(network.send_token_to == _address_in_force(network))
        self._allow_check()
        self.account.show_network(network)
        self.registry.show_address(network.ollama_registry)
        self.proxy.show_proxy(network.proxy)
        self.certificates.show_file(network.ca_file)

    def refresh(self) -> None:
        """A log-in from the environment is asked for its name, once somebody looks."""
        if self.isVisible():
            self.account.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """The section came into view."""
        super().showEvent(event)
        self.refresh()

    def _show_mirrors(self, mirrors: tuple[Mirror, ...]) -> None:
        """Other rows; the group stands where it stood."""
        self._mirrors = mirrors
        old, self.mirrors = self.mirrors, MirrorsGroup(self._context, mirrors)
        place = self.groups.index(old)
        self.groups[place] = self.mirrors
        self.column.insertWidget(self.column.indexOf(old), self.mirrors)
        release_focus(old, self.mirrors.address)
        old.hide()
        old.deleteLater()

    def _problem(self, text: str) -> str:
        try:
            if text:
                checked_endpoint(text)
        except AppError as error:
            return error.message
        return ""

    def _typed(self, text: str) -> None:
        problem = self._problem(text.strip())
        self.endpoint.set_wrong(problem)
        if problem:
            self.hub_row.say(problem, "danger")
        else:
            self._explain()

    def _choose_endpoint(self) -> None:
        """A good address takes effect; a wrong one leaves the last good one in force."""
        text = self.endpoint.text().strip()
        settings = self._context.settings
        if self._problem(text):
            return
        settings.update(network=replace(settings.current.network, endpoint=text or None))

    def _choose_token(self, on: bool) -> None:
        """It is allowed for the address in force alone: another one has to be allowed anew."""
        settings = self._context.settings
        network = settings.current.network
        address = _address_in_force(network) if on else None
        settings.update(network=replace(network, send_token_to=address or None))

    # The connection test

    def _allow_check(self) -> None:
        offline = self._context.settings.current.network.offline
        self.check.setEnabled(not offline and not self._asking)
        self.check.setToolTip(self.tr("Not while Offline is on") if offline else "")

    def _check(self) -> None:
        self._asking = 2
        self._tested = self._context.settings.current.network
        self._allow_check()
        self.hub_row.say(self.tr("Asking…"), "accent")
        self.mirrors.say_all(self.tr("Asking…"), "accent")
        self.registry.row.say(self.tr("Asking…"), "accent")
        gate, http = self._context.gate, self._context.hub_http
        run, registry = self._context.worker.run, RegistryGate(self._context.settings, gate)
        run(partial(check_hubs, gate, http), done=self._answered, failed=self._refused)
        run(
            partial(check_registry, registry, RegistryHttp(http)),
            done=self._registry_answered,
            failed=self._registry_refused,
        )

    def _answered(self, states: tuple[HubState, ...]) -> None:
        self._end_check()
        network = self._context.settings.current.network
        first = main_address(network, os.environ)
        for state in states:
            words, role = self._verdict(state, self.tr("The hub"))
            if state.address == first:
                self.hub_row.say(words, role)
            else:
                self.mirrors.say(state.address, words, role)

    def _registry_answered(self, state: HubState) -> None:
        self._end_check()
        self.registry.row.say(*self._verdict(state, self.tr("The registry")))

    def _registry_refused(self, error: AppError) -> None:
        self._end_check()
        self.registry.row.say(error_words(error), "danger")

    def _verdict(self, state: HubState, who: str) -> tuple[str, str]:
        if state.problem is not None:
            return error_words(state.problem), "danger"
        if state.skew:
            words = self.tr(
                "%3 answers, but this computer’s clock is %1 %2; correct it, or encrypted "
                "connections may fail"
            )
            late = self.tr("ahead") if state.skew > 0 else self.tr("behind")
            words = words.replace("%1", duration(abs(state.skew))).replace("%2", late)
            return words.replace("%3", who), "warning"
        words = self.tr("%3 answers, within %1 ms").replace("%3", who)
        return words.replace("%1", str(max(1, round(state.seconds * 1000)))), "success"

    def _refused(self, error: AppError) -> None:
        self._end_check()
        self.hub_row.say(error_words(error), "danger")
        self.mirrors.explain()

    def _end_check(self) -> None:
        self._asking -= 1
        self._allow_check()
