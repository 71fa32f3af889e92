"""The network of an MLX folder, and what it takes to run it on this computer's device."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import load_adapters, load_model, maybe_set_recommended_wired_limit

from backends.base import LoadProgressCallback
from backends.errors import BadLoadSetting, LoadCancelled
from backends.mlx.failures import loading
from backends.mlx.folder import ModelFolder
from backends.types import LoraAdapter

_PIECE = 64 * 1024**2
"""Bytes of weights read between two reports of progress."""

IN_32_BITS = (
    "On this computer MLX computes on the processor, which is slow with 16-bit numbers; the model "
    "is computed in 32 bits instead and takes more memory."
)


class Model:
    """Weights and code of a model. Nothing has to be freed but the last reference."""

    def __init__(
        self,
        folder: ModelFolder,
        adapters: Iterable[LoraAdapter],
        on_progress: LoadProgressCallback,
    ) -> None:
        """Read the weights. Raises a `ModelLoadError` or `LoadCancelled`."""
        self.notes: list[str] = []
        """Sentences a person should see."""
        self.on_gpu = prepare_device()
        with loading():
            self.network: Any = load_model(folder.path, lazy=True)[0]
        for adapter in adapters:
            _adapt(self.network, adapter)
        if not self.on_gpu:
            self._compute_in_32_bits()
        with loading():
            self.weight_bytes = _read(self.network, on_progress)

    @property
    def layers(self) -> int:
        """Number of layers."""
        return len(self.network.layers)

    def new_cache(self) -> list[Any]:
        """An empty KV cache: an object of mlx-lm for every layer."""
        cache: list[Any] = make_prompt_cache(self.network)
        return cache

    def logits(self, tokens: mx.array, cache: list[Any]) -> mx.array:
        """The outputs for `tokens`, a row for each; `cache` grows by them. Lazy."""
        rows: mx.array = self.network(tokens[None], cache=cache)[0]
        return rows

    def _compute_in_32_bits(self) -> None:
        halves = (mx.float16, mx.bfloat16)
        if any(array.dtype in halves for array in _parameters(self.network)):
            self.network.set_dtype(mx.float32)
            self.notes.append(IN_32_BITS)


def prepare_device() -> bool:
    """Set MLX up for the device it has found; True if that is a GPU."""
    if mx.default_device() == mx.gpu:
        maybe_set_recommended_wired_limit()
        return True
    mx.disable_compile()  # it would call the system's C++ compiler, and is not faster
    return False


def _adapt(network: Any, adapter: LoraAdapter) -> None:
    """Lay an adapter of mlx-lm's own form over the network, in place."""
    path = Path(adapter.path)
    if not (path / "adapter_config.json").is_file():
        raise BadLoadSetting(
            f"{path.name} is no LoRA adapter for MLX: that is a folder with adapter_config.json "
            "and adapters.safetensors."
        )
    with loading(f"The adapter {path.name}"):
        load_adapters(network, str(path))
    for _, module in network.named_modules():
        if "lora_a" in module:
            module.scale *= adapter.scale


def _read(network: Any, on_progress: LoadProgressCallback) -> int:
    """Read all weights, which were only named so far; the bytes they take."""
    arrays = _parameters(network)
    total = sum(array.nbytes for array in arrays)
    done = 0
    for piece in [[], *_pieces(arrays)]:
        mx.eval(piece)
        done += sum(array.nbytes for array in piece)
        if not on_progress(done / total):
            raise LoadCancelled("The load was cancelled.")
    return total


def _parameters(network: Any) -> list[mx.array]:
    named: Any = tree_flatten(network.parameters())
    return [array for _, array in named]


def _pieces(arrays: Iterable[mx.array]) -> Iterator[list[mx.array]]:
    """`arrays` in order, at least `_PIECE` bytes at a time."""
    piece: list[mx.array] = []
    for array in arrays:
        piece.append(array)
        if sum(each.nbytes for each in piece) >= _PIECE:
            yield piece
            piece = []
    yield piece
