"""What models really took on this computer, which makes the next estimate better.

After each load the engine's own figures are kept for the model and the shape of its settings. A
file that is lost or damaged costs nothing but what was learned.
"""

import hashlib
import logging
import threading
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, structs

from app.core.errors import AppError
from app.core.files import write_atomically
from app.core.memory import MemoryEstimate
from backends.types import LoadConfig, MemoryUse

log = logging.getLogger(__name__)

MOST_ENTRIES = 200
"""Models and settings that are remembered; the longest unused is forgotten first."""

ESTIMATE_VERSION = 2
"""To be raised when the formulas of `app.core.memory` change: they need other corrections."""

_LEAST, _MOST = 0.25, 4.0
"""A measurement further off than this is an error of the measurement."""

Factor = Annotated[float, Meta(ge=_LEAST, le=_MOST)]


class Correction(Struct, frozen=True):
    """Measured by estimated, for each part of an estimate."""

    weights: Factor = 1.0
    kv_cache: Factor = 1.0
    compute: Factor = 1.0

    def apply(self, need: MemoryEstimate) -> MemoryEstimate:
        """The estimate as it should have been; what lies on cards changes in proportion."""
        changed = structs.replace(
            need,
            weights=round(need.weights * self.weights),
            kv_cache=round(need.kv_cache * self.kv_cache),
            compute=round(need.compute * self.compute),
        )
        share = need.on_gpu / need.total if need.total else 0.0
        return structs.replace(changed, on_gpu=round(changed.total * share))


NO_CORRECTION = Correction()


def shape_of(config: LoadConfig) -> str:
    """The settings that decide about memory, but for those that the formulas are exact in.

    Context length and the number of layers are left out, so that a measurement helps at others.
    """
    parts = (
        config.kv_type,
        config.flash_attention,
        config.batch_size,
        config.slots,
        config.gpu_layers == 0,
        config.mmap,
        config.experts_on_cpu,
        config.offload_kv,
        config.swa_full,
        config.embedding,
        config.projector,
        config.draft_model,
        [each.path for each in config.lora],
    )
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]


class EstimateCorrections:
    """Corrections by model and shape of settings, in one file. Thread-safe.

    `path` None keeps them in memory only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[str, Correction] = _read(path)

    def of(self, model_id: str, config: LoadConfig) -> Correction:
        """What is known of this model with such settings; no correction where nothing is."""
        with self._lock:
            return self._known.get(_key(model_id, config), NO_CORRECTION)

    def learn(
        self, model_id: str, config: LoadConfig, estimated: MemoryEstimate, measured: MemoryUse
    ) -> None:
        """Keep what a load took; `estimated` is the bare estimate, without a correction.

        A measurement that makes no sense is left out. Never raises: what cannot be written is
        logged.
        """
        correction = Correction(
            weights=_factor(measured.weights, estimated.weights),
            kv_cache=_factor(measured.kv_cache, estimated.kv_cache),
            compute=_factor(measured.compute, estimated.compute),
        )
        key = _key(model_id, config)
        with self._lock:
            unchanged = self._known.get(key) == correction
            self._known.pop(key, None)
            self._known[key] = correction  # the newest comes last
            for oldest in list(self._known)[:-MOST_ENTRIES]:
                del self._known[oldest]
            data = msgspec.json.encode(self._known)
        if self._path is None or unchanged:
            return
        try:
            write_atomically(self._path, data)
        except AppError as error:
            log.warning("what a model took could not be kept: %s", error)


def _key(model_id: str, config: LoadConfig) -> str:
    return f"{model_id} {shape_of(config)} {ESTIMATE_VERSION}"


def _factor(measured: int, estimated: int) -> float:
    if measured <= 0 or estimated <= 0:
        return 1.0
    factor = measured / estimated
    return round(factor, 4) if _LEAST <= factor <= _MOST else 1.0


def _read(path: Path | None) -> dict[str, Correction]:
    if path is None:
        return {}
    try:
        known = msgspec.json.decode(path.read_bytes(), type=dict[str, Correction])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, RecursionError) as error:
        log.warning("what models took is not known any more: %s", error)
        return {}
    return dict(list(known.items())[-MOST_ENTRIES:])
