"""Whether models that are not on this computer yet would fit its memory."""

from dataclasses import dataclass

from msgspec import structs
from PySide6.QtCore import QCoreApplication

from app.core.catalogue import CatalogueEntry
from app.core.file_names import parameters_of, size_in_name
from app.core.gguf_types import GgufHeader
from app.core.hardware import MemorySnapshot
from app.core.memory import (
    DEFAULT_CONTEXT,
    Fit,
    FitVerdict,
    MemoryEstimate,
    estimate,
    estimate_from_size,
    spread,
    verdict,
)
from app.core.speeds import rounded
from app.core.variants import Variant
from app.gui import formatting
from backends.types import LoadConfig

BITS_PER_WEIGHT = 4.89
"""Of Q4_K_M, which a model is judged by while its files are not known (llama.cpp, quantize)."""

_USUALLY_FREE = 0.75
"""Share of the memory that is mostly left by the system and other programs."""

CONTEXTS = (2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072)


def parameters_in_name(name: str) -> int | None:
    """The parameters that a repository's name tells ("Llama-3.2-3B" -> 3 billion)."""
    return parameters_of(size_in_name(name))


@dataclass(frozen=True)
class ModelShape:
    """What is known of a model's memory needs apart from the size of a file."""

    parameters: int | None = None
    kv_bytes_per_token: int | None = None
    """Of an f16 cache."""
    header: GgufHeader | None = None
    """The beginning of a file, which tells more exactly than the two numbers."""
    active_parameters: int | None = None
    """Of a mixture of experts, those that work on a token."""

    @classmethod
    def of_entry(cls, entry: CatalogueEntry) -> "ModelShape":
        """What the shipped list knows."""
        return cls(
            entry.parameters,
            entry.kv_bytes_per_token,
            active_parameters=entry.active_parameters,
        )

    @classmethod
    def of_name(cls, repo: str, header: GgufHeader | None = None) -> "ModelShape":
        """What the name of a repository tells."""
        size = size_in_name(repo.partition("/")[2])
        active = size.partition("-A")[2]
        return cls(
            parameters_of(size),
            header=header,
            active_parameters=parameters_of(active) if active else None,
        )


@dataclass(frozen=True)
class FitCheck:
    """Judges models against the memory of one moment at one length of context."""

    memory: MemorySnapshot
    context: int = DEFAULT_CONTEXT

    def usually(self) -> "FitCheck":
        """With as much memory free as there mostly is: advice must not change by the minute."""
        gpus = tuple(
            structs.replace(gpu, available=_mostly(gpu.memory_total)) for gpu in self.memory.gpus
        )
        available = _mostly(self.memory.total)
        return FitCheck(structs.replace(self.memory, available=available, gpus=gpus), self.context)

    def of_size(self, size: int, shape: ModelShape) -> FitVerdict:
        """A model whose files have `size` bytes."""
        return verdict(spread(self._estimate(size, shape), self.memory), self.memory)

    def of_variant(self, variant: Variant, shape: ModelShape) -> FitVerdict:
        """One variant of a repository, with what is loaded beside it, such as a projector."""
        return self.of_size(variant.download_size, shape)

    def of_entry(self, entry: CatalogueEntry) -> FitVerdict:
        """The preferred file of a suggested model; by its parameters where no size is known."""
        size = entry.size or _size_of_parameters(entry.parameters)
        return self.of_size(size, ModelShape.of_entry(entry))

    def of_name(self, repo: str) -> FitVerdict | None:
        """A repository of which only the name is known, as if it held a Q4_K_M file."""
        parameters = parameters_in_name(repo.partition("/")[2])
        if parameters is None:
            return None
        return self.of_size(_size_of_parameters(parameters), ModelShape(parameters))

    def is_on_gpu(self, size: int, shape: ModelShape) -> bool:
        """Whether more than half of such a model would lie on graphics cards."""
        need = spread(self._estimate(size, shape), self.memory)
        return 2 * need.on_gpu > need.total

    def _estimate(self, size: int, shape: ModelShape) -> MemoryEstimate:
        header = shape.header
        if header is not None and header.block_count and header.head_count_kv:
            return estimate(header, LoadConfig(context_length=self.context), size)
        rough = estimate_from_size(
            size, shape.parameters, DEFAULT_CONTEXT, shape.kv_bytes_per_token
        )
        kv_cache = rough.kv_cache * self.context // DEFAULT_CONTEXT
        return structs.replace(rough, kv_cache=kv_cache)


def _mostly(total: int) -> int:
    return round(_USUALLY_FREE * total)


def _size_of_parameters(parameters: int) -> int:
    return round(parameters * BITS_PER_WEIGHT / 8)


def fit_word(fit: Fit) -> str:
    """The verdict in a word."""
    return {
        Fit.FITS: QCoreApplication.translate("fit", "Fits"),
        Fit.TIGHT: QCoreApplication.translate("fit", "Tight"),
        Fit.TOO_LARGE: QCoreApplication.translate("fit", "Too large"),
    }[fit]


def fit_tip(judged: FitVerdict, context: int) -> str:
    """The numbers behind a verdict."""
    text = QCoreApplication.translate(
        "fit", "Needs about %1 with %2 tokens of context. %3 is free now, of %4."
    )
    numbers = (
        formatting.memory_size(judged.need),
        formatting.number(context),
        formatting.memory_size(judged.free),
        formatting.memory_size(judged.total),
    )
    for place, value in enumerate(numbers, start=1):
        text = text.replace(f"%{place}", value)
    return text


def speed_words(speed: float | None) -> str:
    """How fast a model is expected to be here; "" where nothing similar was measured."""
    if speed is None:
        return ""
    shown = rounded(speed)
    number = formatting.decimal(shown) if shown < 1 else formatting.number(int(shown))
    text = QCoreApplication.translate("fit", "About %1 tokens/s here.")
    if shown == 1:
        text = QCoreApplication.translate("fit", "About %1 token/s here.")
    return text.replace("%1", number)
