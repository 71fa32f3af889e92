"""A constraint that lets the model reason before it answers."""

from backends.constraints.token_constraint import Logits, TokenConstraint


class ReasoningFirst:
    """Lets an answer begin with the token that opens the reasoning. Implements `TokenConstraint`.

    For models that open their reasoning themselves: at the first token they may do so, or begin
    the constrained answer. What is said while the model reasons is not to be brought here.
    """

    def __init__(self, constraint: TokenConstraint, opening: int) -> None:
        self._constraint = constraint
        self._opening = opening
        self._may_open = True

    @property
    def finished(self) -> bool:
        """The answer is complete."""
        return self._constraint.finished and not self._may_open

    @property
    def not_enforced(self) -> tuple[str, ...]:
        """Features of the constraint that are not enforced, by name."""
        return self._constraint.not_enforced

    def allows(self, token: int) -> bool:
        """Whether `token` may come next."""
        return self._opens(token) or self._constraint.allows(token)

    def mask(self, logits: Logits) -> None:
        """Set all refused tokens to -inf, in place."""
        opening = logits[self._opening]
        self._constraint.mask(logits)
        if self._may_open:
            logits[self._opening] = opening

    def accept(self, token: int) -> None:
        """Go on behind `token`. Raises `EngineFailure` if it is refused."""
        if not self._opens(token):
            self._constraint.accept(token)
        self._may_open = False

    def close(self) -> None:
        """Free what the constraint holds."""
        self._constraint.close()

    def _opens(self, token: int) -> bool:
        return self._may_open and token == self._opening
