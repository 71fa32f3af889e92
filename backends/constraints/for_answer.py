"""The constraint of one answer, by its plan."""

from collections.abc import Callable

from backends.chat.answer_plan import AnswerPlan
from backends.constraints.reasoning_first import ReasoningFirst
from backends.constraints.token_constraint import TokenConstraint
from backends.types import Constraint


def constraint_for(
    plan: AnswerPlan, make: Callable[[Constraint], TokenConstraint]
) -> TokenConstraint | None:
    """What holds for the tokens behind the reasoning; None where everything is allowed.

    Raises `BadRequest` for a constraint that cannot be followed.
    """
    if plan.constraint is None:
        return None
    constraint = make(plan.constraint)
    return constraint if plan.opening is None else ReasoningFirst(constraint, plan.opening)
