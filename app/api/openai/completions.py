"""`/v1/completions`: texts are gone on with as they are."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from app.api.answers import all_whole, side_by_side
from app.api.body import read_json
from app.api.errors import ApiError, api_error
from app.api.openai.chat_answer import another
from app.api.openai.completion_answer import CompletionMaker
from app.api.openai.completion_types import Completion, CompletionRequest
from app.api.openai.errors import error_body
from app.api.openai.sampling import (
    DONE,
    answers_wanted,
    check_stream_options,
    common_sampling,
    texts_of,
    token_limit,
)
from app.api.operations import Operation
from app.api.streams import StreamedResponse, json_response, primed, sse, while_connected
from app.api.work import Client, Work, client_of, new_id
from app.core.infill import infill_of
from app.core.library_types import LocalModel
from app.core.loaded_model import LoadedModel
from backends.types import GenerationRequest, SamplingParams

MOST_TEXTS = 64
"""In one answer: prompts times texts for each."""
MOST_LOGPROBS = 5


class Completions:
    """Goes on with texts, whole or as a stream."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        return (
            Operation(
                "POST",
                "/v1/completions",
                self.complete,
                "chat",
                "How a text goes on.",
                request=CompletionRequest,
                response=Completion,
                stream=Completion,
            ),
        )

    async def complete(self, request: Request) -> Response:
        """Answer `request`."""
        asked = await read_json(request, CompletionRequest)
        model = self._work.names.find(asked.model)
        prompts, count = _checked(asked)
        texts = await _with_suffix(prompts, asked.suffix, model) if asked.suffix else prompts
        sampling = _sampling(asked, self._work.sampling(model))
        loaded = await while_connected(request, self._work.loaded(model, ttl=asked.ttl))
        number = new_id("cmpl-")
        requests = _requests(number, texts, sampling, count)
        echoes = prompts if asked.echo else [""] * len(prompts)
        maker = CompletionMaker(number, loaded.model.id, echoes, count)
        client = client_of(request)
        if asked.stream:
            usage = bool(asked.stream_options and asked.stream_options.include_usage)
            source = self._stream(client, loaded, requests, maker, usage=usage)
            return StreamedResponse(await while_connected(request, primed(source)))
        answers = await while_connected(
            request, all_whole([self._work.answer(client, loaded, each) for each in requests])
        )
        return json_response(maker.whole(answers))

    async def _stream(
        self,
        client: Client,
        loaded: LoadedModel,
        requests: Sequence[GenerationRequest],
        maker: CompletionMaker,
        *,
        usage: bool,
    ) -> AsyncGenerator[bytes, None]:
        try:
            async for index, event in side_by_side(
                [self._work.answer(client, loaded, each) for each in requests]
            ):
                for piece in maker.pieces(index, event):
                    yield sse(piece)
        except Exception as error:
            if not maker.begun:
                raise
            yield sse(error_body(api_error(error)))
            return
        if usage:
            yield sse(maker.closing())
        yield DONE


def _checked(asked: CompletionRequest) -> tuple[list[str], int]:
    """The prompts, and the texts wanted for each. Raises ApiError."""
    prompts, count = texts_of(asked.prompt, "prompt"), answers_wanted(asked.n)
    if len(prompts) * count > MOST_TEXTS:
        raise ApiError(
            "invalid_request", f"One request may ask for {MOST_TEXTS} texts at most.", param="n"
        )
    if asked.best_of is not None and asked.best_of != count:
        raise ApiError(
            "unsupported",
            "best_of: Texts are not compared here. Leave it out, or ask for all of them by n.",
            param="best_of",
        )
    if asked.echo and asked.logprobs is not None:
        raise ApiError(
            "unsupported", "echo: The prompt has no log-probabilities here.", param="echo"
        )
    check_stream_options(asked.stream_options, stream=asked.stream)
    return prompts, count


def _sampling(asked: CompletionRequest, base: SamplingParams) -> SamplingParams:
    if asked.logprobs is not None and not 0 <= asked.logprobs <= MOST_LOGPROBS:
        raise ApiError(
            "invalid_request",
            f"logprobs: Expected a number from 0 to {MOST_LOGPROBS}.",
            param="logprobs",
        )
    given = {"max_tokens": token_limit(asked.max_tokens), "logprobs": asked.logprobs}
    return common_sampling(asked, base, given)


async def _with_suffix(prompts: Sequence[str], suffix: str, model: LocalModel) -> Sequence[str]:
    """The prompts that ask for what stands between each of these and the suffix."""
    infill = await asyncio.to_thread(infill_of, model.path) if model.format == "gguf" else None
    if infill is None:
        raise ApiError(
            "unsupported",
            f"suffix: {model.name} cannot fill in the middle of a text.",
            param="suffix",
        )
    return [infill.prompt(prompt, suffix) for prompt in prompts]


def _requests(
    number: str, texts: Sequence[str], sampling: SamplingParams, count: int
) -> list[GenerationRequest]:
    made = []
    for text in texts:
        first = GenerationRequest(number, (), sampling, prompt=text)
        made += [another(first, index) for index in range(count)]
    return [structs.replace(each, id=f"{number}-{index}") for index, each in enumerate(made)]
