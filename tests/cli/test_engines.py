"""`corral engine`: what runs models: listed, added, chosen, removed."""

import io
import json
import sys
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.cli import engines
from app.core.engine import EngineProcess
from app.core.engine_adding import add_engine
from app.core.installed_engines import usual_engine
from app.core.paths import app_paths
from app.core.settings import SettingsStore
from app.core.update_source import UpdateSource
from tests.cli.said import Said
from tests.engine_folders import write_engine
from tests.engine_packs import sign, write_pack


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return Said(capsys)


@pytest.fixture
def own(corral_home: Path) -> Path:
    """The person's engines."""
    return corral_home / "data" / "engines"


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines of a few bytes are taken for ones that start."""
    untried = partial(add_engine, trial=lambda folder: None)
    monkeypatch.setattr(engines, "add_engine", untried)


class Terminal(io.StringIO):
    """Standard input with somebody at it."""

    def isatty(self) -> bool:
        return True


def chosen() -> str:
    return SettingsStore(app_paths().settings_file).current.engine.engine


def listed(said: Said) -> dict[str, dict[str, object]]:
    return {each["id"]: each for each in json.loads(said("engine", "ls", "--json"))}


@pytest.mark.usefixtures("starts")
def test_an_engine_that_nobody_vouches_for_is_added_only_when_somebody_says_so(
    said: Said, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = str(write_pack(tmp_path, "9.1", accelerator="cuda"))
    said("engine", "add", pack, code=1)
    assert "add --yes" in said.err
    assert not own.exists()
    for answer in ("n\n", "\n", ""):
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        said("engine", "add", pack, code=1)
        assert "program code that runs as you" in said.err
    assert not own.exists()
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert said("engine", "add", pack).splitlines()[-1].endswith("llama.cpp-9.1-test")
    assert (
        "llama.cpp 9.1 (CUDA) (llama.cpp-9.1-test) runs models from their next load on." in said.err
    )
    assert (own / "llama.cpp-9.1-test" / "engine.json").exists()


@pytest.mark.usefixtures("starts")
def test_a_signed_one_is_added_without_a_question(
    said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Ed25519PrivateKey.generate()
    pack = write_pack(tmp_path, "9.1")
    sign(pack, key)
    source = UpdateSource("", (key.public_key().public_bytes_raw(),))
    monkeypatch.setattr(engines, "load_source", lambda: source)
    assert said("engine", "add", str(pack)) == "llama.cpp-9.1-test\n"
    assert "you, signed" in said("engine", "ls")
    assert listed(said)["llama.cpp-9.1-test"]["signed"] is True


@pytest.mark.usefixtures("starts")
def test_an_older_one_is_added_and_not_used_unless_it_is_chosen(
    said: Said, own: Path, tmp_path: Path
) -> None:
    write_engine(own, "9.1", id="new")
    said("engine", "add", str(write_engine(tmp_path, "9.0", id="old")), "-y", "-q")
    assert "corral engine use old" in said.err
    assert [key for key, row in listed(said).items() if row["used"]] == ["new"]
    said("engine", "use", "old")
    assert chosen() == "old"
    assert "llama.cpp 9.0 (old) runs models" in said.err
    assert [key for key, row in listed(said).items() if row["used"]] == ["old"]
    used = usual_engine()
    assert used is not None
    assert used.id == "old"
    said("engine", "use", "automatic")
    assert chosen() == "automatic"
    said("engine", "use", "none", code=3)
    assert "There are: new, old, package." in said.err


def test_what_is_there_is_listed_with_what_is_wrong(said: Said, own: Path) -> None:
    write_engine(own, "9.1", id="new", accelerator="vulkan")
    broken = write_engine(own, "9.2", id="broken")
    (broken / "libllama.so").unlink()
    lines = said("engine", "ls").splitlines()
    assert lines[0].split() == ["NAME", "RUNS", "ON", "SIZE", "FROM", "ID", "PROBLEM"]
    assert lines[1].split()[:5] == ["*", "llama.cpp", "9.1", "(Vulkan)", "Vulkan"]
    assert "libllama.so is missing" in lines[-1]
    rows = listed(said)
    assert rows["new"]["accelerator"] == "vulkan"
    assert rows["package"]["from"] == "package"
    assert not any(row["running"] for row in rows.values())
    said("engine", "use", "broken", code=3)


def test_a_chosen_one_that_is_gone_is_told(said: Said, own: Path) -> None:
    write_engine(own, "9.1", id="new")
    said("config", "set", "engine.engine", "gone")
    assert "* " in said("engine", "ls")
    assert "The engine that was chosen, gone, is not installed" in said.err


def test_the_chosen_one_is_removed_and_the_choice_is_automatic_again(said: Said, own: Path) -> None:
    write_engine(own, "9.1", id="mine")
    said("engine", "use", "mine")
    assert said("engine", "rm", "mine") == "Deleted: mine\n"
    assert chosen() == "automatic"
    assert not (own / "mine").exists()
    said("engine", "rm", "mine", code=3)
    said("engine", "rm", "package", code=1)
    assert "comes with Corral" in said.err


def test_of_two_with_one_name_the_persons_is_removed(
    said: Said, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = (tmp_path / "program", own)
    monkeypatch.setattr(engines, "engine_places", lambda _: places)
    beside, mine = write_engine(places[0], "9.1", id="x"), write_engine(own, "9.1", id="x")
    said("engine", "rm", "x")
    assert beside.exists()
    assert not mine.exists()
    said("engine", "rm", "x", code=1)


def test_what_is_no_engine_is_refused_in_plain_words(said: Said, own: Path, tmp_path: Path) -> None:
    said("engine", "add", str(tmp_path / "none.corral-engine"), code=3)
    assert "There is no file" in said.err
    (tmp_path / "page.corral-engine").write_text("<!doctype html>")
    said("engine", "add", str(tmp_path / "page.corral-engine"), "--yes", code=1)
    assert "page.corral-engine is no engine for Corral." in said.err
    said("engine", "add", str(write_pack(tmp_path)), "--yes", code=1)
    assert "does not start on this computer" in said.err
    assert not own.exists() or list(own.iterdir()) == []


@pytest.mark.engine
@pytest.mark.skipif(sys.platform != "linux", reason="the engine is made of Linux libraries")
def test_a_real_one_is_added_answers_and_stays_while_it_runs(said: Said, tmp_path: Path) -> None:
    said("engine", "add", str(write_pack(tmp_path, "9.1", binding="")), "-y")
    key = "llama.cpp-9.1-test"
    assert "Paris" in said(
        "run", "smollm2", "Answer with one word: the capital of France is", "--set", "temperature=0"
    )
    with EngineProcess("llamacpp") as engine:
        assert engine.build is not None
        assert engine.build.id == key
        assert listed(said)[key]["running"] is True
        said("engine", "rm", key, code=1)
        assert "A model is running with it." in said.err
    said("engine", "rm", key)
    assert set(listed(said)) == {"package"}
