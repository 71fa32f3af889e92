"""The thread that makes constraints."""

import threading

import pytest

from backends.chat.answer_plan import AnswerPlan, plan_answer
from backends.chat.prompt import PromptBuilder
from backends.constraints.for_answer import ConstraintMaker
from backends.constraints.guided import ConstraintCompiler
from backends.constraints.token_constraint import TokenConstraint
from backends.errors import BadConstraint, BadRequest
from backends.llamacpp.vocabulary import Vocabulary
from backends.types import Constraint, GenerationRequest, RegularExpression, SamplingParams

DIGIT = RegularExpression("[0-9]")


@pytest.fixture
def plan(vocabulary: Vocabulary) -> AnswerPlan:
    request = GenerationRequest("a", (), prompt="A digit: ", constraint=DIGIT)
    return plan_answer(request, SamplingParams(), PromptBuilder(vocabulary, None), vocabulary, 512)


class Closing:
    """A constraint that is only closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed.set()


def test_closing_waits_for_what_is_being_made(
    plan: AnswerPlan, compiler: ConstraintCompiler
) -> None:
    begun, go_on, made = threading.Event(), threading.Event(), threading.Event()

    def make(constraint: Constraint) -> TokenConstraint:
        begun.set()
        go_on.wait()
        made.set()
        return compiler.compile(constraint)

    maker = ConstraintMaker(make, compiler.spell)
    events = maker.for_answer(plan, threading.Event(), lambda: True)
    next(events)
    begun.wait()
    closing = threading.Thread(target=maker.close)
    closing.start()
    events.close()
    assert closing.is_alive()
    go_on.set()
    closing.join()
    assert made.is_set()


def test_a_constraint_that_nobody_waits_for_any_more_is_closed(
    plan: AnswerPlan, compiler: ConstraintCompiler
) -> None:
    go_on, constraint = threading.Event(), Closing()

    def make(_constraint: Constraint) -> TokenConstraint:
        go_on.wait()
        return constraint  # type: ignore[return-value]  # nothing else of it is used

    maker = ConstraintMaker(make, compiler.spell)
    events = maker.for_answer(plan, threading.Event(), lambda: False)
    next(events)
    events.close()
    assert not constraint.closed.is_set()
    go_on.set()
    maker.close()
    assert constraint.closed.is_set()


def test_a_refused_constraint_is_told_apart_from_other_bad_requests(plan: AnswerPlan) -> None:
    def make(_constraint: Constraint) -> TokenConstraint:
        raise BadRequest("The JSON schema cannot be used.", "objct")

    maker = ConstraintMaker(make, lambda _text: [])
    with pytest.raises(BadConstraint, match="cannot be used") as caught:
        list(maker.for_answer(plan, threading.Event(), lambda: False))
    assert caught.value.detail == "objct"
    maker.close()
