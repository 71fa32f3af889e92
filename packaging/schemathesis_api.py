"""schemathesis over `openapi.json`: whatever is asked, nothing may answer with 5xx or another form.

python packaging/schemathesis_api.py [examples]     20 by default; a scripted model answers

What is called by a name that nobody knows is a scripted model here, so that questions are not only
refused. A hub on this computer that holds nothing stands for the hub and for Ollama's registry.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.core.library_types import LocalModel
    from app.core.request_log import RequestRecord
    from tests.api.serving import Serving

ROOT = Path(__file__).resolve().parent.parent
CHECKS = "not_a_server_error,content_type_conformance,response_schema_conformance"
DELIBERATE = "/corral/v1/shutdown"
"""Ends the program; a test of its own asks it."""


def main(arguments: list[str]) -> int:
    sys.path.insert(0, str(ROOT))
    from app.core.paths import app_paths
    from tests.api.serving import serving
    from tests.hub.server import LocalHub

    examples = arguments[0] if arguments else "20"
    with (
        tempfile.TemporaryDirectory() as home,
        LocalHub() as hub,
        serving(app_paths({"CORRAL_HOME": home})) as running,
    ):
        reach(running, hub.url)
        answer_by_any_name(running, running.scripted("model", text="an answer"))
        statuses = counted(running)
        _, secret = running.parts.tokens.issue("schemathesis", ["admin"])
        command = [
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
            *("run", f"{running.url}/openapi.json", "--checks", CHECKS),
            *("--max-examples", examples, "--seed", "1", "--phases", "coverage,fuzzing"),
            *("--header", f"x-api-key: {secret}", "--exclude-path", DELIBERATE),
            *("--request-timeout", "60", "--continue-on-failure"),
        ]
        began = time.monotonic()
        code = subprocess.run(command, cwd=home, check=False).returncode
        seconds, used = time.monotonic() - began, os.times().children_user
        asked = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
        print(f"{sum(statuses.values())} requests: {asked}")
        print(f"{seconds:.0f} s, of which schemathesis computed {used:.0f}")
        return code


def reach(running: "Serving", url: str) -> None:
    """Let nothing be fetched but from `url`."""
    from msgspec import structs

    settings = running.parts.settings
    network = structs.replace(settings.current.network, endpoint=url, ollama_registry=url)
    settings.update(network=network)


def answer_by_any_name(running: "Serving", model_id: str) -> None:
    """Take a name of an even length that nobody knows for that of the model."""
    from app.api.errors import ApiError

    names = running.server._application.work.names
    find = names.find

    def found(name: str) -> "LocalModel":
        try:
            return find(name)
        except ApiError:
            if len(name) % 2 or not name.strip():
                raise
            return find(model_id)

    names.find = found  # type: ignore[method-assign]  # in this process, for these questions


def counted(running: "Serving") -> Counter[int]:
    """Counts what is answered, by status."""
    statuses: Counter[int] = Counter()
    lock = threading.Lock()

    def note(record: "RequestRecord") -> None:
        if record.seconds is not None:
            with lock:
                statuses[record.status] += 1

    running.parts.log.changed.connect(note)
    return statuses


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
