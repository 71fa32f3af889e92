"""What one answer tells its sampler."""

import threading
from typing import Any

import pytest

from backends.chat.answer import AnswerParser
from backends.chat.families import THINK, ChatFormat
from backends.constraints.token_constraint import Logits, TokenConstraint
from backends.llamacpp.run import Run
from backends.types import Delta


class Always:
    """A constraint that allows everything."""

    finished = False
    not_enforced: tuple[str, ...] = ()
    closed = False

    def allows(self, token: int) -> bool:
        return True

    def mask(self, logits: Logits) -> None: ...

    def accept(self, token: int) -> None: ...

    def close(self) -> None:
        self.closed = True


class Recorder:
    """A sampler that remembers by what it was constrained."""

    def __init__(self) -> None:
        self.constraints: list[TokenConstraint | None] = []
        self.closed = False

    def sample(self, context: Any, index: int, constraint: TokenConstraint | None = None) -> int:
        self.constraints.append(constraint)
        return len(self.constraints)

    def accept(self, token: int) -> None: ...

    def close(self) -> None:
        self.closed = True


class Empty:
    """A sequence without tokens."""

    tokens: list[int] = []  # noqa: RUF012  # never changed
    number = 0


@pytest.mark.parametrize("inside", [True, False])
def test_the_constraint_holds_behind_the_reasoning_only(inside: bool) -> None:
    constraint, sampler = Always(), Recorder()
    run = Run(
        sequence=Empty(),  # type: ignore[arg-type]  # only its tokens are looked at
        prompt=[1, 2],
        sampler=sampler,
        parser=AnswerParser(ChatFormat(reasoning=THINK), inside_reasoning=inside),
        cancelled=threading.Event(),
        limit=None,
        constraint=constraint,
    )
    pieces = [b"Hm", b"</think>", b"{", b"}"]
    for piece in pieces if inside else [b"<think>", *pieces]:
        run.take(run.choose(None, 0), piece, 0)
    held = [None, None, constraint, constraint]
    assert sampler.constraints == (held if inside else [constraint, *held])
    text = "".join(e.text for e in run.events if isinstance(e, Delta) and e.kind == "text")
    assert text == "{}"
    run.close()
    assert (sampler.closed, constraint.closed) == (True, True)
