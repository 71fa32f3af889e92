"""Look at the chat template of a model, in children that may hang, grow or crash without harm."""

import subprocess
import sys
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from app.core.chat_template import read_template
from app.core.children import child_command, empty_folder, engine_environment, give_back
from app.core.errors import ModelError
from app.core.installed_engines import usual_environment
from backends import token_view
from backends.chat.template_report import FLAG, Question, Report
from backends.chat.token_view import TextToken

CHECK_SECONDS = 30.0
"""With the start of the child on a slow disk."""
_NO_WINDOW = 0x0800_0000 if sys.platform == "win32" else 0  # CREATE_NO_WINDOW

T = TypeVar("T")


def check_template(path: Path, seconds: float = CHECK_SECONDS) -> Report | None:
    """What the template of a GGUF file or MLX folder does; None if it has none.

    Raises ModelError: the file cannot be read, or the look took too long or failed.
    """
    question = read_template(path)
    return check_question(question, seconds) if question else None


def check_question(question: Question, seconds: float = CHECK_SECONDS) -> Report:
    """What a template does. Raises ModelError: the look took too long or failed."""
    try:
        return _ask_child(FLAG, question, Report, seconds)
    except _NoAnswer as error:
        raise ModelError(
            "The chat template could not be looked at",
            str(error),
            "Be careful with this model: its template may be broken or harmful.",
        ) from error


def tokens_of(path: Path, text: str, seconds: float = CHECK_SECONDS) -> tuple[TextToken, ...]:
    """`text` as the model at `path` reads it; needs its vocabulary, not its weights.

    Raises ModelError: the vocabulary cannot be read, or it took too long.
    """
    question = token_view.Question(str(path), text)
    try:
        return _ask_child(token_view.FLAG, question, tuple[TextToken, ...], seconds)
    except _NoAnswer as error:
        raise ModelError(
            "The tokens cannot be shown",
            str(error),
            "The model's vocabulary may be damaged, or of a kind that no engine here knows.",
        ) from error


class _NoAnswer(Exception):
    """Why a child said nothing, as a sentence."""


def _ask_child(flag: str, question: Struct, answer: type[T], seconds: float) -> T:
    folder = empty_folder()
    try:
        child = subprocess.run(
            child_command(flag),
            input=msgspec.json.encode(question),
            capture_output=True,
            timeout=seconds,
            env=engine_environment() | usual_environment(),
            cwd=folder,
            creationflags=_NO_WINDOW,
            check=False,
        )
        if child.returncode == token_view.NO_VOCABULARY:
            raise _NoAnswer(child.stderr.decode("utf-8", "replace").strip()[-500:])
        if child.returncode:
            raise _NoAnswer(f"The process that looked ended with status {child.returncode}.")
        return msgspec.json.decode(child.stdout, type=answer)
    except subprocess.TimeoutExpired:
        raise _NoAnswer(f"It was not done after {seconds:.0f} seconds.") from None
    except (OSError, msgspec.DecodeError) as error:
        raise _NoAnswer(str(error)) from None
    finally:
        give_back(folder)
