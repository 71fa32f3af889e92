"""A process that uses the data is seen by those that want to be alone with it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app.core.children import child_environment
from app.core.data_use import DataUse
from app.core.paths import AppPaths, app_paths
from app.core.process_lock import ProcessLock


@pytest.fixture
def paths(tmp_path: Path) -> AppPaths:
    return app_paths({"CORRAL_HOME": str(tmp_path)})


@contextmanager
def another_process(paths: AppPaths) -> Iterator[subprocess.Popen[bytes]]:
    """A process that uses the same data, as long as the block or its life lasts."""
    code = (
        "import sys; from app.core.data_use import DataUse; from app.core.paths import app_paths\n"
        "use = DataUse(app_paths()); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**child_environment(), "CORRAL_HOME": str(paths.data.parent)},
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline()
        yield child
        child.kill()


def test_who_is_alone_knows_it(paths: AppPaths) -> None:
    with closing(DataUse(paths)) as use:
        assert use.is_alone()
        with another_process(paths):
            assert not use.is_alone()
            assert not use.is_alone()
        assert use.is_alone()


def test_being_asked_takes_nothing_from_the_others(paths: AppPaths) -> None:
    with closing(DataUse(paths)) as first, closing(DataUse(paths)) as second:
        assert not first.is_alone()
        assert not second.is_alone()


def test_who_was_killed_uses_nothing(paths: AppPaths) -> None:
    with closing(DataUse(paths)) as use, another_process(paths) as other:
        other.kill()
        other.wait()
        assert use.is_alone()


def test_without_a_place_for_locks_nobody_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    with closing(DataUse(app_paths({"CORRAL_HOME": str(tmp_path)}))) as use:
        assert use.is_alone()


def test_a_lock_is_changed_while_it_is_held(tmp_path: Path) -> None:
    with (
        closing(ProcessLock(tmp_path / "lock")) as first,
        closing(ProcessLock(tmp_path / "lock")) as second,
    ):
        assert first.take()
        assert not second.take(shared=True)
        assert first.take(shared=True)
        assert second.take(shared=True)
        assert not first.take()
        second.close()
        assert first.take()
