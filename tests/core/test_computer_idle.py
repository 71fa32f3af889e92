"""Since when nobody has used the computer."""

import os
import shutil
import subprocess
import sys

import pytest

from app.core.computer_idle import ComputerIdle, system_idle


def test_the_last_of_input_and_answers_counts() -> None:
    assert ComputerIdle(lambda: 50.0, system=lambda: 100.0)() == 50.0
    assert ComputerIdle(lambda: 500.0, system=lambda: 100.0)() == 100.0
    assert ComputerIdle(lambda: 0.0, system=lambda: 100.0)() == 0.0, "an answer is running"


def test_where_the_system_tells_nothing_ones_own_window_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.core.computer_idle.system_idle", lambda: None)
    now = [0.0]
    idle = ComputerIdle(clock=lambda: now[0])
    assert not idle.knows_input
    now[0] = 1000.0
    assert idle() == 0.0
    idle.set_in_front(False)
    now[0] = 1600.0
    assert idle() == 600.0
    idle.set_in_front(True)
    assert idle() == 0.0


@pytest.mark.skipif(sys.platform != "linux", reason="where there may be no display")
def test_without_a_display_or_under_wayland_nothing_is_claimed() -> None:
    assert system_idle({}) is None
    assert system_idle({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}) is None


@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="needs Xvfb")
def test_x11_tells_of_input() -> None:
    code = (
        "from app.core.computer_idle import system_idle\n"
        "idle = system_idle()\n"
        "print('none' if idle is None else 0 <= idle() < 3600)"
    )
    done = subprocess.run(
        ["xvfb-run", "-a", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "WAYLAND_DISPLAY"},
        timeout=60,
    )
    assert done.stdout.strip() in ("True", "none"), done.stderr
