"""From an engine's events to chat completions and their chunks."""

import time
from collections.abc import Iterator, Sequence

from msgspec import UNSET, structs

from app.api.answers import WholeAnswer
from app.api.openai.chat_types import (
    AnsweredCall,
    AnsweredFunction,
    AnswerMessage,
    CallPiece,
    ChatChunk,
    ChatCompletion,
    Choice,
    ChoicePiece,
    ChosenToken,
    CompletionDetails,
    FinishName,
    FunctionPiece,
    Logprobs,
    MessagePiece,
    PromptDetails,
    TokenChance,
    TokenUsage,
)
from backends.types import (
    Delta,
    Finish,
    FinishReason,
    GenerationEvent,
    GenerationRequest,
    TokenLogprob,
    ToolCallDelta,
    ToolCallStart,
    Usage,
)

_FINISH: dict[FinishReason, FinishName] = {
    "stop": "stop",
    "stop_string": "stop",
    "length": "length",
    "context": "length",
    "tool_calls": "tool_calls",
}


def another(request: GenerationRequest, index: int) -> GenerationRequest:
    """The request of a further answer to the same messages, with a seed of its own."""
    sampling = request.sampling
    if sampling.seed is not None:
        sampling = structs.replace(sampling, seed=(sampling.seed + index) % (2**32 - 1))
    return structs.replace(request, id=f"{request.id}-{index}", sampling=sampling)


def completion(request_id: str, model: str, answers: Sequence[WholeAnswer]) -> ChatCompletion:
    """The whole answer of a request."""
    total = Usage()
    for answer in answers:
        total = summed(total, answer.usage)
    choices = [_choice(index, answer) for index, answer in enumerate(answers)]
    return ChatCompletion(request_id, int(time.time()), model, choices, usage_of(total))


def _choice(index: int, answer: WholeAnswer) -> Choice:
    calls = [
        AnsweredCall(call.id, AnsweredFunction(call.name, call.arguments))
        for call in answer.tool_calls
    ]
    message = AnswerMessage(
        answer.text if answer.text or not calls else None,
        reasoning_content=answer.reasoning or UNSET,
        tool_calls=calls or UNSET,
    )
    chances = Logprobs(chosen_tokens(answer.logprobs)) if answer.logprobs else None
    return Choice(index, message, finish_name(answer.reason), chances)


def finish_name(reason: FinishReason) -> FinishName:
    """OpenAI's word for why an answer ended."""
    return _FINISH.get(reason, "stop")


def summed(one: Usage, other: Usage) -> Usage:
    """Tokens of several answers to one prompt, which is counted once."""
    return Usage(
        prompt_tokens=max(one.prompt_tokens, other.prompt_tokens),
        cached_tokens=max(one.cached_tokens, other.cached_tokens),
        completion_tokens=one.completion_tokens + other.completion_tokens,
        reasoning_tokens=one.reasoning_tokens + other.reasoning_tokens,
        draft_tokens=one.draft_tokens + other.draft_tokens,
        accepted_tokens=one.accepted_tokens + other.accepted_tokens,
    )


def usage_of(usage: Usage) -> TokenUsage:
    """Tokens as OpenAI counts them."""
    return TokenUsage(
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.prompt_tokens + usage.completion_tokens,
        PromptDetails(usage.cached_tokens),
        CompletionDetails(
            usage.reasoning_tokens,
            accepted_prediction_tokens=usage.accepted_tokens,
            rejected_prediction_tokens=usage.draft_tokens - usage.accepted_tokens,
        ),
    )


def chosen_tokens(tokens: Sequence[TokenLogprob]) -> list[ChosenToken]:
    """Log-probabilities of tokens."""
    return [
        ChosenToken(
            each.text,
            each.logprob,
            list(each.text.encode()),
            [
                TokenChance(text, logprob, list(text.encode()))
                for _, text, logprob in each.alternatives
            ],
        )
        for each in tokens
    ]


class Chunks:
    """Makes the chunks of one streamed request."""

    def __init__(self, request_id: str, model: str, *, with_usage: bool) -> None:
        self._id = request_id
        self._model = model
        self._created = int(time.time())
        self._with_usage = with_usage
        self._begun: set[int] = set()

    @property
    def begun(self) -> bool:
        """Whether a chunk was made."""
        return bool(self._begun)

    def of(self, index: int, event: GenerationEvent) -> Iterator[ChatChunk]:
        """The chunks that an event of answer `index` makes."""
        if index not in self._begun:
            self._begun.add(index)
            yield self._chunk(index, MessagePiece(role="assistant", content=""))
        match event:
            case Delta(kind="reasoning") if event.text:
                yield self._chunk(index, MessagePiece(reasoning_content=event.text))
            case Delta() if event.text or event.logprobs:
                chances = Logprobs(chosen_tokens(event.logprobs)) if event.logprobs else None
                yield self._chunk(index, MessagePiece(content=event.text), logprobs=chances)
            case ToolCallStart():
                function = FunctionPiece(event.name, "")
                call = CallPiece(event.index, function, event.id, "function")
                yield self._chunk(index, MessagePiece(tool_calls=[call]))
            case ToolCallDelta():
                call = CallPiece(event.index, FunctionPiece(arguments=event.arguments))
                yield self._chunk(index, MessagePiece(tool_calls=[call]))
            case Finish():
                yield self._chunk(index, MessagePiece(), finish=finish_name(event.reason))

    def closing(self, total: Usage) -> ChatChunk:
        """The last chunk of a stream that shall tell the usage."""
        return ChatChunk(self._id, self._created, self._model, [], usage=usage_of(total))

    def _chunk(
        self,
        index: int,
        piece: MessagePiece,
        *,
        finish: FinishName | None = None,
        logprobs: Logprobs | None = None,
    ) -> ChatChunk:
        choice = ChoicePiece(index, piece, finish, logprobs)
        chunk = ChatChunk(self._id, self._created, self._model, [choice])
        if self._with_usage:
            chunk.usage = None
        return chunk
