"""LM Studio's first interface, `/api/v0`: models and OpenAI's operations with more to tell."""

import contextlib
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Literal

import msgspec
from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from app.api.answers import WholeAnswer, whole
from app.api.body import read_json
from app.api.errors import ApiError, api_error
from app.api.lmstudio.models import is_embedding
from app.api.lmstudio.v0_facts import model_facts, runtime_facts, stats_of
from app.api.lmstudio.v0_types import (
    ChatAnswerMore,
    ModelRow,
    ModelRows,
    TextAnswer,
    TextChoice,
    TextRequest,
    TextUsage,
    VectorAnswer,
    VectorRequest,
    VectorRow,
)
from app.api.openai.chat_answer import Chunks, completion, finish_name
from app.api.openai.chat_types import ChatChunk, ChatRequest
from app.api.openai.errors import error_body
from app.api.openai.sampling import DONE, common_sampling, texts_of
from app.api.openai.to_engine import generation_request
from app.api.operations import Operation
from app.api.own_prompt import with_told
from app.api.requests import check_pictures, pictures_in
from app.api.streams import StreamedResponse, json_response, primed, sse, while_connected
from app.api.work import Client, Work, client_of, new_id
from app.core.library_types import LocalModel
from app.core.loaded_model import LoadedModel
from backends.types import Delta, EmbeddingRequest, GenerationRequest


class FirstInterface:
    """Lists models and answers."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        base = "/api/v0"
        return (
            Operation("GET", f"{base}/models", self.all, "chat", "The models.", response=ModelRows),
            Operation(
                "GET",
                f"{base}/models/{{model:path}}",
                self.one,
                "chat",
                "One model.",
                response=ModelRow,
            ),
            Operation(
                "POST",
                f"{base}/chat/completions",
                self.chat,
                "chat",
                "An answer to a conversation, with what it took.",
                request=ChatRequest,
                response=ChatAnswerMore,
                stream=ChatChunk,
            ),
            Operation(
                "POST",
                f"{base}/completions",
                self.complete,
                "chat",
                "The continuation of a text, with what it took.",
                request=TextRequest,
                response=TextAnswer,
                stream=TextAnswer,
            ),
            Operation(
                "POST",
                f"{base}/embeddings",
                self.embed,
                "chat",
                "Embeddings of texts.",
                request=VectorRequest,
                response=VectorAnswer,
            ),
        )

    async def all(self, _: Request) -> Response:
        """All models that can be used."""
        return json_response(ModelRows([self._row(each) for each in self._work.names.usable()]))

    async def one(self, request: Request) -> Response:
        """The model of that name."""
        return json_response(self._row(self._work.names.find(request.path_params["model"])))

    def _row(self, model: LocalModel) -> ModelRow:
        loaded = self._work.parts.runtime.get(model.id)
        ready = loaded is not None and loaded.state == "ready"
        kind: Literal["vlm", "llm"] = "vlm" if "vision" in model.capabilities else "llm"
        row = ModelRow(
            model.id,
            "embeddings" if is_embedding(model) else kind,
            model.publisher,
            model.architecture,
            model.format,
            model.quantization,
            "loaded" if ready else "not-loaded",
            model.context_length or 0,
        )
        if loaded is not None and ready and loaded.info is not None:
            row.loaded_context_length = loaded.info.context_length
        if "tools" in model.capabilities:
            row.capabilities = ["tool_use"]
        return row

    # Conversations

    async def chat(self, request: Request) -> Response:
        """Answer a conversation."""
        asked = await read_json(request, ChatRequest)
        model = self._work.names.find(asked.model)
        asked.max_tokens = _limit(asked.max_tokens)
        wanted = generation_request(asked, self._work.sampling(model), new_id("chatcmpl-"))
        told = with_told(wanted.messages, model, self._work)
        wanted = structs.replace(wanted, messages=told)
        loaded = await while_connected(request, self._work.loaded(model, ttl=asked.ttl))
        check_pictures(pictures_in(wanted.messages), model, loaded, "messages")
        client = client_of(request)
        if asked.stream:
            source = self._chunks(client, loaded, wanted)
            return StreamedResponse(await while_connected(request, primed(source)))
        events = self._work.answer(client, loaded, wanted)
        answer = await while_connected(request, whole(events))
        plain = msgspec.to_builtins(completion(wanted.id, model.id, [answer]))
        return json_response(
            ChatAnswerMore(
                plain["id"],
                plain["created"],
                plain["model"],
                plain["choices"],
                plain["usage"],
                stats_of(answer.usage, answer.reason),
                model_facts(loaded),
                runtime_facts(loaded),
            )
        )

    async def _chunks(
        self, client: Client, loaded: LoadedModel, wanted: GenerationRequest
    ) -> AsyncGenerator[bytes, None]:
        chunks, answer = Chunks(wanted.id, loaded.model.id, with_usage=False), WholeAnswer()
        try:
            async with contextlib.aclosing(self._work.answer(client, loaded, wanted)) as events:
                async for event in events:
                    answer.add(event)
                    for chunk in chunks.of(0, event):
                        if chunk.choices[0].finish_reason is None:
                            yield sse(chunk)
                        else:
                            yield sse(self._told(chunk, loaded, answer))
        except Exception as error:
            if not chunks.begun:
                raise
            yield sse(error_body(api_error(error)))
            return
        yield DONE

    def _told(self, chunk: ChatChunk, loaded: LoadedModel, answer: WholeAnswer) -> object:
        """The last chunk, which tells what the answer took."""
        return {
            **msgspec.to_builtins(chunk),
            "usage": _usage(answer),
            "stats": stats_of(answer.usage, answer.reason),
            "model_info": model_facts(loaded),
            "runtime": runtime_facts(loaded),
        }

    # Texts

    async def complete(self, request: Request) -> Response:
        """Continue a text."""
        asked = await read_json(request, TextRequest)
        model = self._work.names.find(asked.model)
        limit = {"max_tokens": _limit(asked.max_tokens)}
        sampling = common_sampling(asked, self._work.sampling(model), limit)
        wanted = GenerationRequest(new_id("cmpl-"), (), sampling, prompt=asked.prompt)
        loaded = await while_connected(request, self._work.loaded(model, ttl=asked.ttl))
        client = client_of(request)
        if asked.stream:
            source = self._pieces(client, loaded, wanted)
            return StreamedResponse(await while_connected(request, primed(source)))
        events = self._work.answer(client, loaded, wanted)
        answer = await while_connected(request, whole(events))
        return json_response(_text_end(wanted, loaded, answer, answer.text))

    async def _pieces(
        self, client: Client, loaded: LoadedModel, wanted: GenerationRequest
    ) -> AsyncGenerator[bytes, None]:
        answer, begun = WholeAnswer(), False
        try:
            async with contextlib.aclosing(self._work.answer(client, loaded, wanted)) as events:
                async for event in events:
                    answer.add(event)
                    if isinstance(event, Delta) and event.text:
                        begun = True
                        yield sse(_text(wanted, loaded, TextChoice(event.text)))
        except Exception as error:
            if not begun:
                raise
            yield sse(error_body(api_error(error)))
            return
        yield sse(_text_end(wanted, loaded, answer, ""))
        yield DONE

    async def embed(self, request: Request) -> Response:
        """Embed texts."""
        asked = await read_json(request, VectorRequest)
        model = self._work.names.find(asked.model)
        texts = tuple(texts_of(asked.input, "input"))
        if not all(texts):
            raise ApiError("invalid_request", "input: A text is empty.", param="input")
        await while_connected(request, self._work.loaded_for_embeddings(model, ttl=asked.ttl))
        work = self._work.embed(client_of(request), model, EmbeddingRequest(texts))
        made = await while_connected(request, work)
        rows = [VectorRow(list(vector), i) for i, vector in enumerate(made.vectors)]
        usage = TextUsage(made.prompt_tokens, made.prompt_tokens)
        return json_response(VectorAnswer(rows, model.id, usage))


def _limit(tokens: int | None) -> int | None:
    """Tokens at most; any number below 0 is as many as there is room for."""
    return None if tokens is not None and tokens < 0 else tokens


def _text(wanted: GenerationRequest, loaded: LoadedModel, choice: TextChoice) -> TextAnswer:
    return TextAnswer(wanted.id, int(time.time()), loaded.model.id, [choice])


def _text_end(
    wanted: GenerationRequest, loaded: LoadedModel, answer: WholeAnswer, text: str
) -> TextAnswer:
    """The whole answer, or the end of a stream."""
    end = _text(wanted, loaded, TextChoice(text, finish_name(answer.reason)))
    end.usage = _usage(answer)
    end.stats = stats_of(answer.usage, answer.reason)
    end.model_info = model_facts(loaded)
    end.runtime = runtime_facts(loaded)
    return end


def _usage(answer: WholeAnswer) -> TextUsage:
    usage = answer.usage
    total = usage.prompt_tokens + usage.completion_tokens
    return TextUsage(usage.prompt_tokens, total, usage.completion_tokens)
