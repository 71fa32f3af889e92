"""What must be true of an MLX folder before anything of it is loaded.

mlx-lm would explain a broken folder badly, and run program code that lies in it if it were
allowed to. Here everything is read as data first.
"""

import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.errors import (
    ModelFileMissing,
    ModelFileTruncated,
    NotAModelFile,
    UnknownArchitecture,
)

_CONFIG_BYTES = 4 * 1024**2
_HEADER_BYTES = 100_000_000  # what the format itself allows
_ARCHITECTURE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_WEIGHTS = "model*.safetensors"  # the names that mlx-lm looks for
_OWN_CODE = ("auto_map", "model_file")


@dataclass(frozen=True)
class ModelFolder:
    """A folder that is worth loading."""

    path: Path
    config: dict[str, Any]
    """config.json, with what generation_config.json says of the end of an answer."""

    @property
    def architecture(self) -> str:
        """`model_type` of config.json."""
        return str(self.config["model_type"])

    @property
    def trained_context(self) -> int:
        """Tokens of context the model was trained with; 0 where the config does not tell."""
        for key in ("max_position_embeddings", "max_seq_len", "n_positions", "seq_length"):
            value = self.value(key)
            if isinstance(value, int) and value > 0:
                return value
        return 0

    def value(self, key: str) -> Any:
        """A value of the config, where the config of a model with several parts has it too."""
        inner = self.config.get("text_config")
        value = self.config.get(key)
        return inner.get(key) if value is None and isinstance(inner, dict) else value


def open_folder(path: Path) -> ModelFolder:
    """Check the folder at `path`.

    Raises:
        ModelFileMissing: the folder or a part of the model is not there.
        NotAModelFile: it is no MLX model.
        ModelFileTruncated: a file of weights is shorter than it says.
        UnknownArchitecture: the model needs program code of its own.
    """
    if not path.exists():
        raise ModelFileMissing(f"The model is not there any more: {path}")
    if not path.is_dir():
        raise NotAModelFile(f"An MLX model is a folder, and this is a file: {path}")
    config = _read_config(path)
    _check_weights(path)
    return ModelFolder(path, config)


def read_json(path: Path, limit: int = _CONFIG_BYTES) -> dict[str, Any]:
    """A JSON object from a file of at most `limit` bytes; empty if there is no such file.

    Raises `NotAModelFile` for anything else.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ModelFileMissing(f"{path.name} cannot be read.", str(error)) from None
    try:
        value = json.loads(data) if len(data) <= limit else None
    except (ValueError, RecursionError) as error:
        raise NotAModelFile(f"{path.name} is not valid JSON.", str(error)) from None
    if not isinstance(value, dict):
        raise NotAModelFile(f"{path.name} does not hold what a model's does.")
    return value


def _read_config(path: Path) -> dict[str, Any]:
    if not (path / "config.json").is_file():
        raise NotAModelFile("The folder holds no MLX model: it has no config.json.")
    config = read_json(path / "config.json")
    if any(key in config for key in _OWN_CODE):
        raise UnknownArchitecture(
            "This model needs program code of its own, which Corral does not run: the code could "
            "do anything to this computer.",
            f"config.json names {', '.join(key for key in _OWN_CODE if key in config)}",
        )
    architecture = config.get("model_type")
    if not isinstance(architecture, str) or not _ARCHITECTURE.fullmatch(architecture):
        raise NotAModelFile("config.json does not say which kind of model this is.")
    ends = read_json(path / "generation_config.json").get("eos_token_id")
    return {**config, "eos_token_id": ends} if ends is not None else config


def _check_weights(path: Path) -> None:
    files = sorted(path.glob(_WEIGHTS))
    index = read_json(path / "model.safetensors.index.json", limit=64 * 1024**2)
    named = index.get("weight_map")
    expected = set(named.values()) if isinstance(named, dict) else set()
    missing = sorted(str(name) for name in expected - {file.name for file in files})
    if missing:
        raise ModelFileMissing(f"A part of the model is missing: {missing[0]}")
    if not files:
        raise NotAModelFile("The folder holds no MLX model: it has no weights (safetensors).")
    for file in files:
        _check_safetensors(file)


def _check_safetensors(path: Path) -> None:
    """Compare the length of a file with what its header says.

    Eight bytes with the length of the header, little endian; the header, a JSON object; then the
    tensors, whose offsets count from there (https://github.com/huggingface/safetensors).
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            if len(start) < 8:
                raise ModelFileTruncated(f"{path.name} ends after {size} bytes.")
            (length,) = struct.unpack("<Q", start)
            if length > _HEADER_BYTES:
                raise NotAModelFile(f"{path.name} is not a file of tensors (safetensors).")
            header = file.read(length)
    except OSError as error:
        raise ModelFileMissing(f"{path.name} cannot be read.", str(error)) from None
    if len(header) < length:
        raise ModelFileTruncated(f"{path.name} ends in the middle of its header.")
    try:
        tensors = json.loads(header)
        ends = [tensor["data_offsets"][1] for key, tensor in tensors.items() if key[:2] != "__"]
        need = 8 + length + max((int(end) for end in ends), default=0)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise NotAModelFile(f"{path.name} is not a file of tensors.", repr(error)) from None
    if size < need:
        raise ModelFileTruncated(
            f"{path.name} ends before its tensors do: it has {size:,} bytes of {need:,}. "
            "Download it again."
        )
