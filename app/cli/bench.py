"""`corral bench`: how fast a model reads and writes on this computer."""

import statistics
import sys
import uuid
from argparse import Namespace
from dataclasses import dataclass

from app.cli import run_options
from app.cli.models_here import AnsweringModel, ChildModels
from app.cli.parts import Parts
from app.cli.rendering import ProgressLine, print_json, table
from app.core.engine_errors import refusal
from app.core.errors import ModelError
from backends.errors import BackendError
from backends.types import Finish, GenerationRequest, SamplingParams, Usage

_WORD = " tree"
"""A token of its own in nearly every vocabulary."""


@dataclass(frozen=True)
class Speed:
    """Tokens a second over several runs."""

    tokens: int
    """In one run."""
    mean: float
    deviation: float
    """Standard deviation; 0 for a single run."""


def bench(arguments: Namespace) -> int:
    """Measure a model, loaded in a process of its own so that nobody else uses it meanwhile."""
    with Parts() as parts:
        model = parts.library.find(arguments.model)
        arguments.load = run_options.with_draft_model(arguments.load, parts.library)
        if arguments.context is None:
            arguments.context = max(512, arguments.prompt_tokens + arguments.answer_tokens + 64)
        line = ProgressLine()
        try:
            loaded = ChildModels(parts).load(
                model,
                lambda saved: run_options.load_config(saved, arguments),
                force=arguments.force,
                ttl=None,
                on_progress=lambda part: line.show(f"Loading {model.name} {part:.0%}"),
            )
            runs: list[Usage] = []
            _run(loaded, 16, 4)  # the first run pays for memory that later ones have
            for number in range(arguments.repeats):
                line.show(f"Run {number + 1} of {arguments.repeats}")
                runs.append(_run(loaded, arguments.prompt_tokens, arguments.answer_tokens))
        finally:
            line.clear()
    reading, writing = _reading(runs), _writing(runs)
    first = statistics.mean(each.time_to_first_token or 0 for each in runs)
    if arguments.json:
        print_json(
            {
                "model": model.id,
                "gpu_layers": loaded.info.gpu_layers if loaded.info else None,
                "repeats": len(runs),
                "prompt": reading,
                "answer": writing,
                "time_to_first_token": first,
            }
        )
        return 0
    rows = [_row("reads a prompt", reading), _row("writes an answer", writing)]
    head = ("", "TOKENS", "TOKENS/S", "±")
    sys.stdout.write(f"{model.name}\n{table(head, rows, right=(1, 2, 3))}\n")
    sys.stdout.write(f"{first:.2f} s to the first token; {len(runs)} runs.\n")
    return 0


def _row(name: str, speed: Speed) -> tuple[str, str, str, str]:
    return name, f"{speed.tokens:,}", f"{speed.mean:,.1f}", f"{speed.deviation:.1f}"


def _run(loaded: AnsweringModel, prompt_tokens: int, answer_tokens: int) -> Usage:
    """One answer to a text that was never seen before. Raises `ModelError`."""
    name = uuid.uuid4().hex
    request = GenerationRequest(
        name,
        (),
        SamplingParams(temperature=0, max_tokens=answer_tokens, ignore_eos=True, repeat_penalty=1),
        prompt=f"{name[:8]}{_WORD * max(1, prompt_tokens - 6)}",
    )
    try:
        for event in loaded.engine.generate(request):
            if isinstance(event, Finish):
                return event.usage
    except BackendError as error:
        raise refusal(error) from error
    raise ModelError("The model gave no answer", "Its engine ended without a word.")


def _reading(runs: list[Usage]) -> Speed:
    """Tokens of the prompt that were computed, by the time until the first one was written."""
    speeds = [
        (each.prompt_tokens - each.cached_tokens) / each.time_to_first_token
        for each in runs
        if each.time_to_first_token
    ]
    return _speed(round(statistics.mean(each.prompt_tokens for each in runs)), speeds)


def _writing(runs: list[Usage]) -> Speed:
    speeds = [each.tokens_per_second for each in runs if each.tokens_per_second is not None]
    return _speed(round(statistics.mean(each.completion_tokens for each in runs)), speeds)


def _speed(tokens: int, speeds: list[float]) -> Speed:
    if not speeds:
        return Speed(tokens, 0.0, 0.0)
    deviation = statistics.stdev(speeds) if len(speeds) > 1 else 0.0
    return Speed(tokens, statistics.mean(speeds), deviation)
