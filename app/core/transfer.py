"""The transfer child: `corral --transfer-host` fetches files, told to by lines on its input.

It ends when its input ends. Everything it knows is on disk, so it may be killed at any moment.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import BinaryIO

import msgspec

from app.core.transfer_job import TransferJob
from app.core.transfer_pace import TokenBucket
from app.core.transfer_wire import (
    MAX_LINE,
    Fetch,
    Hurry,
    Reply,
    Stop,
    Throttle,
    decode_command,
    encode,
)

log = logging.getLogger(__name__)

REPORT_EVERY = 0.2
"""Seconds between two reports of where a run is."""
SLEPT = 10.0
"""Seconds that a pause of `REPORT_EVERY` must have lasted for the computer to have slept."""
READ_SIZE = 1 << 18
"""Bytes asked of the system at once; the library's own 64 KiB cost a fifth of the speed."""
LAST_WORDS = 1.0
"""Seconds that runs have to let go of their files when the child ends."""


def main(argv: Sequence[str] = ()) -> int:
    """Serve until standard input ends. Answers the exit status."""
    del argv
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    _read_in_large_pieces()
    commands, replies = _private_streams()
    host = TransferHost(replies)
    try:
        host.serve(commands)
    finally:
        host.close()
    # Threads may be waiting for a silent server; the state of their parts is on disk.
    sys.stderr.flush()
    os._exit(0)


class TransferHost:
    """Runs jobs and reports on them."""

    def __init__(self, replies: BinaryIO, clock: Callable[[], float] = time.time) -> None:
        """`clock` is the time of day, which goes on while the computer sleeps."""
        self._replies = replies
        self._clock = clock
        self._bucket = TokenBucket()
        self._lock = threading.Lock()
        self._jobs: dict[str, TransferJob] = {}
        self._closing = threading.Event()
        self._reporter = threading.Thread(target=self._report, name="reporter", daemon=True)

    def serve(self, commands: BinaryIO) -> None:
        """Carry out commands until there are no more."""
        self._reporter.start()
        while line := commands.readline(MAX_LINE):
            try:
                command = decode_command(line)
            except msgspec.DecodeError:
                log.exception("a line that is no command")
                continue
            match command:
                case Fetch():
                    job = TransferJob(command, self._send, self._bucket)
                    self._jobs[command.run] = job
                    job.start()
                case Stop(run) if run in self._jobs:
                    self._jobs[run].stop()
                case Hurry(run) if run in self._jobs:
                    self._jobs[run].hurry()
                case Stop() | Hurry():
                    log.info("there is no such run any more")
                case Throttle(rate):
                    self._bucket.set_rate(rate)

    def close(self) -> None:
        """Stop all jobs, and wait shortly for them."""
        self._closing.set()
        jobs = list(self._jobs.values())
        for job in jobs:
            job.stop()
        for job in jobs:
            job.join(LAST_WORDS)

    def _report(self) -> None:
        looked = self._clock()
        while not self._closing.wait(REPORT_EVERY):
            before, looked = looked, self._clock()
            slept = looked - before > SLEPT
            for run, job in list(self._jobs.items()):
                if slept:
                    log.info("the computer slept; connecting anew")
                    job.reconnect()
                if job.alive:
                    job.report()
                else:
                    self._jobs.pop(run, None)

    def _send(self, reply: Reply) -> None:
        with self._lock:
            try:
                self._replies.write(encode(reply))
                self._replies.flush()
            except OSError:  # the program is gone; the end of the input tells the same
                self._closing.set()


def _read_in_large_pieces() -> None:
    """Fewer and larger pieces of a body, in this process; a read still ends with what is there."""
    import httpcore2

    httpcore2.HTTP11Connection.READ_NUM_BYTES = READ_SIZE


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """The protocol on descriptors of its own; a library that prints reaches only stderr."""
    commands = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return commands, replies


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
