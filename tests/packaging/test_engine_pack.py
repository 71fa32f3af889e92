"""An engine becomes one file, the same each time, which Corral takes and a release signs."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from app.cli.main import main
from app.core.engine_packs import read_pack
from app.core.update_source import UpdateSource
from backends.engine_folder import read_manifest
from tests.engine_folders import write_engine
from tests.packaging.scripts import ROOT, load_script

SCRIPT = ROOT / "packaging" / "engine" / "pack.py"
ENGINE = Path(os.environ.get("CORRAL_TEST_ENGINE", "none")).absolute()
PASSWORD = "correct horse battery"


def pack(folder: Path, out: Path, *, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(SCRIPT), str(folder), "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


def test_a_folder_becomes_one_file_with_its_checksum_by_python_alone(tmp_path: Path) -> None:
    folder = write_engine(tmp_path, "9.1")
    said = pack(folder, tmp_path / "out").stdout.split()
    made = tmp_path / "out" / "llama.cpp-9.1-test.corral-engine"
    assert said == [hashlib.sha256(made.read_bytes()).hexdigest(), str(made)]
    assert [each.name for each in made.parent.iterdir()] == [made.name]
    assert read_pack(made, {}).manifest == read_manifest(folder)


def test_the_same_folder_gives_the_same_file_whoever_packs_it_and_when(tmp_path: Path) -> None:
    first = write_engine(tmp_path / "a", "9.1")
    second = tmp_path / "b" / "llama.cpp-9.1-test"
    shutil.copytree(first, second)
    for file in second.iterdir():
        os.utime(file, (10**9, 10**9))
        file.chmod(0o600)
    names = "llama.cpp-9.1-test.corral-engine"
    pack(first, tmp_path / "x")
    pack(second, tmp_path / "y")
    assert (tmp_path / "x" / names).read_bytes() == (tmp_path / "y" / names).read_bytes()
    with zipfile.ZipFile(tmp_path / "x" / names) as archive:
        members = archive.infolist()
    assert [each.filename for each in members] == ["engine.json", "libllama.so"]
    assert {each.date_time for each in members} == {(1980, 1, 1, 0, 0, 0)}
    assert {each.external_attr >> 16 for each in members} == {0o100644}


def test_a_folder_that_is_not_what_it_says_is_not_packed(tmp_path: Path) -> None:
    folder = write_engine(tmp_path, "9.1")
    (folder / "more.txt").touch()
    assert "more.txt is not on the list" in pack(folder, tmp_path / "out", code=1).stderr
    (folder / "more.txt").unlink()
    (folder / "libllama.so").write_bytes(b"other")
    assert "libllama.so was changed" in pack(folder, tmp_path / "out", code=1).stderr
    pack(tmp_path / "none", tmp_path / "out", code=1)
    assert not (tmp_path / "out").exists()


def test_a_release_signs_an_engine_with_the_key_of_new_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CORRAL_UPDATE_KEY_PASSWORD", PASSWORD)
    keys = tmp_path / "keys"
    public = load_script("updates/make_keys").make(keys, PASSWORD.encode())
    source = UpdateSource("", tuple(base64.b64decode(each) for each in public))
    sign = load_script("updates/sign").main
    engine = write_engine(tmp_path, "9.1", system="windows")  # signed on another system
    made = load_script("engine/pack").pack(engine, tmp_path / "out")
    words = ["engine", str(made), "--key", str(keys / "update-key-1.pem")]
    assert sign(words) == 0
    assert "signed" in capsys.readouterr().out
    found = read_pack(made, source.by_id(), here=False)
    assert found.signed
    assert found.raw == (engine / "engine.json").read_bytes()
    with pytest.raises(SystemExit, match="signed already"):
        sign(words)
    with pytest.raises(SystemExit):
        sign([*words, "--out", str(tmp_path / "list.json")])
    with pytest.raises(SystemExit):
        sign(["renew", str(made), "--key", words[-1], "--out", str(tmp_path / "list.json")])


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.skipif(not ENGINE.is_dir(), reason="needs an engine: run `make engine`")
def test_a_built_engine_is_packed_added_used_and_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack(ENGINE, tmp_path)
    id_ = read_manifest(ENGINE).id
    assert main(["engine", "add", str(tmp_path / f"{id_}.corral-engine"), "--yes"]) == 0
    assert main(["engine", "use", id_]) == 0
    capsys.readouterr()
    question = "Answer with one word: the capital of France is"
    assert main(["run", "smollm2", question, "--set", "temperature=0"]) == 0
    assert "Paris" in capsys.readouterr().out
    assert main(["engine", "rm", id_]) == 0
