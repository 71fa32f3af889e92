"""Log-probabilities of tokens."""

import mlx.core as mx
import numpy as np

from backends.mlx.vocabulary import Vocabulary
from backends.types import Delta, GenerationEvent, TokenLogprob

_LEAST = -9999.0  # JSON, on the way to the parent, knows no infinity


def token_logprob(
    logits: mx.array, token: int, alternatives: int, vocabulary: Vocabulary
) -> TokenLogprob:
    """What the model itself thinks of `token`, and of so many of the likeliest tokens.

    `logits` is the model's own row, before temperature, penalties and constraints. The result is
    its log-softmax: `logit - log(sum(exp(logits)))`.
    """
    row = logits.astype(mx.float32)
    logprobs = np.array(row - mx.logsumexp(row))
    likeliest: list[int] = []
    if alternatives:
        unordered = np.argpartition(logprobs, -alternatives)[-alternatives:]
        likeliest = unordered[np.argsort(-logprobs[unordered], kind="stable")].tolist()

    def told(which: int) -> tuple[int, str, float]:
        text = vocabulary.piece(which).decode("utf-8", "replace") or vocabulary.text(which)
        return which, text, max(float(logprobs[which]), _LEAST)

    return TokenLogprob(*told(token), tuple(told(each) for each in likeliest))


def with_logprob(events: list[GenerationEvent], logprob: TokenLogprob) -> list[GenerationEvent]:
    """The log-probability goes with the first piece of text; alone where none came."""
    for number, event in enumerate(events):
        if isinstance(event, Delta):
            told = Delta(event.text, event.kind, event.tokens, (*event.logprobs, logprob))
            return [*events[:number], told, *events[number + 1 :]]
    return [*events, Delta("", tokens=0, logprobs=(logprob,))]
