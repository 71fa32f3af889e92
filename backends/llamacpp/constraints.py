"""Constraints of answers for a GGUF model."""

import warnings

from llguidance import LLTokenizer
from llguidance.llamacpp import lltokenizer_from_vocab

from backends.constraints.guided import SLICES, ConstraintCompiler
from backends.constraints.token_constraint import TokenConstraint
from backends.llamacpp.gbnf import GbnfConstraint, check_text
from backends.llamacpp.gbnf_check import check_in_child
from backends.llamacpp.vocabulary import Vocabulary
from backends.types import Constraint, GbnfGrammar


class ConstraintFactory:
    """Makes the constraints of one loaded model's answers. Drop it before the model is closed."""

    def __init__(self, vocabulary: Vocabulary, model_path: str) -> None:
        self._vocabulary = vocabulary
        self._model_path = model_path
        self._compiler = ConstraintCompiler(lambda: guided_tokenizer(vocabulary))
        self._checked: set[str] = set()
        self.spell = self._compiler.spell

    def make(self, constraint: Constraint) -> TokenConstraint:
        """The constraint of one answer; close it before the model.

        The first one prepares the vocabulary (0.2 s for 49,000 tokens, 4 s for 262,000); a new
        GBNF grammar is tried in a process of its own (half a second).

        Raises:
            BadRequest: it is not valid or too large; the message says what to do.
        """
        if not isinstance(constraint, GbnfGrammar):
            return self._compiler.compile(constraint)
        if constraint.grammar not in self._checked:
            check_text(constraint.grammar)
            check_in_child(constraint.grammar, self._model_path)
            self._checked.add(constraint.grammar)
        return GbnfConstraint(constraint.grammar, self._vocabulary)


def guided_tokenizer(vocabulary: Vocabulary) -> LLTokenizer:
    """The vocabulary as llguidance wants it; valid as long as the model is loaded."""
    with warnings.catch_warnings():
        # llguidance calls llama_token_get_attr, which the bindings call deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        return lltokenizer_from_vocab(
            vocabulary.handle, eos_token=list(vocabulary.eog_tokens), slices=[*SLICES]
        )
