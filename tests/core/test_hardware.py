"""The hardware survey: quick, honest, never raising."""

import os
import time
from pathlib import Path

import psutil
import pytest

from app.core import hardware
from app.core.hardware import Gpu, MemorySnapshot, memory_snapshot, parse_nvidia_smi, survey

MIB = 1024**2


def test_this_computer_is_described() -> None:
    begin = time.monotonic()
    found = survey()
    assert time.monotonic() - begin < 20
    assert 1 <= found.physical_cores <= found.logical_cores
    assert found.memory_total == psutil.virtual_memory().total
    assert found.cpu_name


def test_memory_now() -> None:
    memory = memory_snapshot()
    assert 0 < memory.available <= memory.total


def test_the_answer_of_nvidia_smi_is_read() -> None:
    text = "NVIDIA H200, 143771, 143000\nNVIDIA T4, 15360, [N/A]\n"
    assert parse_nvidia_smi(text) == (
        Gpu("NVIDIA H200", 143_771 * MIB, 143_000 * MIB),
        Gpu("NVIDIA T4", 15_360 * MIB, None),
    )


@pytest.mark.parametrize(
    "text", ["", "No devices were found\n", "a,b,c\n", ",,,\n\n", "NaN, -1, 2"]
)
def test_a_strange_answer_means_no_gpu(text: str) -> None:
    assert parse_nvidia_smi(text) == ()


def _survey_with_tool(monkeypatch: pytest.MonkeyPatch, tool: Path, script: str) -> tuple[Gpu, ...]:
    tool.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda _: str(tool))
    monkeypatch.setattr(hardware, "_GPU_QUERY_SECONDS", 0.3)
    return survey().gpus


@pytest.mark.skipif(os.name == "nt", reason="the stand-in tool is a shell script")
def test_a_driver_that_hangs_fails_or_is_missing_means_no_gpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tool = tmp_path / "nvidia-smi"
    assert _survey_with_tool(monkeypatch, tool, "echo 'Card, 100, 50'") == (
        Gpu("Card", 100 * MIB, 50 * MIB),
    )
    assert _survey_with_tool(monkeypatch, tool, "exec sleep 30") == ()
    assert _survey_with_tool(monkeypatch, tool, "exit 9") == ()
    monkeypatch.setattr("shutil.which", lambda _: str(tmp_path / "gone"))
    assert survey().gpus == ()


def test_a_system_without_cpuinfo_still_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_cpuinfo", dict)
    found = survey()
    assert found.cpu_name
    assert found.cpu_features == ()


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
