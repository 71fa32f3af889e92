import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends import wire
from backends.types import (
    ChatMessage,
    Delta,
    EngineStats,
    Finish,
    GenerationRequest,
    LoadConfig,
    LoadProgress,
    ModelInfo,
    Progress,
    SamplingParams,
    Usage,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
COMMANDS: list[wire.Command] = [
    wire.Load(1, "/models/ä model.gguf", LoadConfig(context_length=4096, kv_type="q8_0")),
    wire.CountTokens(2, (ChatMessage("user", "line\nbreak \u2028 and \x00"),)),
    wire.Generate(3, GenerationRequest("a", (ChatMessage("user", "hello"),))),
    wire.Cancel(4),
    wire.Stats(5),
    wire.Unload(6),
]
REPLIES: list[wire.Reply] = [
    wire.Ready(0, wire.PROTOCOL_VERSION, "scripted"),
    wire.Event(1, LoadProgress(0.5)),
    wire.Event(1, Progress(1, 2, 0)),
    wire.Event(1, Delta("\n", "reasoning")),
    wire.Event(1, Finish("length", Usage(1, 2, 3, 0.5, 20.0))),
    wire.Loaded(2, ModelInfo("llama", 4096, 8192, 32000, True, False, notes=("a",))),
    wire.Counted(3, 17),
    wire.StatsTaken(4, EngineStats(1 << 33, 12)),
    wire.Unloaded(5),
    wire.Failed(6, "template", "It raised", "detail"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_comes_back_from_its_line(command: wire.Command) -> None:
    line = wire.encode(command)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert wire.decode_command(line) == command


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_comes_back_from_its_line(reply: wire.Reply) -> None:
    line = wire.encode(reply)
    assert line.count(b"\n") == 1
    assert wire.decode_reply(line) == reply


@given(TEXT)
def test_any_text_survives_the_pipe(text: str) -> None:
    event = wire.Event(1, Delta(text))
    assert wire.decode_reply(wire.encode(event)) == event


@given(st.binary(max_size=300))
def test_arbitrary_bytes_give_the_typed_error_only(data: bytes) -> None:
    for decode in (wire.decode_command, wire.decode_reply):
        with pytest.raises(wire.WireError):
            decode(data)


@given(st.data())
def test_damaged_lines_give_a_message_or_the_typed_error(data: st.DataObject) -> None:
    messages: list[wire.Command | wire.Reply] = [*COMMANDS, *REPLIES]
    line = bytearray(wire.encode(data.draw(st.sampled_from(messages))))
    for _ in range(data.draw(st.integers(1, 4))):
        line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.integers(0, 255))
    for decode in (wire.decode_command, wire.decode_reply):
        try:
            message = decode(bytes(line))
        except wire.WireError:
            continue
        assert isinstance(message, msgspec.Struct)


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"load","id":1,"path":"x","config":{"context_length":1}}',
        b'{"type":"generate","id":1,"request":{"id":"a","messages":[],'
        b'"sampling":{"temperature":99}}}',
        b'{"type":"count_tokens","id":1,"messages":[{"role":"robot","content":""}]}',
        b'{"type":"sing","id":1}',
        b"[" * 100_000,
        b'{"type":"cancel","id":1}{"type":"cancel","id":2}',
    ],
)
def test_what_is_out_of_range_or_unknown_is_refused(line: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.decode_command(line)


def test_a_text_without_utf8_form_is_refused_when_sent() -> None:
    request = GenerationRequest("a", (ChatMessage("user", "\ud800"),), SamplingParams())
    with pytest.raises(wire.WireError, match="Unicode"):
        wire.encode(wire.Generate(1, request))


def test_a_message_longer_than_a_line_may_be_is_refused_when_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "MAX_LINE", 100)
    with pytest.raises(wire.WireError, match="longer than 100"):
        wire.encode(wire.Event(1, Delta("x" * 100)))


def test_lines_are_read_one_by_one_to_the_end() -> None:
    stream = io.BytesIO(b"one\ntwo\n")
    assert [wire.read_line(stream) for _ in range(3)] == [b"one\n", b"two\n", None]


def test_a_line_over_the_limit_is_not_read_to_its_end() -> None:
    stream = io.BytesIO(b"x" * 1000 + b"\n")
    with pytest.raises(wire.WireError, match="too long"):
        wire.read_line(stream, limit=64)
    assert stream.tell() == 64


def test_a_line_that_is_cut_off_is_an_error() -> None:
    with pytest.raises(wire.WireError, match="cut off"):
        wire.read_line(io.BytesIO(b'{"type":"rea'))
