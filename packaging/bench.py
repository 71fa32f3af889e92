"""All benchmarks, one line each: figure, value, goal, whether it is met.

    make bench

Figures that depend on the computer are ratios of two things measured in the same run.
"""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PARTS = (
    "bench_window.py",
    "bench_engine.py",
    "bench_peer.py",
    "bench_api.py",
    "bench_memory.py",
    "bench_library.py",
    "bench_download.py",
    "bench_download_window.py",
    "bench_transfer.py",
    "bench_faults.py",
)


def main() -> int:
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores{load}")
    missed = 0
    for part in PARTS:
        with subprocess.Popen(
            [sys.executable, str(HERE / part)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                row = json.loads(line)
                missed += not row["met"]
                mark = "met   " if row["met"] else "MISSED"
                goal = f"(goal {row['goal']})"
                print(f"{mark} {row['figure']:<46} {row['value']:>8} {goal:<16} {row['detail']}")
        if process.returncode:
            print(f"FAILED {part} ended with {process.returncode}")
            missed += 1
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
