"""Log-probabilities of tokens, told alike by all engines."""

import numpy as np

from backends.chat.tokenizer import Tokenizer
from backends.constraints.token_constraint import Logits
from backends.types import Delta, GenerationEvent, TokenLogprob


def token_logprob(
    logits: Logits, token: int, alternatives: int, tokenizer: Tokenizer
) -> TokenLogprob:
    """What the model itself thinks of `token`, and of so many of the likeliest tokens.

    `logits` is the model's own row, before temperature, penalties and constraints. The result is
    its log-softmax: `logit - log(sum(exp(logits)))`.
    """
    largest = float(logits.max())
    total = largest + float(np.log(np.exp(logits - largest).sum(dtype=np.float64)))
    likeliest: list[int] = []
    if alternatives > 0:
        unordered = np.argpartition(logits, -alternatives)[-alternatives:]
        likeliest = unordered[np.argsort(-logits[unordered], kind="stable")].tolist()

    def logprob(which: int) -> float:
        # JSON, on the way to the parent, knows no infinity.
        return max(float(logits[which]) - total, -9999.0)

    return TokenLogprob(
        token=token,
        text=_text(token, tokenizer),
        logprob=logprob(token),
        alternatives=tuple((each, _text(each, tokenizer), logprob(each)) for each in likeliest),
    )


def _text(token: int, tokenizer: Tokenizer) -> str:
    """What the token adds to the text; a control token's name. Half a character is a “�”."""
    return tokenizer.piece(token).decode("utf-8", "replace") or tokenizer.text(token)


def with_logprob(events: list[GenerationEvent], logprob: TokenLogprob) -> list[GenerationEvent]:
    """The log-probability goes with the first piece of text; alone where none came."""
    for number, event in enumerate(events):
        if isinstance(event, Delta):
            told = Delta(event.text, event.kind, event.tokens, (*event.logprobs, logprob))
            return [*events[:number], told, *events[number + 1 :]]
    return [*events, Delta("", tokens=0, logprobs=(logprob,))]
