"""The constraint of one answer, by its plan, made while other answers go on."""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait

from backends.chat.answer_plan import AnswerPlan
from backends.constraints.reasoning_first import ReasoningFirst
from backends.constraints.token_constraint import TokenConstraint, not_enforced_note
from backends.types import Constraint, GenerationEvent, Progress

_SOON = 0.02
"""Seconds that most constraints take at most; other answers may wait so long."""
_CANCEL_SECONDS = 0.05
"""How soon a cancel is heard while nobody else answers."""


class ConstraintMaker:
    """Makes the constraints of one model's answers, on a thread of its own.

    The first one of a model takes seconds where the vocabulary is large, and a grammar may be
    tried in another process. Close it before the model.
    """

    def __init__(self, make: Callable[[Constraint], TokenConstraint]) -> None:
        """`make` is never called twice at once; it may raise `BadRequest`."""
        self._make = make
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="constraints")

    def for_answer(
        self, plan: AnswerPlan, cancelled: threading.Event, others: Callable[[], bool]
    ) -> Generator[GenerationEvent, None, TokenConstraint | None]:
        """Signs of life until the constraint of an answer is made, and what is to be said of it.

        Gives what holds for the tokens behind the reasoning; None where everything is allowed, or
        once the answer is cancelled. `others` says whether other answers are under way: then it
        gives them their turn at once.

        Raises `BadRequest` for a constraint that cannot be followed.
        """
        if plan.constraint is None or cancelled.is_set():
            return None
        making = self._thread.submit(self._make, plan.constraint)
        taken = False
        try:
            patience = _SOON
            while not wait((making,), patience).done and not cancelled.is_set():
                yield Progress(0, len(plan.prompt.tokens), 0)
                patience = 0.0 if others() else _CANCEL_SECONDS
            if cancelled.is_set():
                return None
            constraint = making.result()
            taken = True
        finally:
            if not taken and not making.cancel():
                making.add_done_callback(_discard)
        if (note := not_enforced_note(constraint)) is not None:
            yield note
        return constraint if plan.opening is None else ReasoningFirst(constraint, plan.opening)

    def close(self) -> None:
        """Wait for what is being made."""
        self._thread.shutdown(cancel_futures=True)


def _discard(making: Future[TokenConstraint]) -> None:
    if not making.cancelled() and making.exception() is None:
        making.result().close()
