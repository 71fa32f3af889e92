"""The pipe to one engine child: commands out, replies sorted to the calls they belong to.

Three threads serve it: one writes commands, so that no caller is stuck in the pipe of a child
that does not read; one reads replies; one drains the child's log so that it never blocks on a full
pipe. When the child ends, for whatever reason, every open call is woken and told why.
"""

import itertools
import logging
import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, ClassVar

from app.core.children import empty_folder, end_child, engine_environment, give_back, start_child
from app.core.engine_errors import Blame, death
from app.core.errors import EngineDied, ModelError
from app.core.events import EventHook
from backends import wire
from backends.contacts import Tell
from backends.errors import error_from_code
from backends.types import EngineBuild

KEPT_LINES = 200
"""Lines of a child's log that are kept."""
LONGEST_LINE = 2000
"""Bytes after which a line of the log is broken."""
END_GRACE = 2.0
"""Seconds that each step of ending a child is given."""
LAST_BREATH = 0.3
"""Seconds in which a child that sent half a line turns out to have crashed."""

log = logging.getLogger(__name__)


class EngineClosed(ModelError):
    """The engine was closed on purpose: its model was ejected."""

    code: ClassVar[str] = "engine_closed"


class EngineSilent(ModelError):
    """The engine says nothing at all, so a quick question was given up."""

    code: ClassVar[str] = "engine_silent"


class Call:
    """A command on its way and the replies to it."""

    def __init__(self, number: int, request_id: str = "") -> None:
        self.number = number
        self.request_id = request_id
        self.done = False
        """No more replies will come."""
        self.deadline: float | None = None
        """Monotonic time by which the call must be done."""
        self.blame: Blame = "not cancelled"
        """What is wrong with a child that misses the deadline."""
        self.replies: queue.SimpleQueue[wire.Reply | None] = queue.SimpleQueue()
        """None says: look again at the deadline, and whether the child is gone.

        Nobody reading them costs some 200 bytes a token, and an answer ends with its context.
        """

    def expect_within(self, seconds: float, blame: Blame) -> None:
        """Set the deadline, from any thread."""
        self.blame = blame
        self.deadline = time.monotonic() + seconds
        self.replies.put(None)

    def patience(self) -> float | None:
        """Seconds until the deadline; None without one."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


class EngineLink:
    """Starts one child, carries calls to it, ends it. Thread-safe."""

    def __init__(
        self,
        command: Sequence[str],
        tell: Tell | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`tell` hears of the child's connections to other computers, in the reading thread.

        `environment` is added to what every engine's child gets.
        """
        self._tell = tell
        self._environment = dict(environment or {})
        self.build: EngineBuild | None = None
        """Which build of the engine the child runs; None before `start`, or if it is not told."""
        self.died: EventHook[[EngineDied]] = EventHook()
        """The child ended by itself after it was ready. Fires in the reading thread."""
        self._command = tuple(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._listener: threading.Thread | None = None
        self._numbers = itertools.count(wire.STARTUP_ID)
        self._words: deque[str] = deque(maxlen=KEPT_LINES)
        self._commands: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        """Lines on their way to the child; None is the end."""
        self._state = threading.Lock()
        """Guards what follows."""
        self._calls: dict[int, Call] = {}
        self._ready = False
        self._closing = False
        self._gone = False
        self._death: EngineDied | None = None
        self._blame: Blame | None = None
        self._heard = time.monotonic()
        """When the child said something last, to whomever."""
        self._idle_since = time.monotonic()

    @property
    def pid(self) -> int | None:
        """Process id of the child; None before `start`."""
        return None if self._process is None else self._process.pid

    @property
    def alive(self) -> bool:
        """Whether calls can be made."""
        return self._ready and not self._gone and not self._closing

    @property
    def idle_seconds(self) -> float:
        """Seconds since the last call ended; 0 while one is open."""
        with self._state:
            return 0.0 if self._calls else time.monotonic() - self._idle_since

    def last_words(self) -> tuple[str, ...]:
        """The last lines of the child's log, oldest first."""
        return tuple(self._words)

    def start(self, deadline: float) -> None:
        """Start the child and wait until it is ready, `deadline` seconds at most.

        Raises:
            EngineDied: it could not be started, ended, or gave no sign in time.
            BackendError: it reports that its engine cannot be set up.
            EngineClosed: it was closed meanwhile.
        """
        with self._state:
            if self._closing or self._process is not None:
                raise self._ending()
            call = self._calls[wire.STARTUP_ID] = Call(next(self._numbers))
            self._spawn()
        call.expect_within(deadline, "no sign")
        try:
            self._greet(self.next(call))
        except BaseException:
            self.close()
            raise
        finally:
            self.forget(call)

    def ask(self, command: Callable[[int], wire.Command], request_id: str = "") -> Call:
        """Send a command; its replies come from `next`. End the call by `settle` or `forget`.

        Raises:
            WireError: the child would not understand it; a value is out of range.
            EngineDied, EngineClosed: there is no child.
        """
        with self._state:
            if not self.alive:
                raise self._ending()
            call = Call(next(self._numbers), request_id)
        line = wire.encode(command(call.number))
        wire.decode_command(line)  # decoding is what checks the ranges of all values
        with self._state:
            if self._gone:
                raise self._ending()
            self._calls[call.number] = call
        self._commands.put(line)
        return call

    def next(self, call: Call, silence: float | None = None) -> wire.Reply:
        """Wait for the next reply. Raises the error it reports, or why there will be none.

        With `silence` it raises `EngineSilent` when the child says nothing to anybody for so many
        seconds. The child lives on: it may be at work on something long.
        """
        asked = time.monotonic()
        while True:
            patience = call.patience()
            if silence is not None:
                patience = max(asked, self._heard) + silence - time.monotonic()
                if patience <= 0:
                    raise _silent(silence)
            try:
                reply = call.replies.get(timeout=patience)
            except queue.Empty:
                if silence is None:
                    self._execute(call)
                continue
            if isinstance(reply, wire.Failed):
                call.done = True
                raise error_from_code(reply.code, reply.message, reply.detail)
            if reply is not None:
                return reply
            if self._gone and call.replies.empty():
                call.done = True
                raise self._ending()

    def cancel(self, call: Call, deadline: float) -> None:
        """Ask the child to end `call` within `deadline` seconds, or be killed."""
        if not call.done and call.deadline is None:
            self._commands.put(wire.encode(wire.Cancel(call.number)))
            call.expect_within(deadline, "not cancelled")

    def calls(self, request_id: str) -> tuple[Call, ...]:
        """The open calls that carry this request id."""
        with self._state:
            return tuple(each for each in self._calls.values() if each.request_id == request_id)

    def forget(self, call: Call) -> None:
        """Drop what else may come for `call`."""
        with self._state:
            self._calls.pop(call.number, None)
            self._idle_since = time.monotonic()

    def close(self) -> None:
        """End the child: ask, terminate, kill. Returns when it is gone; may be called twice."""
        with self._state:
            self._closing = True
            process, listener = self._process, self._listener
        if process is None or listener is None:
            return
        self._commands.put(None)
        end_child(process, grace=END_GRACE)
        if listener is not threading.current_thread():
            listener.join(2 * END_GRACE)

    def _greet(self, reply: wire.Reply) -> None:
        if not isinstance(reply, wire.Ready) or reply.protocol != wire.PROTOCOL_VERSION:
            raise death(0, self.last_words(), "garbled")
        self.build = reply.build
        self._ready = True

    def _spawn(self) -> None:
        try:
            folder = empty_folder()
            environment = engine_environment() | self._environment
            process = start_child(self._command, environment=environment, folder=folder)
        except OSError as error:
            raise EngineDied(
                "The engine could not be started",
                f"The system says: {error.strerror or error}.",
                "Install Corral again if this does not pass.",
                str(error),
            ) from error
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise AssertionError("a child has three pipes")
        self._process = process
        writer = threading.Thread(
            target=self._write, args=(process.stdin,), name="engine-commands", daemon=True
        )
        drain = threading.Thread(
            target=self._drain, args=(process.stderr,), name="engine-log", daemon=True
        )
        self._listener = threading.Thread(
            target=self._listen,
            args=(process, process.stdout, drain, folder),
            name="engine-replies",
            daemon=True,
        )
        for thread in (writer, drain, self._listener):
            thread.start()

    def _write(self, stream: IO[bytes]) -> None:
        """Send commands; at the end close the child's input, at which it leaves."""
        try:
            with stream:
                while (line := self._commands.get()) is not None:
                    stream.write(line)
                    stream.flush()
        except OSError:
            # The pipe is broken. The listener tells every call why.
            log.debug("engine process %s does not listen", self.pid)

    def _execute(self, call: Call) -> None:
        """Kill a child that missed a deadline. If even that does not help, give up on it."""
        process = self._process
        with self._state:
            given_up = self._blame is not None
            self._blame = call.blame
        if given_up or process is None:
            call.done = True
            raise death(0, self.last_words(), call.blame)
        log.error("engine process %s is killed: %s", process.pid, call.blame)
        process.kill()
        call.deadline = time.monotonic() + 2 * END_GRACE

    def _listen(
        self,
        process: subprocess.Popen[bytes],
        replies: IO[bytes],
        drain: threading.Thread,
        folder: Path,
    ) -> None:
        with replies:
            try:
                while (line := wire.read_line(replies)) is not None:
                    self._heard = time.monotonic()
                    reply = wire.decode_reply(line)
                    if isinstance(reply, wire.Contacted):
                        if self._tell is not None:
                            self._tell(reply.contact)
                        continue
                    call = self._calls.get(reply.id)
                    if call is not None:
                        call.replies.put(reply)
            except (wire.WireError, OSError) as error:
                log.error("engine process %s: %s", process.pid, error)
                self._distrust(process)
        status = end_child(process, grace=END_GRACE)
        drain.join(END_GRACE)
        self._commands.put(None)
        self._give_back(folder)
        self._report_end(process, status)

    def _give_back(self, folder: Path) -> None:
        try:
            give_back(folder)
        except OSError as error:
            log.warning("%s is not empty: %s", folder, error)

    def _distrust(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a child that sends rubbish, unless the rubbish comes from its crash."""
        try:
            process.wait(LAST_BREATH)
        except subprocess.TimeoutExpired:
            with self._state:
                self._blame = self._blame or "garbled"
            process.kill()

    def _report_end(self, process: subprocess.Popen[bytes], status: int) -> None:
        with self._state:
            by_itself = not self._closing
            if by_itself:
                self._death = death(status, self.last_words(), self._blame)
            self._gone = True  # last: who sees it without the lock asks why
            was_ready = self._ready
            calls = tuple(self._calls.values())
        for call in calls:
            call.replies.put(None)
        if by_itself:
            last = "\n".join(self.last_words()[-20:])
            log.error("engine process %s ended with %s:\n%s", process.pid, status, last)
        if self._death is not None and was_ready:
            self.died(self._death)

    def _drain(self, stream: IO[bytes]) -> None:
        with stream:
            while line := stream.readline(LONGEST_LINE):
                self._words.append(line.decode("utf-8", "replace").rstrip())

    def _ending(self) -> ModelError:
        """Why no call can be made: a new error each time, as each is raised in its own thread."""
        if self._death is not None:
            it = self._death
            again = EngineDied(it.title, it.message, it.hint, it.detail)
            again.remedies, again.cause = it.remedies, it.cause
            return again
        return EngineClosed(
            "The model is not loaded", "It was ejected.", "Load the model and try again."
        )


def _silent(seconds: float) -> EngineSilent:
    return EngineSilent(
        "The model does not answer",
        f"Its engine has said nothing for {seconds:.0f} seconds.",
        "Wait if it has much to do. Otherwise eject the model and load it again.",
    )
