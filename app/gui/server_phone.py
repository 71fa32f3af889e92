"""The panel that brings a phone to the server: a code to scan that carries address and token."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.core.lan import lan_addresses
from app.gui.controls.buttons import Button, PrimaryButton
from app.gui.controls.labels import Label
from app.gui.controls.overlay import Overlay
from app.gui.server_switch import EVERYWHERE

if TYPE_CHECKING:
    from app.core.access_tokens import AccessToken
    from app.core.errors import AppError
    from app.gui.context import AppContext

_SIDE = 232
_QUIET = 4
"""Modules of white around a code, as its standard asks for."""


class PhonePanel(Overlay):
    """Shares the server if it is not, makes a token for the phone, shows both as a code."""

    wants_certificate = Signal()
    """A certificate is to be chosen in the settings; the panel closes."""

    def __init__(self, context: AppContext, host: QWidget) -> None:
        super().__init__(context.icons, "", host, width=420)
        self._context = context
        self._link = ""
        icons = context.icons
        title = self.tr("Use on my phone")
        self.panel.setAccessibleName(title)
        self.body.setContentsMargins(24, 20, 24, 20)
        self.body.addWidget(Label(title, "page-title"))
        self.body.addSpacing(8)
        self.words = Label("", "body", "text-2", wrap=True)
        self.body.addWidget(self.words)
        self.body.addSpacing(12)
        self.code = CodePicture()
        self.code.hide()
        self.body.addWidget(self.code, 0, Qt.AlignmentFlag.AlignHCenter)
        self.body.addSpacing(12)
        self.plain = Label(
            self.tr(
                "Without a certificate the connection is not encrypted: who listens to the network "
                "can read token and chats. The page opens in the phone’s browser, but cannot be "
                "installed as an app. A certificate that the phone trusts changes both; tools such "
                "as mkcert make one for the address of this computer."
            ),
            "caption",
            "text-2",
            wrap=True,
        )
        self.body.addWidget(self.plain)
        self.body.addSpacing(8)
        self.encrypt = Button(icons, self.tr("Choose a certificate…"), small=True)
        self.encrypt.clicked.connect(self._choose_certificate)
        self.body.addWidget(self.encrypt, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addSpacing(12)
        self.cancel = Button(icons, self.tr("Close"))
        self.cancel.clicked.connect(self.dismiss)
        self.proceed = PrimaryButton(icons, "")
        self.proceed.clicked.connect(self._go_on)
        self.add_buttons(self.cancel, self.proceed)
        self.closed.connect(self.deleteLater)
        server = context.server
        if server is not None:
            context.bridge.on(server.changed, self._follow)
        self._follow()

    def begin(self) -> None:
        """Show it."""
        self.open(self.proceed)

    def link(self) -> str:
        """What the code says; empty until there is one."""
        return self._link

    def _choose_certificate(self) -> None:
        self.dismiss()
        self.wants_certificate.emit()

    def _is_shared(self) -> bool:
        wanted = self._context.settings.current.server
        return wanted.on and wanted.address == EVERYWHERE

    def _follow(self) -> None:
        encrypted = self._context.settings.current.server.certificate is not None
        self.plain.setVisible(not encrypted)
        self.encrypt.setVisible(not encrypted)
        if self._link:
            return
        if not lan_addresses():
            self.words.setText(
                self.tr(
                    "This computer is in no local network at the moment. Connect it to the same "
                    "Wi-Fi as the phone, then try again."
                )
            )
            self.proceed.hide()
        elif self._is_shared():
            self.words.setText(
                self.tr(
                    "A token for the phone is made and shown as a code. Whoever scans it may use "
                    "the models of this computer, until you take the token back."
                )
            )
            self.proceed.setText(self.tr("Show the code"))
        else:
            self.words.setText(
                self.tr(
                    "The server is shared on the local network first. Others there need a token; "
                    "the code holds one for your phone."
                )
            )
            self.proceed.setText(self.tr("Share and show the code"))

    def _go_on(self) -> None:
        if self._link:
            QGuiApplication.clipboard().setText(self._link)
            self.proceed.setText(self.tr("Copied"))
            return
        settings = self._context.settings
        if not self._is_shared():
            wanted = replace(settings.current.server, on=True, address=EVERYWHERE)
            settings.update(server=wanted)
        self._context.worker.run(
            partial(self._context.access.issue, self.tr("Phone"), ["chat"]),
            done=self._show,
            failed=self._refuse,
        )

    def _show(self, made: tuple[AccessToken, str]) -> None:
        wanted = self._context.settings.current.server
        scheme = "https" if wanted.certificate else "http"
        host = next(iter(lan_addresses()), "127.0.0.1")
        # After the #, so that it is in no request and no log.
        self._link = f"{scheme}://{host}:{wanted.port}/#token={made[1]}"
        self.code.show_text(self._link)
        self.code.show()
        self.words.setText(
            self.tr(
                "Scan this with the phone’s camera. Both must be in the same network. The code is "
                "shown this once."
            )
        )
        self.proceed.setText(self.tr("Copy the link"))

    def _refuse(self, error: AppError) -> None:
        self.words.setText(f"{error.title}. {error.message}")


class CodePicture(QWidget):
    """A QR code: black on white in both themes, as cameras want it."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[bytearray, ...] = ()
        self.setFixedSize(_SIDE, _SIDE)
        self.setAccessibleName(self.tr("Code with address and token"))

    def show_text(self, text: str) -> None:
        """Another code."""
        import segno

        self._rows = segno.make(text, error="m", micro=False).matrix
        self.update()

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(_SIDE, _SIDE)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Whole pixels for each module."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("white"))
        if not self._rows:
            return
        count = len(self._rows) + 2 * _QUIET
        step = self.width() // count
        start = (self.width() - step * len(self._rows)) // 2
        for y, row in enumerate(self._rows):
            for x, dark in enumerate(row):
                if dark:
                    area = QRect(start + x * step, start + y * step, step, step)
                    painter.fillRect(area, QColor("black"))
