"""Links of later starts reach the window that is open."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.core.children import child_environment
from app.core.handover import MOST_AT_ONCE, MOST_BYTES, SHOW, Handover
from app.core.paths import AppPaths, app_paths

LINK = "corral://model/a/b?file=c.gguf"


@pytest.fixture
def paths(tmp_path: Path) -> AppPaths:
    return app_paths({"CORRAL_HOME": str(tmp_path)})


def test_only_the_first_window_takes_links(paths: AppPaths) -> None:
    first, second = Handover(paths), Handover(paths)
    assert not second.pass_on(["corral://model/a/b"])  # there is no window yet
    assert first.claim()
    assert first.claim()
    assert not second.claim()
    assert second.pass_on(["corral://model/a/b", "corral://model/a/c"])
    assert first.take() == ["corral://model/a/b", "corral://model/a/c"]
    assert first.take() == []
    first.close()
    assert second.claim()
    second.close()


def test_a_window_that_was_killed_is_none(paths: AppPaths) -> None:
    code = (
        "import sys; from app.core.handover import Handover\n"
        "from app.core.paths import app_paths\n"
        "kept = Handover(app_paths()); print(kept.claim(), flush=True); sys.stdin.read()"
    )
    environment = {**child_environment(), "CORRAL_HOME": str(paths.data.parent)}
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip() == b"True"
    late = Handover(paths)
    assert not late.claim()
    child.kill()
    child.communicate()
    assert late.claim()
    late.close()


@pytest.mark.parametrize(
    ("words", "left"),
    [
        pytest.param([LINK], [LINK], id="with a link"),
        pytest.param([], [SHOW], id="without anything"),
        pytest.param(["--in-tray"], [], id="at login"),
    ],
)
def test_a_later_start_ends_when_a_window_is_open(
    words: list[str], left: list[str], paths: AppPaths
) -> None:
    window = Handover(paths)
    assert window.claim()
    environment = child_environment() | {
        "CORRAL_HOME": str(paths.data.parent),
        "QT_QPA_PLATFORM": "offscreen",
    }
    later = subprocess.Popen(
        [sys.executable, "-m", "app", *words],
        env=environment,
        cwd=Path(__file__).parents[2],
    )
    taken = []
    while later.poll() is None:
        taken += window.take()
    assert later.returncode == 0
    assert taken + window.take() == left
    window.close()


def test_a_start_opens_its_own_window_when_the_other_one_ends_or_hangs(paths: AppPaths) -> None:
    window, later = Handover(paths), Handover(paths)
    assert window.claim()
    assert not later.claim()
    assert not later.pass_on([SHOW], patience=0.05)  # nobody takes it
    assert not later.claim()
    with ThreadPoolExecutor() as pool:
        passed = pool.submit(later.pass_on, [SHOW], patience=60)
        while not passed.done() and not any(window.folder.iterdir()):
            pass
        window.close()
        assert not passed.result()
    assert later.claim()
    assert list(later.folder.iterdir()) == []
    later.close()


def test_what_is_old_large_or_too_much_is_thrown_away(paths: AppPaths) -> None:
    window, later = Handover(paths), Handover(paths)
    assert window.claim()
    assert not later.claim()
    later.pass_on(["x" * (MOST_BYTES + 1)])
    later.pass_on(["corral://model/old/one"])
    (old,) = [path for path in window.folder.glob("*.txt") if path.stat().st_size < MOST_BYTES]
    hour_ago = time.time() - 3600
    os.utime(old, (hour_ago, hour_ago))
    later.pass_on([f"corral://model/a/{number}" for number in range(MOST_AT_ONCE + 3)])
    assert window.take() == [f"corral://model/a/{number}" for number in range(MOST_AT_ONCE)]
    assert list(window.folder.iterdir()) == []
    window.close()


def test_a_folder_that_cannot_be_locked_leaves_each_window_on_its_own(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    window = Handover(app_paths({"CORRAL_HOME": str(tmp_path)}))
    assert not window.claim()
    assert not window.pass_on(["corral://model/a/b"])
    window.close()
