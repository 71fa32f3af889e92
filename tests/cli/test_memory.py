"""`corral run` where memory is short: refused by the guard rails, or loaded with a warning."""

import pytest
from msgspec.structs import replace

from app.cli.main import main
from app.core.hardware import MemorySnapshot
from app.core.memory import GuardRails
from app.core.paths import app_paths
from app.core.settings import SettingsStore

WORDS = ("run", "smollm2", "Hello", "--max-tokens", "2", "--context", "512")


@pytest.fixture(autouse=True)
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    little = MemorySnapshot(total=8 * 10**9, available=50 * 10**6)
    monkeypatch.setattr("app.core.runtime.memory_snapshot", lambda: little)


def guard(rails: GuardRails) -> None:
    store = SettingsStore(app_paths().settings_file)
    store.update(engine=replace(store.current.engine, guard_rails=rails))


def test_what_does_not_fit_is_refused_with_numbers_and_a_way_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(WORDS) == 1
    told = capsys.readouterr().err
    assert "needs more memory than is free" in told
    assert "0.1 GB free of 8.0 GB" in told
    assert "--force" in told


def test_strict_guard_rails_tell_what_they_keep_free(capsys: pytest.CaptureFixture[str]) -> None:
    guard("strict")
    assert main(WORDS) == 1
    assert "15% of that is kept free." in capsys.readouterr().err


@pytest.mark.engine
@pytest.mark.parametrize("forced", [False, True])
def test_without_guard_rails_or_with_force_it_is_loaded_after_a_warning(
    forced: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    if not forced:
        guard("off")
    assert main([*WORDS, "--force"] if forced else WORDS) == 0
    shown = capsys.readouterr()
    assert "this computer may become very slow" in shown.err
    assert shown.out.strip()
