"""One answer: its prompt processed, its tokens chosen, its text cut where it has to end."""

import secrets
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field

from backends.chat.answer import AnswerText
from backends.chat.prompt import Prompt
from backends.chat.reasoning import ReasoningMarkers
from backends.errors import PromptTooLong
from backends.llamacpp.context import Context
from backends.llamacpp.prefill import PromptProcessor
from backends.llamacpp.prefix import keep_cached_ids
from backends.llamacpp.sampling import SamplerChain
from backends.llamacpp.sequence import KVSequence
from backends.llamacpp.vocabulary import Vocabulary
from backends.types import (
    Delta,
    Finish,
    FinishReason,
    GenerationEvents,
    Progress,
    SamplingParams,
    Usage,
)

SLOW_TOKEN_SECONDS = 0.1
"""Where a token takes longer than this, a cancel does not wait for it to be complete."""


@dataclass
class _Count:
    """Tokens and times of one answer; times by `time.perf_counter`, in seconds."""

    start: float = field(default_factory=time.perf_counter)
    first: float = 0.0
    last: float = 0.0
    tokens: int = 0

    def token(self) -> None:
        self.last = time.perf_counter()
        self.tokens += 1
        if self.tokens == 1:
            self.first = self.last

    def usage(self, prompt: int, cached: int) -> Usage:
        decoding = self.last - self.first
        return Usage(
            prompt_tokens=prompt,
            cached_tokens=cached,
            completion_tokens=self.tokens,
            time_to_first_token=self.first - self.start if self.tokens else None,
            tokens_per_second=(self.tokens - 1) / decoding if decoding > 0 else None,
        )


class Generation:
    """Runs one request on one sequence."""

    def __init__(
        self,
        *,
        context: Context,
        sequence: KVSequence,
        processor: PromptProcessor,
        vocabulary: Vocabulary,
        markers: ReasoningMarkers | None,
        cancelled: threading.Event,
    ) -> None:
        self._context = context
        self._sequence = sequence
        self._processor = processor
        self._vocabulary = vocabulary
        self._markers = markers
        self._cancelled = cancelled

    def events(self, prompt: Prompt, sampling: SamplingParams) -> GenerationEvents:
        """Process the prompt and generate. Raises `PromptTooLong` and `EngineFailure`."""
        count = _Count()
        tokens = keep_cached_ids(self._sequence.tokens, prompt.tokens, self._plain_piece)
        if len(tokens) >= self._context.length:
            raise PromptTooLong(
                f"The prompt has {len(tokens):,} tokens and the context holds "
                f"{self._context.length:,}, the answer included."
            )
        cached = self._sequence.reuse(tokens)
        yield Progress(cached, len(tokens), cached)
        for processed in self._processor.run(self._sequence, tokens, self._cancelled):
            yield Progress(processed, len(tokens), cached)
        text = AnswerText(sampling.stop, self._markers, inside=prompt.inside_reasoning)
        reason: FinishReason = "cancelled"
        if len(self._sequence.tokens) == len(tokens):
            sampler = self._sampler(sampling)
            try:
                reason = yield from self._answer(sampler, text, sampling.max_tokens, count)
            finally:
                sampler.close()
                self._context.watch(None)
        yield from text.finish()
        yield Finish(reason, count.usage(len(tokens), cached))

    def _answer(
        self, sampler: SamplerChain, text: AnswerText, limit: int | None, count: _Count
    ) -> Generator[Delta, None, FinishReason]:
        """The decode loop: everything in it runs once per token."""
        context, sequence, vocabulary = self._context.handle, self._sequence, self._vocabulary
        while not self._cancelled.is_set():
            token = sampler.sample(context)
            if vocabulary.is_eog(token):
                return "stop"
            count.token()
            yield from text.push(vocabulary.piece(token))
            if text.stopped:
                return "stop_string"
            if count.tokens == limit:
                return "length"
            if sequence.full:
                return "context"
            if count.tokens == 2 and count.last - count.first > SLOW_TOKEN_SECONDS:
                # Not for fast models: the switch is looked at after every node of the graph.
                self._processor.watch(self._cancelled)
            if not sequence.append(token):
                return "cancelled"
        return "cancelled"

    def _sampler(self, sampling: SamplingParams) -> SamplerChain:
        seed = secrets.randbelow(2**32 - 1) if sampling.seed is None else sampling.seed
        return SamplerChain(sampling, self._vocabulary.size, seed)

    def _plain_piece(self, token: int) -> bytes:
        return b"" if token in self._vocabulary.special_ids else self._vocabulary.piece(token)
