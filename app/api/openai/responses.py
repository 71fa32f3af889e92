"""`/v1/responses`: answers that the server keeps and goes on from."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs, to_builtins
from starlette.requests import Request
from starlette.responses import Response

from app.api.body import read_json
from app.api.errors import ApiError, api_error
from app.api.openai.kept import KeptResponse
from app.api.openai.response_answer import ResponseMaker, begun_response
from app.api.openai.response_answer_types import ResponseAnswer
from app.api.openai.response_events import AnyResponseEvent
from app.api.openai.response_items import items_of, turns_of
from app.api.openai.response_to_engine import (
    generation_request,
    instructed,
    refuse_unsupported,
    tools_and_choice,
)
from app.api.openai.response_types import (
    InputTokens,
    InputTokensRequest,
    PromptOfResponse,
    ResponseRequest,
)
from app.api.operations import Operation
from app.api.own_prompt import with_told
from app.api.owner import owner_of
from app.api.requests import check_pictures, pictures_in
from app.api.response_store import ResponseStore
from app.api.streams import StreamedResponse, json_response, primed, sse, while_connected
from app.api.work import Client, Work, client_of, new_id
from app.core.errors import AppError
from app.core.loaded_model import LoadedModel
from backends.types import GenerationRequest

log = logging.getLogger(__name__)

Json = dict[str, Any]


@dataclass(frozen=True)
class _Asked:
    """A request on its way."""

    asked: ResponseRequest
    owner: str
    client: Client
    items: list[Json]
    """Its own input."""
    wanted: GenerationRequest


class Responses:
    """Answers, whole or as a stream."""

    def __init__(self, work: Work, store: ResponseStore[KeptResponse]) -> None:
        self._work = work
        self._store = store

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        return (
            Operation(
                "POST",
                "/v1/responses",
                self.create,
                "chat",
                "An answer that can be gone on from.",
                request=ResponseRequest,
                response=ResponseAnswer,
                stream=AnyResponseEvent,
            ),
            Operation(
                "POST",
                "/v1/responses/input_tokens",
                self.count,
                "chat",
                "Tokens that an input makes.",
                request=InputTokensRequest,
                response=InputTokens,
            ),
        )

    async def create(self, request: Request) -> Response:
        """Answer `request`."""
        asked = await read_json(request, ResponseRequest)
        refuse_unsupported(asked)
        model = self._work.names.find(asked.model)
        owner, items = owner_of(request), items_of(asked.input)
        said = turns_of([*await self._said_before(asked, owner), *items])
        base = self._work.sampling(model)
        wanted = generation_request(asked, said, base, new_id("resp_"))
        told = with_told(wanted.messages, model, self._work)
        wanted = structs.replace(wanted, messages=told)
        loaded = await while_connected(request, self._work.loaded(model))
        check_pictures(pictures_in(said), model, loaded, "input")
        one = _Asked(asked, owner, client_of(request), items, wanted)
        maker = ResponseMaker(begun_response(asked, wanted, loaded.model.id))
        if asked.stream:
            source = self._stream(one, loaded, maker)
            return StreamedResponse(await while_connected(request, primed(source)))
        await while_connected(request, self._whole(one, loaded, maker))
        return json_response(maker.response)

    async def count(self, request: Request) -> Response:
        """Count the tokens of the prompt that `request` makes."""
        asked = await read_json(request, InputTokensRequest)
        model = self._work.names.find(asked.model)
        before = await self._said_before(asked, owner_of(request))
        turns = turns_of([*before, *items_of(asked.input)])
        said = with_told(instructed(asked, turns), model, self._work)
        tools, choice = tools_and_choice(asked)
        loaded = await while_connected(request, self._work.loaded(model))
        check_pictures(pictures_in(said), model, loaded, "input")
        counted = () if choice == "none" else tools
        return json_response(InputTokens(await self._work.count_tokens(loaded, said, counted)))

    async def _said_before(self, asked: PromptOfResponse, owner: str) -> list[Json]:
        """The items of the conversation so far. Raises ApiError."""
        previous = asked.previous_response_id
        if not previous:
            return []
        chain = await asyncio.to_thread(self._store.conversation, previous, owner)
        if chain is None:
            raise ApiError(
                "not_found",
                f"Previous response with id “{previous[:80]}” not found.",
                param="previous_response_id",
                status=400,
            )
        return [item for kept in chain for item in (*kept.input, *kept.response["output"])]

    async def _whole(self, one: _Asked, loaded: LoadedModel, maker: ResponseMaker) -> None:
        async for event in self._work.answer(one.client, loaded, one.wanted):
            for _ in maker.of(event):
                pass
        await self._keep(one, maker.response)

    async def _stream(
        self, one: _Asked, loaded: LoadedModel, maker: ResponseMaker
    ) -> AsyncGenerator[bytes, None]:
        answer = self._work.answer(one.client, loaded, one.wanted)
        try:
            async for event in answer:
                for told in maker.of(event):
                    yield _framed(told)
            await self._keep(one, maker.response)
            yield _framed(maker.finish())
        except Exception as error:
            if not maker.begun:
                raise
            yield _framed(maker.fail(api_error(error).message))
        finally:
            await answer.aclose()

    async def _keep(self, one: _Asked, response: ResponseAnswer) -> None:
        """Keep a response, unless it shall not be; one that cannot be kept is an answer still."""
        if not response.store:
            return
        kept = KeptResponse(one.items, to_builtins(response), one.asked.previous_response_id or "")
        try:
            await asyncio.to_thread(self._store.keep, response.id, one.owner, kept)
        except AppError as error:
            log.warning("a response is not kept: %s", error)
            response.store = False


def _framed(event: AnyResponseEvent) -> bytes:
    return sse(event, str(event.__struct_config__.tag))
