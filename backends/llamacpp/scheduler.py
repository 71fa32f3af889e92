"""Continuous batching: all running answers advance together, one batch at a time.

A step puts the next token of every answer, and a piece of one prompt, into one batch. Beside
running answers that piece is small, so that their streams do not stall; alone it is as large as a
batch can be. Several prompts share that room. A piece of an image is a step of its own. When the KV
cache is full, conversations that nobody works on are parked, then the youngest answer waits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from backends.errors import BackendError, EngineFailure
from backends.llamacpp.batch import Batch
from backends.llamacpp.context import Context, Decoded
from backends.llamacpp.graph import PROGRESS_SECONDS, GraphRunner
from backends.llamacpp.image_step import ImageStep
from backends.llamacpp.image_tokens import text_before_image
from backends.llamacpp.run import Run
from backends.llamacpp.slots import Slots
from backends.llamacpp.vocabulary import Vocabulary
from backends.types import GenerationEvents

STALL_SECONDS = 0.08
"""A piece of a prompt is at most this much work while other answers run."""
CHUNK_SECONDS = 1.5
"""And this much alone: a cancel stops within a batch, but another request waits for its end."""
SMALLEST_CHUNK = 32
SMALLEST_BESIDE = 4
DRAFT_LIMIT = 64
_FIRST_GUESS = 200.0
"""Tokens of a prompt a second, until the first one is measured."""


@dataclass
class _Share:
    """What a batch holds of one answer."""

    run: Run
    tokens: list[int]
    drafted: int
    """How many of the tokens, the last ones, are only guessed."""
    index: int
    """Of its first token in the batch."""
    compute: Callable[[], Decoded] | None = None
    """The tokens are a piece of an image, which is computed so and alone."""


class Scheduler:
    """Advances the answers of one context. Used by one thread."""

    def __init__(
        self,
        context: Context,
        vocabulary: Vocabulary,
        slots: Slots,
        *,
        draft_tokens: int = 8,
        images: ImageStep | None = None,
    ) -> None:
        self._context = context
        self._images = images
        self._image_next = True
        """Images and text take turns."""
        self._vocabulary = vocabulary
        self._slots = slots
        self._draft_tokens = min(draft_tokens, DRAFT_LIMIT)
        self._batch = Batch(context.batch_size)
        self._graph = GraphRunner(context)
        self._runs: list[Run] = []
        """In the order in which they came."""
        self._flight: list[_Share] = []
        """What is being computed on the other thread."""
        self._speed = _FIRST_GUESS

    @property
    def running(self) -> int:
        """Answers under way."""
        return len(self._runs)

    def events(self, run: Run) -> GenerationEvents:
        """The events of an answer; each step on the way advances all others as well."""
        self._runs.append(run)
        try:
            while True:
                told = bool(run.events)
                while run.events:
                    yield run.events.popleft()
                if run.failure is not None:
                    raise run.failure
                if run.ended:
                    return
                if not told:  # others want their turn although this one has nothing to tell
                    yield run.sign_of_life()
                self.step()
        finally:
            self._leave(run)

    def step(self) -> None:
        """Compute one batch, or wait a little for the one that is being computed."""
        try:
            if not self._flight:
                self._end_cancelled()
                shares = self._fill()
                if not shares:
                    return
                switches = [share.run.cancelled for share in shares]
                if (compute := shares[0].compute) is not None:
                    self._flight = shares
                    self._graph.start(compute, switches)
                elif len(self._batch) > self._threshold:
                    self._flight = shares
                    self._graph.start(partial(self._context.decode, self._batch), switches)
                else:
                    self._land(shares, self._graph.run(self._batch, switches))
                    return
            status = self._graph.poll()
            if status is None:
                self._tell_progress()
            else:
                shares, self._flight = self._flight, []
                self._land(shares, status)
        except EngineFailure as error:
            self._fail(error)

    def close(self) -> None:
        """End what is running and free the native memory."""
        self._graph.abandon()
        self._flight = []
        for run in self._runs:
            if run.ended and run.failure is None:  # nobody has asked for its last event yet
                self._slots.release(run.sequence, keep_on_disk=run.keep_on_disk)
            run.end("cancelled")
            run.close()
        self._runs.clear()
        self._graph.close()
        self._batch.close()
        if self._images is not None:
            self._images.close()

    @property
    def _threshold(self) -> int:
        """Tokens of a batch that are computed while the caller waits."""
        return len(self._runs) * (1 + self._draft_tokens)

    # Filling a batch

    def _fill(self) -> list[_Share]:
        self._batch.clear()
        for run in self._runs:
            if run.parked is not None:
                self._unpark(run)
        active = [run for run in self._runs if run.parked is None and not run.ended]
        seeing = [(run, place) for run in active if (place := run.image) is not None]
        active = [run for run in active if run.image is None]
        if self._images is not None and seeing and (self._image_next or not active):
            self._image_next = False
            run, place = seeing[0]
            ids, compute = self._images.piece(run, place)
            return [_Share(run, ids, 0, 0, compute)]
        self._image_next = True
        answering = [run for run in active if run.missing == 1]
        reading = [run for run in active if run.missing > 1]
        shares = [self._add(run, *self._next_tokens(run, len(answering))) for run in answering]
        room = self._chunk(beside=bool(answering))
        for run, wanted in _rooms(reading, room):
            size = min(wanted, self._batch.capacity - len(self._batch))
            if size > 0:
                shares.append(self._add(run, run.next_text(size), 0))
        return shares

    def _next_tokens(self, run: Run, answering: int) -> tuple[list[int], int]:
        """The last token of an answer and guesses of those after it; how many are guesses."""
        tokens = [run.target[-1]]
        room = self._context.length - len(run.target)
        limit = min(self._draft_tokens, room, self._batch.capacity // max(answering, 1) - 1)
        if run.limit is not None:
            limit = min(limit, run.limit - run.count.tokens - 1)
        if run.drafter is None or run.logprobs is not None or limit <= 0:
            return tokens, 0
        guesses = list(text_before_image(run.drafter.draft(run.target, limit)[:limit]))
        run.count.drafted += len(guesses)
        return tokens + guesses, len(guesses)

    def _add(self, run: Run, tokens: list[int], drafted: int) -> _Share:
        sequence = run.sequence
        outputs = drafted + 1 if len(tokens) - drafted == run.missing else 0
        index = self._batch.add(tokens, len(sequence.tokens), sequence.number, outputs)
        return _Share(run, tokens, drafted, index)

    def _chunk(self, *, beside: bool) -> int:
        """Tokens of prompts in the next batch."""
        if beside:
            seconds = STALL_SECONDS
        else:
            seconds = CHUNK_SECONDS if self._graph.counts_nodes else PROGRESS_SECONDS
        return max(SMALLEST_BESIDE if beside else SMALLEST_CHUNK, int(self._speed * seconds))

    # After a batch

    def _land(self, shares: list[_Share], status: Decoded) -> None:
        if status is Decoded.NO_ROOM:
            self._make_room()
            return
        for share in shares:
            sequence = share.run.sequence
            if status is Decoded.DONE:
                sequence.tokens += share.tokens
            else:
                sequence.truncate(len(sequence.tokens))
        if status is not Decoded.DONE:
            return
        if shares[0].compute is None:
            self._measure(len(self._batch))
        for share in shares:
            run = share.run
            if run.missing <= 0:
                self._choose(share)
            else:
                run.tell_progress(len(run.sequence.tokens))

    def _choose(self, share: _Share) -> None:
        """Choose tokens from the outputs of a share, as long as the guesses were right."""
        run, sequence = share.run, share.run.sequence
        if run.count.tokens == 0:
            run.tell_progress(run.prompt_length)
        first = len(share.tokens) - share.drafted - 1
        kept = len(sequence.tokens) - share.drafted
        for step in range(share.drafted + 1):
            if run.cancelled.is_set():
                break
            index = share.index + first + step
            try:
                token = run.choose(self._context.handle, index)
            except BackendError as error:  # of this answer alone
                run.fail(error)
                break
            self._take(run, token, index)
            guess = share.tokens[first + 1 + step] if step < share.drafted else -1
            if run.ended or token != guess or len(sequence.tokens) < kept:
                break
            kept += 1
            run.count.accepted += 1
        if kept < len(sequence.tokens):
            sequence.truncate(kept)

    def _take(self, run: Run, token: int, index: int) -> None:
        vocabulary = self._vocabulary
        if vocabulary.is_eog(token) or token in run.stop_tokens:
            run.end()
            return
        run.take(token, vocabulary.piece(token), index)
        if run.parser.stopped or run.complete:
            run.end()
        elif run.count.tokens == run.limit:
            run.end("length")
        elif len(run.target) > self._context.length and not self._refit(run):
            run.end("context")

    def _refit(self, run: Run) -> bool:
        """Leave out the beginning of the conversation, so that the answer can go on."""
        prompt = run.refit(len(run.answer))
        if prompt is None:
            return False
        run.replace_prompt(prompt)
        run.sequence.truncate(run.sequence.reusable(run.target))
        return True

    def _measure(self, tokens: int) -> None:
        if tokens > self._threshold and self._graph.seconds > 0:
            self._speed = tokens / self._graph.seconds

    def _tell_progress(self) -> None:
        done = self._graph.fraction
        for share in self._flight:
            if len(share.tokens) - share.drafted > 1:
                processed = len(share.run.sequence.tokens) + int(len(share.tokens) * done)
                share.run.tell_progress(processed)

    # Room

    def _make_room(self) -> None:
        """Make the batch fit that did not, for the next step."""
        if self._slots.make_room():
            return
        active = [run for run in self._runs if run.parked is None and not run.ended]
        if len(active) > 1:
            youngest = active[-1]
            youngest.parked = youngest.sequence.save()
            if youngest.parked is not None:
                youngest.sequence.truncate(0)
                return
        for run in active:
            if not self._refit(run):
                run.end("context")

    def _unpark(self, run: Run) -> None:
        """Bring an answer back that had to wait, once there is room for all of it."""
        saved = run.parked
        others = any(each.parked is None and not each.ended for each in self._runs)
        used = sum(len(each.sequence.tokens) for each in self._runs)
        if saved is None or (others and used + len(run.target) + 1 > self._context.length):
            return
        while not run.sequence.restore(saved):
            if not self._slots.make_room():
                return
        run.parked = None

    # Ends

    def _end_cancelled(self) -> None:
        for run in self._runs:
            if run.cancelled.is_set():
                run.end("cancelled")

    def _fail(self, error: EngineFailure) -> None:
        """A batch failed: nobody knows whose fault it is, so all answers in it end."""
        shares, self._flight = self._flight, []
        failed = [share.run for share in shares] or self._runs
        for run in failed:
            run.sequence.truncate(0)
            run.fail(error)

    def _leave(self, run: Run) -> None:
        if any(share.run is run for share in self._flight):
            run.cancelled.set()
            self._finish_flight()
        if run in self._runs:
            self._runs.remove(run)
            run.close()
            self._slots.release(run.sequence, keep_on_disk=run.keep_on_disk)

    def _finish_flight(self) -> None:
        """Wait for the running batch; abort it if nobody else is in it."""
        alone = all(share.run.cancelled.is_set() for share in self._flight)
        try:
            status = self._graph.abandon() if alone else self._wait()
        except EngineFailure as error:
            self._fail(error)
            return
        shares, self._flight = self._flight, []
        if status is not None:
            self._land(shares, status)

    def _wait(self) -> Decoded:
        while True:
            status = self._graph.poll()
            if status is not None:
                return status


def _rooms(reading: Sequence[Run], room: int) -> list[tuple[Run, int]]:
    """Tokens of each prompt that go into the next batch, `room` together.

    Half is for who came first, the other half for the shortest of the rest: a short question does
    not wait until a long prompt is read, and the long one is never kept from being read.
    """
    if not reading:
        return []
    first, *others = reading
    kept = min(first.missing, room - room // 2)
    left = room - kept
    rooms = []
    for run in sorted(others, key=lambda run: run.missing):
        rooms.append((run, min(run.missing, left)))
        left -= rooms[-1][1]
    return [(first, min(first.missing, kept + left)), *rooms]
