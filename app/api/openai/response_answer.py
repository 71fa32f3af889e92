"""From an engine's events to a response and its events."""

import time
from collections.abc import Iterator
from typing import Any

from msgspec import structs, to_builtins

from app.api.openai.chat_answer import chosen_tokens
from app.api.openai.chat_types import ChosenToken, TextFormat
from app.api.openai.response_answer_types import (
    AnsweredFormat,
    AnsweredTool,
    CachedTokens,
    Incomplete,
    ItemStatus,
    OutputCall,
    OutputItem,
    OutputMessage,
    OutputReasoning,
    OutputText,
    ReasoningTokens,
    ResponseAnswer,
    ResponseFault,
    ResponseUsage,
)
from app.api.openai.response_events import (
    AnyResponseEvent,
    ArgumentsDelta,
    ArgumentsDone,
    Completed,
    Created,
    Ended,
    Failed,
    InProgress,
    ItemAdded,
    ItemDone,
    OutputTextDelta,
    OutputTextDone,
    PartAdded,
    PartDone,
    ReasoningDelta,
    ReasoningDone,
)
from app.api.openai.response_types import ReasoningText, ResponseReasoning, ResponseRequest
from app.api.work import new_id
from backends.types import (
    Delta,
    Finish,
    GenerationEvent,
    GenerationRequest,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    Usage,
)


def begun_response(asked: ResponseRequest, wanted: GenerationRequest, model: str) -> ResponseAnswer:
    """The response before anything of it was made."""
    sampling = wanted.sampling
    text = asked.text
    return ResponseAnswer(
        id=wanted.id,
        created_at=int(time.time()),
        status="in_progress",
        instructions=asked.instructions,
        max_output_tokens=asked.max_output_tokens,
        model=model,
        output=[],
        parallel_tool_calls=wanted.parallel_tool_calls,
        previous_response_id=asked.previous_response_id,
        reasoning=asked.reasoning or ResponseReasoning(),
        store=asked.store is not False,
        temperature=sampling.temperature,
        text=AnsweredFormat(
            (text.format if text else None) or TextFormat(), text.verbosity if text else None
        ),
        tool_choice=to_builtins(asked.tool_choice or "auto"),
        tools=[
            AnsweredTool(tool.name, tool.parameters, tool.strict, tool.description)
            for tool in asked.tools or ()
            if tool.type == "function"
        ],
        top_p=sampling.top_p,
        top_logprobs=sampling.logprobs or 0,
        truncation=asked.truncation or "disabled",
        user=asked.user,
        metadata=asked.metadata or {},
    )


class ResponseMaker:
    """Makes one response: takes the engine's events, tells the events of a stream."""

    def __init__(self, response: ResponseAnswer) -> None:
        self.response = response
        """As far as it is."""
        self.begun = False
        """An event was made."""
        self._sent = 0
        self._open: OutputItem | None = None

    def of(self, event: GenerationEvent) -> Iterator[AnyResponseEvent]:
        """What an event makes; the end of the response is told by `finish`."""
        if not self.begun:
            self.begun = True
            yield self._numbered(Created(self._snapshot()))
            yield self._numbered(InProgress(self._snapshot()))
        for told in self._content(event):
            yield self._numbered(told)

    def finish(self) -> AnyResponseEvent:
        """The last event, once the engine's `Finish` was taken."""
        response = self.response
        last = Completed(response) if response.status == "completed" else Ended(response)
        return self._numbered(last)

    def fail(self, message: str) -> AnyResponseEvent:
        """The last event of a response that broke off."""
        self.response.status = "failed"
        self.response.error = ResponseFault("server_error", message)
        return self._numbered(Failed(self.response))

    def _content(self, event: GenerationEvent) -> Iterator[AnyResponseEvent]:
        match event:
            case Delta(kind="reasoning", text=text) if text:
                if not isinstance(self._open, OutputReasoning):
                    thinking = OutputReasoning(new_id("rs_"), [], "in_progress")
                    yield from self._begin(thinking, ReasoningText(""))
                yield from self._reasoning(text)
            case Delta(kind="text", text=text) if text or event.logprobs:
                if not isinstance(self._open, OutputMessage):
                    message = OutputMessage(new_id("msg_"), [], "in_progress")
                    yield from self._begin(message, OutputText(""))
                yield from self._text(text, chosen_tokens(event.logprobs))
            case ToolCallStart():
                call = OutputCall(new_id("fc_"), event.id, event.name, "", "in_progress")
                yield from self._begin(call)
            case ToolCallDelta(arguments=arguments):
                if isinstance(self._open, OutputCall):
                    self._open.arguments += arguments
                    yield ArgumentsDelta(arguments, **self._place)
            case ToolCallEnd(complete=complete):
                yield from self._end("completed" if complete else "incomplete")
            case Finish():
                whole = event.reason not in ("length", "context")
                yield from self._end("completed" if whole else "incomplete")
                self._close(event, whole=whole)

    @property
    def _place(self) -> dict[str, Any]:
        assert self._open is not None
        return {"item_id": self._open.id, "output_index": len(self.response.output) - 1}

    def _begin(
        self, item: OutputItem, part: OutputText | ReasoningText | None = None
    ) -> Iterator[AnyResponseEvent]:
        yield from self._end("completed")
        self._open = item
        self.response.output.append(item)
        yield ItemAdded(len(self.response.output) - 1, _copy(item))
        if part is not None:
            yield PartAdded(structs.replace(part), **self._place)
        match item:
            case OutputMessage():
                item.content = [OutputText("", logprobs=[])]
            case OutputReasoning():
                item.content = [ReasoningText("")]

    def _reasoning(self, text: str) -> Iterator[AnyResponseEvent]:
        assert isinstance(self._open, OutputReasoning)
        self._open.content[0].text += text
        yield ReasoningDelta(text, **self._place)

    def _text(self, text: str, chances: list[ChosenToken]) -> Iterator[AnyResponseEvent]:
        assert isinstance(self._open, OutputMessage)
        part = self._open.content[0]
        part.text += text
        part.logprobs += chances
        yield OutputTextDelta(text, chances, **self._place)

    def _end(self, status: ItemStatus) -> Iterator[AnyResponseEvent]:
        item = self._open
        if item is None:
            return
        match item:
            case OutputMessage(content=[text]):
                yield OutputTextDone(text.text, text.logprobs, **self._place)
                yield PartDone(text, **self._place)
            case OutputReasoning(content=[thought]):
                yield ReasoningDone(thought.text, **self._place)
                yield PartDone(thought, **self._place)
            case OutputCall():
                yield ArgumentsDone(item.name, item.arguments, **self._place)
        item.status = status
        yield ItemDone(len(self.response.output) - 1, item)
        self._open = None

    def _close(self, end: Finish, *, whole: bool) -> None:
        response = self.response
        response.status = "completed" if whole else "incomplete"
        response.completed_at = int(time.time()) if whole else None
        response.incomplete_details = None if whole else Incomplete("max_output_tokens")
        response.usage = response_usage(end.usage)

    def _snapshot(self) -> ResponseAnswer:
        return structs.replace(self.response, output=[])

    def _numbered(self, event: AnyResponseEvent) -> AnyResponseEvent:
        event.sequence_number = self._sent
        self._sent += 1
        return event


def _copy(item: OutputItem) -> OutputItem:
    return structs.replace(item)


def response_usage(usage: Usage) -> ResponseUsage:
    """Tokens as this interface counts them."""
    return ResponseUsage(
        usage.prompt_tokens,
        CachedTokens(usage.cached_tokens),
        usage.completion_tokens,
        ReasoningTokens(usage.reasoning_tokens),
        usage.prompt_tokens + usage.completion_tokens,
    )
