"""Links of later starts reach the window that is open."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.core.children import child_environment
from app.core.handover import MOST_AT_ONCE, MOST_BYTES, SHOW, Handover
from app.core.paths import AppPaths, app_paths


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


def test_a_start_with_a_link_ends_when_a_window_is_open(paths: AppPaths) -> None:
    window = Handover(paths)
    assert window.claim()
    link = "corral://model/a/b?file=c.gguf"
    environment = child_environment() | {
        "CORRAL_HOME": str(paths.data.parent),
        "QT_QPA_PLATFORM": "offscreen",
    }
    done = subprocess.run(
        [sys.executable, "-m", "app", link],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert window.take() == [link]
    window.close()


@pytest.mark.parametrize("words", [[], ["--in-tray"]])
def test_a_second_start_brings_back_the_window_that_is_out_of_sight(
    paths: AppPaths, words: list[str]
) -> None:
    """At login nobody asked to see it."""
    window = Handover(paths)
    assert window.claim()
    environment = child_environment() | {
        "CORRAL_HOME": str(paths.data.parent),
        "QT_QPA_PLATFORM": "offscreen",
    }
    done = subprocess.run(
        [sys.executable, "-m", "app", *words],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert window.take() == ([SHOW] if not words else [])
    window.close()


def test_a_start_where_no_window_can_be_takes_no_lock_before_it_shows_one(paths: AppPaths) -> None:
    first, second = Handover(paths), Handover(paths)
    assert not first.is_taken()
    assert not (paths.data / "window.lock").exists()
    assert first.claim()
    assert second.is_taken()
    first.close()
    assert not first.folder.exists()
    assert not second.is_taken()


def test_what_is_old_large_or_too_much_is_thrown_away(paths: AppPaths) -> None:
    window = Handover(paths)
    assert window.claim()
    window.pass_on(["x" * (MOST_BYTES + 1)])
    window.pass_on(["corral://model/old/one"])
    (old,) = [path for path in window.folder.glob("*.txt") if path.stat().st_size < MOST_BYTES]
    hour_ago = time.time() - 3600
    os.utime(old, (hour_ago, hour_ago))
    window.pass_on([f"corral://model/a/{number}" for number in range(MOST_AT_ONCE + 3)])
    assert window.take() == [f"corral://model/a/{number}" for number in range(MOST_AT_ONCE)]
    assert list(window.folder.iterdir()) == []
    window.close()


def test_a_folder_that_cannot_be_locked_leaves_each_window_on_its_own(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    window = Handover(app_paths({"CORRAL_HOME": str(tmp_path)}))
    assert not window.claim()
    assert not window.pass_on(["corral://model/a/b"])
    window.close()
