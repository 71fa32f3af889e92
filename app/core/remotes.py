"""Models on other machines: which servers a person has added, and what is used of them.

Servers are kept in the settings, their keys in the system's password store. Each chosen model is
listed like one on this computer; it is "loaded" by a descriptor that goes to the engine child
through its pipe.
"""

import re
import threading
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import structs

from app.core.engine_errors import refusal
from app.core.errors import ModelError, NotFoundError, SettingsError
from app.core.hub_gate import HubGate
from app.core.keys import KeyPlace, KeyStore
from app.core.library_types import LocalModel
from app.core.settings import RemoteEndpoint, Remotes, SettingsStore
from backends.contacts import Tell
from backends.errors import BackendError
from backends.remote.descriptor import SUFFIX, RemoteAccess, clean_address, is_loopback

PREFIX = "remote/"
"""How the ids of remote models begin: "remote/endpoint/name on the server"."""


class RemoteStore:
    """Adds, asks and removes servers. All methods but `endpoint` and `allows` block."""

    def __init__(
        self,
        settings: SettingsStore,
        keys: KeyStore,
        *,
        gate: HubGate | None = None,
        tell: Tell | None = None,
    ) -> None:
        """`gate` knows the proxy and the authorities; `tell` hears of every connection."""
        self.tell = tell
        self._gate = gate or HubGate(settings, keys)
        self._settings = settings
        self._keys = keys
        self._changing = threading.Lock()
        """Held while the list of servers is changed."""

    @property
    def _endpoints(self) -> tuple[RemoteEndpoint, ...]:
        return self._settings.current.remote.endpoints

    def endpoint(self, endpoint_id: str) -> RemoteEndpoint:
        """A server by its id. Raises `NotFoundError`."""
        for each in self._endpoints:
            if each.id == endpoint_id:
                return each
        raise NotFoundError(
            "This server is not in Settings any more",
            "Its models cannot be used.",
            "Add it again in Settings, under Remote models.",
        )

    def offered(self, address: str, key: str = "") -> tuple[str, ...]:
        """The names of the models that the server at an address offers, asked now.

        Raises:
            SettingsError: the address is none.
            ModelError: it cannot be reached or refuses, or the offline switch is on.
        """
        address = checked_address(address)
        access = RemoteAccess(address, "-", api_key=key, route=self._gate.route())
        self._check_online(access.base_url)
        # Its HTTP client takes half a second to import, and few people need it.
        from backends.remote.connection import Connection
        from backends.remote.server import LOOK_SECONDS, served_models

        try:
            with Connection(access, patience=LOOK_SECONDS, tell=self.tell) as connection:
                return tuple(model.id for model in served_models(connection))
        except BackendError as error:
            raise refusal(error) from error

    def offered_by(self, endpoint: RemoteEndpoint) -> tuple[str, ...]:
        """The same of a server that was added, with its key. Raises `NoKeyring` as well."""
        return self.offered(endpoint.base_url, self._key(endpoint))

    def add(
        self,
        name: str,
        address: str,
        key: str = "",
        *,
        models: Iterable[str] = (),
        place: KeyPlace = "keyring",
    ) -> RemoteEndpoint:
        """Add a server; its key, if it has one, is kept in `place`.

        Raises:
            SettingsError: the address is none, or the name is empty.
            NoKeyring: there is no place for the key; nothing was added.
            StorageError: settings or keys cannot be written; nothing was added.
        """
        key = key.strip()
        with self._changing:
            endpoint = RemoteEndpoint(
                id=self._free_id(name),
                name=name.strip(),
                base_url=checked_address(address),
                models=tuple(models),
                key=place if key else "none",
            )
            self._keys.put(endpoint.id, endpoint.base_url, key, endpoint.key)
            try:
                self._update((*self._endpoints, endpoint))
            except BaseException:
                self._keys.forget(endpoint.id, endpoint.base_url, endpoint.key)
                raise
        return endpoint

    def choose_models(self, endpoint_id: str, models: Iterable[str]) -> None:
        """Which of a server's models are listed. Raises `NotFoundError` and `StorageError`."""
        with self._changing:
            chosen = structs.replace(self.endpoint(endpoint_id), models=tuple(models))
            self._update(chosen if each.id == endpoint_id else each for each in self._endpoints)

    def remove(self, endpoint_id: str) -> None:
        """Forget a server and its key. Raises `NotFoundError`, `NoKeyring` and `StorageError`."""
        with self._changing:
            endpoint = self.endpoint(endpoint_id)
            self._keys.forget(endpoint.id, endpoint.base_url, endpoint.key)
            self._update(each for each in self._endpoints if each.id != endpoint_id)

    def descriptor(self, model: LocalModel) -> str:
        """What the engine loads a remote model from, key included: for its pipe and nothing else.

        Raises `ModelError`: no such server, no key, or the offline switch is on.
        """
        endpoint = self._endpoint_of(model)
        self._check_online(endpoint.base_url)
        access = RemoteAccess(
            endpoint.base_url,
            served_name(model),
            context_length=endpoint.context_length,
            loopback_only=self._settings.current.network.offline,
            api_key=self._key(endpoint),
            route=self._gate.route(),
        )
        return msgspec.json.encode(access).decode()

    def allows(self, model: LocalModel) -> bool:
        """Whether a remote model may be used: it is chosen, and not out of reach. Quick."""
        try:
            endpoint = self._endpoint_of(model)
            self._check_online(endpoint.base_url)
        except ModelError:
            return False
        return served_name(model) in endpoint.models

    def _endpoint_of(self, model: LocalModel) -> RemoteEndpoint:
        endpoint_id = model.id.removeprefix(PREFIX).partition("/")[0]
        try:
            return self.endpoint(endpoint_id)
        except NotFoundError as error:
            raise ModelError(error.title, error.message, error.hint) from error

    def _key(self, endpoint: RemoteEndpoint) -> str:
        key = self._keys.get(endpoint.id, endpoint.base_url, endpoint.key)
        if endpoint.key != "none" and not key:
            raise ModelError(
                f"The key of {endpoint.name} is gone",
                "It is not in the password store any more, so the server was not asked.",
                "Remove the server in Settings, under Remote models, and add it again.",
            )
        return key

    def _check_online(self, address: str) -> None:
        if self._settings.current.network.offline and not is_loopback(address):
            raise ModelError(
                "Corral is offline",
                "The model is on another computer, and the offline switch is on, so nothing was "
                "sent.",
                "Switch Offline off in Settings, or choose a model on this computer.",
            )

    def _free_id(self, name: str) -> str:
        taken = {each.id for each in self._endpoints}
        plain = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")
        if not name.strip():
            raise SettingsError("The server has no name", "", "Give it one to find it again.")
        number, wanted = 1, plain or "server"
        while wanted in taken:
            number += 1
            wanted = f"{plain or 'server'}-{number}"
        return wanted

    def _update(self, endpoints: Iterable[RemoteEndpoint]) -> None:
        remote = structs.replace(self._settings.current.remote, endpoints=tuple(endpoints))
        self._settings.update(remote=remote)


def checked_address(address: str) -> str:
    """An address as it is used. Raises `SettingsError`, whose message says what is wrong."""
    try:
        return clean_address(address)
    except ValueError as error:
        raise SettingsError(
            "The server's address cannot be used",
            str(error),
            "Write it like http://192.168.1.5:8080 or https://models.example.org/v1.",
        ) from error


def remote_models(remote: Remotes) -> tuple[LocalModel, ...]:
    """The chosen models of all servers, as lists and the runtime see them."""
    return tuple(
        LocalModel(
            id=f"{PREFIX}{endpoint.id}/{name}",
            name=name.rpartition("/")[2] or name,
            path=Path(PREFIX, endpoint.id, name + SUFFIX),
            files=(),
            size=0,
            context_length=endpoint.context_length,
            publisher=endpoint.name,
            source="remote",
            read_only=True,
            format="remote",
        )
        for endpoint in remote.endpoints
        for name in endpoint.models
    )


def served_name(model: LocalModel) -> str:
    """What the server calls a remote model."""
    return model.id.removeprefix(PREFIX).partition("/")[2]


def without_model(remote: Remotes, model: LocalModel) -> Remotes:
    """The settings without one model; its server stays."""
    name = served_name(model)
    endpoint_id = model.id.removeprefix(PREFIX).partition("/")[0]
    endpoints = tuple(
        structs.replace(each, models=tuple(model for model in each.models if model != name))
        if each.id == endpoint_id
        else each
        for each in remote.endpoints
    )
    return structs.replace(remote, endpoints=endpoints)
