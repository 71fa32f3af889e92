"""The hardware survey: quick, honest, never raising."""

import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from app.core import graphics, hardware
from app.core.graphics import (
    Gpu,
    amd_gpus,
    find_gpus,
    nvidia_gpus,
    offload_apis,
    parse_display_adapters,
    parse_library_names,
)
from app.core.hardware import HardwareSurvey, MemorySnapshot, current_gpus, memory_snapshot, survey
from app.core.processor import (
    features_of_cpuinfo,
    features_of_sysctl,
    features_of_windows,
    memory_nodes,
    parse_cpuinfo,
    parse_sysctl,
    parse_wired_limit,
)
from tests.timing import PATIENCE

GIB = 1024**3


def test_this_computer_is_described() -> None:
    begin = time.monotonic()
    found = survey()
    assert time.monotonic() - begin < PATIENCE
    assert 1 <= found.physical_cores <= found.logical_cores
    assert found.memory_total == psutil.virtual_memory().total
    assert found.cpu_name


def test_memory_now() -> None:
    memory = memory_snapshot()
    assert 0 < memory.available <= memory.total


def test_a_system_that_tells_nothing_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError("no /proc here")

    monkeypatch.setattr("psutil.virtual_memory", refuse)
    assert memory_snapshot() == MemorySnapshot(total=0, available=0)
    assert survey().memory_total == 0


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no affinity")
def test_cores_that_are_not_ours_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    found = survey()
    assert (found.physical_cores, found.logical_cores) == (1, 1)


# Processor

RYZEN = """\
processor\t: 0
vendor_id\t: AuthenticAMD
model name\t: AMD Ryzen 9 7950X 16-Core Processor
flags\t\t: fpu vme sse4_2 movbe popcnt aes avx f16c rdrand bmi1 avx2 bmi2 fma avx512f avx512_vnni

processor\t: 1
model name\t: another
"""
AMPERE = """\
processor\t: 0
BogoMIPS\t: 50.00
Features\t: fp asimd evtstrm aes crc32 atomics fphp asimdhp cpuid asimdrdm asimddp i8mm bf16
CPU implementer\t: 0xc0
"""
INTEL_MAC = """\
machdep.cpu.features: FPU VME SSE4.1 SSE4.2 AES XSAVE OSXSAVE AVX1.0 RDRAND F16C FMA
machdep.cpu.leaf7_features: RDWRFSGS BMI1 AVX2 SMEP BMI2 ERMS
"""
M3 = """\
hw.optional.AdvSIMD: 1
hw.optional.arm.FEAT_DotProd: 1
hw.optional.arm.FEAT_I8MM: 1
hw.optional.arm.FEAT_SME: 0
"""


def test_linux_tells_the_first_processor() -> None:
    assert parse_cpuinfo(RYZEN)["model name"] == "AMD Ryzen 9 7950X 16-Core Processor"
    assert features_of_cpuinfo(RYZEN) == (
        "sse4_2", "avx", "f16c", "fma", "avx2", "bmi2", "avx512f", "avx512_vnni",
    )  # fmt: skip
    assert features_of_cpuinfo(AMPERE) == ("asimd", "asimddp", "i8mm")
    assert features_of_cpuinfo("") == ()


def test_macos_tells_words_of_an_intel_processor_and_keys_of_an_apple_one() -> None:
    intel = features_of_sysctl(parse_sysctl(INTEL_MAC))
    assert intel == ("sse4_2", "avx", "f16c", "fma", "avx2", "bmi2")
    assert features_of_sysctl(parse_sysctl(M3)) == ("asimd", "asimddp", "i8mm")
    assert features_of_sysctl(parse_sysctl("sysctl: unknown oid")) == ()


def test_windows_is_asked_for_each_feature() -> None:
    assert features_of_windows({38, 39, 40}.__contains__) == ("sse4_2", "avx", "avx2")
    assert features_of_windows(lambda _: False) == ()


@pytest.mark.parametrize(
    ("answer", "total", "limit"),
    [
        ("iogpu.wired_limit_mb: 0\n", 16 * GIB, 16 * GIB * 2 // 3),
        ("iogpu.wired_limit_mb: 0\n", 64 * GIB, 48 * GIB),
        ("iogpu.wired_limit_mb: 24576\n", 32 * GIB, 24 * GIB),
        ("iogpu.wired_limit_mb: 999999\n", 32 * GIB, 32 * GIB),
        ("sysctl: unknown oid 'iogpu.wired_limit_mb'\n", 36 * GIB, 27 * GIB),
    ],
)
def test_apples_gpu_may_use_a_part_of_main_memory(answer: str, total: int, limit: int) -> None:
    assert parse_wired_limit(parse_sysctl(answer), total) == limit


# Graphics cards


class NVMLError(Exception):
    """The library's own error."""


def nvml(*cards: tuple[str, int, int] | None, broken: bool = False) -> Any:
    """A management library with these cards: name, total, free; None does not tell."""

    def init() -> None:
        if broken:
            raise NVMLError("Driver Not Loaded")

    def memory(card: tuple[str, int, int] | None) -> SimpleNamespace:
        if card is None:
            raise NVMLError("Not Supported")
        return SimpleNamespace(total=card[1], free=card[2])

    return SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=init,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: len(cards),
        nvmlDeviceGetHandleByIndex=lambda index: cards[index],
        nvmlDeviceGetName=lambda card: card[0],
        nvmlDeviceGetMemoryInfo=memory,
    )


def test_nvidias_cards_are_told_by_their_library() -> None:
    cards = ("NVIDIA GeForce RTX 4090", 24 * GIB, 22 * GIB), None, ("Tesla T4", 15 * GIB, GIB)
    assert nvidia_gpus(nvml(*cards)) == (
        Gpu("NVIDIA GeForce RTX 4090", 24 * GIB, 22 * GIB, "nvidia"),
        Gpu("Tesla T4", 15 * GIB, GIB, "nvidia"),
    )
    assert nvidia_gpus(nvml()) == ()
    assert nvidia_gpus(nvml(broken=True)) == ()


def test_a_driver_that_hangs_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answer = threading.Event()

    def hang() -> tuple[Gpu, ...]:
        answer.wait(PATIENCE)
        return ()

    monkeypatch.setattr(graphics, "nvidia_gpus", hang)
    monkeypatch.setattr(graphics, "DEADLINE", 0.05)
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert find_gpus() == ()
    answer.set()
    assert "does not answer" in caplog.text


def amd_card(folder: Path, name: str, **files: str) -> None:
    device = folder / name / "device"
    device.mkdir(parents=True)
    for file, text in files.items():
        (device / file).write_text(f"{text}\n", encoding="ascii")


def test_amds_cards_are_read_from_the_kernels_files(tmp_path: Path) -> None:
    total, used = 16 * GIB, 3 * GIB
    amd_card(
        tmp_path,
        "card1",
        vendor="0x1002",
        mem_info_vram_total=str(total),
        mem_info_vram_used=str(used),
        product_name="Radeon RX 7800 XT",
    )
    amd_card(tmp_path, "card2", vendor="0x1002", mem_info_vram_total=str(8 * GIB))
    amd_card(tmp_path, "card0", vendor="0x8086")
    amd_card(tmp_path, "card3", vendor="0x1002", mem_info_vram_total="strange")
    amd_card(tmp_path, "card1-HDMI-A-1", vendor="0x1002", mem_info_vram_total=str(total))
    assert amd_gpus(tmp_path) == (
        Gpu("Radeon RX 7800 XT", total, total - used, "amd"),
        Gpu("AMD graphics (card2)", 8 * GIB, None, "amd"),
    )
    assert amd_gpus(tmp_path / "nothing") == ()


def test_windows_keeps_its_cards_in_the_registry() -> None:
    size = "HardwareInformation.qwMemorySize"
    adapters: list[dict[str, object]] = [
        {
            "DriverDesc": "AMD Radeon RX 6800",
            "MatchingDeviceId": r"PCI\VEN_1002&DEV_73BF&REV_C3",
            size: 17_163_091_968,
        },
        {
            "DriverDesc": "Intel(R) Arc(TM) A770 Graphics",
            "MatchingDeviceId": r"pci\ven_8086&dev_56a0",
            size: (16 * GIB).to_bytes(8, "little"),
        },
        {"DriverDesc": "Microsoft Remote Display Adapter", "MatchingDeviceId": "RdpIdd_Indirect"},
        {"DriverDesc": "Old", "MatchingDeviceId": r"pci\ven_8086&dev_0042"},
        {},
    ]
    assert parse_display_adapters(adapters) == (
        Gpu("AMD Radeon RX 6800", 17_163_091_968, None, "amd"),
        Gpu("Intel(R) Arc(TM) A770 Graphics", 16 * GIB, None, "intel"),
    )


@pytest.mark.parametrize(
    ("names", "apis"),
    [
        (["libggml-base.so.0", "libggml-cpu.so", "libggml.so", "libllama.so"], ()),
        (["libggml-cuda.so.0.25.3", "libggml-cuda.so", "libggml-cpu.so"], ("cuda",)),
        (["ggml-vulkan.dll", "ggml-cpu-haswell.dll"], ("vulkan",)),
        (["libggml-metal.dylib", "libggml-blas.dylib"], ("metal",)),
    ],
)
def test_the_engines_libraries_tell_which_cards_it_reaches(
    names: list[str], apis: tuple[str, ...]
) -> None:
    assert parse_library_names(iter(names)) == apis


def test_the_engine_that_is_installed_here_is_looked_at() -> None:
    assert isinstance(offload_apis(), tuple)


def test_only_cards_that_the_engine_reaches_are_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    cards = Gpu("GeForce", 8 * GIB, GIB), Gpu("Radeon", 8 * GIB, None, "amd")
    found = HardwareSurvey("test", 4, 8, (), 16 * GIB, cards, offload=("cuda",))
    assert found.usable_gpus == cards[:1]
    assert HardwareSurvey("test", 4, 8, (), 16 * GIB, cards).usable_gpus == ()
    now = Gpu("GeForce", 8 * GIB, 7 * GIB), cards[1]
    monkeypatch.setattr(hardware, "find_gpus", lambda: now)
    assert current_gpus(found) == now[:1]


def test_memory_nodes_are_counted_as_linux_lists_them(tmp_path: Path) -> None:
    for name in ("node0", "node1", "node12", "possible", "nodelist"):
        (tmp_path / name).mkdir()
    assert memory_nodes(tmp_path) == 3
    assert memory_nodes(tmp_path / "away") == 1
