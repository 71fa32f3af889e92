"""`/v1/responses/{id}`: responses that the server has kept."""

import asyncio
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from app.api.errors import ApiError
from app.api.openai.kept import KeptResponse
from app.api.openai.response_answer_types import DeletedResponse, ItemList, ResponseAnswer
from app.api.operations import Operation
from app.api.owner import owner_of
from app.api.response_store import ResponseStore
from app.api.streams import json_response

USUAL_PAGE, LONGEST_PAGE = 20, 100


class KeptResponses:
    """Shows and forgets them, each to the token that asked for it."""

    def __init__(self, store: ResponseStore[KeptResponse]) -> None:
        self._store = store

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        one = "/v1/responses/{response_id}"
        return (
            Operation("GET", one, self.get, "chat", "A response.", response=ResponseAnswer),
            Operation(
                "DELETE", one, self.delete, "chat", "Forget a response.", response=DeletedResponse
            ),
            Operation("POST", f"{one}/cancel", self.cancel, "chat", "Refused: see the message."),
            Operation(
                "GET",
                f"{one}/input_items",
                self.input_items,
                "chat",
                "What a response was asked with.",
                response=ItemList,
            ),
        )

    async def get(self, request: Request) -> Response:
        """The response."""
        if request.query_params.get("stream") == "true":
            raise ApiError(
                "unsupported", "stream: A kept response comes whole only.", param="stream"
            )
        return json_response((await self._kept(request)).response)

    async def delete(self, request: Request) -> Response:
        """Forget the response."""
        response_id = request.path_params["response_id"]
        if not await asyncio.to_thread(self._store.forget, response_id, owner_of(request)):
            raise _unknown(response_id)
        return json_response(DeletedResponse(response_id))

    async def cancel(self, request: Request) -> Response:
        """Refuse: answers end when their client leaves, and there are none in the background."""
        await self._kept(request)
        raise ApiError("invalid_request", "Only background responses can be cancelled.")

    async def input_items(self, request: Request) -> Response:
        """A page of the items that were its input, the last one first unless asked otherwise."""
        kept = await self._kept(request)
        query = request.query_params
        limit, items = _limit(query.get("limit")), list(kept.input)
        if query.get("order", "desc") != "asc":
            items.reverse()
        ids = [str(item["id"]) for item in items]
        start = ids.index(after) + 1 if (after := query.get("after")) in ids else 0
        page, named = items[start : start + limit], ids[start : start + limit]
        first, last = (named[0], named[-1]) if named else (None, None)
        return json_response(ItemList(page, first, last, start + len(page) < len(items)))

    async def _kept(self, request: Request) -> KeptResponse:
        response_id = request.path_params["response_id"]
        kept = await asyncio.to_thread(self._store.get, response_id, owner_of(request))
        if kept is None:
            raise _unknown(response_id)
        return kept


def _unknown(response_id: str) -> ApiError:
    return ApiError("not_found", f"Response with id “{response_id[:80]}” not found.")


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL_PAGE
    if not text.isdecimal() or not 1 <= int(text) <= LONGEST_PAGE:
        raise ApiError(
            "invalid_request", f"limit: Expected a number from 1 to {LONGEST_PAGE}.", param="limit"
        )
    return int(text)
