"""An engine as it is shipped: every code for processors answers, and each processor gets its own.

`make engine` builds one and runs this. CORRAL_TEST_ENGINE names another one's folder.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.engine import EngineProcess
from backends.engine_folder import read_manifest
from backends.types import LoadConfig
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


def test_the_program_runs_it_and_tells_which(starter_file: Path) -> None:
    with EngineProcess("llamacpp", environment={"CORRAL_ENGINE": str(ENGINE)}) as engine:
        engine.load(str(starter_file), LoadConfig(context_length=512), lambda _: True)
        question = ask("Answer with one word: the capital of France is", temperature=0)
        assert "Paris" in text_of(engine.generate(question))
        assert engine.build is not None
        assert engine.build.id == read_manifest(ENGINE).id
        assert engine.build.cpu_code in VARIANTS
