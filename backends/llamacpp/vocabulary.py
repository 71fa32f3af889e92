"""Text to tokens and back."""

import ctypes
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from backends.chat.tokenizer import SpecialToken
from backends.errors import BadRequest
from backends.llamacpp.library import native

# llama.h: enum llama_vocab_type, enum llama_token_attr
_SENTENCEPIECE = 1
_UNKNOWN, _NORMAL, _CONTROL, _USER_DEFINED = 1, 4, 8, 16


class Vocabulary:
    """The vocabulary of a loaded model; valid only as long as the model is.

    Implements `backends.chat.tokenizer.Tokenizer`.
    """

    def __init__(self, model: Any) -> None:
        self._vocab = native.llama_model_get_vocab(model)
        self.size = int(native.llama_vocab_n_tokens(self._vocab))
        self.bos = int(native.llama_vocab_bos(self._vocab))
        """Id of the beginning-of-sequence token, -1 if there is none."""
        self.eos = int(native.llama_vocab_eos(self._vocab))
        self.adds_bos = bool(native.llama_vocab_get_add_bos(self._vocab)) and self.bos >= 0
        self.sentencepiece = native.llama_vocab_type(self._vocab) == _SENTENCEPIECE
        self._spoken: dict[int, bytes] = {}
        self._buffer = ctypes.create_string_buffer(256)

    @property
    def handle(self) -> Any:
        """The native vocabulary."""
        return self._vocab

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Ids of `text` without BOS or EOS; `special` recognises control tokens in it."""
        return self._tokenize(text, whole=False, special=special)

    def tokenize_whole(self, text: str) -> list[int]:
        """Ids of a text that stands alone, with the tokens that the model wants around one."""
        return self._tokenize(text, whole=True, special=False)

    def _tokenize(self, text: str, *, whole: bool, special: bool) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        ids = (ctypes.c_int32 * room)()
        count = native.llama_tokenize(self._vocab, data, len(data), ids, room, whole, special)
        if count < 0:
            room = -count
            ids = (ctypes.c_int32 * room)()
            count = native.llama_tokenize(self._vocab, data, len(data), ids, room, whole, special)
        if count < 0:
            raise BadRequest("The text cannot be tokenized.")
        return ids[:count]

    def piece(self, token: int) -> bytes:
        """The bytes that `token` stands for; none for a control token."""
        piece = self._spoken.get(token)
        if piece is None:
            piece = self._spoken[token] = self._native_piece(token)
        return piece

    def speak(self, texts: Iterable[str]) -> None:
        """Let `piece` give the text of control tokens that the caller's parser needs to see."""
        wanted = set(texts)
        for token in self.special_tokens:
            if token.text in wanted:
                self._spoken[token.id] = token.text.encode()

    def is_eog(self, token: int) -> bool:
        """Whether `token` ends the generation."""
        return bool(native.llama_vocab_is_eog(self._vocab, token))

    def text(self, token: int) -> str:
        """The text of a token as the vocabulary writes it; empty for an id below 0."""
        if token < 0:
            return ""
        return bytes(native.llama_vocab_get_text(self._vocab, token)).decode("utf-8", "replace")

    @cached_property
    def special_tokens(self) -> tuple[SpecialToken, ...]:
        """Control, unknown and user-defined tokens."""
        attribute, vocab = native.llama_vocab_get_attr, self._vocab
        found = []
        for token in range(self.size):
            kind = attribute(vocab, token)
            if kind != _NORMAL and kind & (_UNKNOWN | _CONTROL | _USER_DEFINED):
                user_defined = bool(kind & _USER_DEFINED)
                found.append(SpecialToken(token, self.text(token), user_defined=user_defined))
        return tuple(found)

    @cached_property
    def eog_tokens(self) -> tuple[int, ...]:
        """Ids of all tokens that end the generation."""
        return tuple(filter(self.is_eog, range(self.size)))

    @cached_property
    def special_ids(self) -> frozenset[int]:
        """Ids of the special tokens."""
        return frozenset(token.id for token in self.special_tokens)

    def is_special_text(self, text: str) -> bool:
        """Whether `text` is exactly one special token."""
        return any(token.text == text for token in self.special_tokens)

    def _native_piece(self, token: int) -> bytes:
        size = native.llama_token_to_piece(
            self._vocab, token, self._buffer, len(self._buffer), 0, False
        )
        if size < 0:
            self._buffer = ctypes.create_string_buffer(-size)
            size = native.llama_token_to_piece(self._vocab, token, self._buffer, -size, 0, False)
        return self._buffer.raw[: max(size, 0)]
