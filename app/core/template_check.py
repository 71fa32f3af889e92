"""Look at the chat template of a model, in a child that may hang or grow without harm."""

import subprocess
import sys
from pathlib import Path

import msgspec

from app.core.children import child_command, empty_folder, engine_environment, give_back
from app.core.errors import ModelError
from app.core.gguf import Limits, read_header
from app.core.gguf_types import GgufArray, GgufHeader
from backends.chat.template_check import FLAG, Question, Report

CHECK_SECONDS = 30.0
"""With the start of the child on a slow disk."""
_TOKENS = "tokenizer.ggml.tokens"
_NO_WINDOW = 0x0800_0000 if sys.platform == "win32" else 0  # CREATE_NO_WINDOW


def check_template(path: Path, seconds: float = CHECK_SECONDS) -> Report | None:
    """What the template of a GGUF file does; None if it has none.

    Raises ModelError: the file cannot be read, or the look took too long or failed.
    """
    kept = frozenset({_TOKENS})
    header = read_header(path, limits=Limits(kept_whole=kept))
    if not header.chat_template:
        return None
    question = Question(
        header.chat_template,
        bos=_token(header, "tokenizer.ggml.bos_token_id"),
        eos=_token(header, "tokenizer.ggml.eos_token_id"),
        control=_control_like(header),
    )
    folder = empty_folder()
    try:
        child = subprocess.run(
            child_command(FLAG),
            input=msgspec.json.encode(question),
            capture_output=True,
            timeout=seconds,
            env=engine_environment(),
            cwd=folder,
            creationflags=_NO_WINDOW,
            check=False,
        )
        return msgspec.json.decode(child.stdout, type=Report)
    except subprocess.TimeoutExpired:
        problem = f"It was not done after {seconds:.0f} seconds."
    except (OSError, msgspec.DecodeError) as error:
        problem = str(error)
    finally:
        give_back(folder)
    raise ModelError(
        "The chat template could not be looked at",
        problem,
        "Be careful with this model: its template may be broken or harmful.",
    )


def _tokens(header: GgufHeader) -> tuple[object, ...]:
    array = header.metadata.get(_TOKENS)
    return array.values or () if isinstance(array, GgufArray) else ()


def _token(header: GgufHeader, key: str) -> str:
    number, tokens = header.integer(key), _tokens(header)
    token = tokens[number] if number is not None and 0 <= number < len(tokens) else ""
    return token if isinstance(token, str) else ""


def _control_like(header: GgufHeader) -> tuple[str, ...]:
    """Tokens in the usual brackets of control tokens; their types are not kept when read."""
    texts = (token for token in _tokens(header) if isinstance(token, str))
    return tuple(text for text in texts if text[:1] in "<[" and text[-1:] in ">]" and len(text) > 2)
