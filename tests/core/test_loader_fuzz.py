"""The loader's own fuzz: whatever the file and the setting, the parent lives and hears of it.

Nothing here is checked before it reaches the engine's child: native code sees every lie.
"""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.engine import EngineProcess
from app.core.errors import EngineDied
from backends.errors import BackendError
from backends.types import LoadConfig
from tests.backends.contract import finish_of, request
from tests.core.broken_gguf import tiny_model
from tests.core.loader_fuzz import SMALL, Case, cases

pytestmark = pytest.mark.engine

PATIENCE = 20.0
"""Seconds in which a case must have ended."""
ALL = cases()


class Trial:
    """An engine child that is replaced when a case has ended it."""

    def __init__(self) -> None:
        self._engine: EngineProcess | None = None
        self.deaths = 0
        self.refusals = 0
        self.answers = 0

    def run(self, path: Path, config: LoadConfig) -> None:
        """Load and ask. Fails if that takes longer than `PATIENCE`."""
        engine = self._ready()
        late = threading.Event()

        def give_up() -> None:
            late.set()
            engine.close()

        timer = threading.Timer(PATIENCE, give_up)
        timer.start()
        try:
            engine.load(str(path), config, lambda fraction: True)
            finish_of(engine.generate(request()))
            self.answers += 1
        except BackendError as error:
            self.refusals += bool(error.message)
        except EngineDied as death:
            self.deaths += bool(death.message and death.hint)
        finally:
            timer.cancel()
            timer.join()
        assert not late.is_set(), "it hung"

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()

    def _ready(self) -> EngineProcess:
        if self._engine is None or not self._engine.alive:
            self.close()
            self._engine = EngineProcess("llamacpp")
            self._engine.start()
        return self._engine


@pytest.fixture
def trial() -> Iterator[Trial]:
    trial = Trial()
    yield trial
    trial.close()


def run_all(trial: Trial, chosen: list[Case], tmp_path: Path) -> None:
    for number, case in enumerate(chosen):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            trial.run(case.make(folder), case.config)
        except Exception as error:
            raise AssertionError(f"{case.name}: {error!r}") from error
    assert trial.deaths + trial.refusals + trial.answers == len(chosen)


def test_there_are_enough_cases_and_each_has_a_name() -> None:
    assert len(ALL) >= 240
    assert len({case.name for case in ALL}) == len(ALL)


def test_a_sample_of_the_fuzz(trial: Trial, tmp_path: Path) -> None:
    run_all(trial, ALL[::12], tmp_path)
    assert trial.refusals > 10
    assert trial.answers > 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_whole_fuzz(trial: Trial, tmp_path: Path) -> None:
    run_all(trial, ALL, tmp_path)
    print(f"{trial.deaths} deaths, {trial.refusals} refusals, {trial.answers} answers")


WHOLE = tiny_model().data()
HEAD = len(tiny_model().header())
MUTATION = st.lists(
    st.tuples(st.integers(0, HEAD - 1), st.integers(0, 255)), min_size=1, max_size=8
)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_thousand_mutations_of_the_header(trial: Trial, tmp_path: Path) -> None:
    path = tmp_path / "mutated.gguf"

    @settings(
        max_examples=1000,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(MUTATION)
    def mutate(changes: list[tuple[int, int]]) -> None:
        data = bytearray(WHOLE)
        for at, value in changes:
            data[at] = value
        path.write_bytes(data)
        trial.run(path, SMALL)

    mutate()
    print(f"{trial.deaths} deaths, {trial.refusals} refusals, {trial.answers} answers")
