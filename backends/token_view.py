"""Tokenizes a text with a model's vocabulary, without its weights, in a process of its own.

Reads a `Question` in JSON on standard input and writes a list of `TextToken` to standard output.
The vocabulary of a file is read by native code, which a broken file may bring down.
"""

import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from backends.chat.token_view import tokens_of
from backends.chat.tokenizer import Tokenizer
from backends.errors import BackendError

FLAG = "--token-view"
"""Makes the program run `main`."""
_MOST_BYTES = 4_000_000
NO_VOCABULARY = 3
"""Exit status where standard error tells a person why."""
_NO_QUESTION = 2


class Question(Struct, frozen=True):
    """Which text, and whose vocabulary."""

    path: str
    """A GGUF file or an MLX folder."""
    text: str


def main() -> int:
    """Answer one question; the exit status is 0 if there is an answer, else words on stderr."""
    try:
        question = msgspec.json.decode(sys.stdin.buffer.read(_MOST_BYTES), type=Question)
    except msgspec.DecodeError:
        return _NO_QUESTION
    try:
        found = tokens_of(_vocabulary(question.path), question.text)
    except (BackendError, ImportError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return NO_VOCABULARY
    sys.stdout.buffer.write(msgspec.json.encode(found))
    return 0


def _vocabulary(path: str) -> Tokenizer:
    if Path(path).is_dir():
        from backends.mlx.folder import open_folder
        from backends.mlx.vocabulary import Vocabulary

        return Vocabulary(open_folder(Path(path)))
    from backends.llamacpp.vocabulary_only import open_vocabulary

    return open_vocabulary(path)
