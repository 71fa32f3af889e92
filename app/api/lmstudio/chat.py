"""`/api/v1/chat`: one message after the other; the server keeps the conversation."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, cast

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from app.api.answers import WholeAnswer
from app.api.body import read_json
from app.api.errors import ApiError, api_error
from app.api.lmstudio.chat_answer import AnswerEvents, whole_answer
from app.api.lmstudio.chat_types import (
    ChatEnd,
    ChatEvent,
    ChatProblem,
    ChatStart,
    InputPicture,
    LmStudioChatAnswer,
    LmStudioChatRequest,
    ModelLoadEnd,
    ModelLoadProgress,
    ModelLoadStart,
)
from app.api.lmstudio.errors import error_of
from app.api.load_steps import steps_of
from app.api.ollama.loading import Loading, Ready
from app.api.operations import Operation
from app.api.own_prompt import with_told
from app.api.owner import owner_of
from app.api.requests import check_pictures, picture_from_url, sampling_with
from app.api.response_store import ResponseStore
from app.api.streams import StreamedResponse, json_response, sse, while_connected
from app.api.work import Client, Work, client_of, new_id
from app.core.errors import AppError
from app.core.library_types import LocalModel
from backends.types import ChatMessage, GenerationRequest, ReasoningOptions, SamplingParams

log = logging.getLogger(__name__)


class KeptAnswer(Struct, frozen=True, omit_defaults=True):
    """What was said since the answer `previous`, with the answer itself."""

    messages: tuple[ChatMessage, ...]
    previous: str = ""


@dataclass(frozen=True)
class _Asked:
    """A request, read and checked."""

    client: Client
    model: LocalModel
    options: dict[str, int]
    ttl: float | None
    said: tuple[ChatMessage, ...]
    """What is new, to be kept with the answer."""
    request: GenerationRequest
    reasoning: str | None
    owner: str
    previous: str
    response_id: str
    """Empty where the answer shall not be kept."""


class LmStudioChat:
    """Answers messages."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._loading = Loading(work)
        self._kept = ResponseStore(work.parts.paths.server_dir / "lmstudio.db", KeptAnswer)

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        return (
            Operation(
                "POST",
                "/api/v1/chat",
                self.chat,
                "chat",
                "An answer to a message; conversations are kept and gone on with.",
                request=LmStudioChatRequest,
                response=LmStudioChatAnswer,
                stream=ChatEvent,
            ),
        )

    async def chat(self, request: Request) -> Response:
        """Answer `request`."""
        body = await read_json(request, LmStudioChatRequest)
        asked = await self._asked(request, body)
        if body.stream:
            return StreamedResponse(self._stream(asked))
        return json_response(await while_connected(request, self._whole(asked)))

    async def _asked(self, http: Request, body: LmStudioChatRequest) -> _Asked:
        """What is asked. Raises ApiError."""
        if body.integrations:
            raise ApiError(
                "unsupported",
                "Corral runs no plugins and no MCP servers for clients.",
                param="integrations",
            )
        model = self._work.names.find(body.model)
        owner, previous = owner_of(http), body.previous_response_id or ""
        earlier = await self._said_before(previous, owner)
        question = _question(body)
        said: tuple[ChatMessage, ...] = (question,)
        if body.system_prompt:
            said = (ChatMessage("system", body.system_prompt), question)
        conversation = _system_first((*earlier, *said))
        request = GenerationRequest(
            new_id("lmstudio-"),
            with_told(conversation, model, self._work),
            sampling=_sampling(body, self._work.sampling(model)),
            reasoning=_reasoning(body.reasoning),
        )
        keep = body.store is not False
        return _Asked(
            client_of(http),
            model,
            {"num_ctx": body.context_length} if body.context_length else {},
            body.ttl,
            said,
            request,
            body.reasoning,
            owner,
            previous,
            new_id("resp_") if keep else "",
        )

    async def _said_before(self, previous: str, owner: str) -> tuple[ChatMessage, ...]:
        """The conversation so far. Raises ApiError."""
        if not previous:
            return ()
        chain = await asyncio.to_thread(self._kept.conversation, previous, owner)
        if chain is None:
            raise ApiError(
                "not_found",
                "There is no such previous response: it is too old, or was not kept.",
                param="previous_response_id",
            )
        return tuple(message for kept in chain for message in kept.messages)

    async def _whole(self, asked: _Asked) -> LmStudioChatAnswer:
        was_loaded = self._is_loaded(asked)
        ready = await self._loading.ready(asked.model, asked.options, asked.ttl)
        self._check(asked, ready)
        answer = WholeAnswer()
        async for event in self._work.answer(asked.client, ready.loaded, asked.request):
            answer.add(event)
        return await self._told(asked, answer, None if was_loaded else ready.seconds)

    async def _stream(self, asked: _Asked) -> AsyncGenerator[bytes, None]:
        yield _sent(ChatStart(asked.model.id))
        events = AnswerEvents()
        load_seconds: float | None = None
        try:
            if self._is_loaded(asked):
                ready = await self._loading.ready(asked.model, asked.options, asked.ttl)
            else:
                async with contextlib.aclosing(self._load(asked)) as steps:
                    async for step in steps:
                        if isinstance(step, Ready):
                            ready = step
                            load_seconds = ready.seconds
                        else:
                            yield _sent(step)
            self._check(asked, ready)
            async with contextlib.aclosing(
                self._work.answer(asked.client, ready.loaded, asked.request)
            ) as came:
                async for event in came:
                    for made in events.of(event):
                        yield _sent(made)
        except Exception as error:  # noqa: BLE001 - the stream tells of it
            yield _sent(ChatProblem(error_of(api_error(error))))
        yield _sent(ChatEnd(await self._told(asked, events.answer, load_seconds)))

    async def _load(
        self, asked: _Asked
    ) -> AsyncGenerator[ModelLoadStart | ModelLoadProgress | ModelLoadEnd | Ready, None]:
        name = asked.model.id
        yield ModelLoadStart(name)
        load = partial(self._loading.ready, asked.model, asked.options, asked.ttl)
        async with contextlib.aclosing(steps_of(load)) as steps:
            async for step in steps:
                if isinstance(step, Ready):
                    yield ModelLoadEnd(name, step.seconds)
                    yield step
                else:
                    yield ModelLoadProgress(name, step)

    def _is_loaded(self, asked: _Asked) -> bool:
        loaded = self._work.parts.runtime.get(asked.model.id)
        return loaded is not None and loaded.state == "ready"

    def _check(self, asked: _Asked, ready: Ready) -> None:
        """Refuse what the model cannot do. Raises ApiError."""
        info = ready.loaded.info
        pictures = sum(len(each.images) for each in asked.request.messages)
        check_pictures(pictures, asked.model, ready.loaded, "input")
        if asked.reasoning not in (None, "off") and not (info is not None and info.reasoning):
            raise ApiError(
                "invalid_request",
                f"{asked.model.name} does not support the reasoning setting “{asked.reasoning}”.",
                param="reasoning",
            )

    async def _told(
        self, asked: _Asked, answer: WholeAnswer, load_seconds: float | None
    ) -> LmStudioChatAnswer:
        """The answer as one object; it is kept where that is wanted and there is one."""
        keep = asked.response_id if answer.text or answer.reasoning else ""
        if keep:
            reply = ChatMessage("assistant", answer.text, reasoning=answer.reasoning)
            kept = KeptAnswer((*asked.said, reply), asked.previous)
            try:
                await asyncio.to_thread(self._kept.keep, keep, asked.owner, kept)
            except AppError as error:
                log.warning("an answer is not kept: %s", error)
                keep = ""
        return whole_answer(asked.model.id, answer, load_seconds, keep)


def _sent(event: ChatEvent) -> bytes:
    name = event.__struct_config__.tag
    return sse(event, str(name))


def _system_first(messages: tuple[ChatMessage, ...]) -> tuple[ChatMessage, ...]:
    """The conversation behind the system prompt that was given last."""
    systems = [each for each in messages if each.role == "system"]
    return (*systems[-1:], *(each for each in messages if each.role != "system"))


def _question(body: LmStudioChatRequest) -> ChatMessage:
    """The new message. Raises ApiError."""
    texts: list[str] = []
    pictures: list[bytes] = []
    if isinstance(body.input, str):
        texts.append(body.input)
    else:
        for i, item in enumerate(body.input):
            if isinstance(item, InputPicture):
                pictures.append(picture_from_url(item.data_url, f"input[{i}].data_url"))
            else:
                texts.append(item.content)
    if not any(texts) and not pictures:
        raise ApiError("invalid_request", "input: There is nothing to answer.", param="input")
    return ChatMessage("user", "\n\n".join(texts), images=tuple(pictures))


def _sampling(body: LmStudioChatRequest, base: SamplingParams) -> SamplingParams:
    given = {
        "temperature": body.temperature,
        "top_p": body.top_p,
        "top_k": body.top_k,
        "min_p": body.min_p,
        "repeat_penalty": body.repeat_penalty,
        "max_tokens": body.max_output_tokens,
    }
    return sampling_with(base, given, {"max_tokens": "max_output_tokens"})


def _reasoning(setting: str | None) -> ReasoningOptions:
    if setting is None:
        return ReasoningOptions()
    if setting in ("off", "on"):
        return ReasoningOptions(mode=cast("Literal['off', 'on']", setting))
    return ReasoningOptions(mode="on", effort=cast("Literal['low', 'medium', 'high']", setting))
