"""A server at the edge of the network that answers as a test says: quirks, refusals, stalls."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Piece = dict[str, Any] | bytes | threading.Event
"""An event of the stream, bytes as they are, or something to wait for first."""


@dataclass
class Asked:
    """A request that came."""

    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: dict[str, Any]


@dataclass
class Script:
    """What is answered to a chat completion."""

    pieces: Iterable[Piece] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    """Of an answer that is no stream."""
    done: bool = True
    """Whether the stream ends as it should."""


class ScriptedServer(ThreadingHTTPServer):
    """Listens on a free loopback port. Use as a context manager."""

    daemon_threads = True

    def __init__(self, owner: str = "someone", models: Iterable[str] = ("m",)) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[Asked] = []
        self.owner = owner
        self.models: Any = [{"id": name, "object": "model", "owned_by": owner} for name in models]
        self.scripts: list[Script] = []
        """Answers in order; the last one is given again and again."""
        self.answers: dict[str, Callable[[dict[str, Any]], Any]] = {}
        """For other paths: the body to answer to a body."""
        self.list_status = 200
        self.gone = threading.Event()
        """A client has left in the middle of an answer."""
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), name="scripted")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def says(self, *pieces: Piece, done: bool = True, **more: Any) -> None:
        """Answer the next chats with these events."""
        self.scripts = [Script(pieces, done=done, **more)]

    def refuses(self, status: int, body: Any = None, **headers: str) -> None:
        """Answer the next chats with an error."""
        self.scripts = [Script((), status, headers, body)]

    def __enter__(self) -> "ScriptedServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that leave are part of the game."""


def text(piece: str, **choice: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": piece}, **choice}]}


def calls(*pieces: dict[str, Any]) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"tool_calls": list(pieces)}}]}


def end(reason: str = "stop") -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def usage(prompt: int, completion: int, **more: Any) -> dict[str, Any]:
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, **more}
    return {"choices": [], "usage": counts}


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._note({})
        if self.path.endswith("/models"):
            self._send(self.server.list_status, {"object": "list", "data": self.server.models})
        elif (answer := self.server.answers.get(self.path.partition("?")[0])) is not None:
            self._send(200, answer({}))
        else:
            self._send(404, {"error": {"message": "no such page"}})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length))
        self._note(body)
        if (answer := self.server.answers.get(self.path)) is not None:
            self._send(200, answer(body))
            return
        scripts = self.server.scripts
        script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        if script.status != 200:
            self._send(script.status, script.body, script.headers)
        else:
            self._stream(script)

    def _note(self, body: dict[str, Any]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append(Asked(self.path, headers, body))

    def _send(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, script: Script) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for piece in script.pieces:
                if isinstance(piece, threading.Event):
                    self._wait(piece)
                elif isinstance(piece, bytes):
                    self.wfile.write(piece)
                else:
                    self.wfile.write(b"data: " + json.dumps(piece).encode() + b"\n\n")
                self.wfile.flush()
            if script.done:
                self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            self.server.gone.set()

    def _wait(self, event: threading.Event) -> None:
        """Until it is set, or the client is gone: its end of the connection reads as closed."""
        self.connection.settimeout(0.01)
        while not event.is_set():
            try:
                if self.connection.recv(1) == b"":
                    raise ConnectionError("the client is gone")
            except TimeoutError:
                continue
        self.connection.settimeout(None)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""
