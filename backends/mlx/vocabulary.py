"""Text to tokens and back, by the tokenizer.json of an MLX folder.

The file is what its model was trained with, so it is used as it is: the classes that transformers
puts around it rebuild parts of it and may run code of the repository.
"""

import json
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from tokenizers import Tokenizer

from backends.chat.tokenizer import SpecialToken
from backends.errors import ModelFileMissing, NotAModelFile
from backends.mlx.folder import ModelFolder, read_json

_TOKENIZER_BYTES = 256 * 1024**2
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_BLANK = "\u2581"  # SentencePiece writes it for a blank
_ENDS = frozenset(
    (
        *("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|endoftext|>", "<|end|>"),
        *("<end_of_turn>", "<turn|>", "<|return|>", "<|call|>", "<｜end▁of▁sentence｜>", "<EOT>"),
    )
)
"""End of an answer in the large families; conversions often name only one of a model's."""


class _Description(msgspec.Struct):
    """The parts of tokenizer.json that tell how tokens spell text."""

    normalizer: Any = None
    pre_tokenizer: Any = None
    decoder: Any = None


class Vocabulary:
    """The vocabulary of an MLX model. Implements `backends.chat.tokenizer.Tokenizer`."""

    def __init__(self, folder: ModelFolder) -> None:
        """Raises `ModelFileMissing` and `NotAModelFile`."""
        self._tokenizer, description = _open(folder.path / "tokenizer.json")
        config = read_json(folder.path / "tokenizer_config.json", _TOKENIZER_BYTES)
        self.size: int = self._tokenizer.get_vocab_size()
        self.bos = self._id(config.get("bos_token"), folder.value("bos_token_id"))
        ends = _integers(folder.value("eos_token_id"))
        self.eos = self._id(config.get("eos_token"), ends[0] if ends else None)
        self.adds_bos = self.bos >= 0 and self._adds_bos(config.get("add_bos_token"))
        self.sentencepiece = _puts_blank(description)
        self._byte_level = _mentions(description.decoder, "ByteLevel")
        self._spoken: set[int] = set()
        self._pieces: dict[int, bytes] = {}
        texts = {self.text(self.eos), *_ENDS}
        self._ends = {*ends, *(token.id for token in self.special_tokens if token.text in texts)}

    @cached_property
    def special_tokens(self) -> Sequence[SpecialToken]:
        """Control, unknown and user-defined tokens."""
        added = self._tokenizer.get_added_tokens_decoder()
        return tuple(
            SpecialToken(number, token.content, user_defined=not token.special)
            for number, token in sorted(added.items())
        )

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Ids of `text` without BOS or EOS; `special` recognises control tokens in it."""
        self._tokenizer.encode_special_tokens = not special
        return list(self._tokenizer.encode(_valid(text), add_special_tokens=False).ids)

    def tokenize_whole(self, text: str) -> list[int]:
        """Ids of `text` with what the tokenizer itself puts around a text."""
        self._tokenizer.encode_special_tokens = True
        return list(self._tokenizer.encode(_valid(text), add_special_tokens=True).ids)

    @property
    def description(self) -> str:
        """The tokenizer as JSON, in the form of tokenizer.json."""
        return self._tokenizer.to_str()

    def text(self, token: int) -> str:
        """The text of a token as the vocabulary writes it; empty for an id it does not have."""
        return "" if token < 0 else self._tokenizer.id_to_token(token) or ""

    def is_special_text(self, text: str) -> bool:
        """Whether `text` is exactly one special token."""
        return any(token.text == text for token in self.special_tokens)

    def speak(self, texts: Iterable[str]) -> None:
        """Let `piece` give the text of control tokens that the caller's parser needs to see."""
        wanted = set(texts)
        self._spoken |= {token.id for token in self.special_tokens if token.text in wanted}
        self._pieces.clear()

    def piece(self, token: int) -> bytes:
        """The bytes that `token` stands for; none for a control token that is not spoken."""
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._pieces[token] = self._read_piece(token)
        return piece

    def plain_piece(self, token: int) -> bytes:
        """As `piece`, but none for any special token."""
        return b"" if token in self._special else self.piece(token)

    def is_eog(self, token: int) -> bool:
        """Whether `token` ends the generation."""
        return token in self._ends

    @property
    def ends(self) -> frozenset[int]:
        """The tokens that end the generation."""
        return frozenset(self._ends)

    @cached_property
    def _special(self) -> dict[int, SpecialToken]:
        return {token.id: token for token in self.special_tokens}

    def _read_piece(self, token: int) -> bytes:
        special = self._special.get(token)
        if special is not None:
            shown = special.user_defined or token in self._spoken
            return special.text.encode() if shown else b""
        text = self.text(token)
        if self._byte_level:
            return b"".join(_BYTES.get(char) or char.encode() for char in text)
        if byte := _BYTE.fullmatch(text):
            return bytes([int(byte[1], 16)])
        return text.replace(_BLANK, " ").encode()

    def _id(self, token: object, fallback: object) -> int:
        """The id of a token that a config names by text, by an object with its text, or by id."""
        text = token.get("content") if isinstance(token, dict) else token
        found = self._tokenizer.token_to_id(text) if isinstance(text, str) else None
        numbers = _integers(fallback)
        return found if found is not None else (numbers[0] if numbers else -1)

    def _adds_bos(self, told: object) -> bool:
        if isinstance(told, bool):
            return told
        return self._tokenizer.encode("", add_special_tokens=True).ids[:1] == [self.bos]


def chat_template(folder: ModelFolder) -> str | None:
    """The Jinja source that belongs to the model, if there is one."""
    try:
        return (folder.path / "chat_template.jinja").read_text(encoding="utf-8")
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError) as error:
        raise NotAModelFile("chat_template.jinja cannot be read.", str(error)) from None
    for name in ("chat_template.json", "tokenizer_config.json"):
        found = read_json(folder.path / name, _TOKENIZER_BYTES).get("chat_template")
        if isinstance(found, list):  # several with names, the one called "default" is meant
            named = {each.get("name"): each.get("template") for each in found if each}
            found = named.get("default")
        if isinstance(found, str) and found:
            return found
    return None


def _open(path: Path) -> tuple[Tokenizer, _Description]:
    if not path.is_file():
        raise ModelFileMissing("The model has no tokenizer.json, without which it has no words.")
    try:
        description = msgspec.json.decode(path.read_bytes(), type=_Description)
        return Tokenizer.from_file(str(path)), description
    except Exception as error:  # noqa: BLE001  # the library raises bare exceptions
        raise NotAModelFile("tokenizer.json cannot be used.", str(error)) from None


def _valid(text: str) -> str:
    """`text` without lone surrogates, which are no characters."""
    return text.encode("utf-8", "replace").decode()


def _integers(value: object) -> list[int]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, int) and not isinstance(each, bool)]


def _mentions(part: object, name: str) -> bool:
    """Whether a part of the tokenizer is of type `name`, or a sequence with one of it."""
    return part is not None and f'"type": "{name}"' in json.dumps(part)


def _puts_blank(description: _Description) -> bool:
    """Whether a blank comes before the first word of every text."""
    if _mentions(description.normalizer, "Prepend"):
        return True
    text = json.dumps(description.pre_tokenizer)
    never = '"prepend_scheme": "never"' in text or '"add_prefix_space": false' in text
    return _mentions(description.pre_tokenizer, "Metaspace") and not never


def _byte_alphabet() -> dict[str, bytes]:
    """Byte-level BPE writes every byte as a printable character: those that are, as themselves.

    The other 68 follow in order from U+0100 on (the alphabet of GPT-2).
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    alphabet = {chr(byte): bytes([byte]) for byte in printable}
    return alphabet | {chr(0x100 + n): bytes([byte]) for n, byte in enumerate(others)}


_BYTES = _byte_alphabet()
