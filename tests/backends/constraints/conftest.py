"""The vocabulary of the starter model, as constraints see it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.constraints.guided import ConstraintCompiler
from backends.llamacpp.constraints import guided_tokenizer
from backends.llamacpp.vocabulary import Vocabulary
from tests.backends.llamacpp.small import vocabulary_of


@pytest.fixture(scope="session")
def vocabulary(starter_file: Path) -> Iterator[Vocabulary]:
    with vocabulary_of(starter_file) as vocabulary:
        yield vocabulary


@pytest.fixture(scope="session")
def compiler(vocabulary: Vocabulary) -> ConstraintCompiler:
    return ConstraintCompiler(lambda: guided_tokenizer(vocabulary))
