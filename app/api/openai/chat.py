"""`/v1/chat/completions`."""

from collections.abc import AsyncGenerator, Sequence

from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from app.api.answers import all_whole, side_by_side
from app.api.body import read_json
from app.api.errors import api_error
from app.api.openai.chat_answer import Chunks, another, completion, summed
from app.api.openai.chat_types import ChatChunk, ChatCompletion, ChatRequest
from app.api.openai.errors import error_body
from app.api.openai.sampling import DONE, answers_wanted, check_stream_options
from app.api.openai.to_engine import generation_request
from app.api.operations import Operation
from app.api.own_prompt import with_told
from app.api.requests import check_pictures, pictures_in
from app.api.streams import StreamedResponse, json_response, primed, sse, while_connected
from app.api.work import Client, Work, client_of, new_id
from app.core.loaded_model import LoadedModel
from backends.types import Finish, GenerationRequest, Usage


class ChatCompletions:
    """Answers conversations, whole or as a stream."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        return (
            Operation(
                "POST",
                "/v1/chat/completions",
                self.complete,
                "chat",
                "An answer to a conversation.",
                request=ChatRequest,
                response=ChatCompletion,
                stream=ChatChunk,
            ),
        )

    async def complete(self, request: Request) -> Response:
        """Answer `request`."""
        asked = await read_json(request, ChatRequest)
        client = client_of(request)
        model = self._work.names.find(asked.model)
        first = generation_request(asked, self._work.sampling(model), new_id("chatcmpl-"))
        told = with_told(first.messages, model, self._work)
        first = structs.replace(first, messages=told)
        count = answers_wanted(asked.n)
        check_stream_options(asked.stream_options, stream=asked.stream)
        loaded = await while_connected(request, self._work.loaded(model, ttl=asked.ttl))
        check_pictures(pictures_in(first.messages), model, loaded, "messages")
        requests = [first, *(another(first, i) for i in range(1, count))]
        if asked.stream:
            usage = bool(asked.stream_options and asked.stream_options.include_usage)
            source = self._stream(client, loaded, requests, usage=usage)
            return StreamedResponse(await while_connected(request, primed(source)))
        answers = await while_connected(
            request, all_whole([self._work.answer(client, loaded, each) for each in requests])
        )
        return json_response(completion(first.id, loaded.model.id, answers))

    async def _stream(
        self,
        client: Client,
        loaded: LoadedModel,
        requests: Sequence[GenerationRequest],
        *,
        usage: bool,
    ) -> AsyncGenerator[bytes, None]:
        chunks = Chunks(requests[0].id, loaded.model.id, with_usage=usage)
        total = Usage()
        try:
            async for index, event in side_by_side(
                [self._work.answer(client, loaded, each) for each in requests]
            ):
                if isinstance(event, Finish):
                    total = summed(total, event.usage)
                for chunk in chunks.of(index, event):
                    yield sse(chunk)
        except Exception as error:
            if not chunks.begun:
                raise
            yield sse(error_body(api_error(error)))
            return
        if usage:
            yield sse(chunks.closing(total))
        yield DONE
