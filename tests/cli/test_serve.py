"""`corral serve` as a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.serving import free_port
from tests.timing import PATIENCE


@pytest.mark.skipif(sys.platform != "linux", reason="reads what a process ignores from /proc")
@pytest.mark.usefixtures("corral_home")
def test_below_nohup_the_end_of_the_terminal_stays_ignored() -> None:
    words = ["serve", "--port", str(free_port())]
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", sys.executable, "-m", "app", *words],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("Corral answers at ")
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        [ignored] = [line.split()[1] for line in status.splitlines() if line.startswith("SigIgn")]
        assert int(ignored, 16) & 1  # the signal's number is 1
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0
        process.stdout.close()
