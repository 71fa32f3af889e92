"""The chat template of a model, and the texts of its vocabulary that it may print.

A GGUF file has it in its header. Otherwise it lies beside the weights, in `chat_template.jinja`
or, as older repositories have it, in a JSON file: a text, or several with names of which the one
called "default" is meant (https://huggingface.co/docs/transformers/chat_templating).
"""

from pathlib import Path
from typing import Any

import msgspec

from app.core.gguf import Limits, read_header
from app.core.gguf_types import GgufArray, GgufHeader
from backends.chat.template_report import Question

TEMPLATE_FILE = "chat_template.jinja"
JSON_FILES = ("chat_template.json", "tokenizer_config.json")
MOST_BYTES = 64 * 1024**2
"""Of a file that holds a template; the vocabulary's added tokens may be in it too."""
_TOKENS = "tokenizer.ggml.tokens"


def read_template(path: Path) -> Question | None:
    """The template of a GGUF file or an MLX folder; None if it has none.

    Raises ModelError: the file cannot be read.
    """
    question = read_template_parts(path) if path.is_dir() else _of_gguf(path)
    return question if question.source else None


def read_template_parts(folder: Path) -> Question:
    """What the files of an MLX folder say; what cannot be read is as if it were not there."""
    config = in_config(_read(folder / JSON_FILES[1]))
    source = _read(folder / TEMPLATE_FILE).decode("utf-8", "replace")
    source = source or in_config(_read(folder / JSON_FILES[0])).source
    return msgspec.structs.replace(config, source=source) if source else config


def in_config(data: bytes) -> Question:
    """What a `tokenizer_config.json` says; nothing where it is no JSON object."""
    try:
        config = msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return Question("")
    added = config.get("added_tokens_decoder")
    texts = (_token(each) for each in added.values()) if isinstance(added, dict) else ()
    return Question(
        _default(config.get("chat_template")),
        bos=_token(config.get("bos_token")),
        eos=_token(config.get("eos_token")),
        control=tuple(text for text in texts if _looks_like_control(text)),
    )


def _default(told: object) -> str:
    if isinstance(told, list):
        named = {each.get("name"): each.get("template") for each in told if isinstance(each, dict)}
        told = named.get("default")
    return told if isinstance(told, str) else ""


def _token(told: object) -> str:
    """A token as a text or as an object with its text."""
    text = told.get("content") if isinstance(told, dict) else told
    return text if isinstance(text, str) else ""


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES)
    except OSError:
        return b""


def _of_gguf(path: Path) -> Question:
    header = read_header(path, limits=Limits(kept_whole=frozenset({_TOKENS})))
    array = header.metadata.get(_TOKENS)
    tokens = array.values or () if isinstance(array, GgufArray) else ()
    texts = (token for token in tokens if isinstance(token, str))
    return Question(
        header.chat_template or "",
        bos=_numbered(header, tokens, "tokenizer.ggml.bos_token_id"),
        eos=_numbered(header, tokens, "tokenizer.ggml.eos_token_id"),
        control=tuple(text for text in texts if _looks_like_control(text)),
    )


def _numbered(header: GgufHeader, tokens: tuple[object, ...], key: str) -> str:
    number = header.integer(key)
    token = tokens[number] if number is not None and 0 <= number < len(tokens) else ""
    return token if isinstance(token, str) else ""


def _looks_like_control(text: str) -> bool:
    """In the usual brackets of control tokens; the kinds of tokens are not kept when read."""
    return len(text) > 2 and text[0] in "<[" and text[-1] in ">]"
