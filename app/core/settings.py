"""What a person has set: typed sections, checked ranges, kept in one JSON file."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from app.core.errors import AppError
from app.core.events import EventHook
from backends.types import LoadConfig

VERSION = 1


class Appearance(Struct, frozen=True):
    """How the window looks."""

    theme: Literal["system", "light", "dark"] = "system"
    font_size: Annotated[int, Meta(ge=12, le=22)] = 15
    """Pixels of the reading text; the rest follows."""
    language: Literal["en"] = "en"


class Models(Struct, frozen=True):
    """Where models are and what was done with them."""

    folder: str | None = None
    """Where downloads go; None is `AppPaths.models`."""
    extra_folders: tuple[str, ...] = ()
    """Folders whose models are used in place."""
    starter_seen: bool = False
    """The first-start page was shown and left."""
    recent: Annotated[tuple[str, ...], Meta(max_length=20)] = ()
    """Ids of the models used last, newest first."""
    load: dict[str, LoadConfig] = {}
    """Load settings the person chose, by model id."""


class Engine(Struct, frozen=True):
    """How models are run."""

    threads: Annotated[int, Meta(ge=1, le=256)] | None = None
    """None is physical cores - 1."""
    default_load: LoadConfig = LoadConfig()


class Network(Struct, frozen=True):
    """What may leave this computer."""

    endpoint: str | None = None
    """Address of the model hub; None is `HF_ENDPOINT` or huggingface.co."""
    offline: bool = False
    """Nothing leaves this computer."""
    send_token: bool = True
    """Send the person's hub token, where one is stored, with requests to the hub."""


class Chat(Struct, frozen=True):
    """How chats begin and behave."""

    default_preset: str = "general"
    user_name: Annotated[str, Meta(max_length=80)] = ""
    """What `{{user}}` in a system prompt stands for."""
    enter_sends: bool = True


class Window(Struct, frozen=True):
    """Where the window was when it was closed."""

    geometry: str = ""
    """Qt's own blob, base64."""
    state: str = ""
    page: str = "chat"
    conversation_id: int | None = None
    chat_list_width: Annotated[int, Meta(ge=240, le=360)] = 264
    """Pixels."""
    inspector_open: bool = True


class Settings(Struct, frozen=True):
    """All settings."""

    version: int = VERSION
    appearance: Appearance = Appearance()
    models: Models = Models()
    engine: Engine = Engine()
    network: Network = Network()
    chat: Chat = Chat()
    window: Window = Window()


class SettingsStore:
    """The settings in force and their file. Safe to use from any thread."""

    changed: EventHook[[Settings]]
    problem: AppError | None
    """What was wrong with the file at the start; it was set aside and defaults are in force."""

    def __init__(self, path: Path) -> None:
        raise NotImplementedError

    @property
    def current(self) -> Settings:
        """The settings in force; quick."""
        raise NotImplementedError

    def update(
        self,
        *,
        appearance: Appearance | None = None,
        models: Models | None = None,
        engine: Engine | None = None,
        network: Network | None = None,
        chat: Chat | None = None,
        window: Window | None = None,
    ) -> Settings:
        """Replace the sections given, write the file, tell `changed`.

        Raises `SettingsError` for a value out of range and `StorageError` if the file cannot be
        written; the settings in force then stay as they were.
        """
        raise NotImplementedError
