"""The peer of the benchmarks: llama.cpp's own server, inside this process by the xllamacpp wheel.

    python packaging/bench_peer_server.py MODEL THREADS SLOTS CONTEXT

Reads one JSON line a round, a list of chats to answer at once: `{"prompts": [...], "tokens": N}`.
Prints one JSON line: for each chat its first token and its last, in seconds from the start, and
its tokens. No HTTP: the callbacks of the library, which is the fastest way to it.
"""

import json
import sys
import threading
import time
from typing import Any

import xllamacpp

from backends.host import lower_priority


def server(model: str, threads: int, slots: int, context: int) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_ctx, params.n_parallel, params.kv_unified = context, slots, True
    params.n_batch = params.n_ubatch = 512
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.n_gpu_layers = 0
    return xllamacpp.Server(params)


def answer(peer: Any, prompt: str, tokens: int, began: float, told: list[Any]) -> None:
    times: list[float] = []

    def take(piece: Any) -> bool:
        if any(choice["delta"].get("content") for choice in piece.get("choices", ())):
            times.append(time.perf_counter() - began)
        return False

    peer.handle_chat_completions(
        {
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": tokens,
            "temperature": 0,
            "repeat_penalty": 1,
            "stream": True,
            "ignore_eos": True,
        },
        take,
    )
    told.append([times[0], times[-1], len(times)])


def main() -> None:
    lower_priority()
    model, threads, slots, context = sys.argv[1], *map(int, sys.argv[2:5])
    peer = server(model, threads, slots, context)
    print(json.dumps(xllamacpp.get_system_info()), flush=True)
    for line in sys.stdin:
        wish = json.loads(line)
        told: list[list[Any]] = [[] for _ in wish["prompts"]]
        began = time.perf_counter()
        workers = [
            threading.Thread(target=answer, args=(peer, prompt, wish["tokens"], began, told[at]))
            for at, prompt in enumerate(wish["prompts"])
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        print(json.dumps([each[0] for each in told]), flush=True)


if __name__ == "__main__":
    main()
