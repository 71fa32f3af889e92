"""Settings, Network: the proxy, and the authorities that are trusted besides the system's."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from msgspec.structs import replace
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QFileDialog, QLineEdit

from app.core.errors import AppError
from app.core.keys import KeyPlace, NoKeyring
from app.core.settings import Proxy
from app.gui.controls.buttons import Button
from app.gui.controls.combo import ComboBox
from app.gui.controls.fields import TextField
from app.gui.formatting import error_words
from app.gui.settings_rows import SettingGroup, SettingRow

if TYPE_CHECKING:
    from app.gui.context import AppContext

_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}", re.ASCII)
_SCRIPT = re.compile(r"\w+://.*\.(pac|dat|js)", re.ASCII | re.IGNORECASE)
_KEPT = "••••••••"


def _tr(text: str) -> str:
    return QCoreApplication.translate("ProxyGroup", text)


def _is_script(text: str) -> bool:
    """Whether this is the address of a proxy auto-configuration script."""
    return _SCRIPT.fullmatch(text) is not None


class ProxyGroup(SettingGroup):
    """The system's proxy, none, or one that is named here."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._shown = Proxy()
        icons = context.icons
        self.mode = ComboBox(icons, _tr("Proxy"))
        self.mode.setFixedWidth(200)
        self.mode.add(_tr("Of the system"), "system")
        self.mode.add(_tr("None"), "none")
        self.mode.add(_tr("Set by hand"), "manual")
        self.mode.activated.connect(self._choose_mode)
        self.mode_row = SettingRow(_tr("Proxy"), " ", self.mode)
        self.scheme = ComboBox(icons, _tr("Kind of the proxy"))
        self.scheme.setFixedWidth(104)
        for name, scheme in (("HTTP", "http"), ("HTTPS", "https"), ("SOCKS5", "socks5")):
            self.scheme.add(name, scheme)
        self.scheme.activated.connect(self._edited)
        self.host = self._field(_tr("Host of the proxy"), "proxy.example.org", 184, mono=True)
        self.port = self._field(_tr("Port of the proxy"), "8080", 72, mono=True)
        self.host_row = SettingRow(_tr("Address"), " ", self.scheme, self.host, self.port)
        self.user = self._field(_tr("Name for the proxy"), _tr("None"), 136)
        self.password = self._field(_tr("Password for the proxy"), _tr("None"), 136)
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.in_file = Button(icons, _tr("Keep in a file"), small=True)
        self.in_file.hide()
        self.in_file.clicked.connect(partial(self._apply, place="file"))
        self.login_row = SettingRow(
            _tr("Name and password"), " ", self.in_file, self.user, self.password
        )
        self.direct = self._field(_tr("Hosts without the proxy"), _tr("None"), 280, mono=True)
        self.direct_row = SettingRow(_tr("Not for"), " ", self.direct)
        self.by_hand = (self.host_row, self.login_row, self.direct_row)
        super().__init__(_tr("Proxy"), self.mode_row, *self.by_hand)

    def _field(self, name: str, hint: str, width: int, *, mono: bool = False) -> TextField:
        field = TextField(self._context.icons, name, hint, mono=mono, small=True)
        field.setFixedWidth(width)
        field.editingFinished.connect(self._edited)
        return field

    def show_proxy(self, proxy: Proxy) -> None:
        """Take over what is in force."""
        self._shown = proxy
        self.mode.choose(proxy.mode)
        self.scheme.choose(proxy.scheme)
        values = {
            self.host: proxy.host,
            self.port: str(proxy.port),
            self.user: proxy.user,
            self.direct: ", ".join(proxy.no_proxy),
        }
        for field, value in values.items():
            if not field.hasFocus():
                field.setText(value)
                field.setCursorPosition(0)
                field.set_wrong("")
        if proxy.password != "none":
            self.password.setPlaceholderText(_KEPT)
        else:
            self.password.setPlaceholderText(_tr("None"))
        self._explain()

    def _explain(self) -> None:
        proxy = self._shown
        self.mode_row.say(
            {
                "system": _tr(
                    "What the system or HTTPS_PROXY in the environment names. A configuration "
                    "script (PAC) is not used: it is a program from the network, and Corral runs "
                    "none"
                ),
                "none": _tr("Every connection is made directly"),
                "manual": _tr("For the hub, downloads and remote models"),
            }[proxy.mode]
        )
        self.host_row.say(_tr("A pasted http:// or socks5:// address is taken apart"))
        where = {
            "none": _tr("Left empty where the proxy asks for none"),
            "keyring": _tr("The password is in the password store"),
            "file": _tr("The password is in a file that only you can read"),
        }
        self.login_row.say(where[proxy.password])
        self.direct_row.say(_tr("Separated by commas; .example.org is all of a domain"))
        manual = proxy.mode == "manual"
        if any(row.wanted != manual for row in self.by_hand):
            for row in self.by_hand:
                row.wanted = manual
        self.show_wanted()

    # What the person does

    def _choose_mode(self) -> None:
        settings = self._context.settings
        proxy = replace(settings.current.network.proxy, mode=self.mode.currentData())
        settings.update(network=replace(settings.current.network, proxy=proxy))

    def _edited(self) -> None:
        """Every field takes effect when it is left, if all are good."""
        self._take_apart()
        proxy = self._read()
        current = self._context.settings.current.network.proxy
        if proxy is not None and (proxy != current or self.password.text()):
            self._apply()

    def _take_apart(self) -> None:
        """A whole address that was pasted as the host."""
        text = self.host.text().strip()
        if "://" not in text or _is_script(text):
            return
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError:
            return
        self.host.setText(host or "")
        scheme = {"socks5h": "socks5", "socks": "socks5"}.get(parts.scheme, parts.scheme)
        if self.scheme.findData(scheme) >= 0:
            self.scheme.choose(scheme)
        if port:
            self.port.setText(str(port))
        if parts.username:
            self.user.setText(unquote(parts.username))
        if parts.password:
            self.password.setText(unquote(parts.password))

    def _read(self) -> Proxy | None:
        """What the fields say; None, and a red field, where one of them is wrong."""
        host, port = self.host.text().strip().strip("[]"), self.port.text().strip()
        direct = tuple(each.strip() for each in self.direct.text().split(",") if each.strip())
        good_port = port.isascii() and port.isdigit() and 1 <= int(port) <= 65_535
        wrong = {
            self.host: self._host_problem(host),
            self.port: "" if good_port else _tr("A port is a number from 1 to 65,535."),
            self.direct: ""
            if all(_HOST.fullmatch(each.strip("[]*")) for each in direct)
            else _tr("Only names of hosts, separated by commas."),
        }
        for field, sentence in wrong.items():
            field.set_wrong(sentence if field.text().strip() else "")
        told = next((words for field, words in wrong.items() if field.is_wrong()), "")
        if told:
            self.host_row.say(told, "danger")
        if any(wrong.values()):
            return None
        return replace(
            self._context.settings.current.network.proxy,
            host=host,
            port=int(port),
            scheme=self.scheme.currentData(),
            user=self.user.text().strip(),
            no_proxy=direct,
        )

    def _host_problem(self, host: str) -> str:
        if _is_script(host):
            return _tr(
                "This is a configuration script (PAC): a program from the network, which Corral "
                "does not run. Enter the proxy that it names."
            )
        return "" if _HOST.fullmatch(host) else _tr("This is no name of a host.")

    def _apply(self, _checked: bool = False, *, place: KeyPlace = "keyring") -> None:
        proxy = self._read()
        if proxy is None:
            return
        password = self.password.text() or None
        if not proxy.user:
            password = ""
        self._context.worker.run(
            partial(self._context.gate.use_proxy, proxy, password, place),
            done=self._applied,
            failed=self._refused,
        )

    def _applied(self, _: object) -> None:
        self.password.clear()
        self.in_file.hide()
        self.show_proxy(self._context.settings.current.network.proxy)

    def _refused(self, error: AppError) -> None:
        self.login_row.say(error_words(error), "danger")
        self.in_file.setVisible(isinstance(error, NoKeyring))


class CertificatesGroup(SettingGroup):
    """The system's authorities, and a file of others."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self.choose = Button(context.icons, _tr("Choose a file…"), small=True)
        self.forget = Button(context.icons, _tr("Forget it"), small=True)
        self.row = SettingRow(_tr("Further authorities"), " ", self.choose, self.forget)
        super().__init__(_tr("Certificates"), self.row)
        self.choose.clicked.connect(self._ask)
        self.forget.clicked.connect(partial(self.use_file, None))

    def show_file(self, file: str | None) -> None:
        """Take over what is in force."""
        self.forget.setVisible(file is not None)
        if file is None:
            self.row.say(
                _tr("This computer’s own are trusted. A network that inspects traffic needs its.")
            )
        elif not Path(file).is_file():
            self.row.say(_tr("%1 is not there any more").replace("%1", file), "danger")
        else:
            self.row.say(_tr("Trusted besides the system’s: %1").replace("%1", file))

    def _ask(self) -> None:
        dialog = QFileDialog(self, _tr("File with certificates"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters([_tr("Certificates (*.pem *.crt *.cer)"), _tr("All files (*)")])
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.use_file)
        dialog.open()

    def use_file(self, file: str | None, _checked: bool = False) -> None:
        """Trust what this file holds; None trusts only the system's."""
        settings = self._context.settings
        settings.update(network=replace(settings.current.network, ca_file=file))
