"""Where Corral keeps its files, and where it finds the ones it ships with."""

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs
from msgspec import Struct

HOME_VARIABLE = "CORRAL_HOME"
"""Environment variable that moves every file Corral writes under one folder."""

_APP_NAME = "Corral"


class AppPaths(Struct, frozen=True):
    """The folders Corral writes to. Nothing is created until something is written."""

    data: Path
    """What a person would miss: settings, presets, conversations, the list of downloads."""
    cache: Path
    """What can be fetched or computed again."""
    logs: Path
    models: Path
    """Where downloaded models go unless the settings name another folder."""

    @property
    def conversations(self) -> Path:
        """Database of all conversations."""
        return self.data / "conversations.db"

    @property
    def kept_conversations(self) -> Path:
        """What engines have computed of chats that shall be kept on disk."""
        return self.cache / "conversations"

    @property
    def settings_file(self) -> Path:
        """The settings, as JSON."""
        return self.data / "settings.json"

    @property
    def presets_dir(self) -> Path:
        """The person's own presets and changed built-in ones, one JSON file each."""
        return self.data / "presets"

    @property
    def preset_drafts_dir(self) -> Path:
        """Presets as they were edited and not saved, one JSON file each."""
        return self.data / "preset-drafts"

    @property
    def estimates_file(self) -> Path:
        """What loaded models really took of the memory, as JSON."""
        return self.data / "estimates.json"

    @property
    def engines_file(self) -> Path:
        """What was learned of engines, as JSON."""
        return self.data / "engines.json"

    @property
    def model_files_file(self) -> Path:
        """Checksums of model files and where they came from, as JSON."""
        return self.data / "model-files.json"

    @property
    def folders_file(self) -> Path:
        """What tells further models folders from mount points without their drive, as JSON."""
        return self.data / "folders.json"

    @property
    def speeds_file(self) -> Path:
        """How fast models answered, as JSON."""
        return self.data / "speeds.json"

    @property
    def marks_file(self) -> Path:
        """Bookmarked models of the hub and those looked at lately, as JSON."""
        return self.data / "models.json"

    @property
    def seen_models(self) -> Path:
        """What the hub told of models, one JSON file each."""
        return self.cache / "seen"

    @property
    def base_templates(self) -> Path:
        """Chat templates of models' makers, as the hub gave them, one JSON file each."""
        return self.cache / "templates"

    @property
    def downloads_file(self) -> Path:
        """The list of downloads, as JSON."""
        return self.data / "downloads.json"

    @property
    def ledger_file(self) -> Path:
        """Database of the connections that were made to other computers."""
        return self.data / "connections.db"

    @property
    def names_file(self) -> Path:
        """Which model has a short name that several could have, as JSON."""
        return self.data / "model-names.json"

    @property
    def tokens_file(self) -> Path:
        """Who may use the local server, as JSON."""
        return self.data / "tokens.json"

    @property
    def running_file(self) -> Path:
        """How the running program is reached by its own commands, as JSON."""
        return self.data / "running.json"

    @property
    def server_dir(self) -> Path:
        """What clients of the local server left with it: responses, chats by token, names."""
        return self.data / "server"

    @property
    def updates_file(self) -> Path:
        """What was downloaded and whether there are newer files, as JSON."""
        return self.data / "updates.json"

    @property
    def program_updates(self) -> Path:
        """What is known of newer versions of Corral, and their packages."""
        return self.data / "program-updates"


def app_paths(env: Mapping[str, str] | None = None) -> AppPaths:
    """The folders in force: all under `CORRAL_HOME` if it is set, else the system's usual places.

    `env` is the environment to look in, by default the process's own.
    """
    home = (os.environ if env is None else env).get(HOME_VARIABLE, "")
    if home:
        root = Path(home).expanduser().absolute()
        return AppPaths(root / "data", root / "cache", root / "logs", root / "models")
    data = platformdirs.user_data_path(_APP_NAME, appauthor=False)
    return AppPaths(
        data=data,
        cache=platformdirs.user_cache_path(_APP_NAME, appauthor=False),
        logs=platformdirs.user_log_path(_APP_NAME, appauthor=False),
        models=data / "models",
    )


def resource(name: str) -> Path:
    """The shipped file or folder `name`, such as "presets/coder.json".

    `resources` lies beside the package `app` in a checkout, in a wheel and in a frozen build.
    """
    return Path(__file__).resolve().parents[2] / "resources" / name
