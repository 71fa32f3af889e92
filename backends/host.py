"""What an engine child runs: one engine, asked over a pipe.

    corral --engine-host --backend llamacpp

Commands come on standard input, replies go to standard output (`backends.wire`). Two threads:
the main thread is the only one that calls the engine, apart from `cancel`; the other one reads
commands, so a cancel is heard while the engine works. When standard input ends the program is
gone, and the child leaves at once, even out of native code.
"""

import argparse
import faulthandler
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from backends import registry, wire
from backends.base import Backend
from backends.errors import (
    BackendError,
    BadRequest,
    EngineFailure,
    LoadCancelled,
    OutOfMemory,
)
from backends.types import Finish, GenerationEvent, LoadProgress

NICENESS = 5
"""Below the window's priority, above a background job's."""
PARTING = 1.0
"""Seconds that an engine has at the end to write what shall be kept; one that hangs is left."""
PROGRESS_STEP = 0.01
"""Loaded fraction between two progress replies; engines report every tensor."""
MAX_DETAIL = 20_000
"""Characters of an engine's own words in a failure."""

Job = wire.Load | wire.CountTokens | wire.Generate | wire.Embed | wire.Stats | wire.Unload
QuickJob = wire.CountTokens | wire.Stats

log = logging.getLogger(__name__)


def main(argv: Sequence[str]) -> int:
    """Serve one engine until standard input ends. `argv`: the words after `--engine-host`."""
    parser = argparse.ArgumentParser(prog="corral --engine-host")
    parser.add_argument("--backend", required=True)
    name = parser.parse_args(argv).backend
    commands, replies = claim_standard_streams()
    lower_priority()
    faulthandler.enable()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    outbox = Outbox(replies)
    try:
        backend = registry.create(
            name, lambda contact: outbox.send(wire.Contacted(wire.STARTUP_ID, contact))
        )
        build = registry.build_of(name)
    except BackendError as error:
        outbox.send(_failure(wire.STARTUP_ID, error))
        return 1
    outbox.send(wire.Ready(wire.STARTUP_ID, wire.PROTOCOL_VERSION, name, build))
    Host(backend, outbox).serve(commands)
    return 0


def claim_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep the protocol's pipes for ourselves and give native code others.

    Native libraries print to descriptor 1; from here on that is the log (descriptor 2). Private
    duplicates are not inherited by processes that the engine may start.
    """
    commands = open(os.dup(0), "rb")  # noqa: SIM115 - lives as long as the process
    replies = open(os.dup(1), "wb")  # noqa: SIM115 - lives as long as the process
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if sys.platform == "win32":
        _replace_windows_handles()
    return commands, replies


def _replace_windows_handles() -> None:
    """Let the system's own idea of input and output follow descriptors 0 and 1.

    Libraries that ask Windows instead of the C library would still find the pipes, print into
    one, and block on the other while it is being read.
    """
    if sys.platform == "win32":
        import ctypes
        import msvcrt

        for name, descriptor in ((-10, 0), (-11, 1)):  # STD_INPUT_HANDLE, STD_OUTPUT_HANDLE
            handle = ctypes.c_void_p(msvcrt.get_osfhandle(descriptor))
            ctypes.windll.kernel32.SetStdHandle(name, handle)


def lower_priority() -> None:
    """Let the window stay smooth while the engine takes every core it was given."""
    if sys.platform == "win32":
        import psutil

        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(NICENESS)


class Outbox:
    """Sends replies, one thread at a time. Leaves the process when nobody reads them."""

    def __init__(self, stream: BinaryIO, leave: Callable[[int], object] = os._exit) -> None:
        self._stream = stream
        self._leave = leave
        self._lock = threading.Lock()

    def send(self, reply: wire.Reply) -> None:
        """Write `reply` and hand it to the system at once."""
        line = wire.encode(reply)
        with self._lock:
            try:
                self._stream.write(line)
                self._stream.flush()
            except OSError:
                self._leave(0)


class JobQueue:
    """Commands that wait for the engine, in order; those that take no time may overtake."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._quick: deque[QuickJob] = deque()
        self._closed = False
        self._running: set[int] = set()
        self._cancelled: set[int] = set()

    def put(self, job: Job) -> None:
        """Add a job at the end."""
        with self._changed:
            if isinstance(job, QuickJob):
                self._quick.append(job)
            else:
                self._jobs.append(job)
            self._changed.notify()

    def take(self, *, wait: bool, answers: int, slots: int) -> Job | None:
        """The next job that may begin beside so many running `answers`; it counts as running.

        Answers run side by side in `slots`; everything else that takes time waits until none is
        under way. With `wait` it blocks for one; None once closed, or without one.
        """
        if not (wait or self._jobs or self._quick):
            return None
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._jobs or self._quick or self._closed)
            if self._closed:
                return None
            if self._quick:
                job: Job = self._quick.popleft()
            elif self._jobs and _may_begin(self._jobs[0], answers, slots):
                job = self._jobs.popleft()
            else:
                return None
            self._running.add(job.id)
            return job

    def done(self, job_id: int) -> None:
        """A job that was taken does not run any more."""
        with self._changed:
            self._running.discard(job_id)
            self._cancelled.discard(job_id)

    def cancelled(self, job_id: int) -> bool:
        """Whether a running job was cancelled."""
        return job_id in self._cancelled

    def cancel(self, job_id: int) -> Job | None:
        """Take a waiting job out, or mark a running one as cancelled."""
        with self._changed:
            if job_id in self._running:
                self._cancelled.add(job_id)
                return None
            for job in self._jobs:
                if job.id == job_id:
                    self._jobs.remove(job)
                    return job
            return None

    @property
    def closed(self) -> bool:
        """No more jobs will be given out."""
        return self._closed

    def close(self) -> None:
        """Let `take` answer None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _may_begin(job: Job, answers: int, slots: int) -> bool:
    return answers < slots if isinstance(job, wire.Generate) else answers == 0


class Answer:
    """One running answer."""

    def __init__(self, job: wire.Generate, events: Iterator[GenerationEvent]) -> None:
        self.number = job.id
        self.request_id = job.request.id
        self.events = events
        self.told = False
        """The engine has been told that it is cancelled."""


class Host:
    """Serves one engine: `serve` blocks until the commands end."""

    def __init__(
        self, backend: Backend, outbox: Outbox, leave: Callable[[int], object] = os._exit
    ) -> None:
        """`leave` ends the process with a status from any thread."""
        self._backend = backend
        self._outbox = outbox
        self._leave = leave
        self._queue = JobQueue()
        self._slots = 1
        self._answers: dict[int, Answer] = {}
        """Answers under way, by the number of their command."""
        self._unloaded = threading.Event()

    def serve(self, commands: BinaryIO) -> None:
        """Do what `commands` say: answers in turn, an event of each, everything else alone."""
        reader = threading.Thread(
            target=self._read, args=(commands,), name="engine-host-reader", daemon=True
        )
        reader.start()
        while not self._queue.closed:
            self._begin()
            for answer in tuple(self._answers.values()):
                self._advance(answer)
        try:
            self._backend.unload()  # which writes what shall be kept
        except Exception:
            log.exception("the engine could not be unloaded")
        self._unloaded.set()
        reader.join()

    def _begin(self) -> None:
        """Do or begin the jobs whose turn it is; waits for one when nothing else is to be done."""
        while job := self._queue.take(
            wait=not self._answers, answers=len(self._answers), slots=self._slots
        ):
            with self._reporting(job.id):
                self._do(job)
            if job.id not in self._answers:
                self._queue.done(job.id)

    def _read(self, commands: BinaryIO) -> None:
        status = 0
        try:
            while (line := wire.read_line(commands)) is not None:
                self._receive(wire.decode_command(line))
        except (wire.WireError, OSError):
            log.exception("cannot go on reading commands")
            status = 2
        self._queue.close()
        self._unloaded.wait(PARTING)
        self._leave(status)

    def _receive(self, command: wire.Command) -> None:
        if not isinstance(command, wire.Cancel):
            self._queue.put(command)
            return
        match self._queue.cancel(command.id):
            case wire.Generate(id=number):
                self._outbox.send(wire.Event(number, Finish("cancelled")))
            case wire.Load(id=number):
                self._outbox.send(_failure(number, LoadCancelled("The load was cancelled")))
            case wire.Embed(id=number):
                self._outbox.send(_failure(number, BadRequest("The embedding was cancelled")))
            case _:
                if (answer := self._answers.get(command.id)) is not None:
                    self._backend.cancel(answer.request_id)

    def _do(self, job: Job) -> None:
        match job:
            case wire.Load():
                self._load(job)
            case wire.Generate():
                self._answers[job.id] = Answer(job, self._backend.generate(job.request))
            case wire.CountTokens():
                tokens = self._backend.count_tokens(job.messages, job.tools)
                self._outbox.send(wire.Counted(job.id, tokens))
            case wire.Embed():
                embeddings = self._backend.embed(job.request)
                self._outbox.send(wire.Embedded(job.id, embeddings))
            case wire.Stats():
                self._outbox.send(wire.StatsTaken(job.id, self._backend.stats()))
            case wire.Unload():
                self._backend.unload()
                self._outbox.send(wire.Unloaded(job.id))

    def _advance(self, answer: Answer) -> None:
        """Let an answer come to its next event."""
        ended = True
        with self._reporting(answer.number):
            # A cancel may have come before the engine knew the request.
            if self._queue.cancelled(answer.number) and not answer.told:
                answer.told = True
                self._backend.cancel(answer.request_id)
            event = next(answer.events, None)
            ended = event is None or isinstance(event, Finish)
            if isinstance(event, Finish):
                # Its slot is free before anybody hears so, and may ask again by the same name.
                next(answer.events, None)
            if event is not None:
                self._outbox.send(wire.Event(answer.number, event))
        if ended:
            del self._answers[answer.number]
            self._queue.done(answer.number)

    @contextmanager
    def _reporting(self, number: int) -> Iterator[None]:
        """Send what fails as the reply to the command `number`."""
        try:
            yield
        except BackendError as error:
            self._outbox.send(_failure(number, error))
        except MemoryError as error:
            shortage = OutOfMemory("The engine ran out of memory", repr(error))
            self._outbox.send(_failure(number, shortage))
        except Exception as error:
            log.exception("command %d failed", number)
            problem = EngineFailure("The engine failed in an unforeseen way", repr(error))
            self._outbox.send(_failure(number, problem))

    def _load(self, job: wire.Load) -> None:
        sent = -1.0

        def report(fraction: float) -> bool:
            nonlocal sent
            if fraction >= sent + PROGRESS_STEP or fraction >= 1.0 > sent:
                sent = fraction
                self._outbox.send(wire.Event(job.id, LoadProgress(fraction)))
            return not self._queue.cancelled(job.id)

        info = self._backend.load(job.path, job.config, report)
        self._slots = info.slots
        self._outbox.send(wire.Loaded(job.id, info))


def _failure(number: int, error: BackendError) -> wire.Failed:
    return wire.Failed(number, error.code, error.message, error.detail[-MAX_DETAIL:])
