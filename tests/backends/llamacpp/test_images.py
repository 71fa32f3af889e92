"""Images in the engine. The projector is random: what it sees is noise, its way is the real one."""

import ctypes
import itertools
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from backends.errors import BadLoadSetting, BadRequest
from backends.llamacpp import answering
from backends.llamacpp.engine import LlamaCppBackend
from backends.llamacpp.library import log, native, open_vision_library
from backends.llamacpp.loaded import Loaded
from backends.llamacpp.sampling import SamplerChain
from backends.types import (
    ChatMessage,
    ContextCut,
    Delta,
    Finish,
    GenerationEvent,
    GenerationRequest,
    LoadConfig,
    Progress,
    SamplingParams,
    Usage,
)
from tests.backends.contract import finish_of, text_of
from tests.backends.llamacpp import tiny_gguf, tiny_mrope, tiny_projector
from tests.backends.llamacpp.pictures import bmp, png, png_of_size
from tests.backends.llamacpp.small import Desk
from tests.backends.llamacpp.test_slots import in_turn, story

pytestmark = pytest.mark.engine

RED, BLUE = png(1), png(2)
GREEDY = SamplingParams(temperature=0, repeat_penalty=1, max_tokens=16, ignore_eos=True)
QUESTION = "What is this?"


@pytest.fixture(scope="module")
def projector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_projector.write(tmp_path_factory.mktemp("projector") / "mmproj.gguf")


@pytest.fixture
def engine() -> Iterator[LlamaCppBackend]:
    engine = LlamaCppBackend()
    yield engine
    engine.unload()


def load(
    engine: LlamaCppBackend, model: Path, projector: Path | str, **settings: object
) -> LlamaCppBackend:
    config = LoadConfig(
        **{"context_length": 1024, "projector": str(projector), **settings}  # type: ignore[arg-type]  # any field
    )
    engine.load(str(model), config, lambda fraction: True)
    return engine


def ask(
    *images: bytes,
    text: str = QUESTION,
    before: tuple[ChatMessage, ...] = (),
    name: str = "r",
    conversation: str = "",
    sampling: SamplingParams = GREEDY,
    keep_on_disk: bool = False,
) -> GenerationRequest:
    return GenerationRequest(
        id=name,
        messages=(*before, ChatMessage("user", text, images=images)),
        sampling=sampling,
        conversation=conversation,
        keep_on_disk=keep_on_disk,
    )


def answer(engine: LlamaCppBackend, request: GenerationRequest) -> tuple[str, Usage]:
    events = list(engine.generate(request))
    return text_of(events), finish_of(events).usage


# What the model sees


def test_the_answer_depends_on_the_image(
    engine: LlamaCppBackend, smollm2: Path, projector: Path
) -> None:
    load(engine, smollm2, projector)
    blind, red, blue = (answer(engine, ask(*images))[0] for images in ((), (RED,), (BLUE,)))
    assert len({blind, red, blue}) == 3


def test_the_model_says_that_it_can_see(
    engine: LlamaCppBackend, smollm2: Path, projector: Path
) -> None:
    config = LoadConfig(context_length=256, projector=str(projector))
    assert engine.load(str(smollm2), config, lambda fraction: True).vision
    assert not engine.load(str(smollm2), LoadConfig(context_length=256), lambda f: True).vision


def by_libmtmd(model: Path, projector: Path, image: bytes, batch_size: int, tokens: int) -> bytes:
    """The greedy answer that libmtmd's own helper gives, in a context of its own."""
    desk = Desk(model)
    mtmd = open_vision_library()
    params = mtmd.mtmd_context_params_default()
    params.use_gpu, params.print_timings = False, False
    encoder = mtmd.mtmd_init_from_file(str(projector).encode(), desk.model.handle, params)
    prompt = (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
        f"Face<|im_end|>\n<|im_start|>user\n<__media__>{QUESTION}<|im_end|>\n"
        "<|im_start|>assistant\n"
    ).encode()
    text = mtmd.mtmd_input_text(prompt, len(prompt), False, True)
    data = (ctypes.c_uint8 * len(image)).from_buffer_copy(image)
    bitmap = mtmd.mtmd_helper_bitmap_init_from_buf(encoder, data, len(image), False)
    chunks = mtmd.mtmd_input_chunks_init()
    bitmaps = (ctypes.c_void_p * 1)(bitmap)
    assert mtmd.mtmd_tokenize(encoder, chunks, ctypes.byref(text), bitmaps, 1) == 0
    past = ctypes.c_int32(0)
    context = desk.context.handle
    assert not mtmd.mtmd_helper_eval_chunks(
        encoder, context, chunks, 0, 0, batch_size, True, ctypes.byref(past)
    )
    sampler = native.llama_sampler_init_greedy()
    batch = native.llama_batch_init(1, 0, 1)
    written = b""
    for step in range(tokens):
        token = native.llama_sampler_sample(sampler, context, -1)
        written += desk.vocabulary.piece(token)
        batch.n_tokens, batch.token[0], batch.pos[0] = 1, token, past.value + step
        batch.n_seq_id[0], batch.seq_id[0][0], batch.logits[0] = 1, 0, True
        assert native.llama_decode(context, batch) == 0
    native.llama_batch_free(batch)
    native.llama_sampler_free(sampler)
    mtmd.mtmd_input_chunks_free(chunks)
    mtmd.mtmd_bitmap_free(bitmap)
    desk.context.close()
    mtmd.mtmd_free(encoder)
    desk.close()
    return written


@pytest.mark.parametrize(("side", "batch_size"), [(56, 512), (168, 64)])
def test_the_answer_is_the_one_that_libmtmd_gives(
    engine: LlamaCppBackend, smollm2: Path, tmp_path: Path, side: int, batch_size: int
) -> None:
    """In the second case an image of 144 tokens takes three steps."""
    eyes = tiny_projector.write(tmp_path / "mmproj.gguf", side=side)
    load(engine, smollm2, eyes, batch_size=batch_size)
    sampling = SamplingParams(temperature=0, repeat_penalty=1, max_tokens=12, ignore_eos=True)
    text, usage = answer(engine, ask(BLUE, sampling=sampling))
    assert usage.prompt_tokens > (side // tiny_projector.PATCH) ** 2
    engine.unload()
    assert text == by_libmtmd(smollm2, eyes, BLUE, batch_size, 12).decode(errors="replace")


def first_logprob(engine: LlamaCppBackend, *images: bytes) -> float:
    """Of the likeliest first token."""
    sampling = SamplingParams(temperature=0, max_tokens=1, logprobs=0, ignore_eos=True)
    events = engine.generate(ask(*images, sampling=sampling))
    (told,) = (one for event in events if isinstance(event, Delta) for one in event.logprobs)
    return told.logprob


def test_an_image_of_gemma_3_sees_itself_in_both_directions(
    engine: LlamaCppBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_gguf.write(tmp_path / "gemma.gguf")
    eyes = tiny_projector.write(
        tmp_path / "mmproj.gguf", kind="gemma3", embedding_length=tiny_gguf.WIDTH
    )
    load(engine, model, eyes, context_length=256)
    blind, red, blue = (first_logprob(engine, *images) for images in ((), (RED,), (BLUE,)))
    assert len({blind, red, blue}) == 3
    _, usage = answer(engine, ask(BLUE, text=QUESTION + "?"))
    assert usage.cached_tokens > tiny_projector.TOKENS
    with monkeypatch.context() as patched:
        mtmd = open_vision_library()
        patched.setattr(mtmd, "mtmd_decode_use_non_causal", lambda encoder, chunk: False)
        load(engine, model, eyes, context_length=256)
        assert first_logprob(engine, RED) != red
    load(engine, model, eyes, context_length=256)
    assert first_logprob(engine, RED) == red


def test_an_image_that_needs_a_larger_batch_is_refused(
    engine: LlamaCppBackend, tmp_path: Path
) -> None:
    model = tiny_gguf.write(tmp_path / "gemma.gguf")
    eyes = tiny_projector.write(
        tmp_path / "mmproj.gguf", kind="gemma3", embedding_length=tiny_gguf.WIDTH, side=112
    )
    load(engine, model, eyes, context_length=256, batch_size=32)
    with pytest.raises(BadRequest, match="batch size"):
        list(engine.generate(ask(RED)))


# What is kept


def test_tokens_of_images_are_counted(
    engine: LlamaCppBackend, smollm2: Path, projector: Path
) -> None:
    load(engine, smollm2, projector)
    counts = [
        engine.count_tokens([ChatMessage("user", QUESTION, images=images)])
        for images in ((), (RED,), (RED, BLUE))
    ]
    assert counts[1] - counts[0] == counts[2] - counts[1] == tiny_projector.TOKENS
    assert answer(engine, ask(RED, BLUE))[1].prompt_tokens == counts[2]


def test_the_same_image_is_processed_once(
    engine: LlamaCppBackend, smollm2: Path, projector: Path
) -> None:
    load(engine, smollm2, projector)
    _, first = answer(engine, ask(RED))
    _, again = answer(engine, ask(RED))
    _, other = answer(engine, ask(BLUE))
    assert first.cached_tokens == 0
    assert again.cached_tokens == again.prompt_tokens - 1
    assert 0 < other.cached_tokens < other.prompt_tokens - tiny_projector.TOKENS


def test_a_chat_with_an_image_goes_on_from_the_cache(
    engine: LlamaCppBackend, smollm2: Path, projector: Path
) -> None:
    load(engine, smollm2, projector)
    text, first = answer(engine, ask(RED))
    turns = (
        ChatMessage("user", QUESTION, images=(RED,)),
        ChatMessage("assistant", text),
    )
    _, text_only = answer(engine, ask(text="And its colour?", before=turns))
    assert text_only.cached_tokens >= first.prompt_tokens
    _, second = answer(engine, ask(BLUE, text="And this?", before=turns))
    assert second.cached_tokens >= first.prompt_tokens
    assert second.prompt_tokens > second.cached_tokens + tiny_projector.TOKENS


def test_a_chat_with_an_image_is_parked_and_comes_back(
    engine: LlamaCppBackend, smollm2: Path, projector: Path
) -> None:
    load(engine, smollm2, projector, slots=1)
    before, first = answer(engine, ask(RED, conversation="a"))
    answer(engine, ask(text=story(1, 40), conversation="b"))
    assert engine.stats().parked == 1
    again, usage = answer(engine, ask(RED, conversation="a"))
    assert usage.cached_tokens == first.prompt_tokens - 1
    assert again == before


def test_a_chat_with_an_image_is_kept_on_disk(
    engine: LlamaCppBackend, smollm2: Path, projector: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    eyes = tmp_path / "mmproj.gguf"
    shutil.copy(projector, eyes)
    load(engine, smollm2, eyes, parking_folder=str(folder))
    request = ask(RED, conversation="a", keep_on_disk=True)
    before, first = answer(engine, request)
    load(engine, smollm2, eyes, parking_folder=str(folder))
    again, usage = answer(engine, request)
    assert usage.cached_tokens == first.prompt_tokens - 1
    assert again == before
    # Another projector sees other things in the same image.
    eyes.write_bytes(tiny_projector.write(tmp_path / "other.gguf", side=70).read_bytes())
    load(engine, smollm2, eyes, parking_folder=str(folder))
    assert answer(engine, request)[1].cached_tokens == 0


def test_a_chat_outgrows_the_context_with_its_images(
    engine: LlamaCppBackend, smollm2: Path, projector: Path
) -> None:
    load(engine, smollm2, projector, context_length=256)
    turns = tuple(
        message
        for number in range(6)
        for message in (
            ChatMessage("user", f"Look at number {number}.", images=(png(number),)),
            ChatMessage("assistant", "I see it."),
        )
    )
    sampling = SamplingParams(temperature=0, max_tokens=200, ignore_eos=True)
    events = list(engine.generate(ask(RED, before=turns, sampling=sampling)))
    assert sum(isinstance(event, ContextCut) for event in events) > 0
    assert finish_of(events).usage.completion_tokens > 60


def test_a_draft_model_does_not_guess_about_images(
    engine: LlamaCppBackend, smollm2: Path, projector: Path
) -> None:
    load(engine, smollm2, projector, draft_model=str(smollm2))
    loaded = engine._loaded
    assert loaded is not None
    assert loaded.drafter(loaded.slots.latest, sees=True) is None
    text = "Repeat: a b c a b c"
    assert answer(engine, ask(RED, text=text))[1].draft_tokens == 0
    assert answer(engine, ask(text=text))[1].draft_tokens > 0


class GuessesImages:
    """A drafter that believes that the image of the prompt follows once more."""

    def draft(self, tokens: Sequence[int], limit: int) -> list[int]:
        return [token for token in tokens if token < 0][:limit]


def test_images_are_never_guessed(
    engine: LlamaCppBackend, smollm2: Path, projector: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(engine, smollm2, projector)
    monkeypatch.setattr(Loaded, "drafter", lambda loaded, sequence, *, sees: GuessesImages())
    _, usage = answer(engine, ask(RED))
    assert (usage.completion_tokens, usage.draft_tokens) == (GREEDY.max_tokens, 0)


def test_samplers_do_not_hear_of_images(
    engine: LlamaCppBackend, smollm2: Path, projector: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []

    class Recording(SamplerChain):
        def __init__(self, *arguments: Any, prompt: Sequence[int], **others: Any) -> None:
            heard.extend(prompt)
            super().__init__(*arguments, prompt=prompt, **others)

    load(engine, smollm2, projector)
    monkeypatch.setattr(answering, "SamplerChain", Recording)
    _, usage = answer(engine, ask(RED))
    assert len(heard) == usage.prompt_tokens - tiny_projector.TOKENS
    assert min(heard) >= 0


# Beside others


def test_answers_beside_an_image_are_as_alone(
    engine: LlamaCppBackend, smollm2: Path, projector: Path
) -> None:
    load(engine, smollm2, projector)
    # The template's system turn is cached, so that batches stay below 64 tokens: llama.cpp
    # computes larger ones by another kernel, with other rounding.
    answer(engine, ask(text="Hello"))
    requests = {
        "text": ask(text="Name three colours.", name="text"),
        "red": ask(RED, name="red"),
        "blue": ask(BLUE, name="blue"),
    }
    together = in_turn({name: engine.generate(one) for name, one in requests.items()})
    for name, request in requests.items():
        assert engine._loaded is not None
        engine._loaded.slots.forget()
        answer(engine, ask(text="Hello"))
        assert text_of(together[name]) == answer(engine, request)[0], name


def test_a_running_answer_goes_on_while_images_are_read(
    engine: LlamaCppBackend, smollm2: Path, projector: Path
) -> None:
    load(engine, smollm2, projector)
    long = SamplingParams(temperature=0, max_tokens=300, ignore_eos=True)
    running = engine.generate(ask(text="Count.", name="running", sampling=long))
    while not isinstance(next(running), Delta):
        pass
    seeing = engine.generate(ask(*map(png, range(12)), name="seeing"))
    meanwhile = 0
    while not isinstance(next(seeing), Delta):
        event = next(running)
        meanwhile += isinstance(event, Delta) and event.tokens
    running.close()  # type: ignore[attr-defined]  # a generator
    seeing.close()  # type: ignore[attr-defined]  # a generator
    assert meanwhile >= 6


def test_reading_images_can_be_cancelled(
    engine: LlamaCppBackend, smollm2: Path, projector: Path
) -> None:
    load(engine, smollm2, projector)
    alone, _ = answer(engine, ask(BLUE))
    images = [png(number) for number in range(20, 40)]
    reading = engine.generate(ask(*images, name="reading"))
    events: list[GenerationEvent] = []
    for event in reading:
        events.append(event)
        if isinstance(event, Progress) and event.processed >= 3 * tiny_projector.TOKENS:
            engine.cancel("reading")
    finish = finish_of(events)
    assert finish.reason == "cancelled"
    assert finish.usage.completion_tokens == 0
    progress = [event for event in events if isinstance(event, Progress)]
    assert progress[-1].processed < progress[-1].total
    # What was read so far is kept, but for a third image that was half done, and nothing else has
    # changed.
    assert answer(engine, ask(*images))[1].cached_tokens >= 2 * tiny_projector.TOKENS
    assert answer(engine, ask(BLUE))[0] == alone


def test_an_abandoned_answer_leaves_the_engine_usable(
    engine: LlamaCppBackend, smollm2: Path, projector: Path
) -> None:
    load(engine, smollm2, projector)
    alone, _ = answer(engine, ask(RED))
    for steps in range(1, 8):
        reading = engine.generate(ask(*map(png, range(50, 55)), name="reading"))
        list(itertools.islice(reading, steps))
        reading.close()  # type: ignore[attr-defined]  # a generator
    assert answer(engine, ask(RED))[0] == alone
    assert isinstance(list(engine.generate(ask(RED)))[-1], Finish)


# What cannot be


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (b"no picture", "no picture"),
        (png_of_size(10, 10), "damaged"),
        (png_of_size(20_000, 20_000), "too large"),
        (RED[:60], "damaged"),
    ],
)
def test_bad_images_are_refused_and_nothing_else_is_touched(
    engine: LlamaCppBackend, smollm2: Path, projector: Path, image: bytes, words: str
) -> None:
    load(engine, smollm2, projector, context_length=256)
    with pytest.raises(BadRequest, match=words):
        list(engine.generate(ask(RED, image)))
    with pytest.raises(BadRequest, match=words):
        engine.count_tokens([ChatMessage("user", QUESTION, images=(image,))])
    assert answer(engine, ask(RED))[0]


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for the program")
def test_a_file_that_lies_about_its_kind_starts_no_program(
    engine: LlamaCppBackend,
    smollm2: Path,
    projector: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """libmtmd gives what it cannot read to ffmpeg, wherever that comes from."""
    started = tmp_path / "started"
    for name in ("ffmpeg", "ffprobe"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\ntouch {started}\nexit 1\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    load(engine, smollm2, projector, context_length=256)
    for image in (png_of_size(10, 10), RED[:60]):
        with pytest.raises(BadRequest, match="damaged"):
            list(engine.generate(ask(image)))
    assert not started.exists()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 3000), (3000, 1)])
def test_odd_forms_of_images_are_read(
    engine: LlamaCppBackend, smollm2: Path, projector: Path, width: int, height: int
) -> None:
    load(engine, smollm2, projector, context_length=256)
    assert answer(engine, ask(bmp(width, height)))[0]


def test_without_a_projector_images_are_refused(engine: LlamaCppBackend, smollm2: Path) -> None:
    load(engine, smollm2, "", context_length=256)
    with pytest.raises(BadRequest, match=r"cannot see pictures.*mmproj"):
        list(engine.generate(ask(RED)))
    assert answer(engine, ask())[0]


def test_a_file_that_is_no_projector_is_refused(
    engine: LlamaCppBackend, smollm2: Path, projector: Path, tmp_path: Path
) -> None:
    garbage = tmp_path / "garbage.gguf"
    garbage.write_bytes(b"GGUF" + bytes(range(256)))
    whole = projector.read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(whole[: len(whole) - 1000])
    head = tmp_path / "head.gguf"
    head.write_bytes(whole[:300])
    unknown = tmp_path / "unknown.gguf"
    unknown.write_bytes(whole.replace(b"clip.vision.block_count", b"clip.vision.block_kount"))
    wide = tiny_projector.write(tmp_path / "wide.gguf", embedding_length=640)
    for path, words in (
        (tmp_path / "none.gguf", "not there"),
        (tmp_path, "not there"),
        (garbage, "cannot be read"),
        (head, "cannot be read"),
        (cut, "not complete"),
        (smollm2, "no projector"),
        (unknown, "could not load the projector"),
        (wide, "belongs to another model"),
    ):
        with pytest.raises(BadLoadSetting, match=words) as caught:
            load(engine, smollm2, path)
        assert str(path) in caught.value.message or caught.value.detail
        with pytest.raises(BadRequest, match="No model"):
            engine.count_tokens([ChatMessage("user", QUESTION)])
    assert answer(load(engine, smollm2, projector), ask(RED))[0]


def test_models_with_positions_in_two_dimensions_are_refused(
    engine: LlamaCppBackend, tmp_path: Path
) -> None:
    model = tiny_mrope.write(tmp_path / "qwen2vl.gguf")
    eyes = tiny_projector.write(tmp_path / "mmproj.gguf", embedding_length=tiny_mrope.WIDTH)
    with pytest.raises(BadLoadSetting, match="M-RoPE"):
        load(engine, model, eyes, context_length=256)
    load(engine, model, "", context_length=256)
    assert answer(engine, ask())[1].completion_tokens == 16


def test_what_libmtmd_says_is_in_the_engines_log(
    engine: LlamaCppBackend, smollm2: Path, projector: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    load(engine, smollm2, projector)
    assert any("clip" in line for line in log.tail(200))
    out, err = capfd.readouterr()
    assert "clip" not in out + err
