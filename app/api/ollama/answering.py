"""From an engine's events to Ollama's answer: one object, or a line for each piece."""

import contextlib
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from app.api.answers import WholeAnswer
from app.api.errors import ApiError, api_error
from app.api.ollama.answer_types import (
    CalledTool,
    ChosenTokenChoice,
    OllamaCall,
    TokenChoice,
)
from app.api.ollama.errors import error_body
from app.api.ollama.loading import Loading, Ready
from app.api.ollama.times import nanoseconds
from app.api.ollama.to_engine import arguments_of
from app.api.streams import StreamedResponse, json_response, ndjson, primed, while_connected
from app.api.work import Client, Work, client_of
from backends.types import Delta, Finish, GenerationEvent, GenerationRequest, TokenLogprob, ToolCall

NDJSON = "application/x-ndjson"


@dataclass
class Piece:
    """What came of an answer."""

    text: str = ""
    thinking: str = ""
    calls: list[OllamaCall] | None = None
    logprobs: list[ChosenTokenChoice] | None = None


@dataclass
class End:
    """Why an answer ended, and what it took. Durations are nanoseconds."""

    reason: str
    total: int
    load: int
    prompt_tokens: int
    prompt: int
    tokens: int
    answer: int

    def fields(self) -> dict[str, object]:
        """As the answers have them."""
        return {
            "done_reason": self.reason,
            "total_duration": self.total,
            "load_duration": self.load,
            "prompt_eval_count": self.prompt_tokens,
            "prompt_eval_duration": self.prompt,
            "eval_count": self.tokens,
            "eval_duration": self.answer,
        }


class Form(Protocol):
    """The form of the answers of one operation."""

    def line(self, piece: Piece) -> Struct:
        """A line of a stream."""

    def last(self, piece: Piece, end: End, answer: WholeAnswer) -> Struct:
        """The last line, or the whole answer in `piece`."""


class Answering:
    """Answers requests, whole or as a stream."""

    def __init__(self, work: Work, loading: Loading) -> None:
        self._work = work
        self._loading = loading

    async def answer(
        self,
        http: Request,
        ready: Ready,
        request: GenerationRequest,
        form: Form,
        *,
        stream: bool,
        hide_thinking: bool,
        keep: float | None,
    ) -> Response:
        """Answer in `form`. `keep` is for how long the model stays afterwards."""
        run = _Run(self._work, client_of(http), ready, request, form, hide_thinking=hide_thinking)
        if stream:
            source = self._lines(run, ready.loaded.model.id, keep)
            return StreamedResponse(await while_connected(http, primed(source)), NDJSON)
        whole = await while_connected(http, run.whole())
        await self._loading.let_go(ready.loaded.model.id, keep)
        return json_response(whole)

    async def _lines(
        self, run: "_Run", model_id: str, keep: float | None
    ) -> AsyncGenerator[bytes, None]:
        begun = False
        try:
            async with contextlib.aclosing(run.lines()) as lines:
                async for line in lines:
                    begun = True
                    yield ndjson(line)
        except Exception as error:
            if not begun:
                raise
            yield ndjson(error_body(api_error(error)))
        finally:
            await self._loading.let_go(model_id, keep)


class AnswerPieces:
    """Collects an answer, and tells what each event adds to it."""

    def __init__(self, *, hide_thinking: bool = False) -> None:
        self.answer = WholeAnswer()
        self._hide_thinking = hide_thinking

    def of(self, event: GenerationEvent) -> Iterator[Piece]:
        """What came with an event."""
        before = len(self.answer.tool_calls)
        self.answer.add(event)
        if isinstance(event, Delta):
            if event.kind == "reasoning":
                if event.text and not self._hide_thinking:
                    yield Piece(thinking=event.text)
            elif event.text or event.logprobs:
                yield Piece(event.text, logprobs=chosen(event.logprobs) or None)
        elif len(self.answer.tool_calls) > before:
            # A call is told when it is whole; its arguments are an object.
            yield Piece(calls=calls_of(self.answer.tool_calls[before:], before))

    def whole(self) -> Piece:
        """All of it at once."""
        answer = self.answer
        return Piece(
            answer.text,
            "" if self._hide_thinking else answer.reasoning,
            calls_of(answer.tool_calls) or None,
            chosen(answer.logprobs) or None,
        )


class _Run:
    """One answer."""

    def __init__(
        self,
        work: Work,
        client: Client,
        ready: Ready,
        request: GenerationRequest,
        form: Form,
        *,
        hide_thinking: bool,
    ) -> None:
        self._work, self._client, self._ready = work, client, ready
        self._request, self._form = request, form
        self._pieces = AnswerPieces(hide_thinking=hide_thinking)
        self._answer = self._pieces.answer

    async def whole(self) -> Struct:
        """The whole answer."""
        async for event in self._events():
            self._answer.add(event)
        return self._form.last(self._pieces.whole(), self._end(), self._answer)

    async def lines(self) -> AsyncGenerator[Struct, None]:
        """The answer in lines."""
        async with contextlib.aclosing(self._events()) as events:
            async for event in events:
                for piece in self._pieces.of(event):
                    yield self._form.line(piece)
        yield self._form.last(Piece(), self._end(), self._answer)

    async def _events(self) -> AsyncGenerator[GenerationEvent, None]:
        events = self._work.answer(self._client, self._ready.loaded, self._request)
        try:
            async for event in events:
                if isinstance(event, Finish) and event.reason == "error":
                    raise ApiError("engine", "The model could not go on with its answer.")
                yield event
        finally:
            await events.aclose()

    def _end(self) -> End:
        usage = self._answer.usage
        speed, later = usage.tokens_per_second, max(0, usage.completion_tokens - 1)
        return End(
            "length" if self._answer.reason in ("length", "context") else "stop",
            nanoseconds(time.monotonic() - self._client.began),
            nanoseconds(self._ready.seconds),
            usage.prompt_tokens,
            nanoseconds(usage.time_to_first_token or 0.0),
            usage.completion_tokens,
            nanoseconds(later / speed if speed else 0.0),
        )


def calls_of(calls: Sequence[ToolCall], first: int = 0) -> list[OllamaCall]:
    """Calls as Ollama has them, counted from `first`."""
    return [
        OllamaCall(CalledTool(call.name, arguments_of(call), first + index), call.id)
        for index, call in enumerate(calls)
    ]


def chosen(tokens: Sequence[TokenLogprob]) -> list[ChosenTokenChoice]:
    """Log-probabilities as Ollama has them."""
    return [
        ChosenTokenChoice(
            each.text,
            each.logprob,
            list(each.text.encode()),
            [TokenChoice(text, p, list(text.encode())) for _, text, p in each.alternatives] or None,
        )
        for each in tokens
    ]
