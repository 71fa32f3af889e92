"""Asking the running program: its state, its models, answers. The other side is `app.api.corral`.

Answers come as the same events and errors as from an engine of this process, so that nothing above
knows the difference.
"""

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import msgspec

from app.core.download_state import DownloadRequest
from app.core.errors import AppError, ModelError
from app.core.ollama_recipe import Recipe
from app.core.request_log import RequestRecord
from app.core.running import RunningCorral
from app.core.running_wire import (
    BASE,
    Counted,
    CountRequest,
    Failure,
    FetchLine,
    FetchRequest,
    FetchStep,
    GenerateLine,
    GenerateRequest,
    LoadLine,
    LoadRequest,
    LoadStep,
    Made,
    MakeRequest,
    RemoveRequest,
    SettingRequest,
    Status,
    UnloadRequest,
)
from app.core.told_errors import error_of
from backends.types import ChatMessage, Finish, GenerationEvent, GenerationRequest, LoadConfig

Line = TypeVar("Line")

_PATIENCE = 10.0
"""Seconds in which the program begins to answer what it can answer at once."""


class NotRunning(AppError):
    """The program that runs cannot be reached."""

    code = "not_running"


class RunningClient:
    """One connection to the running program. Use as a context manager, in one thread.

    Calls raise what was told (`AppError`, `BackendError`), or `NotRunning`.
    """

    def __init__(self, running: RunningCorral) -> None:
        self.running = running
        self._http = httpx2.Client(
            base_url=running.address,
            headers={"authorization": f"Bearer {running.secret}"},
            timeout=httpx2.Timeout(None, connect=_PATIENCE),
            trust_env=False,  # no proxy stands between this computer and itself
        )

    def __enter__(self) -> "RunningClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def status(self) -> Status:
        """What the program is and does; answers within seconds, or raises `NotRunning`."""
        body = self._call("GET", "/status", timeout=_PATIENCE)
        return msgspec.json.decode(body, type=Status)

    def load(
        self,
        model_id: str,
        config: LoadConfig | None = None,
        *,
        ttl: float | None = None,
        force: bool = False,
        on_progress: Callable[[float], object] = lambda _: None,
    ) -> LoadStep:
        """Load a model and wait; what was loaded."""
        asked = LoadRequest(model_id, config, ttl, force)
        last = LoadStep(0.0)
        for step in self._lines("/load", asked, LoadLine):
            if step.id:
                last = step
            else:
                on_progress(step.fraction)
        if not last.id:
            raise _broke_off()
        return last

    def unload(self, model_id: str) -> None:
        """Eject a model; one that is not loaded is no error."""
        self._call("POST", "/unload", UnloadRequest(model_id))

    def generate(self, asked: GenerateRequest) -> Generator[GenerationEvent, None, None]:
        """The events of one answer; closing the iterator early cancels it."""
        event: GenerationEvent | None = None
        with contextlib.closing(self._lines("/generate", asked, GenerateLine)) as lines:
            for event in lines:
                yield event
        if not isinstance(event, Finish):
            raise _broke_off()

    def count_tokens(self, model_id: str, messages: Sequence[ChatMessage]) -> int:
        """Tokens of the prompt that these messages make; loads the model if need be."""
        body = self._call("POST", "/count", CountRequest(model_id, tuple(messages)))
        return msgspec.json.decode(body, type=Counted).tokens

    def make(self, name: str, base_id: str, recipe: Recipe) -> str:
        """Make a model of another one; its id."""
        body = self._call("POST", "/make", MakeRequest(name, base_id, recipe))
        return msgspec.json.decode(body, type=Made).id

    def remove(self, model_id: str, *, for_good: bool = False) -> None:
        """Delete a model: to the trash, for good, or off the list."""
        self._call("POST", "/remove", RemoveRequest(model_id, for_good))

    def fetch(
        self, request: DownloadRequest, folder: Path | None
    ) -> Generator[FetchStep, None, None]:
        """How a download in the program's queue gets on, to its end; none where all is here.

        Closing the iterator early pauses what was begun for it.
        """
        asked = FetchRequest(request, str(folder or ""))
        step: FetchStep | None = None
        with contextlib.closing(self._lines("/fetch", asked, FetchLine)) as lines:
            for step in lines:
                yield step
        if step is not None and step.state != "done":
            raise _broke_off()

    def change_setting(self, name: str, value: object) -> None:
        """Change a setting and put it in force."""
        self._call("POST", "/setting", SettingRequest(name, value))

    def requests(self, *, follow: bool) -> Iterator[RequestRecord]:
        """What the program was asked; with `follow`, also each request that ends from now on."""
        path = f"/requests?follow={str(follow).lower()}"
        yield from self._lines(path, None, RequestRecord, method="GET")

    def shut_down(self) -> None:
        """End the program soon."""
        self._call("POST", "/shutdown")

    def _call(
        self, method: str, path: str, asked: object = None, timeout: float | None = None
    ) -> bytes:
        options: dict[str, Any] = {"timeout": timeout} if timeout else {}
        with self._explained():
            answer = self._http.request(method, BASE + path, **_body(asked), **options)
        if answer.status_code >= 400:
            raise _refusal(answer.content)
        return answer.content

    def _lines(
        self, path: str, asked: object, kind: Any, method: str = "POST"
    ) -> Generator[Any, None, None]:
        decoder = msgspec.json.Decoder(kind)
        with self._explained(), self._http.stream(method, BASE + path, **_body(asked)) as answer:
            if answer.status_code >= 400:
                raise _refusal(answer.read())
            for text in answer.iter_lines():
                line = decoder.decode(text)
                if isinstance(line, Failure):
                    raise _broke_off() if line.code == "ended" else error_of(line)
                yield line

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (httpx2.RemoteProtocolError, httpx2.ReadError) as error:
            raise _broke_off(str(error)) from error
        except httpx2.HTTPError as error:
            raise NotRunning(
                "The running Corral does not answer",
                f"It is process {self.running.pid}. {error}".strip(),
                "Look whether it still runs; “corral status” tells.",
            ) from error


def _body(asked: object) -> dict[str, Any]:
    if asked is None:
        return {}
    headers = {"content-type": "application/json"}
    return {"content": msgspec.json.encode(asked), "headers": headers}


def _refusal(body: bytes) -> Exception:
    """The error in the body of an answer: a `Failure`, or what the guard says in OpenAI's form."""
    try:
        return error_of(msgspec.json.decode(body, type=Failure))
    except msgspec.DecodeError:
        pass  # then it is the other form
    try:
        told = msgspec.json.decode(body, type=dict[str, dict[str, object]])["error"]["message"]
    except (msgspec.DecodeError, KeyError):
        told = body[:200].decode("utf-8", "replace")
    return ModelError("The running Corral refused", str(told))


def _broke_off(detail: str = "") -> NotRunning:
    return NotRunning(
        "The running Corral ended",
        "It was closed, or stopped, before it had answered to the end.",
        "Ask again: without it, the command works by itself.",
        detail,
    )


class RunningEngine:
    """A model of the running program, asked like an engine of this process."""

    def __init__(
        self, client: RunningClient, model_id: str, config: LoadConfig | None, ttl: float | None
    ) -> None:
        """`config` and `ttl` hold where the model has to be loaded again, as after a long pause."""
        self._client, self._model_id = client, model_id
        self._config, self._ttl = config, ttl

    def generate(self, request: GenerationRequest) -> Generator[GenerationEvent, None, None]:
        """Events of one answer, as `EngineProcess.generate`."""
        asked = GenerateRequest(self._model_id, request, self._config, self._ttl)
        return self._client.generate(asked)

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Tokens of the whole prompt."""
        return self._client.count_tokens(self._model_id, messages)
