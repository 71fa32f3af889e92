"""`/api/chat`."""

from collections.abc import Sequence

from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from app.api.answers import WholeAnswer
from app.api.body import read_json
from app.api.errors import ApiError
from app.api.ollama.answer_types import OllamaChatAnswer, OllamaChatRequest, OllamaMessage
from app.api.ollama.answering import Answering, End, Piece
from app.api.ollama.loading import Loading
from app.api.ollama.options import checked
from app.api.ollama.times import now, time_to_live
from app.api.ollama.to_engine import (
    constraint_of,
    messages_of,
    policy_of,
    reasoning_of,
    sampling_of,
    tools_of,
)
from app.api.operations import Operation
from app.api.own_prompt import with_told
from app.api.requests import check_pictures
from app.api.streams import json_response, while_connected
from app.api.work import Work, new_id
from app.core.loaded_model import LoadedModel
from backends.types import GenerationRequest


class Chat:
    """Answers conversations."""

    def __init__(self, work: Work, loading: Loading, answering: Answering) -> None:
        self._work, self._loading, self._answering = work, loading, answering

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        return (
            Operation(
                "POST",
                "/api/chat",
                self.chat,
                "chat",
                "An answer to a conversation; without messages, the model is loaded or ejected.",
                request=OllamaChatRequest,
                response=OllamaChatAnswer,
                stream=OllamaChatAnswer,
            ),
        )

    async def chat(self, request: Request) -> Response:
        """Answer `request`."""
        asked = await read_json(request, OllamaChatRequest)
        model = self._loading.find(asked.model)
        keep = time_to_live(asked.keep_alive)
        options = checked(asked.options)
        form = ChatForm(asked.model)
        if not asked.messages and keep == 0:
            await self._loading.let_go(model.id, keep)
            return json_response(form.nothing("unload"))
        wanted = GenerationRequest(
            new_id("ollama-"),
            with_told(messages_of(asked.messages or ()), model, self._work),
            sampling=sampling_of(asked, options, self._work.sampling(model)),
            tools=tools_of(asked.tools),
            constraint=constraint_of(asked.format),
            reasoning=reasoning_of(asked.think),
            context_policy=policy_of(asked),
        )
        ready = await while_connected(request, self._loading.ready(model, options, keep))
        check_thinking(asked.model, ready.loaded, asked.think)
        if not asked.messages:
            return json_response(form.nothing("load"))
        pictures = sum(len(each.images) for each in wanted.messages)
        check_pictures(pictures, model, ready.loaded, "messages")
        last = wanted.messages[-1]
        if last.role == "assistant" and last.content and not last.tool_calls:
            wanted = structs.replace(wanted, continue_last=True)
        if asked.shift is False:
            wanted = await without_shift(self._work, ready.loaded, wanted)
        return await self._answering.answer(
            request,
            ready,
            wanted,
            form,
            stream=asked.stream is not False,
            hide_thinking=asked.think is False,
            keep=keep,
        )


def check_thinking(name: str, loaded: LoadedModel, think: object) -> None:
    """Refuse to let a model reason that cannot. Raises ApiError."""
    if think and not (loaded.info is not None and loaded.info.reasoning):
        raise ApiError("invalid_request", f"“{name}” does not support thinking", param="think")


async def without_shift(
    work: Work, loaded: LoadedModel, wanted: GenerationRequest
) -> GenerationRequest:
    """The request, so that the answer ends where the context does. Raises a ModelError."""
    if loaded.info is None or wanted.prompt is not None:
        return wanted
    room = loaded.info.context_length - await work.count_tokens(loaded, wanted.messages)
    most = min(max(1, room), wanted.sampling.max_tokens or room)
    return structs.replace(wanted, sampling=structs.replace(wanted.sampling, max_tokens=most))


class ChatForm:
    """The answers of `/api/chat`."""

    def __init__(self, model: str) -> None:
        self._model = model

    def nothing(self, reason: str) -> OllamaChatAnswer:
        """The answer where there was nothing to answer."""
        return self._made(Piece(), done=True, done_reason=reason)

    def line(self, piece: Piece) -> OllamaChatAnswer:
        """A line of a stream."""
        return self._made(piece, done=False)

    def last(self, piece: Piece, end: End, _: WholeAnswer) -> OllamaChatAnswer:
        """The end of the answer."""
        return self._made(piece, done=True, **end.fields())

    def _made(self, piece: Piece, *, done: bool, **fields: object) -> OllamaChatAnswer:
        message = OllamaMessage(
            "assistant", piece.text, thinking=piece.thinking or None, tool_calls=piece.calls
        )
        return structs.replace(
            OllamaChatAnswer(
                model=self._model,
                created_at=now(),
                message=message,
                done=done,
                logprobs=piece.logprobs,
            ),
            **fields,
        )
