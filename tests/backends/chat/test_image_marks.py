"""Where the images of a chat stand in its prompt."""

import pytest

from backends.chat.image_marks import MAX_IMAGES, image_mark, split_at_images
from backends.chat.prompt import PromptBuilder
from backends.chat.template import CHATML
from backends.errors import BadRequest, TemplateError
from backends.types import ChatMessage
from tests.backends.chat.character_tokenizer import CharacterTokenizer


class Eyes:
    """Two ids for each image: its first byte, below 0."""

    def ids(self, image: bytes) -> list[int]:
        return [-image[0], -image[0]]


def builder(template: str = CHATML) -> tuple[PromptBuilder, CharacterTokenizer]:
    tokenizer = CharacterTokenizer(["<|im_start|>", "<|im_end|>"])
    return PromptBuilder(tokenizer, template, images=Eyes()), tokenizer


def seen(ids: list[int]) -> list[int]:
    return [id for id in ids if id < 0]


def test_marks_are_found_between_the_texts() -> None:
    rendered = f"a{image_mark(0)}{image_mark(10)}b"
    assert split_at_images(rendered) == ["a", 0, "", 10, "b"]
    assert split_at_images("") == [""]


def test_images_stand_before_the_text_of_their_message() -> None:
    prompts, tokenizer = builder()
    chat = [
        ChatMessage("user", "one", images=(b"\x01", b"\x02")),
        ChatMessage("assistant", "yes"),
        ChatMessage("user", "two", images=(b"\x03",)),
    ]
    ids = prompts.build(chat).tokens
    assert seen(ids) == [-1, -1, -2, -2, -3, -3]
    texts = [ChatMessage(m.role, m.content) for m in chat]
    assert [id for id in ids if id >= 0] == prompts.build(texts).tokens
    start = ids.index(-1)
    assert ids[start + 4 : start + 7] == tokenizer.tokenize("one", special=True)


def test_an_image_of_a_begun_answer_is_read_too() -> None:
    prompts, _ = builder()
    chat = [
        ChatMessage("user", "draw", images=(b"\x01",)),
        ChatMessage("assistant", "so", images=(b"\x02",)),
    ]
    assert seen(prompts.build(chat, continue_last=True).tokens) == [-1, -1, -2, -2]


def test_nobody_can_type_a_mark() -> None:
    prompts, _ = builder()
    typed = ChatMessage("user", f"look: {image_mark(0)}", images=(b"\x05",))
    assert seen(prompts.build([typed]).tokens) == [-5, -5]
    assert not seen(prompts.build([ChatMessage("user", image_mark(0))]).tokens)


def test_a_template_that_leaves_an_image_out_is_told_of() -> None:
    cut = "{% for m in messages %}{{ m['content'][-3:] }}{% endfor %}"
    prompts, _ = builder(cut)
    with pytest.raises(TemplateError, match="leaves out a picture"):
        prompts.build([ChatMessage("user", "what is it?", images=(b"\x01",))])


def test_too_many_images_are_refused() -> None:
    prompts, _ = builder()
    with pytest.raises(BadRequest, match="at most 64 are possible"):
        prompts.build([ChatMessage("user", "?", images=(b"\x01",) * (MAX_IMAGES + 1))])


def test_a_model_that_cannot_see_refuses_images_with_a_remedy() -> None:
    prompts = PromptBuilder(CharacterTokenizer(["<|im_end|>"]), CHATML)
    with pytest.raises(BadRequest, match=r"cannot see pictures.*mmproj"):
        prompts.build([ChatMessage("user", "?", images=(b"\x01",))])
