"""JSON schemas of all kinds, walked token by token with a real vocabulary."""

import json
from typing import Any

import pytest

from backends.constraints.guided import ConstraintCompiler, GuidedConstraint
from backends.errors import BadRequest
from backends.llamacpp.vocabulary import Vocabulary
from backends.types import JsonSchema
from tests.backends.constraints.schemas import CASES, Case, document
from tests.backends.llamacpp.small import passes

pytestmark = pytest.mark.engine

USABLE = [case for case in CASES if not case.refused]
REFUSED = [case for case in CASES if case.refused]


def compile_schema(compiler: ConstraintCompiler, schema: Any) -> GuidedConstraint:
    return compiler.compile(JsonSchema(json.dumps(schema)))


def test_most_schemas_are_enforced_exactly() -> None:
    assert len(CASES) == 86
    assert len({case.name for case in CASES}) == 86
    assert sum(case.exact for case in CASES) >= 75
    assert sum(bool(case.not_enforced) for case in CASES) == 6
    assert sum(bool(case.stricter) for case in CASES) == 3
    assert [case.name for case in REFUSED] == ["$ref external URL", "pattern lookahead"]


@pytest.mark.parametrize("case", USABLE, ids=[case.name for case in USABLE])
def test_schema(case: Case, compiler: ConstraintCompiler, vocabulary: Vocabulary) -> None:
    def accepted(value: Any) -> bool:
        tokens = vocabulary.tokenize(document(value), special=False)
        return passes(compile_schema(compiler, case.schema), tokens, vocabulary)

    assert case.valid
    assert case.invalid or case.stricter
    assert [value for value in case.valid if not accepted(value)] == []
    assert [value for value in case.invalid if accepted(value)] == []
    assert [value for value in case.stricter if accepted(value)] == []
    assert [value for value in case.let_through if not accepted(value)] == []
    assert compile_schema(compiler, case.schema).not_enforced == case.not_enforced


@pytest.mark.parametrize("case", REFUSED, ids=[case.name for case in REFUSED])
def test_a_schema_that_cannot_be_used_is_refused_by_name(
    case: Case, compiler: ConstraintCompiler
) -> None:
    with pytest.raises(BadRequest, match=case.refused) as caught:
        compile_schema(compiler, case.schema)
    assert caught.value.message.endswith((".", "…)."))
