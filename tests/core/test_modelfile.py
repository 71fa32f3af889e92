"""Ollama's Modelfile, read and written."""

from pathlib import Path

import pytest

from app.core.modelfile import ModelfileError, read_modelfile, write_modelfile
from app.core.presets import ExampleMessage
from backends.types import LoraAdapter

WHOLE = '''\
# A comment
FROM llama3.2:1b
PARAMETER temperature 0.2
parameter num_ctx 4096
PARAMETER stop "<|end|>"
PARAMETER stop END
PARAMETER num_gpu 3
SYSTEM """You are Mario.
Say "Mamma mia"."""
MESSAGE user Who are you?
MESSAGE assistant """It is me,
Mario!"""
LICENSE MIT
LICENSE Apache
'''


def test_every_instruction_is_read(tmp_path: Path) -> None:
    told = read_modelfile(WHOLE, "mario", tmp_path)
    recipe = told.recipe
    assert told.base == "llama3.2:1b"
    assert recipe.system_prompt == 'You are Mario.\nSay "Mamma mia".'
    assert recipe.sampling.temperature == 0.2
    assert recipe.sampling.stop == ("<|end|>", "END")
    assert recipe.load.context_length == 4096
    assert recipe.left_out == ("num_gpu",)
    assert recipe.messages == (
        ExampleMessage("user", "Who are you?"),
        ExampleMessage("assistant", "It is me,\nMario!"),
    )
    assert told.license == "MIT\n\nApache"


def test_what_is_written_reads_the_same(tmp_path: Path) -> None:
    first = read_modelfile(WHOLE.replace("PARAMETER num_gpu 3\n", ""), "mario", tmp_path)
    text = write_modelfile(first.base, first.recipe, "{{ it }}\n", first.license)
    again = read_modelfile(text, "mario", tmp_path)
    assert again.recipe == first.recipe
    assert (again.base, again.license) == (first.base, first.license)
    assert again.template.strip() == "{{ it }}"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("temperatur 0.5", "Line 2 .* sets “temperatur”"),
        ("top_k many", "Line 2 .* gives top_k a value"),
        ("temperature 99", "Line 2 .* gives temperature a value"),
        ("num_ctx -5", "Line 2 .* gives num_ctx a value"),
    ],
)
def test_a_parameter_that_is_none_is_refused_with_its_line(
    line: str, why: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelfileError, match=why):
        read_modelfile(f"FROM a\nPARAMETER {line}", "mine", tmp_path)


def test_an_adapter_lies_beside_the_modelfile(tmp_path: Path) -> None:
    (tmp_path / "style.gguf").write_bytes(b"GGUF")
    told = read_modelfile("FROM a\nADAPTER ./style.gguf", "mine", tmp_path)
    assert told.recipe.load.lora == (LoraAdapter(str(tmp_path / "style.gguf")),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SYSTEM hi", "names no model"),
        ("FROM a\nFORM b", "Line 2 of the Modelfile is not understood"),
        ('FROM a\nSYSTEM """no end', "begins in line 2"),
        ("FROM a\nPARAMETER temperature", "sets no value"),
        ("FROM a\nMESSAGE robot hi", "has no role"),
        ("FROM a\nADAPTER nowhere.gguf", "names no adapter"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ModelfileError, match=said):
        read_modelfile(text, "mine", tmp_path)
