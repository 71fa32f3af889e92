"""Answers cut as a real vocabulary cuts them."""

from pathlib import Path

import pytest

from backends.chat.answer import AnswerParser
from backends.llamacpp.model import Model
from backends.types import LoadConfig
from tests.backends.chat.answers import read
from tests.backends.chat.call_samples import STYLES, TOOLS, make

pytestmark = pytest.mark.engine


def test_tool_calls_in_real_tokens_mean_the_same(smollm2: Path) -> None:
    model = Model(str(smollm2), LoadConfig(gpu_layers=0), lambda fraction: True)
    try:
        vocabulary = model.vocabulary
        for sample in (make(style, seed) for style in STYLES for seed in range(20)):
            pieces = [
                vocabulary.piece(token)
                for token in vocabulary.tokenize(sample.whole, special=False)
            ]
            assert b"".join(pieces) == sample.whole.encode()
            in_one, in_tokens = (
                read(
                    AnswerParser(
                        sample.format,
                        tools=TOOLS,
                        inside_reasoning=sample.inside,
                        new_id=lambda: "id",
                    ),
                    cut,
                )
                for cut in ([sample.whole.encode()], pieces)
            )
            assert in_tokens.parts == in_one.parts
            assert in_tokens.calls == in_one.calls
    finally:
        model.close()
