"""What samplers need to know of a constraint."""

from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backends.types import Note

Logits: TypeAlias = NDArray[np.float32]
"""One row of the model's output: a number for every token of the vocabulary."""


class TokenConstraint(Protocol):
    """Says which tokens may come next in one answer, and is told which one came.

    `mask`, `allows` and `accept` raise `BadRequest` where the constraint turns out to be too
    complex to be followed, and never work again after that.
    """

    @property
    def finished(self) -> bool:
        """The answer is complete; nothing but its end may follow."""
        ...

    @property
    def not_enforced(self) -> tuple[str, ...]:
        """Features of the constraint that are not enforced, by name."""
        ...

    def allows(self, token: int) -> bool:
        """Whether `token` may come next: much cheaper than a mask."""
        ...

    def mask(self, logits: Logits) -> None:
        """Set all refused tokens to -inf, in place."""
        ...

    def accept(self, token: int) -> None:
        """Go on behind `token`. Raises `EngineFailure` if it is refused."""
        ...

    def close(self) -> None:
        """Free what the constraint holds."""
        ...


def not_enforced_note(constraint: TokenConstraint) -> Note | None:
    """What a person should know of a constraint that does not hold entirely."""
    if not constraint.not_enforced:
        return None
    names = ", ".join(constraint.not_enforced)
    return Note(
        "schema_not_enforced",
        f"The answer may not fulfil all of the schema: {names} cannot be enforced.",
    )
