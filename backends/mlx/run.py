"""One answer: its prompt is processed step by step, then its tokens are chosen one by one."""

import threading
from collections import deque
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import mlx.core as mx
import numpy as np

from backends.answer_count import AnswerCount
from backends.chat.answer_plan import AnswerPlan
from backends.constraints.token_constraint import TokenConstraint
from backends.logprobs import token_logprob, with_logprob
from backends.mlx.drafting import Drafter
from backends.mlx.loaded import Loaded
from backends.mlx.sampling import Sampler, constrained, token_of
from backends.mlx.sequence import KVSequence
from backends.types import (
    Delta,
    Finish,
    FinishReason,
    GenerationEvent,
    GenerationEvents,
    Note,
    Progress,
    SamplingParams,
    Usage,
)


class Run:
    """The state of one answer. Nothing is computed but while `events` is advanced."""

    def __init__(
        self,
        loaded: Loaded,
        sequence: KVSequence,
        prompt: list[int],
        plan: AnswerPlan,
        sampling: SamplingParams,
        seed: int,
        cancelled: threading.Event,
        constraint: TokenConstraint | None = None,
    ) -> None:
        self._loaded = loaded
        self._sequence = sequence
        self._fit = plan.fit
        self._parser = plan.parser
        self._stop_tokens = plan.stop_tokens
        self._forced: deque[int] = deque()
        self._params = sampling
        self._sampler = Sampler(sampling, loaded.vocabulary.ends, seed)
        self._cancelled = cancelled
        self._constraint = constraint
        self._target = list(prompt)
        """What must be in the cache before the next token is chosen: prompt and answer."""
        self._prompt_length = len(prompt)
        self._cached = len(sequence.tokens)
        self._count = AnswerCount()
        self._end: FinishReason | None = None

    def events(self) -> GenerationEvents:
        """Progress, then pieces of the answer, then its end."""
        yield self._sign_of_life()
        while self._end is None:
            yield from self._read()
            yield from self._write()
        for event in self._parser.finish():
            # Whoever stops an answer knows that it is not complete.
            if self._end != "cancelled" or not isinstance(event, Note):
                yield event
        if self._end == "stop":
            yield Finish(self._parser.finish_reason, self._usage(), self._parser.stop_string)
        else:
            yield Finish(self._end, self._usage())

    @property
    def _missing(self) -> int:
        """Tokens to be processed before the next one can be chosen."""
        return len(self._target) - len(self._sequence.tokens)

    def _read(self) -> Iterator[GenerationEvent]:
        """Process what is missing, but for the last token."""
        pace, sequence = self._loaded.pace, self._sequence
        while self._missing > 1 and not self._is_cancelled():
            size = pace.begin(beside=self._loaded.conversations.running > 1)
            done = len(sequence.tokens)
            piece = self._target[done : min(done + size, len(self._target) - 1)]
            sequence.feed(piece)
            sequence.settle()
            pace.end(len(piece))
            yield self._sign_of_life()

    def _write(self) -> Iterator[GenerationEvent]:
        """Choose tokens until the answer ends, or its prompt must be shortened."""
        if self._is_cancelled():
            return
        drafter = self._loaded.drafter(self._sequence)
        for token, row in self._one_by_one() if drafter is None else self._guessed(drafter):
            if not self._count.tokens:
                yield Progress(self._prompt_length, self._prompt_length, self._cached)
            yield from self._take(token, row)
            if self._end is not None or self._is_cancelled():
                return
            if len(self._target) > self._loaded.context_length:
                yield from self._shorten()
                return

    def _one_by_one(self) -> Iterator[tuple[int, mx.array]]:
        """Tokens and the outputs they were chosen by, each from the one before.

        Unless a constraint must see each token first, the next step is computed already while
        the caller works on this one.
        """
        sequence = self._sequence
        row = sequence.feed(self._target[-1:])[-1]
        while True:
            chosen = self._choose(row)
            ahead = sequence.feed_array(chosen)[-1] if self._constraint is None else None
            _begin(chosen, ahead)
            token = token_of(chosen)
            if ahead is not None:
                sequence.tokens.append(token)
            yield token, row
            row = sequence.feed([token])[-1] if ahead is None else ahead

    def _guessed(self, drafter: Drafter) -> Iterator[tuple[int, mx.array]]:
        """As `_one_by_one`, with several tokens a step as long as the guesses are right."""
        sequence, count = self._sequence, self._count
        while self._missing == 1:
            guesses = drafter.draft(self._target, self._room()) if sequence.can_go_back else []
            count.drafted += len(guesses)
            rows = sequence.feed([self._target[-1], *guesses])
            kept = len(sequence.tokens) - len(guesses)
            try:
                for row, guess in zip_longest(rows, guesses):
                    token = token_of(self._choose(row))
                    yield token, row
                    if token != guess:
                        break
                    kept += 1
                    count.accepted += 1
            finally:
                sequence.truncate(kept)

    def _room(self) -> int:
        """Tokens that may be guessed ahead."""
        room = min(self._loaded.draft_tokens, self._loaded.context_length - len(self._target))
        if self._params.max_tokens is not None:
            room = min(room, self._params.max_tokens - self._count.tokens - 1)
        return max(room, 0)

    def _choose(self, row: mx.array) -> mx.array:
        if not self._forced and (text := self._parser.take_forced()):
            self._forced.extend(self._loaded.vocabulary.tokenize(text, special=True))
        if self._forced:
            forced = mx.array([self._forced.popleft()], mx.uint32)
            self._sampler.accept(forced)
            return forced
        constraint = self._constraint if not self._parser.in_reasoning else None
        if constraint is not None:
            row = constrained(row, constraint, self._loaded.vocabulary.size)
        chosen = self._sampler.choose(row)
        self._sampler.accept(chosen)
        if constraint is not None:
            constraint.accept(token_of(chosen))
        return chosen

    def _take(self, token: int, row: mx.array) -> list[GenerationEvent]:
        """Add a chosen token to the answer."""
        vocabulary, parser = self._loaded.vocabulary, self._parser
        if vocabulary.is_eog(token) or token in self._stop_tokens:
            self._end = "stop"
            return []
        self._count.token()
        self._target.append(token)
        events = parser.push(vocabulary.piece(token))
        if self._params.logprobs is not None:
            logits = np.array(row.astype(mx.float32))
            logprob = token_logprob(logits, token, self._params.logprobs, vocabulary)
            events = with_logprob(events, logprob)
        if parser.stopped or (self._constraint is not None and self._constraint.finished):
            self._end = "stop"
        elif self._count.tokens == self._params.max_tokens:
            self._end = "length"
        return events or [self._sign_of_life()]

    def _shorten(self) -> Iterator[GenerationEvent]:
        """Go on with a shorter prompt before the same answer, or end it."""
        answer = self._target[self._prompt_length :]
        shorter = self._fit.shorter(len(answer))
        if shorter is None:
            self._end = "context"
            return
        if self._fit.cut is not None:
            yield self._fit.cut
        self._target = [*shorter.tokens, *answer]
        self._prompt_length = len(shorter.tokens)
        self._sequence.truncate(self._sequence.reusable(self._target))

    def _is_cancelled(self) -> bool:
        if self._cancelled.is_set():
            self._end = "cancelled"
        return self._cancelled.is_set()

    def _sign_of_life(self) -> GenerationEvent:
        """How far the prompt is; once there is an answer, an event that tells nothing new."""
        if self._count.tokens:
            return Delta("", tokens=0)
        return Progress(len(self._sequence.tokens), self._prompt_length, self._cached)

    def _usage(self) -> Usage:
        return self._count.usage(
            prompt=self._prompt_length,
            cached=self._cached,
            reasoning=self._parser.reasoning_tokens,
        )


def _begin(*arrays: mx.array | None) -> None:
    """Let the device compute `arrays` while this thread goes on."""
    compute: Any = mx.async_eval
    compute([array for array in arrays if array is not None])
