"""A child uses the engine it is told, and nothing that the environment names besides."""

import sys
from pathlib import Path

import pytest

from backends.errors import EngineFailure
from backends.llamacpp.chosen_engine import choose_engine
from tests.engine_folders import write_engine


@pytest.fixture(autouse=True)
def own_search_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)


def test_without_one_the_package_is_used_and_foreign_libraries_are_not() -> None:
    environment = {
        "LLAMA_CPP_LIB_PATH": "/elsewhere",
        "MTMD_CPP_LIB": "/elsewhere",
        "GGML_BACKEND_PATH": "/elsewhere/libggml-cpu.so",
    }
    assert choose_engine(environment) is None
    assert environment == {"GGML_NO_BACKTRACE": "1"}


def test_the_binding_and_the_libraries_are_those_of_the_folder(tmp_path: Path) -> None:
    folder = write_engine(tmp_path, variants=("plain", "fast"))
    environment = {
        "CORRAL_ENGINE": str(folder),
        "CORRAL_CPU_CODE": "plain",
        "LLAMA_CPP_LIB_PATH": "/elsewhere",
    }
    chosen = choose_engine(environment)
    assert chosen is not None
    assert (chosen.folder, chosen.code) == (folder, "plain")
    assert environment["LLAMA_CPP_LIB_PATH"] == environment["MTMD_CPP_LIB"] == str(folder)
    assert sys.path[0] == str(folder / "binding")
    assert sys.dont_write_bytecode


def test_a_code_that_the_engine_does_not_have_counts_as_the_best(tmp_path: Path) -> None:
    folder = write_engine(tmp_path, variants=("plain", "fast"))
    chosen = choose_engine({"CORRAL_ENGINE": str(folder), "CORRAL_CPU_CODE": "zen9"})
    assert chosen is not None
    assert chosen.code == ""


def test_a_damaged_engine_is_not_loaded(tmp_path: Path) -> None:
    folder = write_engine(tmp_path)
    (folder / "libggml-blas.so").write_bytes(b"planted")
    before = list(sys.path)
    with pytest.raises(EngineFailure, match="damaged"):
        choose_engine({"CORRAL_ENGINE": str(folder)})
    assert sys.path == before
