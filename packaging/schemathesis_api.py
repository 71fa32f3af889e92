"""schemathesis over `openapi.json`: whatever is asked, nothing may answer with 5xx.

python packaging/schemathesis_api.py [examples]     a scripted model answers; nothing is fetched
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKS = "not_a_server_error"
DELIBERATE = "/corral/v1/shutdown"
"""Ends the program; a test of its own asks it."""


def main(arguments: list[str]) -> int:
    sys.path.insert(0, str(ROOT))
    from app.core.paths import app_paths
    from tests.api.serving import serving

    examples = arguments[0] if arguments else "50"
    with (
        tempfile.TemporaryDirectory() as home,
        serving(app_paths({"CORRAL_HOME": home})) as running,
    ):
        running.scripted("model", text="an answer")
        _, secret = running.parts.tokens.issue("schemathesis", ["admin"])
        command = [
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
            *("run", f"{running.url}/openapi.json", "--checks", CHECKS),
            *("--max-examples", examples, "--seed", "1", "--phases", "examples,coverage,fuzzing"),
            *("--header", f"x-api-key: {secret}", "--exclude-path", DELIBERATE),
            *("--request-timeout", "60", "--continue-on-failure"),
        ]
        return subprocess.run(command, cwd=home, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
