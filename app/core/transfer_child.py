"""The program's end of the transfer child: start it, talk to it, notice its end."""

import logging
import queue
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import msgspec

from app.core.children import child_environment, end_child, start_child
from app.core.transfer_wire import MAX_LINE, Command, Reply, decode_reply, encode

log = logging.getLogger(__name__)

SILENCE = 60.0
"""Seconds until a child that says nothing counts as hung; at work it speaks five times a second."""
KEPT_LINES = 30
"""Last lines of the child's standard error."""


class TransferChild:
    """One transfer process. Any thread may `send`; one thread reads `replies`."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._process = start_child(command, environment=child_environment(), folder=folder)
        self._lock = threading.Lock()
        self._words: deque[str] = deque(maxlen=KEPT_LINES)
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._listeners = [
            threading.Thread(target=listen, args=(stream,), name="transfer-child", daemon=True)
            for listen, stream in (
                (self._listen, self._process.stderr),
                (self._take_lines, self._process.stdout),
            )
        ]
        for listener in self._listeners:
            listener.start()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def send(self, command: Command) -> None:
        """Send a command. To a child that died it is not sent: `replies` ends then."""
        stream = self._process.stdin
        assert stream is not None
        with self._lock:
            try:
                stream.write(encode(command))
                stream.flush()
            except (OSError, ValueError):
                log.info("the transfer child did not take %s", type(command).__name__)

    def replies(self) -> Iterator[Reply]:
        """What the child says, until it ends; one that falls silent is killed."""
        while line := self._next_line():
            try:
                yield decode_reply(line)
            except msgspec.DecodeError:
                log.warning("the transfer child said %r", line[:200])

    def last_words(self) -> str:
        """The end of what it wrote on standard error."""
        return "\n".join(self._words)

    def hang_up(self) -> None:
        """Close its input: it stops its runs and ends."""
        stream = self._process.stdin
        assert stream is not None
        with self._lock:
            try:
                stream.close()
            except OSError:
                log.debug("the transfer child was gone already")

    def close(self) -> int:
        """End it if it has not ended, and clear up. Answers its exit status."""
        self.hang_up()
        status = end_child(self._process)
        for listener in self._listeners:
            listener.join(5)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        return status

    def _next_line(self) -> bytes:
        """The next line, b"" at the end."""
        try:
            return self._lines.get(timeout=SILENCE)
        except queue.Empty:
            log.warning("the transfer child was silent for %.0f seconds; ending it", SILENCE)
            self._process.kill()
            return b""

    def _take_lines(self, stream: IO[bytes]) -> None:
        while line := stream.readline(MAX_LINE):
            self._lines.put(line)
        self._lines.put(b"")

    def _listen(self, stream: IO[bytes]) -> None:
        for line in stream:
            text = line.decode("utf-8", "replace").rstrip()
            self._words.append(text)
            log.debug("transfer child: %s", text)


def run_description(process_status: int) -> str:
    """How a process ended, for a report."""
    if process_status < 0:
        return f"ended by signal {-process_status}"
    return f"ended with status {process_status}"
