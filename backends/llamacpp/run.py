"""One answer: the tokens it must process, the tokens it has chosen, the events it has to tell."""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from backends.answer_count import AnswerCount
from backends.constraints.token_constraint import TokenConstraint
from backends.llamacpp.image_tokens import ImagePlace, text_before_image
from backends.llamacpp.sequence import KVSequence, SavedSequence
from backends.logprobs import with_logprob
from backends.types import (
    Delta,
    Finish,
    FinishReason,
    GenerationEvent,
    Note,
    Progress,
    TokenLogprob,
)


class Parser(Protocol):
    """Turns the bytes of tokens into events."""

    @property
    def stopped(self) -> bool:
        """The text has ended: a stop string, or the last call that is wanted."""
        ...

    @property
    def in_reasoning(self) -> bool:
        """The model is reasoning; constraints do not apply yet."""
        ...

    @property
    def reasoning_tokens(self) -> int:
        """Tokens of the reasoning so far."""
        ...

    @property
    def finish_reason(self) -> FinishReason:
        """Why the text ended, once it has stopped or the model has ended it."""
        ...

    @property
    def stop_string(self) -> str:
        """The stop string that has ended the text; empty where none has."""
        ...

    def push(self, piece: bytes) -> list[GenerationEvent]:
        """The events that one more token completes."""
        ...

    def finish(self) -> list[GenerationEvent]:
        """What was held back."""
        ...


class Sampler(Protocol):
    """Chooses tokens."""

    def sample(self, context: Any, index: int, constraint: TokenConstraint | None = None) -> int:
        """Choose by the output at `index` of the last batch, and remember the choice."""
        ...

    def accept(self, token: int) -> None:
        """Remember a token that was chosen otherwise."""
        ...

    def close(self) -> None:
        """Free native memory."""
        ...


class Drafter(Protocol):
    """Guesses how a text goes on."""

    def draft(self, tokens: Sequence[int], limit: int) -> list[int]:
        """At most `limit` tokens that may follow `tokens`."""
        ...


class Run:
    """The state of one answer. The scheduler drives it; nothing here computes."""

    def __init__(
        self,
        *,
        sequence: KVSequence,
        prompt: list[int],
        sampler: Sampler,
        parser: Parser,
        cancelled: threading.Event,
        limit: int | None,
        constraint: TokenConstraint | None = None,
        drafter: Drafter | None = None,
        refit: Callable[[int], list[int] | None] = lambda room: None,
        keep_on_disk: bool = False,
        logprobs: Callable[[int, int], TokenLogprob] | None = None,
        forced: Callable[[], list[int]] = list,
        stop_tokens: frozenset[int] = frozenset(),
        images: Mapping[int, ImagePlace] | None = None,
    ) -> None:
        """`constraint` holds for everything behind the reasoning.

        `refit` gives a shorter prompt that leaves room for so many tokens of the answer.

        `logprobs` tells of the output at an index of the batch and the token chosen there.
        `forced` gives tokens that must come next, such as the end of a reasoning that is over
        its budget. `stop_tokens` end the answer, besides those that always do. `images` says
        what the ids below 0 of the prompt mean.
        """
        self.sequence = sequence
        self.sampler = sampler
        self.parser = parser
        self.cancelled = cancelled
        self.limit = limit
        self._constraint = constraint
        self.drafter = drafter
        self.refit = refit
        self.keep_on_disk = keep_on_disk
        self.logprobs = logprobs
        self.stop_tokens = stop_tokens
        self._force = forced
        self._images = images or {}
        self.parked: SavedSequence | None = None
        """Its sequence while it has to wait for room."""
        self.target = list(prompt)
        """What must be in the cache before the next token is chosen: prompt and answer."""
        self.prompt_length = len(prompt)
        self.cached = len(sequence.tokens)
        self.count = AnswerCount()
        self.events: deque[GenerationEvent] = deque()
        self.failure: BaseException | None = None
        self.ended = False
        self._forced: deque[int] = deque()
        self.tell_progress(self.cached)

    @property
    def missing(self) -> int:
        """Tokens to be processed before the next one can be chosen."""
        return len(self.target) - len(self.sequence.tokens)

    @property
    def image(self) -> ImagePlace | None:
        """The part of an image that must be processed next, if it is one."""
        at = len(self.sequence.tokens)
        return self._images.get(self.target[at]) if at < len(self.target) else None

    def next_text(self, limit: int) -> list[int]:
        """At most `limit` of the tokens to be processed next, up to an image."""
        start = len(self.sequence.tokens)
        return list(text_before_image(self.target[start : start + limit]))

    @property
    def answer(self) -> list[int]:
        """The tokens chosen so far."""
        return self.target[self.prompt_length :]

    @property
    def complete(self) -> bool:
        """The constraint lets nothing more follow."""
        return self._constraint is not None and self._constraint.finished

    def tell_progress(self, processed: int) -> None:
        """Say how much of the prompt is processed, while there is no answer yet."""
        if not self.count.tokens:
            self.events.append(Progress(processed, self.prompt_length, self.cached))

    def sign_of_life(self) -> GenerationEvent:
        """An event that tells nothing new."""
        if self.count.tokens:
            return Delta("", tokens=0)
        return Progress(len(self.sequence.tokens), self.prompt_length, self.cached)

    def choose(self, context: Any, index: int) -> int:
        """The next token, by the output at `index` of the last batch."""
        if not self._forced:
            self._forced.extend(self._force())
        if self._forced:
            token = self._forced.popleft()
            self.sampler.accept(token)
            return token
        constraint = None if self.parser.in_reasoning else self._constraint
        return self.sampler.sample(context, index, constraint)

    def take(self, token: int, piece: bytes, index: int) -> None:
        """Add a chosen token to the answer."""
        self.count.token()
        self.target.append(token)
        events = self.parser.push(piece)
        if self.logprobs is not None:
            events = with_logprob(events, self.logprobs(index, token))
        self.events.extend(events)

    def replace_prompt(self, prompt: list[int]) -> None:
        """Go on with another prompt before the same answer."""
        self.target = [*prompt, *self.answer]
        self.prompt_length = len(prompt)

    def end(self, reason: FinishReason | None = None) -> None:
        """Tell what was held back, and the end. None: the parser knows why it ended."""
        if self.ended:
            return
        self.ended = True
        rest = self.parser.finish()
        if reason == "cancelled":  # whoever stops an answer knows that it is not complete
            rest = [event for event in rest if not isinstance(event, Note)]
        self.events.extend(rest)
        usage = self.count.usage(
            prompt=self.prompt_length, cached=self.cached, reasoning=self.parser.reasoning_tokens
        )
        stop = self.parser.stop_string if reason is None else ""
        self.events.append(Finish(reason or self.parser.finish_reason, usage, stop))

    def fail(self, error: BaseException) -> None:
        """Let whoever listens hear of an error instead of more events."""
        self.failure, self.ended = error, True

    def close(self) -> None:
        """Free native memory."""
        self.sampler.close()
        if self._constraint is not None:
            self._constraint.close()
