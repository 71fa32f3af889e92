"""An answer of an engine as an asynchronous stream of events, and as a whole."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field

from app.core.engine import EngineProcess
from backends.types import (
    Delta,
    Finish,
    FinishReason,
    GenerationEvent,
    GenerationRequest,
    Note,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    Usage,
)


async def events_of(
    engine: EngineProcess, request: GenerationRequest
) -> AsyncGenerator[GenerationEvent, None]:
    """The events of one answer, in order; the last is `Finish`.

    Leaving early cancels the answer and returns when the engine let go of it. Raises what
    `EngineProcess.generate` raises.
    """
    loop = asyncio.get_running_loop()
    came: deque[GenerationEvent | BaseException] = deque()
    news, released = asyncio.Event(), asyncio.Event()

    def hand_over(item: GenerationEvent | BaseException) -> None:
        came.append(item)
        loop.call_soon_threadsafe(news.set)

    def pump() -> None:
        try:
            for event in engine.generate(request):
                hand_over(event)
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            hand_over(error)
        finally:
            loop.call_soon_threadsafe(released.set)

    threading.Thread(target=pump, name=f"answer {request.id}", daemon=True).start()
    ended = False
    try:
        while not ended:
            await news.wait()
            news.clear()
            while came:
                item = came.popleft()
                if isinstance(item, BaseException):
                    ended = True
                    raise item
                ended = isinstance(item, Finish)
                yield item
    finally:
        if not ended:
            engine.cancel(request.id)
        await released.wait()


@dataclass
class WholeAnswer:
    """An answer, collected from its events."""

    text: str = ""
    reasoning: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list)
    """The complete ones."""
    reason: FinishReason = "stop"
    usage: Usage = field(default_factory=Usage)
    stop: str = ""
    """The stop string that ended it, where one did."""
    logprobs: list[TokenLogprob] = field(default_factory=list)
    """Of the text, token by token, where they were asked for."""
    notes: list[Note] = field(default_factory=list)
    _open: dict[int, ToolCall] = field(default_factory=dict)

    def add(self, event: GenerationEvent) -> None:
        """Take up the next event."""
        match event:
            case Delta(kind="reasoning"):
                self.reasoning += event.text
            case Delta():
                self.text += event.text
                self.logprobs += event.logprobs
            case ToolCallStart():
                self._open[event.index] = ToolCall(event.id, event.name, "")
            case ToolCallDelta():
                call = self._open[event.index]
                arguments = call.arguments + event.arguments
                self._open[event.index] = ToolCall(call.id, call.name, arguments)
            case ToolCallEnd():
                call = self._open.pop(event.index)
                if event.complete:
                    self.tool_calls.append(call)
            case Note():
                self.notes.append(event)
            case Finish():
                self.reason, self.usage, self.stop = event.reason, event.usage, event.stop


async def side_by_side(
    answers: Sequence[AsyncGenerator[GenerationEvent, None]],
) -> AsyncGenerator[tuple[int, GenerationEvent], None]:
    """The events of several answers as they come, each with the index of its answer.

    When one fails the others are ended, and its error raised.
    """
    if len(answers) == 1:
        async with contextlib.aclosing(answers[0]) as events:
            async for event in events:
                yield 0, event
        return
    came: asyncio.Queue[tuple[int, GenerationEvent | BaseException | None]] = asyncio.Queue()

    async def follow(index: int) -> None:
        try:
            async for event in answers[index]:
                came.put_nowait((index, event))
            came.put_nowait((index, None))
        except Exception as error:  # noqa: BLE001 - raised again where it is awaited
            came.put_nowait((index, error))

    tasks = [asyncio.ensure_future(follow(index)) for index in range(len(answers))]
    try:
        open_ones = len(tasks)
        while open_ones:
            index, item = await came.get()
            if item is None:
                open_ones -= 1
            elif isinstance(item, BaseException):
                raise item
            else:
                yield index, item
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def all_whole(
    answers: Sequence[AsyncGenerator[GenerationEvent, None]],
) -> list[WholeAnswer]:
    """Several answers, once all of them have ended. Raises like `side_by_side`."""
    made = [WholeAnswer() for _ in answers]
    async with contextlib.aclosing(side_by_side(answers)) as events:
        async for index, event in events:
            made[index].add(event)
    return made


async def whole(events: AsyncIterator[GenerationEvent]) -> WholeAnswer:
    """The answer once it has ended. Raises like `events_of`."""
    answer = WholeAnswer()
    async for event in events:
        answer.add(event)
    return answer
