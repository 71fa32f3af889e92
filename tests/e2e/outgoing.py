"""Everything that could leave this computer, done once, in a process of its own.

Prints one line for each attempt: its name, and what came of it.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any

from app.cli.parts import Parts
from app.core.connection_check import check_hubs, check_registry
from app.core.download_state import DownloadItem, DownloadRequest
from app.core.errors import AppError
from app.core.hub import HubQuery
from app.core.keys import KeyStore
from app.core.ollama_gate import RegistryGate
from app.core.ollama_http import RegistryHttp
from app.core.remotes import RemoteStore, remote_models
from app.core.variants import RepoFile
from tests.timing import PATIENCE

ELSEWHERE = "http://192.0.2.1:8080/v1"
"""An address that is set aside for documentation (RFC 5737)."""
REQUEST = DownloadRequest("owner/name", "main", "Name", "Q4_0", (RepoFile("name.gguf", 1000),))


def main(local_server: str) -> int:
    with Parts() as parts:
        remotes = RemoteStore(parts.settings, KeyStore(parts.paths), tell=parts.ledger.record)
        for name, address, model in (("Far", ELSEWHERE, "far"), ("Near", local_server, "m")):
            remotes.add(name, address, models=(model,))
        far, near = remote_models(parts.settings.current.remote)

        def converse() -> str:
            entry = parts.runtime.load(near)
            return entry.engine.backend

        attempts: dict[str, Callable[[], Any]] = {
            "search": lambda: parts.hub.search(HubQuery("name")),
            "detail": lambda: parts.hub.detail("owner/name"),
            "card": lambda: parts.hub.card("owner/name", "main"),
            "header": lambda: parts.hub.header("owner/name", "main", "name.gguf"),
            "check": lambda: [each.kind for each in check_hubs(parts.gate, parts.hub_http)],
            "file": lambda: parts.hub.file("owner/name", "chat_template.jinja", limit=1000),
            "registry": lambda: (
                check_registry(
                    RegistryGate(parts.settings, parts.gate), RegistryHttp(parts.hub_http)
                ).kind
            ),
            "log in": lambda: parts.account.log_in("hf_abcdefgh"),
            "download": lambda: download(parts),
            "list": lambda: remotes.offered(ELSEWHERE),
            "far": lambda: parts.runtime.load(far),
            "near": converse,
        }
        for name, attempt in attempts.items():
            try:
                outcome = str(attempt())
            except AppError as error:
                outcome = f"{type(error).__name__}: {error.title}"
            print(f"{name}: {outcome}", flush=True)
    return 0


def download(parts: Parts) -> str:
    ended = threading.Event()
    seen: list[DownloadItem] = []

    def hear(item: DownloadItem) -> None:
        seen.append(item)
        if item.state in ("failed", "paused", "done"):
            ended.set()

    def look() -> None:
        # The helper tries for minutes; that the first try failed is enough.
        if any(entry.purpose == "download" for entry in parts.ledger.entries()):
            ended.set()

    parts.downloads.changed.connect(hear)
    parts.ledger.changed.connect(look)
    parts.downloads.start()
    item = parts.downloads.add(REQUEST)
    ended.wait(PATIENCE)
    parts.downloads.cancel(item.id)
    return seen[-1].state


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
