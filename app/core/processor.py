"""The processor: its name and the instruction sets that engines make use of."""

import ctypes
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

_NODE = re.compile(r"node\d+")

TOOL_SECONDS = 1.0
"""A system tool that takes longer is not waited for."""

ENGINE_FEATURES = (
    "sse4_2", "avx", "f16c", "fma", "avx2", "bmi2", "avx_vnni", "avx512f", "avx512_vnni",
    "avx512_bf16", "amx_int8", "asimd", "asimddp", "i8mm", "sve", "sme",
)  # fmt: skip
"""Instruction sets that llama.cpp has code of its own for, by Linux's names."""


def cpu_name() -> str:
    """The processor's name as its maker wrote it; the architecture where it is not told."""
    system = platform.system()
    if system == "Linux":
        name = parse_cpuinfo(_cpuinfo()).get("model name", "")
    elif system == "Darwin":
        name = "".join(_sysctl("machdep.cpu.brand_string").values())
    else:
        name = _registry_name() or platform.processor()
    return name or platform.machine() or "unknown"


def cpu_features() -> tuple[str, ...]:
    """Those of `ENGINE_FEATURES` that this processor has; empty where the system does not tell."""
    system = platform.system()
    if system == "Linux":
        return features_of_cpuinfo(_cpuinfo())
    if system == "Darwin":
        return features_of_sysctl(_sysctl(*_SYSCTL_KEYS))
    return features_of_windows(_windows_feature)


def memory_nodes(folder: Path = Path("/sys/devices/system/node")) -> int:
    """NUMA nodes as Linux lists them; 1 where it does not, and on other systems.

    The engine knows how to place its threads on Linux only.
    """
    try:
        return max(1, sum(1 for path in folder.iterdir() if _NODE.fullmatch(path.name)))
    except OSError:
        return 1


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def parse_cpuinfo(text: str) -> dict[str, str]:
    """The first processor of Linux's /proc/cpuinfo."""
    pairs = (line.partition(":") for line in text.split("\n\n", 1)[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def features_of_cpuinfo(text: str) -> tuple[str, ...]:
    """What /proc/cpuinfo says: `flags` of a PC, `Features` of an ARM processor."""
    cpuinfo = parse_cpuinfo(text)
    flags = set((cpuinfo.get("flags") or cpuinfo.get("Features") or "").split())
    return tuple(feature for feature in ENGINE_FEATURES if feature in flags)


_SYSCTL_FLAGS = {
    "SSE4.2": "sse4_2", "AVX1.0": "avx", "F16C": "f16c", "FMA": "fma", "AVX2": "avx2",
    "BMI2": "bmi2", "AVX512F": "avx512f",
}  # fmt: skip
_SYSCTL_ARM = {
    "hw.optional.AdvSIMD": "asimd",
    "hw.optional.arm.FEAT_DotProd": "asimddp",
    "hw.optional.arm.FEAT_I8MM": "i8mm",
    "hw.optional.arm.FEAT_SME": "sme",
}
_SYSCTL_KEYS = ("machdep.cpu.features", "machdep.cpu.leaf7_features", *_SYSCTL_ARM)


def parse_sysctl(text: str) -> dict[str, str]:
    """The lines `name: value` that sysctl prints."""
    pairs = (line.partition(": ") for line in text.splitlines())
    return {key.strip(): value.strip() for key, separator, value in pairs if separator}


def features_of_sysctl(values: dict[str, str]) -> tuple[str, ...]:
    """What macOS says: words of an Intel processor, one key each of an Apple one."""
    words = f"{values.get(_SYSCTL_KEYS[0], '')} {values.get(_SYSCTL_KEYS[1], '')}".split()
    found = {_SYSCTL_FLAGS[word] for word in words if word in _SYSCTL_FLAGS}
    found |= {name for key, name in _SYSCTL_ARM.items() if values.get(key) == "1"}
    return tuple(feature for feature in ENGINE_FEATURES if feature in found)


def _sysctl(*keys: str) -> dict[str, str]:
    """Values of macOS's kernel; those it does not know are left out."""
    try:
        done = subprocess.run(
            ["/usr/sbin/sysctl", *keys],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=TOOL_SECONDS,
            check=False,  # one unknown key makes it fail, and the others are told all the same
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return parse_sysctl(done.stdout)


def unified_memory_limit(total: int) -> int:
    """Bytes of main memory that Apple's GPU may use (`recommendedMaxWorkingSetSize`).

    Two thirds up to 32 GB, three quarters above, unless the owner set another limit with
    `sysctl iogpu.wired_limit_mb`.
    """
    return parse_wired_limit(_sysctl("iogpu.wired_limit_mb"), total)


def parse_wired_limit(values: dict[str, str], total: int) -> int:
    """The limit in sysctl's answer; 0 or none there is the system's own."""
    megabytes = values.get("iogpu.wired_limit_mb", "")
    if megabytes.isdecimal() and int(megabytes):
        return min(total, int(megabytes) * 1024**2)
    return total * 2 // 3 if total <= 32 * 1024**3 else total * 3 // 4


_WINDOWS_FEATURES = {
    "sse4_2": 38, "avx": 39, "avx2": 40, "avx512f": 41, "asimd": 19, "asimddp": 43,
}  # fmt: skip
"""Numbers that IsProcessorFeaturePresent takes (winnt.h, PF_…)."""


def features_of_windows(present: Any) -> tuple[str, ...]:
    """What Windows says; `present` answers whether the feature of a number is there."""
    return tuple(
        feature
        for feature in ENGINE_FEATURES
        if feature in _WINDOWS_FEATURES and present(_WINDOWS_FEATURES[feature])
    )


def _windows_feature(number: int) -> bool:
    if sys.platform != "win32":
        return False
    return bool(ctypes.windll.kernel32.IsProcessorFeaturePresent(number))


def _registry_name() -> str:
    """The name that Windows keeps in its registry; "" elsewhere."""
    try:
        import winreg
    except ImportError:
        return ""
    registry: Any = winreg
    path = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
    try:
        with registry.OpenKey(registry.HKEY_LOCAL_MACHINE, path) as key:
            return str(registry.QueryValueEx(key, "ProcessorNameString")[0]).strip()
    except OSError:
        return ""
