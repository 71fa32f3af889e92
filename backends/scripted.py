"""A deterministic engine without a model, for tests and measurements. Never offered to people.

It opens files that end in `.scripted`: a JSON object with the fields of `Script`, `{}` at least.
It echoes the last user message as Markdown; words in that message change what it does:

    !tokens=500  !rate=200  !slow  !think            length, speed, reasoning first
    !note                                            a note about the answer
    !noise  !flood                                   print on descriptors 1 and 2, then go on
    !abort  !segfault  !killed  !exit  !hang         end, or never end, in the middle of an answer
    !error  !oom                                     fail by an error the engine still reports
"""

import itertools
import math
import os
import re
import signal
import string
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NoReturn

import msgspec
from msgspec import Struct

from backends.base import LoadProgressCallback
from backends.chat.context_fit import ContextFit
from backends.errors import (
    BadRequest,
    EngineFailure,
    LoadCancelled,
    ModelFileMissing,
    ModelFileTruncated,
    NotAModelFile,
)
from backends.types import (
    ChatMessage,
    ContextCut,
    Delta,
    EmbeddingRequest,
    Embeddings,
    EngineStats,
    Finish,
    FinishReason,
    GenerationEvents,
    GenerationRequest,
    LoadConfig,
    ModelInfo,
    Note,
    Progress,
    Tool,
    Usage,
)

SUFFIX = ".scripted"
DEFAULT_CONTEXT = 8192
TOKENS_BEFORE_DISASTER = 3
SLOW_RATE = 10.0
LOAD_STEPS = 20
FLOOD_BYTES = 4 * 1024 * 1024

_TOKEN = re.compile(r"\s?\w{1,6}|\s?[^\w\s]|\s")
_DIRECTIVE = re.compile(r"!(\w+)(?:=(\d+))?")

Disaster = Literal["abort", "segfault", "killed", "exit", "hang", "error", "oom", "noise", "flood"]


class _Prompt(Struct, frozen=True):
    tokens: list[str]


class Script(Struct, frozen=True, forbid_unknown_fields=True):
    """What a `.scripted` file holds."""

    text: str | None = None
    """The answer; None echoes the last user message."""
    tokens: int | None = None
    """Tokens of every answer: its text is repeated or cut."""
    tokens_per_second: float | None = None
    """None is as fast as it goes."""
    prompt_tokens_per_second: float | None = None
    load_seconds: float = 0.0
    context_length: int = 8192
    memory: int = 0
    """Bytes held while loaded."""
    on_load: Disaster | None = None
    """Happens when half is loaded."""


class ScriptedBackend:
    """Implements `backends.base.Backend`."""

    def __init__(self) -> None:
        self._script: Script | None = None
        self._context = 0
        self._batch = 1
        self._memory = b""
        self._cache: list[str] = []
        self._running: dict[str, threading.Event] = {}

    def load(self, path: str, config: LoadConfig, on_progress: LoadProgressCallback) -> ModelInfo:
        """Read the script at `path` and take as long as it says."""
        self.unload()
        script = read_script(Path(path))
        for step in range(LOAD_STEPS + 1):
            if not on_progress(step / LOAD_STEPS):
                raise LoadCancelled("The load was cancelled")
            if script.on_load and step == LOAD_STEPS // 2:
                _DISASTERS[script.on_load]()
            if step < LOAD_STEPS:
                time.sleep(script.load_seconds / LOAD_STEPS)
        wanted = config.context_length or min(script.context_length, DEFAULT_CONTEXT)
        self._script = script
        self._context = min(wanted, script.context_length)
        self._batch = config.batch_size
        self._memory = b"\x01" * script.memory
        return ModelInfo(
            architecture="scripted",
            context_length=self._context,
            trained_context_length=script.context_length,
            vocabulary_size=0,
            has_chat_template=True,
            reasoning=True,
            slots=config.slots,
            embedding_length=len(string.ascii_lowercase),
            gpu_layers=config.gpu_layers or 0,
        )

    def count_tokens(self, messages: Sequence[ChatMessage], tools: Sequence[Tool] = ()) -> int:
        """Tokens of the prompt, as `generate` counts them; it is not told of tools."""
        self._loaded()
        return len(_prompt(messages, continue_last=False))

    def generate(self, request: GenerationRequest) -> GenerationEvents:
        """Answer by the script and by the words of the last user message."""
        script = self._loaded()
        cut, prompt = self._fitted_prompt(request)
        cancelled = self._running[request.id] = threading.Event()
        try:
            if cut is not None:
                yield cut
            if "note" in _directives(request.messages):
                yield Note("sampling_left_out", "The script says so.")
            yield from self._answer(script, request, prompt, cancelled)
        finally:
            del self._running[request.id]

    def cancel(self, request_id: str) -> None:
        """End that answer at its next token, or in the pause before it."""
        running = self._running.get(request_id)
        if running is not None:
            running.set()

    def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Vectors of letter counts: the same text has the same one, similar texts similar ones."""
        self._loaded()
        vectors = tuple(_letter_counts(text, normalize=request.normalize) for text in request.texts)
        return Embeddings(vectors, sum(len(_TOKEN.findall(text)) for text in request.texts))

    def stats(self) -> EngineStats:
        """Memory of this process, tokens kept for prefix reuse."""
        import psutil

        return EngineStats(psutil.Process().memory_info().rss, len(self._cache))

    def unload(self) -> None:
        """Forget script, cache and memory."""
        self._script = None
        self._memory = b""
        self._cache = []

    def _loaded(self) -> Script:
        if self._script is None:
            raise BadRequest("No model is loaded")
        return self._script

    def _fitted_prompt(self, request: GenerationRequest) -> tuple[ContextCut | None, list[str]]:
        """The prompt, and what the context left no room for."""
        if request.prompt is not None:
            return None, _TOKEN.findall(request.prompt) or ["<start>"]
        if not request.messages:
            raise BadRequest("There is no message to answer")
        if request.continue_last and request.messages[-1].role != "assistant":
            raise BadRequest("Only an answer of the assistant can be continued")
        fit = ContextFit(
            lambda messages: _Prompt(_prompt(messages, continue_last=request.continue_last)),
            request.messages,
            request.context_policy,
            self._context,
        )
        prompt = fit.prompt()
        return fit.cut, prompt.tokens

    def _answer(
        self,
        script: Script,
        request: GenerationRequest,
        prompt: list[str],
        cancelled: threading.Event,
    ) -> Iterator[Progress | Delta | Finish]:
        started = time.perf_counter()
        cached = min(_common_prefix(self._cache, prompt), len(prompt) - 1)
        yield from self._process_prompt(script, prompt, cached, cancelled)
        directives = _directives(request.messages)
        room = self._context - len(prompt)
        pieces, reason, stop = self._pieces(script, request, directives, room)
        wait = _pacer(_rate(script, directives), cancelled)
        disaster = next((_DISASTERS[word] for word in directives if word in _DISASTERS), None)
        first: float | None = None
        done = 0
        for piece in pieces:
            if disaster is not None and done == TOKENS_BEFORE_DISASTER:
                disaster()
            wait(done)
            if cancelled.is_set():
                break
            if first is None:
                first = time.perf_counter()
            done += 1
            self._cache.append(piece.text)
            yield piece
        usage = Usage(
            prompt_tokens=len(prompt),
            cached_tokens=cached,
            completion_tokens=done,
            time_to_first_token=None if first is None else first - started,
            tokens_per_second=_speed(done, first),
        )
        if cancelled.is_set():
            yield Finish("cancelled", usage)
        else:
            yield Finish(reason, usage, stop)

    def _process_prompt(
        self, script: Script, prompt: list[str], cached: int, cancelled: threading.Event
    ) -> Iterator[Progress]:
        wait = _pacer(script.prompt_tokens_per_second, cancelled)
        total = len(prompt)
        processed = cached
        self._cache = prompt[:processed]
        yield Progress(processed, total, cached)
        while processed < total:
            step = min(processed + self._batch, total)
            wait(step - cached)
            if cancelled.is_set():
                return
            processed = step
            self._cache = prompt[:processed]
            yield Progress(processed, total, cached)

    def _pieces(
        self,
        script: Script,
        request: GenerationRequest,
        directives: Mapping[str, int | None],
        room: int,
    ) -> tuple[Iterator[Delta], FinishReason, str]:
        """The tokens of the answer, why it ends where it ends, and by which stop string."""
        text = script.text if script.text is not None else _echo(request.messages)
        if request.continue_last:
            text = text.removeprefix(request.messages[-1].content)
        text, stop = _cut_at_stop(text, request.sampling.stop)
        tokens = [Delta(piece) for piece in _TOKEN.findall(text)]
        if "think" in directives:
            thought = "The person wrote something. I repeat it."
            tokens = [Delta(piece, "reasoning") for piece in _TOKEN.findall(thought)] + tokens
        length = directives.get("tokens") or script.tokens or len(tokens)
        own: FinishReason = "stop_string" if stop else "stop"
        limits: list[tuple[int, FinishReason]] = [(length, own), (room, "context")]
        if request.sampling.max_tokens is not None:
            limits.append((request.sampling.max_tokens, "length"))
        length, reason = min(limits, key=lambda limit: limit[0])
        pieces = itertools.islice(itertools.cycle(tokens), length)
        return pieces, reason, stop if reason == "stop_string" else ""


def _letter_counts(text: str, *, normalize: bool) -> tuple[float, ...]:
    counts = [float(text.lower().count(letter)) for letter in string.ascii_lowercase]
    length = math.hypot(*counts) if normalize else 1.0
    return tuple(count / (length or 1.0) for count in counts)


def read_script(path: Path) -> Script:
    """The script in the file at `path`; fails as a real engine fails on a bad model file."""
    if not path.exists():
        raise ModelFileMissing(f"There is no file {path.name}")
    if path.suffix != SUFFIX or not path.is_file():
        raise NotAModelFile(f"{path.name} is not a script")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Script)
    except OSError as error:
        raise ModelFileMissing(f"{path.name} cannot be read", str(error)) from error
    except msgspec.ValidationError as error:
        raise NotAModelFile(f"{path.name} is not a script", str(error)) from error
    except msgspec.DecodeError as error:
        if "truncated" in str(error):
            raise ModelFileTruncated(f"{path.name} ends too early", str(error)) from error
        raise NotAModelFile(f"{path.name} is not a script", str(error)) from error


def _prompt(messages: Sequence[ChatMessage], *, continue_last: bool) -> list[str]:
    tokens: list[str] = []
    for message in messages:
        tokens += [f"<{message.role}>", *_TOKEN.findall(message.content), "<end>"]
    if continue_last:
        return tokens[:-1]
    return [*tokens, "<assistant>"]


def _last_user_text(messages: Sequence[ChatMessage]) -> str:
    return next((each.content for each in reversed(messages) if each.role == "user"), "")


def _directives(messages: Sequence[ChatMessage]) -> dict[str, int | None]:
    found = _DIRECTIVE.findall(_last_user_text(messages))
    return {word: int(number) if number else None for word, number in found}


def _rate(script: Script, directives: Mapping[str, int | None]) -> float | None:
    return (
        directives.get("rate")
        or (SLOW_RATE if "slow" in directives else None)
        or (script.tokens_per_second)
    )


def _echo(messages: Sequence[ChatMessage]) -> str:
    question = _last_user_text(messages)
    quoted = "\n".join(f"> {line}" for line in question.splitlines()) or "> (nothing)"
    system = next((each.content for each in messages if each.role == "system"), "none")
    return (
        f"## You wrote\n\n{quoted}\n\n"
        f"- **{len(question.split())}** words\n"
        f"- system prompt: *{system.splitlines()[0] if system else 'none'}*\n\n"
        f"```python\nprint({question.splitlines()[0] if question else ''!r})\n```\n"
    )


def _cut_at_stop(text: str, stops: Sequence[str]) -> tuple[str, str]:
    """The text before the first stop string, and that."""
    found = [(position, stop) for stop in stops if (position := text.find(stop)) >= 0]
    if not found:
        return text, ""
    position, stop = min(found)
    return text[:position], stop


def _common_prefix(left: Sequence[str], right: Sequence[str]) -> int:
    pairs = enumerate(zip(left, right, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(left), len(right)))


def _pacer(rate: float | None, cancelled: threading.Event) -> Callable[[int], None]:
    """A function that waits until the n-th token is due, or until the request is cancelled."""
    if rate is None:
        return lambda done: None
    started = time.perf_counter()

    def wait(done: int) -> None:
        cancelled.wait(max(0.0, started + done / rate - time.perf_counter()))

    return wait


def _speed(tokens: int, first: float | None) -> float | None:
    if first is None or tokens < 2:
        return None
    return (tokens - 1) / max(time.perf_counter() - first, 1e-9)


def _abort() -> NoReturn:
    os.write(2, b"scripted.c:1: GGML_ASSERT(words_are_kind) failed\n")
    os.abort()


def _segfault() -> None:
    signal.raise_signal(signal.SIGSEGV)


def _killed() -> NoReturn:
    """What the system's out-of-memory killer does."""
    if sys.platform == "win32":
        os._exit(0xC0000017)  # STATUS_NO_MEMORY
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def _exit() -> NoReturn:
    os.write(2, b"scripted: error: leaving in the middle of a sentence\n")
    os._exit(7)


def _hang() -> NoReturn:
    while True:
        time.sleep(3600)


def _error() -> NoReturn:
    raise EngineFailure("The script says so", "scripted error")


def _oom() -> NoReturn:
    raise MemoryError("the script says so")


def _noise() -> None:
    os.write(1, b'{"type":"event","id":1,"event":{"type":"delta","text":"FORGED"}}\nhalf a line')


def _flood() -> None:
    for descriptor in (1, 2):
        for _ in range(FLOOD_BYTES // 64):
            os.write(descriptor, b"flood " * 10 + b"...\n")
        for _ in range(FLOOD_BYTES // 4096):
            os.write(descriptor, b"~" * 4096)
        os.write(descriptor, b"\n")


_DISASTERS: dict[str, Callable[[], None]] = {
    "abort": _abort,
    "segfault": _segfault,
    "killed": _killed,
    "exit": _exit,
    "hang": _hang,
    "error": _error,
    "oom": _oom,
    "noise": _noise,
    "flood": _flood,
}
