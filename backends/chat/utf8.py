"""Bytes of tokens to characters: a character split over tokens comes out whole or not at all."""

import codecs

_decoder = codecs.getincrementaldecoder("utf-8")


class Utf8Stream:
    """Decodes UTF-8 given in pieces cut anywhere.

    Bytes that can never become a character turn into U+FFFD; bytes that still can are held. What
    is held when the answer ends was half a character, and is dropped.
    """

    def __init__(self) -> None:
        self._decoder = _decoder("replace")

    def push(self, piece: bytes) -> str:
        """The characters that `piece` completes."""
        return self._decoder.decode(piece)

    @property
    def pending(self) -> bool:
        """A character is half there."""
        return bool(self._decoder.getstate()[0])
