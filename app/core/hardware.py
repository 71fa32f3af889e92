"""What this computer has: processor, memory, graphics cards. Quick, and never raises."""

import logging
import os
import platform
import shutil
import subprocess
from pathlib import Path

import psutil
from msgspec import Struct

log = logging.getLogger(__name__)

_GPU_QUERY_SECONDS = 3.0
_MIB = 1024**2


class Gpu(Struct, frozen=True):
    """A graphics card an engine could use."""

    name: str
    memory_total: int
    """Bytes."""
    memory_free: int | None
    """Bytes; None where the driver does not tell."""


class HardwareSurvey(Struct, frozen=True):
    """What this computer has."""

    cpu_name: str
    physical_cores: int
    logical_cores: int
    cpu_features: tuple[str, ...]
    """Instruction sets that engines make use of, such as "avx2"; empty where unknown."""
    memory_total: int
    """Bytes."""
    gpus: tuple[Gpu, ...] = ()
    apple_silicon: bool = False
    """The GPU shares the main memory."""


class MemorySnapshot(Struct, frozen=True):
    """Main memory at one moment, in bytes."""

    total: int
    available: int
    """What programs can get without swapping."""


def survey() -> HardwareSurvey:
    """Look at this computer once. Takes milliseconds, at most 3 s where a GPU driver hangs."""
    apple_silicon = platform.system() == "Darwin" and platform.machine() == "arm64"
    logical = _usable_cores()
    return HardwareSurvey(
        cpu_name=_cpu_name(),
        physical_cores=min(psutil.cpu_count(logical=False) or logical, logical),
        logical_cores=logical,
        cpu_features=_cpu_features(),
        memory_total=memory_snapshot().total,
        gpus=() if apple_silicon else _nvidia_gpus(),
        apple_silicon=apple_silicon,
    )


def memory_snapshot() -> MemorySnapshot:
    """Main memory now; zeros where the system does not tell."""
    try:
        memory = psutil.virtual_memory()
    except (psutil.Error, OSError, RuntimeError) as error:
        log.warning("the system does not tell its memory: %s", error)
        return MemorySnapshot(total=0, available=0)
    return MemorySnapshot(total=memory.total, available=memory.available)


def _usable_cores() -> int:
    """Logical cores this program may run on; a container or a job may have fewer than exist."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _cpu_name() -> str:
    system = platform.system()
    if system == "Linux":
        name = _cpuinfo().get("model name", "")
    elif system == "Darwin":
        name = _first_line(["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"])
    else:
        name = platform.processor()
    return name or platform.machine() or "unknown"


_ENGINE_FEATURES = (
    "sse4_2", "avx", "f16c", "fma", "avx2", "bmi2", "avx_vnni", "avx512f", "avx512_vnni",
    "avx512_bf16", "amx_int8", "asimd", "asimddp", "i8mm", "sve",
)  # fmt: skip


def _cpu_features() -> tuple[str, ...]:
    cpuinfo = _cpuinfo()
    flags = set((cpuinfo.get("flags") or cpuinfo.get("Features") or "").split())
    return tuple(feature for feature in _ENGINE_FEATURES if feature in flags)


def _cpuinfo() -> dict[str, str]:
    """The first processor of Linux's /proc/cpuinfo; empty elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n", 1)[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _nvidia_gpus() -> tuple[Gpu, ...]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    query = "--query-gpu=name,memory.total,memory.free"
    return parse_nvidia_smi(_output([program, query, "--format=csv,noheader,nounits"]))


def parse_nvidia_smi(text: str) -> tuple[Gpu, ...]:
    """The GPUs in the CSV that nvidia-smi prints (name, total MiB, free MiB)."""
    gpus = []
    for line in text.splitlines():
        name, _, numbers = line.partition(",")
        fields = [field.strip() for field in numbers.split(",")]
        if len(fields) == 2 and fields[0].isdecimal():
            free = int(fields[1]) * _MIB if fields[1].isdecimal() else None
            gpus.append(Gpu(name.strip(), int(fields[0]) * _MIB, free))
    return tuple(gpus)


def _output(command: list[str]) -> str:
    """What a system tool prints; empty if it fails, hangs or is not there."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_GPU_QUERY_SECONDS,
            check=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.SubprocessError) as error:
        log.info("%s did not answer: %s", command[0], error)
        return ""
    return done.stdout


def _first_line(command: list[str]) -> str:
    lines = _output(command).splitlines()
    return lines[0].strip() if lines else ""
