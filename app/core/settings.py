"""What a person has set: typed sections, checked ranges, kept in one JSON file."""

import json
import logging
import re
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from app.core.conversations import Picture
from app.core.errors import AppError, SettingsError
from app.core.events import EventHook
from app.core.files import locked, set_aside, storage_error, write_atomically
from app.core.memory import GuardRails
from backends.types import ContextPolicy, LoadConfig, SamplingParams

log = logging.getLogger(__name__)

VERSION = 1

Raw = dict[str, Any]
"""Settings as they lie in the file, unknown keys included."""

MIGRATIONS: Mapping[int, Callable[[Raw], Raw]] = {}
"""What turns a file of version N into one of version N + 1, by N."""


LANGUAGES = {"en": "English"}
"""What the window can be shown in: the name of each language, for people and models."""


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
    further_folders: tuple[str, ...] = ()
    """More folders that downloads may go to; what lies in them is Corral's own, as in `folder`."""
    extra_folders: tuple[str, ...] = ()
    """Folders whose models are used in place."""
    starter_seen: bool = False
    """The first-start page was shown and left."""
    recent: Annotated[tuple[str, ...], Meta(max_length=20)] = ()
    """Ids of the models used last, newest first."""
    load: dict[str, LoadConfig] = {}
    """Load settings the person chose, by model id."""
    sampling: dict[str, SamplingParams] = {}
    """Sampling values the person chose, by model id."""
    programs_asked: bool = False
    """Whether to use the models of other programs was asked, and answered."""


class Engine(Struct, frozen=True):
    """How models are run."""

    threads: Annotated[int, Meta(ge=1, le=256)] | None = None
    """None is physical cores - 1."""
    engine: Annotated[str, Meta(min_length=1, max_length=120)] = "automatic"
    """Id of the installed engine that runs models, "package" for that of the Python package; one
    that is not there counts as "automatic", the best that is."""
    cpu_code: Annotated[str, Meta(max_length=40, pattern=r"^[a-z0-9_.]+$")] = "automatic"
    """Which of the engine's codes for processors runs, such as "haswell"; one that it does not have
    counts as "automatic", the best that this processor can run."""
    default_load: LoadConfig = LoadConfig()
    guard_rails: GuardRails = "relaxed"
    """What is not loaded for want of memory unless the person insists."""
    idle_minutes: Annotated[int, Meta(ge=0, le=10_080)] = 60
    """A model that did nothing for so long is ejected; 0 never ejects."""
    make_room: bool = True
    """Idle models are ejected, longest idle first, when another one would not fit."""


class Mirror(Struct, frozen=True):
    """A further address of the model hub."""

    address: str
    send_token: bool = False
    """Send the person's hub token to it."""


class Proxy(Struct, frozen=True):
    """How connections to other computers leave this one."""

    mode: Literal["system", "none", "manual"] = "system"
    """The environment's and the system's proxy, none at all, or the one named here."""
    scheme: Literal["http", "https", "socks5"] = "http"
    """What is spoken with the proxy itself. A SOCKS proxy resolves names as well."""
    host: Annotated[str, Meta(max_length=253)] = ""
    port: Annotated[int, Meta(ge=1, le=65_535)] = 8080
    user: Annotated[str, Meta(max_length=200)] = ""
    """Empty: the proxy asks for no password."""
    password: Literal["none", "keyring", "file"] = "none"
    """Where the password lies (`app.core.keys`)."""
    no_proxy: tuple[str, ...] = ("localhost", "127.0.0.1", "::1")
    """Hosts that are reached without the proxy; ".example.org" is all of a domain."""


class Network(Struct, frozen=True):
    """What may leave this computer."""

    endpoint: str | None = None
    """Address of the model hub; None is `HF_ENDPOINT` or huggingface.co."""
    offline: bool = False
    """Nothing leaves this computer."""
    send_token_to: str | None = None
    """Address of the hub, other than the default one, that may see the person's hub token too."""
    mirrors: tuple[Mirror, ...] = ()
    """Asked in this order where `endpoint` does not answer."""
    token: Literal["none", "keyring", "file"] = "none"
    """Where the person's hub token lies (`app.core.keys`)."""
    account: Annotated[str, Meta(max_length=200)] = ""
    """The hub's name of who is logged in."""
    proxy: Proxy = Proxy()
    ca_file: str | None = None
    """A file of certificate authorities, in PEM, that are trusted besides the system's."""
    ollama_registry: str | None = None
    """Address of Ollama's registry; None is `CORRAL_OLLAMA_REGISTRY` or registry.ollama.ai."""


class Downloads(Struct, frozen=True):
    """When and how fast models are downloaded."""

    speed_limit: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    """Kilobytes (1000 bytes) a second for all downloads together; 0 is no limit."""
    only_hours: bool = False
    """Only from `begin` to `end`."""
    begin: Annotated[int, Meta(ge=0, lt=1440)] = 22 * 60
    """Minute of the day, local time."""
    end: Annotated[int, Meta(ge=0, lt=1440)] = 7 * 60
    """Minute of the day; before `begin` it is the next day's."""
    only_idle: bool = False
    """Only while nobody uses the computer."""
    idle_minutes: Annotated[int, Meta(ge=1, le=240)] = 10
    """Nobody uses it after so long without input."""
    notify: bool = True
    """Say on the desktop when everything is done, while the window is not in front."""
    look_for_updates: bool = True
    """Ask the hub once a day whether installed models have newer files."""


_CAREFUL = Network(offline=True)
"""In force where it cannot be known what the person had allowed."""


class RemoteEndpoint(Struct, frozen=True):
    """A server with models, on another machine or on this one. Its key is not here."""

    id: str
    name: Annotated[str, Meta(min_length=1, max_length=80)]
    """For people."""
    base_url: str
    models: tuple[str, ...] = ()
    """Names, on the server, of those that are listed."""
    context_length: Annotated[int, Meta(ge=256)] | None = None
    """Tokens, where the server does not tell."""
    key: Literal["none", "keyring", "file"] = "none"
    """Where its key lies (`app.core.keys`)."""


class Remotes(Struct, frozen=True):
    """Models on other machines."""

    endpoints: tuple[RemoteEndpoint, ...] = ()


class Chat(Struct, frozen=True):
    """How chats begin and behave."""

    default_preset: str = "general"
    user_name: Annotated[str, Meta(max_length=80)] = ""
    """What `{{user}}` in a system prompt stands for."""
    enter_sends: bool = True
    context_policy: ContextPolicy = "drop_oldest"
    """What happens when a chat outgrows the context."""
    terminal_history: bool = True
    """What is typed in a chat in the terminal is remembered there."""


class Server(Struct, frozen=True):
    """The local server, through which other programs use the models."""

    on: bool = False
    """It runs while the window is open."""
    address: Annotated[str, Meta(max_length=64)] = "127.0.0.1"
    """Address of this computer to listen at; 0.0.0.0 is all of them."""
    port: Annotated[int, Meta(ge=1, le=65_535)] = 11_500
    ollama_port: bool = False
    """Also answer on this computer where Ollama's clients look: 11434."""
    lmstudio_port: bool = False
    """Also answer on this computer where LM Studio's clients look: 1234."""
    require_token: bool = False
    """Want a token from programs on this computer too; others always need one."""
    origins: Annotated[tuple[str, ...], Meta(max_length=32)] = ()
    """Web pages, as `https://host:port`, whose scripts may use the server."""
    hosts: Annotated[tuple[str, ...], Meta(max_length=32)] = ()
    """Further names of this computer, such as those behind which a proxy shows it."""
    certificate: str | None = None
    """File with a TLS certificate and its chain, in PEM; None speaks plain HTTP."""
    certificate_key: str | None = None
    """File with its key; None: it is in the same file."""
    patience: Annotated[int, Meta(ge=1, le=3600)] = 30
    """Seconds that a client may stop in the middle of a request or an answer."""
    queue: Annotated[int, Meta(ge=0, le=1000)] = 64
    """Requests that may wait for a model; more are told to come back later."""
    upload_limit: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """Gigabytes (10^9 bytes) of a file that a client may upload to make a model of it."""
    log_prompts: bool = False
    """The request log shows what was asked and answered."""
    metrics: bool = False
    """`/metrics` tells Prometheus how much was done."""
    in_tray: bool = False
    """Closing the window leaves the program running in the system tray."""
    at_login: bool = False
    """Start in the tray when the person logs in."""


class Updates(Struct, frozen=True):
    """Newer versions of Corral itself."""

    look: bool | None = None
    """Ask once a day whether there is one; None: the person was not asked, and nothing is sent."""


class Window(Struct, frozen=True):
    """Where the window was when it was closed."""

    geometry: str = ""
    """Qt's own blob, base64."""
    state: str = ""
    page: str = "chat"
    conversation_id: int | None = None
    draft: str = ""
    """What was typed in a chat that had not begun."""
    draft_pictures: tuple[Picture, ...] = ()
    """What was attached there."""
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
    downloads: Downloads = Downloads()
    remote: Remotes = Remotes()
    chat: Chat = Chat()
    server: Server = Server()
    updates: Updates = Updates()
    window: Window = Window()


SECTIONS = tuple(name for name in Settings.__struct_fields__ if name != "version")


class SettingsStore:
    """The settings in force and their file. Safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        self.changed: EventHook[[Settings]] = EventHook()
        self.problem: AppError | None = None
        """What was wrong with the file at the start; what could not be used is at its default."""
        self._unread = False
        """Whether there is a file that nobody has been able to read."""
        self._path = path
        self._lock = threading.Lock()
        self._raw: Raw = {}
        self._saved = self._load()
        """As the file has them."""
        self._current = self._saved
        """As they are in force: `_saved`, but for `_overridden`."""
        self._overridden: dict[str, object] = {}
        """Fields of the section for the server with what holds for this run only."""

    @property
    def current(self) -> Settings:
        """The settings in force; quick."""
        return self._current

    def update(
        self,
        *,
        appearance: Appearance | None = None,
        models: Models | None = None,
        engine: Engine | None = None,
        network: Network | None = None,
        downloads: Downloads | None = None,
        remote: Remotes | None = None,
        chat: Chat | None = None,
        server: Server | None = None,
        updates: Updates | None = None,
        window: Window | None = None,
        meant: Collection[str] = (),
    ) -> Settings:
        """Replace the sections given, write the file, tell `changed`.

        What another program has changed in the file meanwhile stays, and comes into force here too:
        only values that differ from those in force here are written over it, and those of fields of
        the server that are `meant` although they are in force already, for this run only.

        Raises `SettingsError` for a value out of range and `StorageError` if the file cannot be
        written; the settings in force then stay as they were.
        """
        sections = {
            "appearance": appearance,
            "models": models,
            "engine": engine,
            "network": network,
            "downloads": downloads,
            "remote": remote,
            "chat": chat,
            "server": server,
            "updates": updates,
            "window": window,
        }
        given = {name: value for name, value in sections.items() if value is not None}
        with self._lock:
            wanted = checked(msgspec.structs.replace(self._current, **given))
            kept = {field: getattr(self._saved.server, field) for field in meant}
            if wanted == self._current and not kept.keys() & self._overridden.keys():
                return wanted
            in_file = msgspec.structs.replace(self._current.server, **kept)
            before = msgspec.structs.replace(self._current, server=in_file)
            with locked(self._path):
                stored_raw, stored = self._stored()
                settings = _rebased(wanted, before, stored)
                raw = _merged(stored_raw, msgspec.to_builtins(settings))
                write_atomically(self._path, msgspec.json.format(msgspec.json.encode(raw)))
            self._overridden = {
                field: value
                for field, value in self._overridden.items()
                if getattr(wanted.server, field) == value and field not in meant
            }
            self._raw, self._saved = raw, settings
            in_force = msgspec.structs.replace(settings.server, **self._overridden)
            self._current = msgspec.structs.replace(settings, server=in_force)
            settings = self._current
        self.changed(self._current)  # if another thread was quicker, not an older state last
        return settings

    def override(self, *, server: Server) -> Settings:
        """Put another section in force for this run of the program; the file stays as it is.

        A field in which it differs holds until `update` gives that field another value.

        Raises `SettingsError` for a value out of range.
        """
        with self._lock:
            settings = checked(msgspec.structs.replace(self._current, server=server))
            self._overridden = {
                field: value
                for field, value in msgspec.structs.asdict(server).items()
                if value != getattr(self._saved.server, field)
            }
            self._current = settings
        self.changed(settings)
        return settings

    def _stored(self) -> tuple[Raw, Settings]:
        """What lies in the file now; what is in force here if that cannot be used as it is."""
        try:
            data = self._path.read_bytes()
        except OSError as error:
            if self._unread and not isinstance(error, FileNotFoundError):
                raise storage_error("The settings were not written", self._path, error) from error
            return self._raw, self._saved
        self._unread = False
        try:
            raw = migrated(msgspec.json.decode(data, type=Raw))
        except (msgspec.DecodeError, ValueError, RecursionError):
            return self._raw, self._saved
        settings, refused = _sections_from(raw)
        return (self._raw, self._saved) if refused else (raw, settings)

    def _load(self) -> Settings:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return Settings()
        except OSError as error:
            self._unread = True
            self.problem = storage_error("The settings could not be read", self._path, error)
            return Settings(network=_CAREFUL)
        try:
            found = msgspec.json.decode(data, type=Raw)
            raw = migrated(found, MIGRATIONS, VERSION)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            sections = salvaged(data)
            return self._rescue(
                sections, "It is damaged", str(error), allowed="network" in sections
            )
        if found.get("version", 1) < VERSION:
            self._keep_older()
        settings, refused = _sections_from(raw)
        if not refused:
            self._raw = raw
            return settings
        whole = {name: value for name, value in raw.items() if name not in refused}
        newer = raw["version"] > VERSION
        whose = "It is of a newer Corral. Not understood" if newer else "Not valid"
        why = f"{whose} in it: {', '.join(refused)}"
        detail = "; ".join(refused.values())
        return self._rescue(whole, why, detail, allowed="network" not in refused)

    def _keep_older(self) -> None:
        """Copy the file, with the presets beside it, before this version writes it anew."""
        # Needed once a version; each start and command would wait for SQLite otherwise.
        from app.core.data_backup import back_up

        try:
            back_up(self._path.parent, "")
        except AppError as error:
            self.problem = error

    def _rescue(self, sections: Raw, why: str, detail: str, *, allowed: bool) -> Settings:
        """Go on with the `sections` that are whole; the file is set aside and written anew.

        `allowed` says whether it is known what the person had allowed the network. Who had switched
        it off must not go online because of a damaged file.
        """
        settings, _ = _sections_from({"version": VERSION, **sections})
        instead = "The rest is at its defaults" if sections else "Everything is at its default"
        if settings.network.offline:
            instead += ", and Corral stays offline"
        elif not allowed:
            settings = msgspec.structs.replace(settings, network=_CAREFUL)
            instead += ", and Corral is offline until you switch that off"
        self._raw = _merged(sections, msgspec.to_builtins(settings))
        if not self._set_aside(why, instead, detail):
            return settings
        try:
            write_atomically(self._path, msgspec.json.format(msgspec.json.encode(self._raw)))
        except AppError as error:
            log.warning("the settings that were saved could not be written: %s", error)
        return settings

    def _set_aside(self, why: str, instead: str, detail: str) -> bool:
        """Keep the file under another name and say so in `problem`; False if it had to stay."""
        title = "The settings file could not be used as it is"
        try:
            aside = set_aside(self._path)
        except AppError as error:
            self.problem = SettingsError(title, f"{why}. {instead}.", error.hint, detail)
            moved = False
        else:
            moved = True
            kept = f"The file was kept as {aside.name}"
            self.problem = SettingsError(
                title, f"{why}. {instead}. {kept}.", "Set what you miss again.", detail
            )
        log.warning("%s (%s)", self.problem, detail)
        return moved


def checked(settings: Settings) -> Settings:
    """`settings` with every value in its range; raises `SettingsError` naming the one that is not.

    Constructors don't check ranges, decoding does.
    """
    try:
        return msgspec.convert(msgspec.to_builtins(settings), Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(
            "This setting is not valid", f"{error}.", "The old value stays in force."
        ) from error


def migrated(
    raw: Raw, migrations: Mapping[int, Callable[[Raw], Raw]] = MIGRATIONS, version: int = VERSION
) -> Raw:
    """`raw` brought to `version` step by step; a newer file is read as far as it is understood.

    Raises `ValueError` if its version is not a number that could be one.
    """
    found = raw.get("version", 1)
    if not isinstance(found, int) or found < 1:
        raise ValueError(f"version {found!r}")
    for step in range(found, version):
        raw = migrations[step](raw)
    return {**raw, "version": max(found, version)}


def salvaged(data: bytes) -> Raw:
    """The sections of a damaged settings file that are whole and valid, by name."""
    text = data.decode("utf-8", errors="replace")
    decoder = json.JSONDecoder()
    found: Raw = {}
    for field in msgspec.structs.fields(Settings):
        start = re.search(rf'"{field.name}"\s*:\s*(?=\{{)', text)
        if start is None:
            continue
        try:
            section, _ = decoder.raw_decode(text, start.end())
            msgspec.convert(section, field.type)
        except (ValueError, RecursionError):
            continue
        found[field.name] = section
    return found


def _sections_from(raw: Raw) -> tuple[Settings, dict[str, str]]:
    """The settings in `raw`; and for each section that is not valid, what is wrong with it."""
    refused = {}
    values: Raw = {"version": raw["version"]}
    for field in msgspec.structs.fields(Settings):
        if field.name == "version" or field.name not in raw:
            continue
        try:
            values[field.name] = msgspec.convert(raw[field.name], field.type)
        except msgspec.ValidationError as error:
            refused[field.name] = f"{field.name}: {error}"
    return Settings(**values), refused


def _rebased(wanted: Settings, before: Settings, stored: Settings) -> Settings:
    """`stored`, with the values in which `wanted` differs from `before`."""
    sections = {}
    for name in SECTIONS:
        mine, old, theirs = (getattr(each, name) for each in (wanted, before, stored))
        changed = {
            field: value
            for field, value in msgspec.structs.asdict(mine).items()
            if value != getattr(old, field)
        }
        sections[name] = msgspec.structs.replace(theirs, **changed)
    return msgspec.structs.replace(stored, **sections)


def _merged(old: Raw, new: Raw) -> Raw:
    """`new`, with keys of `old` that this version does not know, section by section."""
    merged = {**old, **new}
    for name, section in new.items():
        if isinstance(section, dict) and isinstance(old.get(name), dict):
            merged[name] = {**old[name], **section}
    return merged
