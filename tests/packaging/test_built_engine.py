"""An engine as it is shipped: every code for processors answers, and each processor gets its own.

`make engine` builds one and runs this. CORRAL_TEST_ENGINE names another one's folder.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from app.core.engine import EngineProcess
from app.core.template_check import tokens_of
from backends.base import Backend
from backends.engine_folder import FOLDER_VARIABLE, read_manifest
from backends.types import GbnfGrammar, LoadConfig
from tests.backends.contract import BackendContract
from tests.backends.scripts import ask, text_of
from tests.engine_folders import write_manifest
from tests.packaging.scripts import ROOT

ENGINE = Path(os.environ.get("CORRAL_TEST_ENGINE", "none")).absolute()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.engine,
    pytest.mark.skipif(not ENGINE.is_dir(), reason="needs an engine: run `make engine`"),
]
ANSWER = ROOT / "packaging" / "engine" / "answer.py"

MASKED = {
    "qemu64": "x64",
    "Nehalem": "sse42",
    "SandyBridge": "sandybridge",
    "IvyBridge": "ivybridge",
    "Opteron_G5": "piledriver",
    "Haswell": "haswell",
}
"""The code that a processor gets, by the emulator's name of the processor."""
X86 = ENGINE.is_dir() and read_manifest(ENGINE).machine == "x86_64"
VARIANTS = read_manifest(ENGINE).variants if ENGINE.is_dir() else ("none",)


def answer(engine: Path, *before: str, code: str = "") -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, str(ANSWER), "--engine", str(engine), "--code", code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def with_one_code(folder: Path, code: str) -> Path:
    """A copy of the engine that has but one code for processors."""
    copy = folder / f"only {code} – ein Ordner"
    shutil.copytree(ENGINE, copy)
    for path in copy.glob("*ggml-cpu-*"):
        if path.stem.partition("ggml-cpu-")[2] != code:
            path.unlink()
    manifest = json.loads((copy / "engine.json").read_text("utf-8"))
    del manifest["files"], manifest["sizes"]
    write_manifest(copy, manifest | {"variants": [code]})
    return copy


@pytest.mark.parametrize("code", VARIANTS)
def test_every_code_that_runs_here_answers_the_same_and_others_are_refused_without_a_crash(
    tmp_path: Path, code: str
) -> None:
    done = answer(with_one_code(tmp_path, code))
    if done.returncode == 0:
        said = json.loads(done.stdout)
        assert said["code"] == code
        assert "Paris" in said["answer"]
    else:
        assert done.returncode == 1
        assert "no compute backend for this processor" in done.stderr
        assert code not in VARIANTS[:1]


def test_a_code_can_be_named_though_there_is_a_better_one() -> None:
    said = json.loads(answer(ENGINE, code=VARIANTS[0]).stdout)
    assert said["code"] == VARIANTS[0]
    assert "Paris" in said["answer"]


@pytest.mark.skipif(not X86, reason="the masks are of x86-64 processors")
@pytest.mark.parametrize("processor", MASKED)
def test_a_processor_gets_the_best_code_that_it_can_run(processor: str) -> None:
    emulator = shutil.which("qemu-x86_64")
    if emulator is None:
        pytest.fail("this needs the emulator of qemu-user: apt-get install qemu-user")
    done = answer(ENGINE, emulator, "-cpu", processor)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["code"] == MASKED[processor]
    assert "Paris" in said["answer"]


class TestContractOfTheEngine(BackendContract):
    """The program's own child with this engine does all that an engine must do."""

    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        with EngineProcess("llamacpp", environment={FOLDER_VARIABLE: str(ENGINE)}) as engine:
            assert engine.build is not None
            assert engine.build.id == read_manifest(ENGINE).id
            assert engine.build.cpu_code in VARIANTS
            yield engine

    @pytest.fixture
    def model(self, starter_file: Path) -> Path:
        return starter_file

    @pytest.fixture
    def garbage(self, tmp_path: Path) -> Path:
        path = tmp_path / "garbage.gguf"
        path.write_bytes(b"<!doctype html>" * 1000)
        return path

    @pytest.fixture
    def truncated(self, model: Path, tmp_path: Path) -> Path:
        path = tmp_path / "truncated.gguf"
        with model.open("rb") as file:
            path.write_bytes(file.read(5_000_000))
        return path

    @pytest.fixture
    def long_text(self) -> str:
        return "The quick brown fox jumps over the lazy dog. " * 60


def test_its_own_children_check_grammars_and_tokens_of_with_it(
    starter_file: Path, corral_home: Path
) -> None:
    folder = corral_home / "data" / "engines" / "built"
    shutil.copytree(ENGINE, folder)
    with EngineProcess("llamacpp") as engine:
        assert engine.build is not None
        assert engine.build.id == read_manifest(ENGINE).id
        engine.load(str(starter_file), LoadConfig(context_length=512), lambda _: True)
        asked = ask("Is Paris in France?", temperature=0)
        grammar = GbnfGrammar('root ::= "yes" | "no"')
        said = text_of(engine.generate(structs.replace(asked, constraint=grammar)))
        assert said in ("yes", "no")
    assert [each.text for each in tokens_of(starter_file, "Hello")] == ["Hello"]


def run_in_python(words: str, folder: Path) -> str:
    """What Python prints that runs the engine in `folder`."""
    environment = {**os.environ, FOLDER_VARIABLE: str(ENGINE), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"from backends.llamacpp.library import *\n{words}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_pictures_are_read_by_its_own_library(tmp_path: Path) -> None:
    marker = "open_library(); print(open_vision_library().mtmd_default_marker().decode())"
    assert run_in_python(marker, tmp_path) == "<__media__>"


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux what a process has opened")
def test_a_library_in_the_working_folder_is_not_loaded(tmp_path: Path) -> None:
    for name in ("libggml-blas.so", "libggml-cpu-x64.so", "libggml-vulkan.so"):
        shutil.copyfile(ENGINE / f"libggml-cpu-{VARIANTS[0]}.so", tmp_path / name)
    maps = "open_library(); native.llama_backend_init(); print(open('/proc/self/maps').read())"
    opened = run_in_python(maps, tmp_path)
    assert f"{ENGINE}/libggml-cpu-" in opened
    assert str(tmp_path) not in opened
