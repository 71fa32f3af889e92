"""Anthropic's form of `/v1/models`, for clients that say they speak it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from app.api.anthropic.errors import request_headers
from app.api.errors import ApiError
from app.api.operations import Operation
from app.api.streams import json_response
from app.api.work import Work
from app.core.library_types import LocalModel

USUAL_PAGE, LONGEST_PAGE = 20, 1000


class ModelRow(Struct):
    """A model that can be asked."""

    id: str
    display_name: str
    created_at: datetime
    lifecycle: Literal["active"] = "active"
    type: Literal["model"] = "model"


class ModelPage(Struct):
    """Some of them."""

    data: list[ModelRow]
    has_more: bool
    first_id: str | None
    last_id: str | None


class AnthropicModels:
    """Lists models and tells of one."""

    def __init__(self, work: Work) -> None:
        self._names = work.names

    def operations(self) -> Sequence[Operation]:
        """What is asked where; OpenAI's operations at the same paths stand in the documentation."""
        one = "/v1/models/{model:path}"
        return (
            Operation("GET", "/v1/models", self.page, "chat", "The models.", documented=False),
            Operation("GET", one, self.one, "chat", "One model.", documented=False),
        )

    async def page(self, request: Request) -> Response:
        """A page of the models that can be used."""
        rows = [_row(model) for model in self._names.usable()]
        ids = [row.id for row in rows]
        limit = _limit(request.query_params.get("limit"))
        start, end = 0, len(rows)
        if (after := request.query_params.get("after_id")) in ids:
            start = ids.index(after) + 1
        if (before := request.query_params.get("before_id")) in ids:
            end = ids.index(before)
            start = max(start, end - limit)
        found = rows[start:end][:limit]
        more = start > 0 if before else start + len(found) < end
        first, last = (found[0].id, found[-1].id) if found else (None, None)
        return json_response(ModelPage(found, more, first, last), headers=request_headers())

    async def one(self, request: Request) -> Response:
        """The model of that name."""
        model = self._names.find(request.path_params["model"])
        return json_response(_row(model), headers=request_headers())


def _row(model: LocalModel) -> ModelRow:
    return ModelRow(model.id, model.name, datetime.fromtimestamp(model.added, UTC))


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL_PAGE
    if not text.isdecimal() or not 1 <= int(text) <= LONGEST_PAGE:
        raise ApiError(
            "invalid_request", f"limit: Expected a number from 1 to {LONGEST_PAGE}.", param="limit"
        )
    return int(text)
