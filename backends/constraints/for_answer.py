"""The constraint of one answer, by its plan, made while other answers go on."""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait

from backends.chat.answer_plan import AnswerPlan
from backends.constraints.reasoning_first import ReasoningFirst
from backends.constraints.token_constraint import TokenConstraint, not_enforced_note
from backends.errors import BadConstraint, BadRequest
from backends.types import Constraint, GenerationEvent, Progress

_SOON = 0.02
"""Seconds that most constraints take at most; other answers may wait so long."""
_CANCEL_SECONDS = 0.05
"""How soon a cancel is heard while nobody else answers."""
_DOES_NOT_FIT = (
    "This answer cannot be continued: what is there of it does not fit the form that is asked for. "
    "Let it be answered anew, or switch the form off."
)


class ConstraintMaker:
    """Makes the constraints of one model's answers, on a thread of its own.

    The first one of a model takes seconds where the vocabulary is large, and a grammar may be
    tried in another process. Close it before the model.
    """

    def __init__(
        self, make: Callable[[Constraint], TokenConstraint], spell: Callable[[str], list[int]]
    ) -> None:
        """`make` may raise `BadRequest`; `spell` gives tokens that are exactly a text.

        Neither is called twice at once.
        """
        self._make = make
        self._spell = spell
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="constraints")

    def for_answer(
        self, plan: AnswerPlan, cancelled: threading.Event, others: Callable[[], bool]
    ) -> Generator[GenerationEvent, None, TokenConstraint | None]:
        """Signs of life until the constraint of an answer is made, and what is to be said of it.

        Gives what holds for the tokens behind the reasoning, and behind what is there of an answer
        that is continued; it may be finished already. None where everything is allowed, or
        once the answer is cancelled. `others` says whether other answers are under way: then it
        gives them their turn at once.

        Raises `BadConstraint` for a constraint that cannot be followed, or that the begun answer
        does not fulfil.
        """
        if plan.constraint is None or cancelled.is_set():
            return None
        making = self._thread.submit(self._behind, plan.constraint, plan.begun)
        taken = False
        try:
            patience = _SOON
            while not wait((making,), patience).done and not cancelled.is_set():
                yield Progress(0, len(plan.prompt.tokens), 0)
                patience = 0.0 if others() else _CANCEL_SECONDS
            if cancelled.is_set():
                return None
            taken = True
            try:
                constraint = making.result()
            except BadRequest as error:
                raise BadConstraint(error.message, error.detail) from error
        finally:
            if not taken and not making.cancel():
                making.add_done_callback(_discard)
        if (note := not_enforced_note(constraint)) is not None:
            yield note
        return constraint if plan.opening is None else ReasoningFirst(constraint, plan.opening)

    def _behind(self, wanted: Constraint, begun: str) -> TokenConstraint:
        """The constraint as it holds behind the text of a begun answer."""
        constraint = self._make(wanted)
        try:
            for token in self._spell(begun) if begun else ():
                if not constraint.allows(token):
                    raise BadRequest(_DOES_NOT_FIT)
                constraint.accept(token)
        except BaseException:
            constraint.close()
            raise
        return constraint

    def close(self) -> None:
        """Wait for what is being made."""
        self._thread.shutdown(cancel_futures=True)


def _discard(making: Future[TokenConstraint]) -> None:
    if not making.cancelled() and making.exception() is None:
        making.result().close()
