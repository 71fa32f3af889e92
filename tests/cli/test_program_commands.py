"""`config`, `token`, `doctor`, `estimate`, `bench`, `log`, `open`, `version`, `presets`, `chat`."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from app.cli import opening
from app.cli.doctor_checks import CHECKS, Finding, build_words, card_of, models_of
from app.core.access_tokens import AccessTokens
from app.core.engine_record import EngineRecord
from app.core.graphics import Gpu
from app.core.handover import SHOW, Handover
from app.core.hardware import HardwareSurvey
from app.core.library_places import AWAY
from app.core.library_types import LocalModel
from app.core.logs import FILE_NAME
from app.core.paths import app_paths
from app.core.settings import SettingsStore
from backends.types import EngineBuild
from tests.cli.said import Said
from tests.engine_folders import write_engine
from tests.hub.server import LocalHub
from tests.timing import PATIENCE


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return Said(capsys)


def test_settings_are_read_changed_and_put_back(said: Said) -> None:
    assert said("config", "get", "server.port") == "11500\n"
    assert said("config", "set", "server.port", "4711") == "server.port = 4711\n"
    assert SettingsStore(app_paths().settings_file).current.server.port == 4711
    assert "server.port = 4711  *\n" in said("config", "list", "server")
    assert json.loads(said("config", "list", "--json"))["server.port"] == 4711
    said("config", "set", "server.origins", '["https://a.example"]')
    assert said("config", "get", "server.origins") == '["https://a.example"]\n'
    said("config", "unset", "server.port")
    assert said("config", "get", "server.port") == "11500\n"


def test_a_setting_is_refused_in_plain_words(said: Said) -> None:
    said("config", "set", "server.port", "many", code=2)
    assert "server.port is a whole number between 1 and 65,535" in said.err
    said("config", "set", "server.prot", "1", code=3)
    assert "server.port" in said.err
    said("config", "list", "nothing", code=3)


def test_a_token_is_shown_once_and_revoked_by_name(said: Said) -> None:
    secret = said("token", "new", "My phone", "--scope", "models").strip()
    tokens = AccessTokens(app_paths().tokens_file)
    found = tokens.check(secret)
    assert found is not None
    assert (found.name, found.scopes) == ("My phone", ("models",))
    listed = said("token", "ls")
    assert "My phone" in listed
    assert secret not in listed + said("token", "ls", "--json")
    said("token", "revoke", "nobody", code=3)
    assert said("token", "revoke", "My phone") == f"Revoked: {found.id} (My phone)\n"
    assert tokens.check(secret) is None


def test_of_two_tokens_with_one_name_one_must_be_named(said: Said) -> None:
    said("token", "new", "a")
    said("token", "new", "a")
    said("token", "revoke", "a", code=1)
    [first, _] = json.loads(said("token", "ls", "--json"))
    said("token", "revoke", first["id"])
    said("token", "revoke", "a")


def test_the_doctor_looks_at_everything_and_finds_it_well(said: Said) -> None:
    findings = msgspec.json.decode(said("doctor", "--offline", "--json"), type=list[Finding])
    assert {each.check for each in findings} == set(CHECKS) - {"network"}
    assert not [each for each in findings if each.state == "problem"]
    assert all(each.found.endswith(".") for each in findings)


def test_the_doctor_names_an_engine_that_does_not_start(said: Said, corral_home: Path) -> None:
    folder = write_engine(corral_home / "data" / "engines", "99.8.7")
    text = said("doctor", "--offline", code=1)
    assert f"llama.cpp 99.8.7 ({folder.name}) does not start" in text
    assert f"Remove it: corral engine rm {folder.name}" in text


def test_the_doctor_names_an_engine_that_is_damaged(said: Said, corral_home: Path) -> None:
    folder = write_engine(corral_home / "data" / "engines", "0.0.1")
    (folder / "libllama.so").write_bytes(b"not really"[::-1])
    text = said("doctor", "--offline")
    assert f"{folder.name}: The engine {folder.name} is damaged: libllama.so was changed." in text
    assert f"Remove it: corral engine rm {folder.name}" in text


def test_the_doctor_tells_which_engine_could_not_load_a_model(
    said: Said, corral_home: Path
) -> None:
    folder = write_engine(corral_home / "data" / "engines", "0.0.1")
    [model] = json.loads(said("ls", "--json"))
    record = EngineRecord(app_paths().engines_file)
    record.note_passed_over(model["id"], folder.name, "The file is damaged.")
    text = said("doctor", "--offline")
    assert "!  engine: " in text
    assert f"{folder.name} could not load {model['name']}, which an earlier engine runs." in text
    assert "What went wrong: The file is damaged." in text
    assert f"corral engine rm {folder.name}" in text


def test_the_doctor_says_what_to_do(said: Said) -> None:
    data = app_paths().data
    data.parent.mkdir(parents=True, exist_ok=True)
    said("config", "set", "network.offline", "true")
    text = said("doctor")
    assert "!  network" in text
    assert "corral config set network.offline false" in text


def test_the_doctor_asks_the_hub(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalHub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        findings = json.loads(said("doctor", "--json"))
    network = next(each for each in findings if each["check"] == "network")
    assert network["state"] == "ok"
    assert hub.url in network["found"]
    assert "NO  network" in said("doctor", code=1)  # the hub is gone
    assert said.err == ""


def test_the_doctor_tells_of_a_folder_that_cannot_be_written(said: Said) -> None:
    data = app_paths().data
    data.parent.mkdir(parents=True, exist_ok=True)
    data.write_text("in the way")
    text = said("doctor", "--offline", code=1)
    assert "NO  data" in text
    assert "CORRAL_HOME" in text


@pytest.mark.engine
@pytest.mark.skipif(sys.platform != "linux", reason="the folder is made of Linux libraries")
def test_the_doctor_starts_the_best_engine_and_reads_the_files_of_all(
    said: Said, corral_home: Path
) -> None:
    places = corral_home / "data" / "engines"
    write_engine(places, "9.8.7", binding="")
    other = write_engine(places, "9.8.6")
    assert " ok  engine: llama.cpp 9.8.7 (0123abc) starts.\n" in " " + said("doctor", "--offline")
    (other / "libllama.so").write_bytes(b"not really"[::-1])
    text = said("doctor", "--offline")
    assert f"The engine {other.name} is damaged: libllama.so was changed." in text


def test_the_doctor_names_the_code_that_runs() -> None:
    build = EngineBuild("llama.cpp", "0.3.36", "0c1e570", "id", "zen4")
    assert build_words(build) == "llama.cpp 0.3.36 (0c1e570) with its code for zen4"
    assert build_words(EngineBuild("llama.cpp", "0.3.36")) == "llama.cpp 0.3.36"


def test_the_doctor_has_the_models_of_an_absent_drive_deleted_by_nobody() -> None:
    path = Path("model.gguf")
    here = LocalModel("here", "Here", path, (path,), 1)
    away = structs.replace(here, name="Away", present=False, problem=AWAY)
    broken = structs.replace(here, name="Broken", problem="It ends in the middle.")
    assert models_of([here]).state == "ok"
    found = models_of([here, away])
    assert found.found == f"1 of 2 cannot be used. Away: {AWAY}"
    assert found.advice == "Connect the drive: what is on it comes back untouched."
    assert models_of([here, broken]).advice.startswith("Delete those with")
    both = models_of([away, broken]).advice
    assert both.startswith("Connect the drive")
    assert "Delete the others" in both


def test_the_doctor_knows_a_card_that_the_engine_cannot_use() -> None:
    card = Gpu("Big Card", 24_000_000_000, None)
    found = card_of(HardwareSurvey("cpu", 4, 8, (), 1, gpus=(card,)))
    assert found.state == "note"
    assert "llama-cpp-python" in found.advice
    assert (
        card_of(HardwareSurvey("cpu", 4, 8, (), 1, gpus=(card,), offload=("cuda",))).state == "ok"
    )
    assert card_of(HardwareSurvey("cpu", 4, 8, (), 1)).state == "ok"


def test_an_estimate_adds_up_and_grows_with_the_context(said: Said) -> None:
    words = ("estimate", "smollm2", "--json")
    small = json.loads(said(*words, "--context", "1024"))
    large = json.loads(said(*words, "--context", "8192"))
    parts = ("weights", "kv_cache", "compute", "overhead")
    assert small["total"] == sum(small[name] for name in parts)
    assert large["kv_cache"] == 8 * small["kv_cache"]
    assert large["fit"] == "fits"
    assert json.loads(said("load", "smollm2", "--estimate-only", "--json"))["model"]
    assert "It fits" in said("estimate", "smollm2")


@pytest.mark.engine
def test_a_bench_tells_both_speeds(said: Said) -> None:
    words = ("bench", "smollm2", "-p", "64", "-n", "8", "-r", "2")
    told = json.loads(said(*words, "--json"))
    assert told["answer"]["tokens"] == 8
    assert 55 <= told["prompt"]["tokens"] <= 75
    assert told["prompt"]["mean"] > told["answer"]["mean"] > 0
    assert told["time_to_first_token"] > 0


def test_the_log_shows_its_last_lines_and_no_controls(said: Said) -> None:
    file = app_paths().logs / FILE_NAME
    file.parent.mkdir(parents=True)
    file.write_text("one\ntwo\nthree \x1b[31m\n")
    assert said("log", "-n", "2") == "two\nthree [31m\n"


def test_presets_are_listed_and_shown(said: Said) -> None:
    assert "coder" in said("presets")
    assert json.loads(said("presets", "coder", "--json"))["id"] == "coder"
    assert "working code" in said("presets", "coder").lower()
    said("presets", "nothing", code=3)


def test_the_version_is_told(said: Said) -> None:
    assert said("version").startswith("corral ")
    assert json.loads(said("version", "--json"))["running"] is None


def test_the_licences_of_all_parts_are_told(said: Said) -> None:
    told = said("version", "--licences")
    assert "LGPL-3.0; its libraries in" in told
    assert "download.qt.io" in told
    parts = json.loads(said("version", "--licences", "--json"))
    assert {"name": "Inter", "version": "", "licence": "OFL"} in parts


def test_the_version_of_the_best_engine_is_told(said: Said, corral_home: Path) -> None:
    folder = write_engine(corral_home / "data" / "engines", "9.8.7")
    assert "engine: llama.cpp 9.8.7\n" in said("version")
    engines = json.loads(said("version", "--json"))["engines"]
    assert engines[0] == {"id": folder.name, "name": "llama.cpp 9.8.7"}
    assert engines[1]["id"] == ""


def test_models_are_listed_by_kind_and_shown_in_parts(said: Said) -> None:
    [name] = said("ls", "--ids").split()
    assert said("ls", "--llm", "--ids").split() == [name]
    assert said("ls", "--embedding", "--ids") == ""
    assert "im_start" in said("show", name, "--template")
    assert said("show", name, "--license") == "apache-2.0\n"
    assert json.loads(said("show", name, "--json"))["sampling"]["top_k"] == 40
    assert "general.architecture = llama" in said("show", name, "-v")
    assert said("show", name, "--system", code=1) == ""


def test_a_copy_has_a_name_of_its_own_and_its_files_stay(said: Said) -> None:
    copy = said("cp", "smollm2", "mine").strip()
    assert copy in said("ls", "--ids").split()
    said("create", "Not there", "--file", "-", code=1)
    assert said("rm", "mine", "-y").strip().endswith(copy)
    assert len(said("ls", "--ids").split()) == 1


def test_a_template_of_its_own_is_refused(said: Said, tmp_path: Path) -> None:
    file = tmp_path / "Modelfile"
    file.write_text("FROM smollm2\nTEMPLATE {{ .Prompt }}\n")
    said("create", "mine", "-f", str(file), code=1)
    assert "chat template of its own" in said.err
    said("show", "smollm2")
    file.write_text(said("show", "smollm2", "--modelfile"))
    assert said("create", "mine", "-f", str(file)).strip().endswith("+mine")


def test_a_link_goes_to_the_window_that_is_open(
    said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(opening, "_start", lambda words, _: started.append(words))
    window = Handover(app_paths())
    assert window.claim()

    def what_comes() -> list[str]:
        while not (texts := window.take()):
            pass
        return texts

    try:
        with ThreadPoolExecutor() as pool:
            came = pool.submit(what_comes)
            said("open", "corral://model/owner/name")
            assert came.result(PATIENCE) == ["corral://model/owner/name"]
            came = pool.submit(what_comes)
            said("open")
            assert came.result(PATIENCE) == [SHOW]
        assert started == []
        monkeypatch.setattr(opening, "PATIENCE", 0.05)
        said("open")  # it hangs, or is about to end
        assert started == [[]]
        assert window.take() == []
        started.clear()
    finally:
        window.close()
    said("open", "corral://model/owner/name")
    assert started == [["corral://model/owner/name"]]
    said("open", "nothing.gguf", code=3)
    said("open", "corral://nothing", code=1)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_a_window_that_cannot_open_is_told(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(opening, "_PATIENCE", 60)
    said("open", code=1)
    assert "The window did not open" in said.err
    assert "no display" in said.err
