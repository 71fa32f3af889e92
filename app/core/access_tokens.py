"""Tokens that let other programs and devices use the local server: made, checked, taken back.

A token is shown once, when it is made; only its SHA-256 is kept. It is 256 random bits, so a plain
hash is enough: there is nothing to guess.
"""

import hashlib
import hmac
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from app.core.errors import AppError, NotFoundError, StorageError
from app.core.events import EventHook
from app.core.files import locked, storage_error, write_atomically

log = logging.getLogger(__name__)

Scope = Literal["chat", "models", "admin"]
"""What a token allows: to use models; to load, fetch and delete them as well; everything."""

SCOPES: tuple[Scope, ...] = ("chat", "models", "admin")
PREFIX = "corral-"


class AccessToken(Struct, frozen=True):
    """What is known of a token. The token itself is not here."""

    id: str
    name: str
    """For people: whose it is."""
    scopes: tuple[Scope, ...]
    sha256: str
    """Of the token, as hexadecimal digits."""
    created: float
    """Unix seconds."""

    def allows(self, scope: Scope) -> bool:
        """Whether it may be used for `scope`; "admin" allows everything."""
        return scope in self.scopes or "admin" in self.scopes


class AccessTokens:
    """The tokens in their file. Thread-safe; `changed` fires in the calling thread."""

    def __init__(self, path: Path) -> None:
        self.changed: EventHook[[]] = EventHook()
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._known: tuple[AccessToken, ...] = ()
        self.problem: AppError | None = None
        """What was wrong with the file when it was read last; no token is valid then."""

    def all(self) -> tuple[AccessToken, ...]:
        """Every token, oldest first. Looks whether another program has changed the file."""
        with self._lock:
            return self._fresh()

    def issue(self, name: str, scopes: Iterable[Scope]) -> tuple[AccessToken, str]:
        """A new token, and the secret that nobody can be told again.

        Raises:
            AppError: it has no name or no scope.
            StorageError: the file cannot be written.
        """
        chosen = tuple(scope for scope in SCOPES if scope in set(scopes))
        name = " ".join(name.split())[:80]
        if not name or not chosen:
            raise AppError(
                "The token was not made", "It needs a name and something that it allows."
            )
        secret = PREFIX + secrets.token_urlsafe(32)
        token = AccessToken(secrets.token_hex(4), name, chosen, sha256_of(secret), time.time())
        self._change(lambda known: (*known, token))
        return token, secret

    def revoke(self, token_id: str) -> AccessToken:
        """Make a token invalid at once. Raises NotFoundError or StorageError."""
        gone = next((token for token in self.all() if token.id == token_id), None)
        if gone is None:
            raise NotFoundError(
                f"There is no token {token_id}", hint="List them with “corral token ls”."
            )
        self._change(lambda known: tuple(each for each in known if each.id != token_id))
        return gone

    def check(self, secret: str) -> AccessToken | None:
        """Whose token `secret` is; None if nobody's. Takes as long for a wrong one."""
        given = sha256_of(secret)
        found = None
        for token in self.all():
            if hmac.compare_digest(token.sha256, given):
                found = token
        return found

    def _fresh(self) -> tuple[AccessToken, ...]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._stamp, self._known, self.problem = None, (), None
            return ()
        except OSError as error:
            self.problem = storage_error("The tokens could not be read", self._path, error)
            return ()
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp != self._stamp:
            try:
                self._known, self.problem = _read(self._path), None
            except AppError as error:
                log.warning("%s", error)
                self._known, self.problem = (), error
            self._stamp = stamp
        return self._known

    def _change(self, change: Callable[[tuple[AccessToken, ...]], tuple[AccessToken, ...]]) -> None:
        with self._lock:
            with locked(self._path):
                known = change(_read(self._path))
                write_atomically(self._path, msgspec.json.format(msgspec.json.encode(known)))
            self._stamp = None
            self._fresh()
        try:
            os.chmod(self._path, 0o600)  # as it was made already; said once more for a linked file
        except OSError as error:
            raise storage_error("The tokens could not be protected", self._path, error) from error
        self.changed()


def sha256_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _read(path: Path) -> tuple[AccessToken, ...]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[AccessToken, ...])
    except FileNotFoundError:
        return ()
    except msgspec.DecodeError as error:
        raise StorageError(
            "The file of tokens is damaged",
            f"{path} cannot be read, so no token is valid.",
            "Delete it and make new tokens.",
            str(error),
        ) from error
    except OSError as error:
        raise storage_error("The tokens could not be read", path, error) from error
