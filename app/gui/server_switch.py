"""The card that switches the local server on: where it listens, with whom it is shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.lan import lan_addresses
from app.gui.controls.badges import StatusDot
from app.gui.controls.buttons import Button
from app.gui.controls.card import Card, Line
from app.gui.controls.fields import NumberField
from app.gui.controls.labels import Label
from app.gui.controls.switch import Switch
from app.gui.formatting import error_words

if TYPE_CHECKING:
    from app.core.settings import Server
    from app.gui.context import AppContext

COPIED_MS = 1500
HERE = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
LOADED_MS = 2000


class SwitchCard(Card):
    """On or off, address, ports, sharing, what is loaded."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        icons = context.icons
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._make_head())
        self.port = NumberField(icons, self.tr("Port"), minimum=1, maximum=65535, grouped=False)
        self.port.setFixedWidth(80)
        self.port.editingFinished.connect(self._choose_port)
        self.ollama = Switch(
            icons, self.tr("Answer at port 11434 too, where Ollama’s clients look")
        )
        self.ollama.clicked.connect(lambda on: self._choose(ollama_port=on))
        self.lmstudio = Switch(
            icons, self.tr("Answer at port 1234 too, where LM Studio’s clients look")
        )
        self.lmstudio.clicked.connect(lambda on: self._choose(lmstudio_port=on))
        self.share = Switch(icons, self.tr("Share on the local network"))
        self.share.clicked.connect(self._choose_share)
        self.need_token = Switch(icons, self.tr("Always want a token"))
        self.need_token.clicked.connect(lambda on: self._choose(require_token=on))
        self.port_row = _Row(self.tr("Port"), "", self.port)
        self.usual_row = _Row(
            self.tr("Also answer where other apps look"),
            "",
            Label("11434", "caption", "text-2"),
            self.ollama,
            Label("1234", "caption", "text-2"),
            self.lmstudio,
        )
        self.share_row = _Row(
            self.tr("Share on the local network"), self.tr("A token is then required"), self.share
        )
        self.token_row = _Row(
            self.tr("Always want a token"),
            self.tr("From programs on this computer, too"),
            self.need_token,
        )
        self.dot = StatusDot(icons, "text-3")
        self.loaded = Label("", "body", "text-2")
        self.loaded_row = _Row(self.tr("Loaded"), "", self.dot, self.loaded)
        for row in (
            self.port_row,
            self.usual_row,
            self.share_row,
            self.token_row,
            self.loaded_row,
        ):
            column.addWidget(Line())
            column.addWidget(row)
        self._copied = QTimer(self, singleShot=True, interval=COPIED_MS)
        self._copied.timeout.connect(self._offer_copy)
        self._timer = QTimer(self, interval=LOADED_MS)
        self._timer.timeout.connect(self.show_loaded)

    def _make_head(self) -> QHBoxLayout:
        icons = self._context.icons
        head = QHBoxLayout()
        head.setContentsMargins(16, 14, 16, 14)
        head.setSpacing(16)
        self.on = Switch(icons, self.tr("Server"))
        self.on.clicked.connect(lambda on: self._choose(on=on))
        head.addWidget(self.on)
        words = QVBoxLayout()
        words.setSpacing(2)
        self.state = Label("", "page-title")
        self.address = Label("", "code", "text-2")
        self.address.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.problem = Label("", "caption", "danger", wrap=True)
        words.addWidget(self.state)
        words.addWidget(self.address)
        words.addWidget(self.problem)
        head.addLayout(words, 1)
        self.copy = Button(icons, self.tr("Copy address"), "copy")
        self.copy.clicked.connect(self._copy_address)
        head.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignTop)
        return head

    def shown_address(self) -> str:
        """The address that other devices are told: of the network where it is shared."""
        server = self._context.server
        addresses = server.addresses if server is not None else ()
        if not addresses:
            wanted = self._context.settings.current.server
            return f"http://{HERE}:{wanted.port}"
        return addresses[0].replace(EVERYWHERE, next(iter(lan_addresses()), HERE))

    def own_address(self) -> str:
        """The address for programs on this computer, which need no token on its loopback."""
        server = self._context.server
        if server is None or not server.addresses:
            return self.shown_address()
        return server.addresses[0].replace(EVERYWHERE, HERE)

    def show_state(self) -> None:
        """What is in force."""
        server, wanted = self._context.server, self._context.settings.current.server
        running = server is not None and bool(server.addresses)
        problem = server.problem if server is not None else None
        self.on.setChecked(wanted.on)
        self.on.setEnabled(server is not None)
        self.state.setText(self.tr("Running") if running else self.tr("Off"))
        if wanted.on and problem is not None:
            self.state.setText(self.tr("Cannot run"))
        self.address.setText(self.shown_address())
        self.problem.setText(error_words(problem) if problem is not None else "")
        self.problem.setVisible(problem is not None)
        self.copy.setVisible(running)
        if not self.port.hasFocus():
            self.port.set_value(wanted.port)
        self.ollama.setChecked(wanted.ollama_port)
        self.lmstudio.setChecked(wanted.lmstudio_port)
        refused = server.refused_ports if server is not None and running else ()
        if refused:
            ports = ", ".join(map(str, refused))
            words = self.tr("Another program has port %1").replace("%1", ports)
            self.usual_row.say(words, "warning")
        else:
            self.usual_row.say("")
        shared = wanted.address != HERE
        self.share.setChecked(shared)
        self.need_token.setChecked(wanted.require_token)
        self.show_loaded()

    def show_loaded(self) -> None:
        """Which models other programs find ready."""
        ready = [each for each in self._context.runtime.loaded() if each.state == "ready"]
        self.dot.set_role("success" if ready else "text-3")
        if not ready:
            self.loaded.setText(self.tr("Nothing; a request loads its model"))
            return
        first = ready[0]
        words = first.model.name
        if first.info is not None:
            words += " · " + self.tr("%n slots", "", first.info.slots)
        if len(ready) > 1:
            words += " · " + self.tr("%1 more").replace("%1", str(len(ready) - 1))
        self.loaded.setText(words)

    def watch(self, on: bool) -> None:
        """Look at what is loaded from time to time, while somebody looks."""
        if on:
            self._timer.start()
        else:
            self._timer.stop()

    # What the person does

    def _choose(self, **changes: Any) -> None:
        settings = self._context.settings
        settings.update(server=replace(self._wanted(), **changes))

    def _wanted(self) -> Server:
        return self._context.settings.current.server

    def _choose_port(self) -> None:
        port = self.port.value()
        if port is not None and int(port) != self._wanted().port:
            self._choose(port=int(port))

    def _choose_share(self, on: bool) -> None:
        self._choose(address=EVERYWHERE if on else HERE)

    def _copy_address(self) -> None:
        QGuiApplication.clipboard().setText(self.shown_address())
        self.copy.set_icon("check")
        self.copy.setText(self.tr("Copied"))
        self._copied.start()

    def _offer_copy(self) -> None:
        self.copy.set_icon("copy")
        self.copy.setText(self.tr("Copy address"))


class _Row(QWidget):
    """Words at the left, controls at the right, 44 high or as the sentence wants."""

    def __init__(self, title: str, sentence: str, *controls: QWidget) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 12, 6)
        row.setSpacing(8)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addStretch(1)
        words.addWidget(Label(title))
        self._sentence = Label(sentence, "caption", "text-3")
        self._sentence.setVisible(bool(sentence))
        words.addWidget(self._sentence)
        words.addStretch(1)
        row.addLayout(words, 1)
        for control in controls:
            row.addWidget(control, 0, Qt.AlignmentFlag.AlignVCenter)
        self.setMinimumHeight(44)

    def say(self, sentence: str, role: str = "text-3") -> None:
        """Another sentence under the title."""
        self._sentence.setText(sentence)
        self._sentence.set_role(role)
        self._sentence.setVisible(bool(sentence))
