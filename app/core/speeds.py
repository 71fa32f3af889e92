"""How fast models answer on this computer, learned from the answers there were.

Writing a token means reading the weights once (of a mixture of experts, those of the active
ones), so tokens per second times bytes read per token is a bandwidth. It differs between models
by their kind of quantization and their size, hence the measurement of the most similar model is
taken, and the result is rounded.
"""

import logging
import math
import statistics
import threading
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, structs

from app.core.errors import AppError, ModelError
from app.core.files import locked, write_atomically
from app.core.gguf import read_header
from app.core.gguf_types import GgufHeader
from app.core.library_types import LocalModel
from backends.types import Usage

log = logging.getLogger(__name__)

LEAST_TOKENS = 32
"""Shorter answers say little about speed."""
MOST_MODELS = 50
MOST_SPEEDS = 9
"""Of each model; the median counts."""
FARTHEST = 16.0
"""A model that reads this many times more or less than any measured one is not judged."""

Positive = Annotated[float, Meta(gt=0)]


class MeasuredModel(Struct, frozen=True):
    """The last speeds of one model in one place."""

    read: Positive
    """Bytes read for each token."""
    on_gpu: bool
    speeds: tuple[Positive, ...]
    """Tokens per second, the newest last."""

    @property
    def bandwidth(self) -> float:
        """Bytes per second."""
        return self.read * statistics.median(self.speeds)


class SpeedBook:
    """Measurements in one file; `path` None keeps them in memory only. Thread-safe."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known = _read(path)

    def learn(self, model: LocalModel, usage: Usage, *, on_gpu: bool) -> None:
        """Keep how fast an answer was written. Never raises: what cannot be written is logged.

        Answers that are short, were guessed ahead or came from a server are left out.
        """
        speed = usage.tokens_per_second
        if not speed or usage.draft_tokens or usage.completion_tokens < LEAST_TOKENS:
            return
        if model.is_remote:
            return
        key = f"{model.id} {'gpu' if on_gpu else 'cpu'}"
        old = self._entry(key)
        read = old.read if old else read_of(model)
        measured = max(0.01, round(speed, 2))
        try:
            self._keep(key, MeasuredModel(read, on_gpu, (measured,)))
        except AppError as error:
            log.warning("the speed of an answer could not be kept: %s", error)

    def _entry(self, key: str) -> MeasuredModel | None:
        with self._lock:
            return self._known.get(key)

    def _keep(self, key: str, new: MeasuredModel) -> None:
        """Add a speed to what is known; the window and `corral run` share the file."""
        with self._lock:
            if self._path is None:
                self._known = _with(self._known, key, new)
                return
            with locked(self._path):
                self._known = _with({**self._known, **_read(self._path)}, key, new)
                write_atomically(self._path, msgspec.json.encode(self._known))

    def expected(self, read: float, *, on_gpu: bool) -> float | None:
        """Tokens per second to expect; None where nothing similar was measured."""
        with self._lock:
            known = [each for each in self._known.values() if each.on_gpu == on_gpu]
        if not known or read <= 0:
            return None
        nearest = min(known, key=lambda each: abs(math.log(each.read / read)))
        if not 1 / FARTHEST <= nearest.read / read <= FARTHEST:
            return None
        return nearest.bandwidth / read


def read_of(model: LocalModel) -> float:
    """Bytes of weights that a model on this computer reads for one token."""
    if model.format == "gguf" and len(model.files) == 1:
        try:
            return _read_by_tensors(read_header(model.path)) or float(model.size)
        except (ModelError, KeyError) as error:  # KeyError: a type that is not known here
            log.info("%s is taken as read whole: %s", model.path.name, error)
    return float(max(1, model.size))


def _read_by_tensors(header: GgufHeader) -> float:
    """Experts count with the share of them that is used; of the input table one row is read."""
    every, used = (header.hyper_integer(f"expert_{key}") for key in ("count", "used_count"))
    share = used / every if every and used else 1.0
    has_output = any(tensor.name == "output.weight" for tensor in header.tensors)
    total = 0.0
    for tensor in header.tensors:
        if not (has_output and tensor.name == "token_embd.weight"):
            total += tensor.size * (share if "_exps" in tensor.name else 1.0)
    return total


def read_per_token(size: int, parameters: int | None, active: int | None = None) -> float:
    """The same for a model that is not here, whose files have `size` bytes."""
    if parameters and active and active < parameters:
        return size * active / parameters
    return float(size)


def rounded(speed: float) -> float:
    """A speed as exact as it deserves: 0.4, 3, 12, 45, 120."""
    if speed < 1:
        return max(0.1, round(speed, 1))
    if speed < 20:
        return float(round(speed))
    step = 5 if speed < 100 else 10
    return float(step * round(speed / step))


def _with(
    known: dict[str, MeasuredModel], key: str, new: MeasuredModel
) -> dict[str, MeasuredModel]:
    """`known` with one speed more, and not too many; the newest comes last."""
    old = known.get(key)
    speeds = (*(old.speeds if old else ()), *new.speeds)[-MOST_SPEEDS:]
    kept = {name: each for name, each in known.items() if name != key}
    kept[key] = structs.replace(new, speeds=speeds)
    return dict(list(kept.items())[-MOST_MODELS:])


def _read(path: Path | None) -> dict[str, MeasuredModel]:
    if path is None:
        return {}
    try:
        known = msgspec.json.decode(path.read_bytes(), type=dict[str, MeasuredModel])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, RecursionError) as error:
        log.warning("the speeds of models are not known any more: %s", error)
        return {}
    return {key: each for key, each in known.items() if each.speeds}
