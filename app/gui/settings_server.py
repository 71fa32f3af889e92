"""Settings, Server: what the page of the server has no room for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec.structs import replace
from PySide6.QtWidgets import QFileDialog, QSystemTrayIcon

from app.core.start_at_login import set_starts_at_login
from app.gui.controls.buttons import Button, IconButton
from app.gui.controls.fields import NumberField, TextField
from app.gui.controls.switch import Switch
from app.gui.settings_rows import SettingGroup, SettingRow, SettingSection

if TYPE_CHECKING:
    from app.core.errors import AppError
    from app.core.settings import Settings
    from app.gui.context import AppContext


class ServerSection(SettingSection):
    """How the server runs, whom it answers, what it keeps."""

    section_id = "server"
    icon = "radio-tower"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self.add(self._running())
        self.add(self._access())
        self.add(self._encryption())
        self.add(self._requests())
        self.column.addStretch(1)

    def title(self) -> str:
        """Its name."""
        return self.tr("Server")

    def _running(self) -> SettingGroup:
        icons = self._context.icons
        self.tray = Switch(icons, self.tr("Go on in the tray"))
        self.tray.clicked.connect(lambda on: self._choose(in_tray=on))
        self.login = Switch(icons, self.tr("Start at login"))
        self.login.clicked.connect(self._choose_login)
        self.tray_row = SettingRow(self.tr("Go on in the tray"), " ", self.tray)
        self.login_row = SettingRow(
            self.tr("Start at login"), self.tr("In the tray, without a window"), self.login
        )
        return SettingGroup(self.tr("Running"), self.tray_row, self.login_row)

    def _access(self) -> SettingGroup:
        icons = self._context.icons
        self.origins = TextField(
            icons, self.tr("Web pages"), "https://example.org", mono=True, small=True
        )
        self.origins.setFixedWidth(280)
        self.origins.editingFinished.connect(self._choose_origins)
        self.hosts = TextField(
            icons, self.tr("Names of this computer"), "my-computer.lan", mono=True, small=True
        )
        self.hosts.setFixedWidth(280)
        self.hosts.editingFinished.connect(self._choose_hosts)
        self.origins_row = SettingRow(self.tr("Web pages that may ask"), " ", self.origins)
        self.hosts_row = SettingRow(
            self.tr("Further names of this computer"),
            self.tr("The server answers for no other name, so that foreign pages cannot reach it"),
            self.hosts,
        )
        return SettingGroup(self.tr("Access"), self.origins_row, self.hosts_row)

    def _encryption(self) -> SettingGroup:
        icons = self._context.icons
        self.certificate = Button(icons, self.tr("Choose…"), small=True)
        self.certificate.clicked.connect(self._ask_certificate)
        self.no_certificate = IconButton(icons, "x", self.tr("Use no certificate"), small=True)
        self.no_certificate.clicked.connect(
            lambda: self._choose(certificate=None, certificate_key=None)
        )
        self.key = Button(icons, self.tr("Choose…"), small=True)
        self.key.clicked.connect(self._ask_key)
        self.certificate_row = SettingRow(
            self.tr("Certificate"), " ", self.certificate, self.no_certificate
        )
        self.key_row = SettingRow(self.tr("Key of the certificate"), " ", self.key)
        return SettingGroup(self.tr("Encryption"), self.certificate_row, self.key_row)

    def _requests(self) -> SettingGroup:
        icons = self._context.icons
        self.queue = NumberField(icons, self.tr("Requests that may wait"), minimum=0, maximum=1000)
        self.queue.setFixedWidth(80)
        self.queue.value_changed.connect(lambda value: self._choose(queue=int(value)))
        self.prompts = Switch(icons, self.tr("Show prompts and answers in the list of requests"))
        self.prompts.clicked.connect(lambda on: self._choose(log_prompts=on))
        self.metrics = Switch(icons, self.tr("Numbers for Prometheus"))
        self.metrics.clicked.connect(lambda on: self._choose(metrics=on))
        return SettingGroup(
            self.tr("Requests"),
            SettingRow(
                self.tr("Requests that may wait"),
                self.tr("For each model; more are told to come back later"),
                self.queue,
            ),
            SettingRow(
                self.tr("Show prompts and answers in the list of requests"),
                self.tr("In memory only, until Corral is closed"),
                self.prompts,
            ),
            SettingRow(
                self.tr("Numbers for Prometheus"),
                self.tr("At /metrics: requests, tokens and times; no texts"),
                self.metrics,
            ),
        )

    def show_settings(self, settings: Settings) -> None:
        """Take over what is in force."""
        server = settings.server
        has_tray = QSystemTrayIcon.isSystemTrayAvailable()
        self.tray.setChecked(server.in_tray)
        self.tray.setEnabled(has_tray)
        self.tray_row.say(
            self.tr("Closing the window leaves models and server running")
            if has_tray
            else self.tr("This desktop has no tray")
        )
        self.login.setChecked(server.at_login)
        if not self.origins.hasFocus():
            self.origins.setText(", ".join(server.origins))
            self._explain_origins()
        if not self.hosts.hasFocus():
            self.hosts.setText(", ".join(server.hosts))
        none = self.tr("None: requests on the local network can be read by others there")
        self.certificate_row.say(server.certificate or none)
        self.no_certificate.setVisible(server.certificate is not None)
        self.key_row.wanted = server.certificate is not None
        self.key_row.say(server.certificate_key or self.tr("In the same file"))
        self.groups[2].show_wanted()
        if not self.queue.hasFocus():
            self.queue.set_value(server.queue)
        self.prompts.setChecked(server.log_prompts)
        self.metrics.setChecked(server.metrics)

    # What the person does

    def _choose(self, **changes: Any) -> None:
        settings = self._context.settings
        settings.update(server=replace(settings.current.server, **changes))

    def _choose_login(self, on: bool) -> None:
        self._context.worker.run(
            set_starts_at_login, on, done=lambda _: self._login_set(on), failed=self._login_failed
        )

    def _login_set(self, on: bool) -> None:
        self._choose(at_login=on, **({"in_tray": True} if on else {}))
        self.login_row.say(self.tr("In the tray, without a window"))

    def _login_failed(self, error: AppError) -> None:
        self.login.setChecked(self._context.settings.current.server.at_login)
        self.login_row.say(f"{error.title}. {error.message}", "danger")

    def _choose_origins(self) -> None:
        origins = _parts(self.origins.text())
        wrong = [each for each in origins if not _is_origin(each)]
        if wrong:
            words = self.tr("“%1” is no origin; one looks like https://example.org:8080")
            self.origins_row.say(words.replace("%1", wrong[0]), "danger")
            self.origins.set_wrong(words.replace("%1", wrong[0]))
            return
        self.origins.set_wrong("")
        self._explain_origins()
        self._choose(origins=tuple(each.rstrip("/") for each in origins))

    def _explain_origins(self) -> None:
        self.origins_row.say(
            self.tr("Their scripts may use the server; divided by commas. None is safest.")
        )

    def _choose_hosts(self) -> None:
        self._choose(hosts=tuple(_parts(self.hosts.text())))

    def _ask_certificate(self) -> None:
        file = self._ask_file(self.tr("Certificate"))
        if file:
            self._choose(certificate=file)

    def _ask_key(self) -> None:
        file = self._ask_file(self.tr("Key of the certificate"))
        if file:
            self._choose(certificate_key=file)

    def _ask_file(self, title: str) -> str:
        kinds = self.tr("PEM files (*.pem *.crt *.cer *.key);;All files (*)")
        return QFileDialog.getOpenFileName(self, title, "", kinds)[0]


def _parts(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text.rstrip("/"))
        parts.port  # noqa: B018 - raises for one that is none
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.path
