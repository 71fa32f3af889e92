"""How soon the terminal shows a first token, against asking the running program's API directly.

Both ask one `corral serve`, with prompts of the same length that were never seen before. The time
of the terminal begins when its process is started. Run it on a quiet machine:

    python packaging/bench_cli.py [--model NAME] [--prompt-tokens N] [--rounds N]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import httpx2

ROOT = Path(__file__).resolve().parent.parent
CORRAL = [sys.executable, "-P", "-m", "app"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--prompt-tokens", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "CORRAL_HOME": home, "PYTHONPATH": str(ROOT)}
        address = _ask(environment, "server", "start", "--port", "11599").strip()
        try:
            [model] = [
                row["id"]
                for row in json.loads(_ask(environment, "ls", "--json"))
                if arguments.model in row["id"].lower()
            ][:1]
            _ask(environment, "load", model)
            api, terminal = [], []
            for _ in range(arguments.rounds):
                api.append(_by_api(address, model, _prompt(arguments.prompt_tokens)))
                prompt = _prompt(arguments.prompt_tokens)
                terminal.append(_by_terminal(environment, model, prompt))
            start = min(_timed(environment, "version") for _ in range(5))
        finally:
            _ask(environment, "stop", "--server")
    by_api, by_terminal = statistics.median(api), statistics.median(terminal)
    print(f"first token by the API       {by_api:.3f} s (best {min(api):.3f})")
    print(f"first token in the terminal  {by_terminal:.3f} s (best {min(terminal):.3f})")
    print(f"ratio                        {by_terminal / by_api:.3f}, wanted at most 1.1")
    print(f"of it a start of the program {start:.3f} s; {by_terminal - by_api:.3f} s between them")
    bare = min(_started([sys.executable, "-c", "pass"]) for _ in range(7))
    shown = min(_started([*CORRAL, "--help"]) for _ in range(7))
    print(f"corral --help                {shown - bare:.3f} s more than bare Python, wanted 0.15")
    return 0 if by_terminal <= 1.1 * by_api and shown - bare <= 0.15 else 1


def _prompt(tokens: int) -> str:
    return f"{uuid.uuid4().hex[:8]}{' tree' * tokens}"


def _ask(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [*CORRAL, *words], capture_output=True, text=True, env=environment, cwd=ROOT, check=True
    )
    return done.stdout


def _timed(environment: dict[str, str], *words: str) -> float:
    began = time.perf_counter()
    _ask(environment, *words)
    return time.perf_counter() - began


def _started(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, cwd=ROOT, check=True)
    return time.perf_counter() - began


def _by_api(address: str, model: str, prompt: str) -> float:
    asked = {
        "model": model,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": 2,
        "stream": True,
    }
    with httpx2.Client(timeout=None, trust_env=False) as client:
        began = time.perf_counter()
        with client.stream("POST", f"{address}/v1/chat/completions", json=asked) as answer:
            for line in answer.iter_lines():
                if '"content":"' in line and '"content":""' not in line:
                    return time.perf_counter() - began
    raise SystemExit("the API answered nothing")


def _by_terminal(environment: dict[str, str], model: str, prompt: str) -> float:
    began = time.perf_counter()
    process = subprocess.Popen(
        [*CORRAL, "run", model, prompt, "--max-tokens", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=ROOT,
        bufsize=0,
    )
    assert process.stdout is not None
    process.stdout.read(1)
    taken = time.perf_counter() - began
    process.communicate()
    return taken


if __name__ == "__main__":
    sys.exit(main())
