"""What is refused before mlx-lm reads it, and why."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from backends.errors import (
    BackendError,
    ModelFileMissing,
    ModelFileTruncated,
    ModelLoadError,
    NotAModelFile,
    UnknownArchitecture,
)
from backends.mlx.engine import MlxBackend
from backends.mlx.folder import open_folder
from backends.types import LoadConfig


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny, tmp_path / "model")


def change(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(config | changes), encoding="utf-8")


def refusal(folder: Path) -> BackendError:
    with pytest.raises(ModelLoadError) as caught:
        MlxBackend().load(str(folder), LoadConfig(), lambda fraction: True)
    return caught.value


@pytest.mark.parametrize("key", ["auto_map", "model_file"])
def test_a_model_that_needs_its_own_code_is_refused_and_the_code_not_run(
    folder: Path, key: str
) -> None:
    mark = folder / "it-was-run"
    (folder / "evil.py").write_text(f"open({str(mark)!r}, 'w')", encoding="utf-8")
    change(folder, **{key: "evil.py" if key == "model_file" else {"AutoModel": "evil.Model"}})
    error = refusal(folder)
    assert isinstance(error, UnknownArchitecture)
    assert "code of its own" in error.message
    assert key in error.detail
    assert not mark.exists()


@pytest.mark.parametrize("name", ["quantum_llama", "../../evil", ".", "base", "", 7])
def test_an_unknown_kind_of_model_is_refused(folder: Path, name: object) -> None:
    change(folder, model_type=name)
    assert refusal(folder).message


def test_a_kind_that_mlx_does_not_know_is_named_so(folder: Path) -> None:
    change(folder, model_type="quantum_llama")
    assert type(refusal(folder)) is UnknownArchitecture


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_folder_without_one_of_its_files_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert isinstance(refusal(folder), (NotAModelFile, ModelFileMissing))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"[]", b"\xff\xfe", b'{"a": '])
def test_broken_json_is_no_model(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    assert isinstance(refusal(folder), NotAModelFile)


@pytest.mark.parametrize("kept", [0, 5, 8, 100, 100_000])
def test_weights_that_end_too_early_are_named_so(folder: Path, kept: int) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    assert isinstance(refusal(folder), ModelFileTruncated)


@pytest.mark.parametrize(
    "header", [b"null", b"[1]", b'{"a": 1}', b'{"a": {"data_offsets": ["x", "y"]}}', b"{"]
)
def test_weights_with_a_senseless_header_are_no_model(folder: Path, header: bytes) -> None:
    data = len(header).to_bytes(8, "little") + header
    (folder / "model.safetensors").write_bytes(data)
    assert isinstance(refusal(folder), NotAModelFile)


def test_a_missing_part_is_named(folder: Path) -> None:
    index = {"weight_map": {"x": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    error = refusal(folder)
    assert isinstance(error, ModelFileMissing)
    assert "model-00002-of-00002" in error.message


@pytest.mark.parametrize(
    "changes", [{"hidden_size": 128}, {"num_hidden_layers": 3}, {"hidden_size": "wide"}]
)
def test_a_config_that_does_not_fit_the_weights_is_refused(
    folder: Path, changes: dict[str, object]
) -> None:
    change(folder, **changes)
    assert "do not fit together" in refusal(folder).message


def test_a_file_is_no_mlx_model(folder: Path) -> None:
    with pytest.raises(NotAModelFile, match="folder"):
        open_folder(folder / "config.json")
