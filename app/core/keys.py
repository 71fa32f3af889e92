"""Keys of other people's servers, kept where the system keeps passwords.

Each key belongs to a server: a key is found again only under the address it was given for, so a
changed address never gets it. Where the system has no place for passwords, and only if the person
agrees, keys lie in a file that nobody else may read.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Iterator
from typing import ClassVar, Literal
from urllib.parse import urlsplit

import msgspec

from app.core.errors import ModelError, StorageError
from app.core.files import storage_error, write_atomically
from app.core.paths import AppPaths

log = logging.getLogger(__name__)

SERVICE = "corral"
"""Under this name the entries stand in the system's list of passwords."""

KeyPlace = Literal["none", "keyring", "file"]
"""Where a key lies; "none" is that there is no key."""


class NoKeyring(ModelError):
    """The system has no place for passwords, or it is locked."""

    code: ClassVar[str] = "no_keyring"


class KeyStore:
    """Reads and writes keys. Blocks: the system may ask the person for a password first."""

    def __init__(self, paths: AppPaths) -> None:
        self._file = paths.data / "keys.json"
        self._lock = threading.Lock()

    def put(self, endpoint_id: str, address: str, key: str, place: KeyPlace) -> None:
        """Keep a key.

        Raises:
            NoKeyring: the system has no place for it.
            StorageError: the file cannot be written.
        """
        name = _entry(endpoint_id, address)
        if place == "keyring":
            with _explained():
                import keyring

                keyring.set_password(SERVICE, name, key)
        elif place == "file":
            with self._lock:
                self._write({**self._read(), name: key})

    def get(self, endpoint_id: str, address: str, place: KeyPlace) -> str:
        """The key; "" where there is none. Raises like `put`."""
        name = _entry(endpoint_id, address)
        if place == "keyring":
            with _explained():
                import keyring

                return keyring.get_password(SERVICE, name) or ""
        return self._read().get(name, "") if place == "file" else ""

    def forget(self, endpoint_id: str, address: str, place: KeyPlace) -> None:
        """Delete a key; one that is not there is no error. Raises like `put`."""
        name = _entry(endpoint_id, address)
        if place == "keyring":
            with _explained():
                import keyring

                if keyring.get_password(SERVICE, name) is not None:
                    keyring.delete_password(SERVICE, name)
        elif place == "file":
            with self._lock:
                keys = self._read()
                if keys.pop(name, None) is not None:
                    self._write(keys)

    def _read(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        except msgspec.DecodeError as error:
            raise StorageError(
                "The file with keys is damaged",
                f"{self._file} cannot be read.",
                "Delete it and give the keys anew in Settings, under Remote models.",
            ) from error
        except OSError as error:
            raise storage_error("The keys could not be read", self._file, error) from error

    def _write(self, keys: dict[str, str]) -> None:
        if not keys:
            try:
                self._file.unlink(missing_ok=True)
            except OSError as error:
                raise storage_error("The keys could not be deleted", self._file, error) from error
            return
        write_atomically(self._file, msgspec.json.encode(keys))
        try:
            os.chmod(self._file, 0o600)  # as it was made already; said once more for a linked file
        except OSError as error:
            raise storage_error("The keys could not be protected", self._file, error) from error


def _entry(endpoint_id: str, address: str) -> str:
    parts = urlsplit(address)
    return f"{endpoint_id} {parts.scheme}://{parts.netloc}"


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn every failure of the system's place for passwords into a `NoKeyring`."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - each system's part raises kinds of its own
        log.info("no keyring: %s", type(error).__name__)
        raise NoKeyring(
            "This computer's password store cannot be used",
            "The key was neither stored nor read: there is no keyring service, or it is locked.",
            "Unlock or start it (GNOME Keyring, KWallet), or keep the key in a file that only you "
            "can read.",
            type(error).__name__,
        ) from None
