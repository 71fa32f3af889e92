"""`/v1/models`: what there is."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from app.api.errors import ApiError
from app.api.operations import Operation
from app.api.streams import json_response
from app.api.work import Work
from app.core.library_types import LocalModel


class Model(Struct):
    """A model that can be asked."""

    id: str
    created: int
    """Unix seconds."""
    owned_by: str
    object: Literal["model"] = "model"


class ModelList(Struct):
    """All of them."""

    data: list[Model]
    object: Literal["list"] = "list"


class Models:
    """Lists models and tells of one."""

    def __init__(self, work: Work) -> None:
        self._names = work.names

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        one = "/v1/models/{model:path}"
        return (
            Operation(
                "GET", "/v1/models", self.all, "chat", "The models there are.", response=ModelList
            ),
            Operation("GET", one, self.one, "chat", "One model.", response=Model),
            Operation("DELETE", one, self.delete, "models", "Refused: see the message."),
        )

    async def all(self, _: Request) -> Response:
        """All models that can be used."""
        return json_response(ModelList([_row(model) for model in self._names.usable()]))

    async def one(self, request: Request) -> Response:
        """The model of that name."""
        return json_response(_row(self._names.find(request.path_params["model"])))

    async def delete(self, request: Request) -> Response:
        """Refuse: at OpenAI this deletes fine-tuned models, here it would be somebody's files."""
        model = self._names.find(request.path_params["model"])
        raise ApiError(
            "forbidden",
            f"{model.name} can be deleted in Corral’s window, by “corral rm”, or by Ollama’s API.",
            param="model",
        )


def _row(model: LocalModel) -> Model:
    return Model(model.id, int(model.added), model.publisher or "corral")
