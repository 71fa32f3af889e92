"""The section of the settings for models on other machines."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.core.errors import AppError
from app.gui.controls.buttons import Button, IconButton
from app.gui.formatting import number
from app.gui.remote_editor import RemoteEditor
from app.gui.settings_rows import SettingGroup, SettingRow, SettingSection
from backends.remote.descriptor import is_loopback

if TYPE_CHECKING:
    from app.core.settings import RemoteEndpoint, Remotes, Settings
    from app.gui.context import AppContext


class RemoteSection(SettingSection):
    """Servers: added, tested, their models chosen, removed."""

    section_id = "remote"
    icon = "monitor"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self._group: SettingGroup | None = None
        self._shown: Remotes | None = None
        self.rows: dict[str, SettingRow] = {}
        """By the id of the server."""
        self.tests: dict[str, Button] = {}
        """Their buttons that ask the server."""
        self.editor: RemoteEditor | None = None
        self.add_button = Button(context.icons, self.tr("Add server…"), "plus", small=True)
        self.add_button.clicked.connect(lambda: self.edit(None))
        self.column.addStretch(1)

    def title(self) -> str:
        """Its name."""
        return self.tr("Remote models")

    def show_settings(self, settings: Settings) -> None:
        """Take over what is in force."""
        if settings.remote == self._shown:
            return
        self._shown = settings.remote
        self.add_button.setParent(self)
        if self._group is not None:
            self.groups.remove(self._group)
            self._group.deleteLater()
        self.tests = {}
        self.rows = {each.id: self._row(each) for each in settings.remote.endpoints}
        add = SettingRow(
            self.tr("Use models that run elsewhere"),
            self.tr(
                "Any server that speaks OpenAI’s protocol: llama.cpp, vLLM, Ollama, another "
                "Corral. Chats with its models are sent to it."
            ),
            self.add_button,
        )
        self._group = SettingGroup(self.tr("Servers"), *self.rows.values(), add)
        self.groups.append(self._group)
        self.column.insertWidget(0, self._group)

    def _row(self, endpoint: RemoteEndpoint) -> SettingRow:
        icons = self._context.icons
        choose = Button(icons, self.tr("Models…"), small=True)
        choose.setAccessibleName(self.tr("Models of %1").replace("%1", endpoint.name))
        choose.clicked.connect(partial(self._choose, endpoint))
        test = Button(icons, self.tr("Test"), small=True)
        test.setAccessibleName(self.tr("Test %1").replace("%1", endpoint.name))
        test.clicked.connect(partial(self._test, endpoint))
        self.tests[endpoint.id] = test
        name = self.tr("Remove %1").replace("%1", endpoint.name)
        remove = IconButton(icons, "x", name, small=True)
        remove.clicked.connect(partial(self._ask_remove, endpoint))
        return SettingRow(endpoint.name, self._sentence(endpoint), choose, test, remove)

    def _sentence(self, endpoint: RemoteEndpoint) -> str:
        """Address, models, key, and a warning where others can listen."""
        count = len(endpoint.models)
        models = self.tr("1 model") if count == 1 else self.tr("%1 models")
        keys = {
            "none": self.tr("no key"),
            "keyring": self.tr("key in the password store"),
            "file": self.tr("key in a file"),
        }
        parts = [endpoint.base_url, models.replace("%1", number(count)), keys[endpoint.key]]
        if endpoint.base_url.startswith("http:") and not is_loopback(endpoint.base_url):
            parts.append(self.tr("not encrypted"))
        return " · ".join(parts)

    # What the person does

    def edit(self, endpoint: RemoteEndpoint | None) -> None:
        """Open the panel that adds a server, or chooses models of one."""
        self.editor = RemoteEditor(self._context, self.window(), endpoint)
        self.editor.destroyed.connect(self._forget_editor)
        self.editor.begin()

    def _forget_editor(self) -> None:
        self.editor = None

    def _choose(self, endpoint: RemoteEndpoint, _checked: bool = False) -> None:
        self.edit(endpoint)

    def _test(self, endpoint: RemoteEndpoint, _checked: bool = False) -> None:
        self._say(endpoint.id, self.tr("Asking…"), "accent")
        self._context.worker.run(
            self._context.remotes.offered_by,
            endpoint,
            done=partial(self._answered, endpoint),
            failed=partial(self._refused, endpoint),
        )

    def _answered(self, endpoint: RemoteEndpoint, offered: tuple[str, ...]) -> None:
        missing = [name for name in endpoint.models if name not in offered]
        if missing:
            words = self.tr("It answers, but does not offer %1 any more")
            self._say(endpoint.id, words.replace("%1", ", ".join(missing)), "warning")
            return
        words = self.tr("It answers, and offers %1 models")
        if len(offered) == 1:
            words = self.tr("It answers, and offers 1 model")
        self._say(endpoint.id, words.replace("%1", number(len(offered))), "success")

    def _refused(self, endpoint: RemoteEndpoint, error: AppError) -> None:
        self._say(endpoint.id, f"{error.title}. {error.message} {error.hint}".strip(), "danger")

    def _say(self, endpoint_id: str, sentence: str, role: str) -> None:
        """A sentence in the row of a server, unless it was removed meanwhile."""
        if endpoint_id in self.rows:
            self.rows[endpoint_id].say(sentence, role)
            self.tests[endpoint_id].setEnabled(role != "accent")

    def _ask_remove(self, endpoint: RemoteEndpoint, _checked: bool = False) -> None:
        self._context.notifier.confirm(
            self.tr("Remove “%1”?").replace("%1", endpoint.name),
            self.tr("Its models leave the lists and its key is deleted. Chats are kept."),
            self.tr("Remove"),
            partial(self._remove, endpoint),
            danger=True,
        )

    def _remove(self, endpoint: RemoteEndpoint, yes: bool) -> None:
        if yes:
            self._context.worker.run(self._context.remotes.remove, endpoint.id)
