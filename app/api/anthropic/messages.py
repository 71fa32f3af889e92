"""`/v1/messages` and the count of its tokens."""

from collections.abc import AsyncGenerator, Sequence

from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from app.api.answers import whole
from app.api.anthropic.answer_types import AnsweredMessage, MessageEvent, Ping
from app.api.anthropic.errors import error_body, request_headers
from app.api.anthropic.message_answer import MessageEvents, whole_message
from app.api.anthropic.message_types import MessageRequest, TokenCount, TokenCountRequest
from app.api.anthropic.to_engine import (
    generation_request,
    prompt_messages,
    prompt_tools,
    shows_thinking,
)
from app.api.body import read_json
from app.api.errors import api_error
from app.api.operations import Operation
from app.api.own_prompt import with_told
from app.api.requests import check_pictures, pictures_in
from app.api.streams import (
    StreamedResponse,
    beside,
    json_response,
    primed,
    sse,
    while_connected,
)
from app.api.work import Client, Work, client_of, new_id
from app.core.loaded_model import LoadedModel
from backends.types import ContextCut, GenerationEvent, GenerationRequest, Note

PING_SECONDS = 10.0
"""Without an event, after which the client is told that the connection lives."""


class Messages:
    """Answers conversations, whole or as a stream, and counts their tokens."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        return (
            Operation(
                "POST",
                "/v1/messages",
                self.create,
                "chat",
                "An answer to a conversation.",
                request=MessageRequest,
                response=AnsweredMessage,
                stream=MessageEvent,
            ),
            Operation(
                "POST",
                "/v1/messages/count_tokens",
                self.count,
                "chat",
                "Tokens that a conversation makes.",
                request=TokenCountRequest,
                response=TokenCount,
            ),
        )

    async def create(self, request: Request) -> Response:
        """Answer `request`."""
        asked = await read_json(request, MessageRequest)
        model = self._work.names.find(asked.model)
        wanted = generation_request(asked, self._work.sampling(model), new_id("msg_"))
        told = with_told(wanted.messages, model, self._work)
        wanted = structs.replace(wanted, messages=told)
        loaded = await while_connected(request, self._work.loaded(model))
        check_pictures(pictures_in(wanted.messages), model, loaded, "messages")
        client, thinking = client_of(request), shows_thinking(asked)
        if asked.stream:
            source = self._stream(client, loaded, wanted, thinking=thinking)
            ready = await while_connected(request, primed(source))
            return StreamedResponse(ready, headers=request_headers())
        answer = await while_connected(request, whole(self._work.answer(client, loaded, wanted)))
        message = whole_message(wanted.id, loaded.model.id, answer, thinking=thinking)
        return json_response(message, headers=request_headers())

    async def count(self, request: Request) -> Response:
        """Count the tokens of the prompt that `request` makes."""
        asked = await read_json(request, TokenCountRequest)
        model = self._work.names.find(asked.model)
        messages = with_told(prompt_messages(asked), model, self._work)
        tools = prompt_tools(asked)
        loaded = await while_connected(request, self._work.loaded(model))
        check_pictures(pictures_in(messages), model, loaded, "messages")
        tokens = await self._work.count_tokens(loaded, messages, tools)
        return json_response(TokenCount(tokens), headers=request_headers())

    async def _stream(
        self, client: Client, loaded: LoadedModel, wanted: GenerationRequest, *, thinking: bool
    ) -> AsyncGenerator[bytes, None]:
        events = MessageEvents(wanted.id, loaded.model.id, thinking=thinking)
        answer = self._work.answer(client, loaded, wanted)
        try:
            async for event in beside(answer, PING_SECONDS):
                if event is None:
                    if events.begun:
                        yield _framed(Ping())
                elif not _is_foreword(event):
                    for told in events.of(event):
                        yield _framed(told)
        except Exception as error:
            if not events.begun:
                raise
            yield sse(error_body(api_error(error)), "error")
        finally:
            await answer.aclose()


def _is_foreword(event: GenerationEvent) -> bool:
    """Nothing that a client hears of: the start of the message waits for the prompt's length."""
    return isinstance(event, Note | ContextCut)


def _framed(event: MessageEvent) -> bytes:
    return sse(event, str(event.__struct_config__.tag))
