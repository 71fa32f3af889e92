"""A real model in MLX: SmolLM2, converted from its GGUF file by the script of this repository."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.engine import EngineProcess
from backends.mlx.engine import MlxBackend
from backends.types import ChatMessage, LoadConfig, SamplingParams
from tests.backends.contract import QUESTION, request, text_of
from tests.packaging.scripts import load_script

TEXTS = (
    "2024 was the 3rd year: 12,345.678 × 10⁻³",
    "  Ünïcödé, 日本語, 🙂 and\n\n\ttabs  <|im_end|> typed",
    "def f(x):\n    return x**2  # it's a test\r\n",
)


@pytest.fixture(scope="module")
def converted(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("smollm2")
    load_script("convert_to_mlx").convert(smollm2, folder)
    return folder


@pytest.fixture
def llamacpp(smollm2: Path) -> Iterator[EngineProcess]:
    with EngineProcess("llamacpp") as engine:
        engine.load(str(smollm2), LoadConfig(context_length=1024), lambda fraction: True)
        yield engine


def test_a_real_model_answers_and_counts_tokens_as_llama_cpp_does(
    engine: MlxBackend, llamacpp: EngineProcess, converted: Path
) -> None:
    info = engine.load(str(converted), LoadConfig(context_length=1024), lambda fraction: True)
    assert info.trained_context_length == 8192
    for text in TEXTS:
        message = ChatMessage("user", text)
        assert engine.count_tokens([message]) == llamacpp.count_tokens([message])
    short = request(QUESTION, sampling=SamplingParams(temperature=0, max_tokens=12))
    assert text_of(engine.generate(short)) == "The capital of France is Paris."
