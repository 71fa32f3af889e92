"""`/api/generate`."""

import asyncio
from collections.abc import Sequence

from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from app.api.answers import WholeAnswer
from app.api.body import read_json
from app.api.errors import ApiError
from app.api.ollama.answer_types import OllamaGenerateAnswer, OllamaGenerateRequest
from app.api.ollama.answering import Answering, End, Piece
from app.api.ollama.chat import check_thinking, without_shift
from app.api.ollama.conversation_tokens import from_numbers, to_numbers
from app.api.ollama.loading import Loading
from app.api.ollama.options import Options, checked
from app.api.ollama.times import now, time_to_live
from app.api.ollama.to_engine import (
    constraint_of,
    pictures_of,
    policy_of,
    reasoning_of,
    sampling_of,
)
from app.api.operations import Operation
from app.api.own_prompt import own_system, with_told
from app.api.requests import check_pictures
from app.api.streams import json_response, while_connected
from app.api.work import Work, new_id
from app.core.errors import AppError
from app.core.infill import infill_of
from app.core.library_types import LocalModel
from backends.types import ChatMessage, GenerationRequest


class Generate:
    """Answers single prompts."""

    def __init__(self, work: Work, loading: Loading, answering: Answering) -> None:
        self._work, self._loading, self._answering = work, loading, answering

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        return (
            Operation(
                "POST",
                "/api/generate",
                self.generate,
                "chat",
                "An answer to a prompt; without one, the model is loaded or ejected.",
                request=OllamaGenerateRequest,
                response=OllamaGenerateAnswer,
                stream=OllamaGenerateAnswer,
            ),
        )

    async def generate(self, request: Request) -> Response:
        """Answer `request`."""
        asked = await read_json(request, OllamaGenerateRequest)
        model = self._loading.find(asked.model)
        keep = time_to_live(asked.keep_alive)
        options = checked(asked.options)
        if not asked.prompt and keep == 0:
            await self._loading.let_go(model.id, keep)
            return json_response(GenerateForm(asked.model, ()).nothing("unload"))
        wanted = await self._wanted(asked, model, options)
        form = GenerateForm(asked.model, wanted.messages)
        ready = await while_connected(request, self._loading.ready(model, options, keep))
        check_thinking(asked.model, ready.loaded, asked.think)
        if not asked.prompt and not asked.suffix:
            return json_response(form.nothing("load"))
        check_pictures(len(asked.images or ()), model, ready.loaded, "images")
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

    async def _wanted(
        self, asked: OllamaGenerateRequest, model: LocalModel, options: Options
    ) -> GenerationRequest:
        await self._check_template(asked, model)
        request = GenerationRequest(
            new_id("ollama-"),
            (),
            sampling=sampling_of(asked, options, self._work.sampling(model)),
            constraint=constraint_of(asked.format),
            reasoning=reasoning_of(asked.think),
            context_policy=policy_of(asked),
        )
        if asked.raw:
            return structs.replace(request, prompt=_raw(asked))
        if asked.suffix:
            return structs.replace(request, prompt=await self._infill(asked, model))
        return structs.replace(request, messages=self._messages(asked, model))

    def _messages(self, asked: OllamaGenerateRequest, model: LocalModel) -> tuple[ChatMessage, ...]:
        pictures = pictures_of(asked.images, "images")
        question = ChatMessage("user", asked.prompt or "", images=pictures)
        system = self._system(asked, model)
        if asked.context:
            earlier = from_numbers(asked.context)
            if system and earlier[:1] != system:
                earlier = (*system, *(each for each in earlier if each.role != "system"))
            return (*earlier, question)
        return with_told((*system, question), model, self._work)

    def _system(self, asked: OllamaGenerateRequest, model: LocalModel) -> tuple[ChatMessage, ...]:
        text = asked.system or own_system(model, self._work)
        return (ChatMessage("system", text),) if text else ()

    async def _check_template(self, asked: OllamaGenerateRequest, model: LocalModel) -> None:
        """A template from outside is a program, in another language at that: it is not run."""
        if not asked.template:
            return
        if asked.raw:
            raise _not_with_raw()
        try:
            header = await asyncio.to_thread(self._work.parts.library.header, model.id)
            own = header.chat_template
        except AppError:
            own = None
        if asked.template != own:
            raise ApiError(
                "unsupported",
                "template: a model answers with its own template only; leave it out, or use raw",
                param="template",
            )

    async def _infill(self, asked: OllamaGenerateRequest, model: LocalModel) -> str:
        tokens = None
        if model.format == "gguf":
            tokens = await asyncio.to_thread(infill_of, model.path)
        if tokens is None:
            raise ApiError(
                "invalid_request", f"{asked.model} does not support insert", param="suffix"
            )
        return tokens.prompt(asked.prompt or "", asked.suffix or "")


def _raw(asked: OllamaGenerateRequest) -> str:
    if asked.system or asked.context:
        raise _not_with_raw()
    if asked.images:
        raise ApiError("invalid_request", "raw mode takes no images here", param="images")
    return asked.prompt or ""


def _not_with_raw() -> ApiError:
    return ApiError(
        "invalid_request", "raw mode does not support template, system, or context", param="raw"
    )


class GenerateForm:
    """The answers of `/api/generate`."""

    def __init__(self, model: str, messages: tuple[ChatMessage, ...]) -> None:
        self._model = model
        self._messages = messages

    def nothing(self, reason: str) -> OllamaGenerateAnswer:
        """The answer where there was nothing to answer."""
        return self._made(Piece(), done=True, done_reason=reason)

    def line(self, piece: Piece) -> OllamaGenerateAnswer:
        """A line of a stream."""
        return self._made(piece, done=False)

    def last(self, piece: Piece, end: End, answer: WholeAnswer) -> OllamaGenerateAnswer:
        """The end of the answer, with what goes on from it."""
        context = to_numbers(self._messages, answer.text) if self._messages else None
        return self._made(piece, done=True, context=context, **end.fields())

    def _made(self, piece: Piece, *, done: bool, **fields: object) -> OllamaGenerateAnswer:
        return structs.replace(
            OllamaGenerateAnswer(
                model=self._model,
                created_at=now(),
                response=piece.text,
                done=done,
                thinking=piece.thinking,
                logprobs=piece.logprobs,
            ),
            **fields,
        )
