"""An engine's folder against the engine that was built for this very processor, as JSON lines.

    python packaging/bench_engines.py FOLDER

The latter is the one in the Python package, which pip builds natively. One thread and the
processor's own time, so that a neighbour matters little; best of many short interleaved runs.
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROUNDS = 20
GOAL = 0.98


def measure(folder: Path | None) -> dict[str, Any]:
    command = [sys.executable, str(HERE / "engine" / "answer.py"), "--speed"]
    command += ["--engine", str(folder)] if folder else []
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main() -> int:
    folder = Path(sys.argv[1]).absolute()
    ours: list[dict[str, Any]] = []
    native: list[dict[str, Any]] = []
    for number in range(ROUNDS):
        pair = [(folder, ours), (None, native)]
        for place, results in pair if number % 2 else reversed(pair):
            results.append(measure(place))
    met = True
    for name in ("decode", "prompt"):
        best, base = max(each[name] for each in ours), max(each[name] for each in native)
        pairs = statistics.median(
            one[name] / other[name] for one, other in zip(ours, native, strict=True)
        )
        row = {
            "figure": f"{name}: engine folder / native build",
            "value": round(best / base, 3),
            "goal": f">= {GOAL}",
            "met": best >= GOAL * base,
            "detail": f"{best:.1f} / {base:.1f} tokens per second of processor time, code for "
            f"{ours[0]['code']}, best of {ROUNDS}; median of the pairs {pairs:.3f}",
        }
        met = met and best >= GOAL * base
        print(json.dumps(row), flush=True)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
