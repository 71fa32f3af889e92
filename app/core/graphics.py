"""Graphics cards and their memory: NVIDIA by its own library, others as the system tells.

Every source is quick and may be absent; none raises. A driver that hangs costs `DEADLINE` seconds.
"""

import logging
import platform
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from app.core.installed_engines import package_libraries, usual_engine

log = logging.getLogger(__name__)

DEADLINE = 2.0
"""Seconds in which a driver must answer."""

GpuVendor = Literal["nvidia", "amd", "intel", "other"]
OffloadApi = Literal["cuda", "hip", "sycl", "vulkan", "metal"]
"""How an engine reaches a graphics card."""

_APIS: Mapping[GpuVendor, frozenset[OffloadApi]] = {
    "nvidia": frozenset({"cuda", "vulkan"}),
    "amd": frozenset({"hip", "vulkan"}),
    "intel": frozenset({"sycl", "vulkan"}),
    "other": frozenset({"vulkan"}),
}
_PCI_VENDORS: Mapping[int, GpuVendor] = {0x10DE: "nvidia", 0x1002: "amd", 0x8086: "intel"}
_UNTOLD_SHARE = 3 / 4
"""Of a card that does not tell what is free, this much counts as free: a desktop has the rest."""


class Gpu(Struct, frozen=True):
    """A graphics card with memory of its own."""

    name: str
    memory_total: int
    """Bytes."""
    memory_free: int | None
    """Bytes; None where the driver does not tell."""
    vendor: GpuVendor = "nvidia"

    @property
    def available(self) -> int:
        """Bytes that count as free."""
        if self.memory_free is None:
            return int(self.memory_total * _UNTOLD_SHARE)
        return self.memory_free

    def reached_by(self, apis: Sequence[OffloadApi]) -> bool:
        """Whether an engine that speaks `apis` can compute there."""
        return not _APIS[self.vendor].isdisjoint(apis)


def find_gpus() -> tuple[Gpu, ...]:
    """All graphics cards with memory of their own, as they are now."""
    found = within_deadline(nvidia_gpus)
    if platform.system() == "Linux":
        return found + amd_gpus(Path("/sys/class/drm"))
    if platform.system() == "Windows":
        others = parse_display_adapters(_windows_adapters())
        return found + tuple(gpu for gpu in others if gpu.vendor != "nvidia" or not found)
    return found


def within_deadline(look: Callable[[], tuple[Gpu, ...]]) -> tuple[Gpu, ...]:
    """The cards that `look` finds within `DEADLINE` seconds; a thread that hangs is left alone."""
    answers: list[tuple[Gpu, ...]] = []
    thread = threading.Thread(target=lambda: answers.append(look()), name="gpus", daemon=True)
    thread.start()
    thread.join(DEADLINE)
    if not answers:
        log.warning("the graphics driver does not answer")
    return answers[0] if answers else ()


def nvidia_gpus(library: Any = None) -> tuple[Gpu, ...]:
    """NVIDIA's cards by its management library, which every driver brings along.

    `library` replaces `pynvml`.
    """
    nvml = library or _nvml()
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        log.debug("no NVIDIA driver: %s", error)
        return ()
    try:
        return tuple(_nvidia_cards(nvml))
    except nvml.NVMLError as error:
        log.warning("the NVIDIA driver does not tell its cards: %s", error)
        return ()
    finally:
        nvml.nvmlShutdown()


def _nvml() -> Any:
    """Imported when it is needed: half a megabyte of constants."""
    import pynvml

    return pynvml


def _nvidia_cards(nvml: Any) -> Iterator[Gpu]:
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            card = nvml.nvmlDeviceGetHandleByIndex(index)
            memory = nvml.nvmlDeviceGetMemoryInfo(card)
            name = str(nvml.nvmlDeviceGetName(card))
        except nvml.NVMLError as error:  # one that shares the main memory has none to tell of
            log.info("NVIDIA card %s does not tell its memory: %s", index, error)
            continue
        yield Gpu(name, int(memory.total), int(memory.free), "nvidia")


def amd_gpus(folder: Path) -> tuple[Gpu, ...]:
    """AMD's cards on Linux, from the files of the kernel's driver (`/sys/class/drm`)."""
    found = []
    for device in sorted(folder.glob("card*/device")):
        if not re.fullmatch(r"card\d+", device.parent.name) or _read(device / "vendor") != "0x1002":
            continue
        total = _number(_read(device / "mem_info_vram_total"))
        used = _number(_read(device / "mem_info_vram_used"))
        if total:
            name = _read(device / "product_name") or f"AMD graphics ({device.parent.name})"
            free = None if used is None else max(0, total - used)
            found.append(Gpu(name, total, free, "amd"))
    return tuple(found)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


_DISPLAY_CLASS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
_WINDOWS_VALUES = ("DriverDesc", "MatchingDeviceId", "HardwareInformation.qwMemorySize")
_PCI_ID = re.compile(r"pci\\ven_(?P<vendor>[0-9a-f]{4})", re.IGNORECASE)


def parse_display_adapters(adapters: Sequence[Mapping[str, object]]) -> tuple[Gpu, ...]:
    """Cards among the values that Windows keeps of each display adapter in its registry.

    What is free is not told there.
    """
    found = []
    for values in adapters:
        device = _PCI_ID.match(str(values.get("MatchingDeviceId", "")))
        size = values.get("HardwareInformation.qwMemorySize")
        if isinstance(size, bytes):
            size = int.from_bytes(size, "little")
        if device is None or not isinstance(size, int) or size <= 0:
            continue
        vendor = _PCI_VENDORS.get(int(device["vendor"], 16), "other")
        found.append(Gpu(str(values.get("DriverDesc", "Graphics card")), size, None, vendor))
    return tuple(found)


def _windows_adapters() -> list[dict[str, object]]:
    """The registry's values of every display adapter; empty where there is no registry."""
    try:
        import winreg
    except ImportError:
        return []
    registry: Any = winreg
    adapters: list[dict[str, object]] = []
    try:
        with registry.OpenKey(registry.HKEY_LOCAL_MACHINE, _DISPLAY_CLASS) as adapter_class:
            for index in range(registry.QueryInfoKey(adapter_class)[0]):
                name = registry.EnumKey(adapter_class, index)
                if name.isdecimal():
                    adapters.append(_windows_values(registry, adapter_class, name))
    except OSError as error:
        log.info("the registry does not tell the graphics cards: %s", error)
    return adapters


def _windows_values(registry: Any, parent: Any, name: str) -> dict[str, object]:
    values: dict[str, object] = {}
    try:
        with registry.OpenKey(parent, name) as key:
            for value in _WINDOWS_VALUES:
                try:
                    values[value] = registry.QueryValueEx(key, value)[0]
                except FileNotFoundError:
                    continue
    except OSError as error:
        log.debug("adapter %s cannot be read: %s", name, error)
    return values


def offload_apis() -> tuple[OffloadApi, ...]:
    """What the usual llama.cpp can reach graphics cards by: the libraries in it."""
    engine = usual_engine()
    folder = engine.folder or package_libraries() if engine else None
    return parse_library_names(file.name for file in folder.glob("*ggml*")) if folder else ()


_LIBRARY = re.compile(r"(?:lib)?ggml-(?P<api>cuda|hip|sycl|vulkan|metal)\.(?:so|dll|dylib)")


def parse_library_names(names: Iterator[str]) -> tuple[OffloadApi, ...]:
    """The ways to a card among the files of llama.cpp's library folder."""
    found: set[OffloadApi] = set()
    for name in names:
        match = _LIBRARY.match(name)
        if match is not None:
            api: Any = match["api"]
            found.add(api)
    return tuple(sorted(found))
