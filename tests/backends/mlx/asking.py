"""Loading and asking, in as few words as tests like."""

from pathlib import Path
from typing import Any

from backends.mlx.engine import MlxBackend
from backends.types import LoadConfig, ModelInfo, SamplingParams
from tests.backends.contract import request, text_of

GREEDY = SamplingParams(temperature=0, repeat_penalty=1, max_tokens=24)


def load(backend: MlxBackend, folder: Path, **settings: Any) -> ModelInfo:
    config = LoadConfig(**{"context_length": 1024, **settings})
    return backend.load(str(folder), config, lambda fraction: True)


def answer(backend: MlxBackend, sampling: SamplingParams = GREEDY) -> str:
    return text_of(backend.generate(request(sampling=sampling)))
