"""Texts become the tokens that llama.cpp's own test cases expect, with real vocabularies."""

from pathlib import Path

import pytest

from tests.backends.llamacpp.small import vocabulary_of
from tests.backends.llamacpp.vocabularies import FOLDER, vocabulary_file

pytestmark = pytest.mark.engine

AFTER_TEXT = "\n__ggml_vocab_test__\n"
WITH_CASES = (
    "bert-bge",
    "command-r",
    "deepseek-coder",
    "deepseek-llm",
    "falcon",
    "gemma-4",
    "gpt-2",
    "llama-bpe",
    "llama-spm",
    "mpt",
    "phi-3",
    "qwen2",
    "qwen35",
    "refact",
    "starcoder",
)


def cases(path: Path) -> list[tuple[str, list[int]]]:
    """Texts and their tokens.

    `.inp` holds the texts, each with a line after it, `.out` one line of ids for each text.
    """
    data = path.with_name(f"{path.name}.inp").read_bytes().decode()
    texts = data.removesuffix(AFTER_TEXT).split(AFTER_TEXT)
    lines = path.with_name(f"{path.name}.out").read_text(encoding="ascii").splitlines()
    tokens = [[int(word) for word in line.split()] for line in lines]
    return list(zip(texts, tokens, strict=True))


@pytest.mark.parametrize("name", WITH_CASES)
def test_texts_become_the_expected_tokens(name: str) -> None:
    path = vocabulary_file(name)
    expected = cases(path)
    assert len(expected) > 40
    with vocabulary_of(path) as vocabulary:
        for text, tokens in expected:
            assert vocabulary.tokenize(text, special=False) == tokens, repr(text)


def test_no_vocabulary_with_test_cases_is_left_out() -> None:
    vocabulary_file(WITH_CASES[0])
    there = {path.name for path in FOLDER.glob("*.inp")}
    assert there == {f"ggml-vocab-{name}.gguf.inp" for name in WITH_CASES}
