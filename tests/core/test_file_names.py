"""Names of model files: 361 real ones, each parsed as a person would read it."""

import csv
from pathlib import Path
from typing import Any

import pytest

from app.core import quantization
from app.core.file_names import FileName, parameters_of, parse_file_name, parse_repo_name
from app.core.variants import is_companion

TABLE = Path(__file__).parent / "model_files.tsv"
"""repo, file (empty: an MLX repository), family, size, quant, part, parts, kind."""

EXCEPTIONS: dict[str, tuple[dict[str, str], str]] = {
    "DeepSeek-V4-Flash-MTP-Q4K-Q8_0-F32.gguf": (
        {"quantization": "F32", "kind": "model"},
        "A list of types of its own; the last that is a known type is taken. “-MTP-” inside a name "
        "means heads within a whole model everywhere else.",
    ),
    "Phi-3-mini-4k-instruct-q4.gguf": (
        {"quantization": ""},
        "“q4” is no type: it may be Q4_0, Q4_1 or Q4_K. The header decides.",
    ),
    "ggml-model-i2_s.gguf": (
        {"quantization": ""},
        "I2_S is a type of bitnet.cpp alone; no engine of Corral reads it.",
    ),
    "mlx-community/Kimi-K2.6-mlx-DQ3_K_M-q8": (
        {"quantization": ""},
        "A mixed recipe that only config.json tells.",
    ),
}
"""Where the table and the parser differ: what the parser says instead, and why it is right to."""


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def parsed(row: dict[str, str]) -> FileName:
    return parse_file_name(row["file"]) if row["file"] else parse_repo_name(row["repo"])


def as_table(name: FileName) -> dict[str, str]:
    texts: dict[str, Any] = {"size": name.size, "quantization": name.quantization}
    texts |= {"part": name.part or "", "parts": name.parts or "", "kind": name.kind}
    return {key: str(value) for key, value in texts.items()}


def expected(row: dict[str, str]) -> dict[str, str]:
    label = row["quant"]
    if row["file"]:  # Q5_K is another name of Q5_K_M
        label = quantization.from_name(label) or label
    wanted = {key: row[key] for key in ("size", "part", "parts", "kind")} | {"quantization": label}
    return wanted | EXCEPTIONS.get(row["file"] or row["repo"], ({}, ""))[0]


def test_every_real_name_is_read_as_the_table_says() -> None:
    table = rows()
    assert len(table) == 361
    wrong = [
        (row["repo"], row["file"], as_table(parsed(row)), expected(row))
        for row in table
        if as_table(parsed(row)) != expected(row)
    ]
    assert wrong == []


def test_every_exception_is_one() -> None:
    by_name = {row["file"] or row["repo"]: row for row in rows()}
    for name, (instead, reason) in EXCEPTIONS.items():
        row = by_name[name]
        keys = {"quantization": "quant"}
        assert all(row[keys.get(key, key)] != value for key, value in instead.items())
        assert reason


def test_companions_of_the_table_are_never_offered_as_models() -> None:
    for row in rows():
        if row["kind"] in ("mmproj", "imatrix"):
            assert is_companion(row["file"]), row["file"]
        if row["kind"] in ("model", "embedding", "reranker", "speech") and row["file"]:
            assert not is_companion(row["file"]), row["file"]


@pytest.mark.parametrize(
    ("size", "parameters"),
    [
        ("8B", 8_000_000_000),
        ("1.5B", 1_500_000_000),
        ("270M", 270_000_000),
        ("30B-A3B", 30_000_000_000),
        ("8x7B", 56_000_000_000),
        ("17B-16E", None),
        ("E4B", None),
        ("", None),
    ],
)
def test_a_size_stands_for_a_number(size: str, parameters: int | None) -> None:
    assert parameters_of(size) == parameters
