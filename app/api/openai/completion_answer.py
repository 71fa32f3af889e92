"""From an engine's events to completions and their pieces."""

import time
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import UNSET

from app.api.answers import WholeAnswer
from app.api.openai.chat_answer import finish_name, summed, usage_of
from app.api.openai.chat_types import TokenUsage
from app.api.openai.completion_types import Completion, CompletionChoice, CompletionLogprobs
from backends.types import Delta, Finish, FinishReason, GenerationEvent, TokenLogprob, Usage


class CompletionMaker:
    """Makes the answer of one request: `count` texts for each of its prompts."""

    def __init__(self, request_id: str, model: str, echoes: Sequence[str], count: int) -> None:
        """`echoes`: what stands before the texts of each prompt, mostly nothing."""
        self._id = request_id
        self._model = model
        self._created = int(time.time())
        self._echoes = echoes
        self._count = count
        self._offsets = [len(echoes[index // count]) for index in range(len(echoes) * count)]
        self._begun: set[int] = set()
        self._used: dict[int, Usage] = {}

    @property
    def begun(self) -> bool:
        """Whether a piece was made."""
        return bool(self._begun)

    def whole(self, answers: Sequence[WholeAnswer]) -> Completion:
        """The whole answer."""
        choices = []
        for index, answer in enumerate(answers):
            self._used[index] = answer.usage
            logprobs = self._logprobs(index, answer.logprobs)
            text = self._echo(index) + answer.text
            choices.append(CompletionChoice(text, index, _end(answer.reason), logprobs))
        return self._completion(choices, self._usage())

    def pieces(self, index: int, event: GenerationEvent) -> Iterator[Completion]:
        """What an event of text `index` makes."""
        if index not in self._begun:
            self._begun.add(index)
            if echo := self._echo(index):
                yield self._completion([CompletionChoice(echo, index)])
        match event:
            case Delta(kind="text") if event.text or event.logprobs:
                logprobs = self._logprobs(index, event.logprobs)
                choice = CompletionChoice(event.text, index, logprobs=logprobs)
                yield self._completion([choice])
            case Finish():
                self._used[index] = event.usage
                yield self._completion([CompletionChoice("", index, _end(event.reason))])

    def closing(self) -> Completion:
        """The last piece of a stream that shall tell the usage."""
        return self._completion([], self._usage())

    def _echo(self, index: int) -> str:
        return self._echoes[index // self._count]

    def _usage(self) -> TokenUsage:
        """Each prompt counts once, however many texts it has."""
        total = Usage()
        for at in range(len(self._echoes)):
            one = Usage()
            for index in range(at * self._count, (at + 1) * self._count):
                one = summed(one, self._used.get(index, Usage()))
            total = Usage(
                total.prompt_tokens + one.prompt_tokens,
                total.cached_tokens + one.cached_tokens,
                total.completion_tokens + one.completion_tokens,
            )
        return usage_of(total)

    def _logprobs(self, index: int, tokens: Sequence[TokenLogprob]) -> CompletionLogprobs | None:
        if not tokens:
            return None
        offsets = []
        for token in tokens:
            offsets.append(self._offsets[index])
            self._offsets[index] += len(token.text)
        top = [{text: chance for _, text, chance in token.alternatives} for token in tokens]
        return CompletionLogprobs(
            [token.text for token in tokens],
            [token.logprob for token in tokens],
            top if any(top) else None,
            offsets,
        )

    def _completion(
        self, choices: list[CompletionChoice], usage: TokenUsage | None = None
    ) -> Completion:
        told = UNSET if usage is None else usage
        return Completion(self._id, self._created, self._model, choices, usage=told)


def _end(reason: FinishReason) -> Literal["stop", "length"]:
    return "length" if finish_name(reason) == "length" else "stop"
