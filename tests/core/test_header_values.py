"""All that a header says, as text."""

from pathlib import Path

from app.core.gguf import read_header
from app.core.gguf_types import GgufArray
from app.core.header_values import header_values, value_text
from tests.core.broken_gguf import tiny_model


def test_every_key_is_there_and_what_the_tensors_are_stored_as(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(tiny_model().data())
    header = read_header(path)
    told = dict(header_values(header))
    assert set(header.metadata) <= set(told)
    assert told["general.architecture"] == "llama"
    assert sum(int(told[key]) for key in told if key.startswith("tensors")) == header.tensor_count


def test_long_values_are_cut_and_say_how_long_they_are() -> None:
    assert value_text("two\nlines") == "two lines"
    assert value_text("x" * 1000).endswith("x… (1,000 characters)")
    assert value_text(GgufArray(5, 2, (1, 2))) == "1, 2"
    assert value_text(GgufArray(8, 5000, None)) == "5,000 values"
    assert value_text(GgufArray(5, 20, tuple(range(20)))).endswith("11, … (20 values)")
    assert value_text(True) == "True"
