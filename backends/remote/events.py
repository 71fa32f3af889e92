"""From the pieces of a streamed answer to the events of an engine."""

import time

from msgspec import structs

from backends.chat.answer import AnswerParser
from backends.chat.families import THINK, ChatFormat
from backends.remote.chunks import Choice, Chosen, Chunk, DeltaPiece
from backends.remote.reasoning import over_budget
from backends.remote.tool_calls import CallReader
from backends.types import (
    Delta,
    Finish,
    FinishReason,
    GenerationEvent,
    GenerationRequest,
    Progress,
    TokenLogprob,
    Usage,
)

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "error",
}


class EventReader:
    """Reads one answer; `finish` tells how it ended.

    Calls of tools come apart from the text, so the text is only read for reasoning and stops.
    """

    def __init__(self, request: GenerationRequest, prompt_tokens: int) -> None:
        """`prompt_tokens` is a guess, in force until the server tells."""
        self._limit = request.sampling.max_tokens
        self._reasoning = request.reasoning
        self._blamed = False
        """It was said that the server does not hold the reasoning to its budget."""
        # What reasoning stands in where a server was not told to take it apart.
        markers = THINK if request.prompt is None else None
        self._text = AnswerParser(ChatFormat(reasoning=markers), stops=request.sampling.stop)
        self._calls = CallReader()
        self._started = time.perf_counter()
        self._first: float | None = None
        self._last = 0.0
        self._reason: str | None = None
        self._prompt = prompt_tokens
        self._cached = 0
        self._told = 0
        """Tokens of the answer as the server counts them so far; 0 where it does not."""
        self._tokens = 0
        """Tokens of the answer that were in deltas or tool calls."""
        self._reasoning_tokens = 0
        self.progress = Progress(0, prompt_tokens, 0)
        """How far the prompt is."""

    @property
    def stopped(self) -> bool:
        """A stop string was found: what else may come does not count."""
        return self._text.stopped

    @property
    def answering(self) -> bool:
        """The first token has come."""
        return self._first is not None

    @property
    def complete(self) -> bool:
        """The server has said why the answer ended."""
        return self._reason is not None

    def push(self, chunk: Chunk) -> list[GenerationEvent]:
        """The events that one piece makes."""
        self._count(chunk)
        events: list[GenerationEvent] = []
        if chunk.prompt_progress is not None and not self.answering:
            step = chunk.prompt_progress
            events.append(self._progressed(step.processed, step.total, step.cache))
        for choice in (chunk.choices or ())[:1]:
            news = self._read(choice)
            if news and not self.answering:
                self._first = time.perf_counter()
                if self.progress.processed < self._prompt or not events:
                    events.append(self._progressed(self._prompt, self._prompt, self._cached))
            if news:
                self._last = time.perf_counter()
            events += news
            self._reasoning_tokens += sum(
                each.tokens for each in news if isinstance(each, Delta) and each.kind == "reasoning"
            )
            self._reason = choice.finish_reason or self._reason
        return [*events, *self._over_budget()]

    def finish(self, reason: FinishReason | None = None) -> list[GenerationEvent]:
        """The last events. `reason` None is what the server said."""
        events: list[GenerationEvent] = []
        if reason is None:
            events += [*self._text.finish(), *self._over_budget()]
        ended = reason or self._ended()
        events += self._calls.finish(cut_off=ended not in ("stop", "tool_calls"))
        if ended == "stop" and self._calls.any:  # Ollama says so
            ended = "tool_calls"
        stop = self._text.stop_string if ended == "stop_string" else ""
        return [*events, Finish(ended, self._usage(), stop)]

    def _over_budget(self) -> list[GenerationEvent]:
        note = None if self._blamed else over_budget(self._reasoning, self._reasoning_tokens)
        self._blamed = self._blamed or note is not None
        return [note] if note is not None else []

    def _ended(self) -> FinishReason:
        if self._text.finish_reason == "stop_string":
            return "stop_string"
        ended = _REASONS.get(self._reason or "", "stop")
        asked = self._limit is not None and self._completion >= self._limit
        return "context" if ended == "length" and not asked else ended

    def _progressed(self, processed: int, total: int, cached: int) -> Progress:
        self._prompt, self._cached = total, cached
        self.progress = Progress(processed, total, cached)
        return self.progress

    def _count(self, chunk: Chunk) -> None:
        """Take over what the server counts, whenever it tells."""
        if (timings := chunk.timings) is not None and timings.predicted_n:
            self._told = timings.predicted_n
            self._cached = timings.cache_n
            self._prompt = timings.cache_n + timings.prompt_n
        usage = chunk.usage
        if usage is None:
            return
        self._told = usage.completion_tokens or self._told
        self._prompt = usage.prompt_tokens or self._prompt
        if usage.prompt_tokens_details is not None:
            self._cached = usage.prompt_tokens_details.cached_tokens or self._cached
        if usage.completion_tokens_details is not None:
            reasoned = usage.completion_tokens_details.reasoning_tokens
            self._reasoning_tokens = reasoned or self._reasoning_tokens

    def _read(self, choice: Choice) -> list[GenerationEvent]:
        delta = choice.delta or DeltaPiece(content=choice.text)
        logprobs = choice.logprobs.content if choice.logprobs else None
        chosen = tuple(_logprob(each) for each in logprobs or ())
        events: list[GenerationEvent] = []
        if thought := delta.reasoning_content or delta.reasoning:
            events.append(Delta(thought, "reasoning", self._counted(), chosen))
        if text := delta.content or delta.refusal:
            events += self._parsed(text, chosen)
        if delta.tool_calls:
            self._tokens = max(self._tokens + 1, self._told)
            events += self._calls.push(delta.tool_calls)
        return events

    def _parsed(self, text: str, chosen: tuple[TokenLogprob, ...]) -> list[GenerationEvent]:
        """The deltas of a text; an empty one where all of it is held back."""
        tokens = self._counted()
        found = [each for each in self._text.push(text.encode()) if isinstance(each, Delta)]
        first, *rest = found or [Delta("")]
        return [
            structs.replace(first, tokens=tokens, logprobs=chosen),
            *(structs.replace(each, tokens=0) for each in rest),
        ]

    def _counted(self) -> int:
        """Tokens that came since, as the server counts them or one."""
        tokens = max(1, self._told - self._tokens)
        self._tokens += tokens
        return tokens

    @property
    def _completion(self) -> int:
        return self._told or self._tokens

    def _usage(self) -> Usage:
        first = self._first
        decode = None
        if first is not None and self._completion > 1 and self._last > first:
            decode = (self._completion - 1) / (self._last - first)
        return Usage(
            prompt_tokens=self._prompt,
            cached_tokens=self._cached,
            completion_tokens=self._completion,
            time_to_first_token=None if first is None else first - self._started,
            tokens_per_second=decode,
            reasoning_tokens=min(self._reasoning_tokens, self._completion),
        )


def _logprob(chosen: Chosen) -> TokenLogprob:
    alternatives = tuple((each.id, each.token, each.logprob) for each in chosen.top_logprobs or ())
    return TokenLogprob(chosen.id, chosen.token, chosen.logprob, alternatives)
