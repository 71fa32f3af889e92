"""A text as the tokens that a model reads, for people to look at."""

from msgspec import Struct

from backends.chat.tokenizer import Tokenizer, with_bos


class TextToken(Struct, frozen=True):
    """One token of a text."""

    id: int
    text: str
    """What it spells; bytes that are no whole character as <0xE2>."""
    control: bool = False
    """It structures the chat and is no text of it."""


def tokens_of(tokenizer: Tokenizer, text: str) -> tuple[TextToken, ...]:
    """The tokens of a rendered prompt, with the one that the model wants at its beginning."""
    special = {token.id: token for token in tokenizer.special_tokens}
    found = []
    for token in with_bos(tokenizer, tokenizer.tokenize(text, special=True)):
        known = special.get(token)
        # Those that a maker added, such as runs of blanks and HTML tags, are text.
        control = known is not None and not known.user_defined
        text = known.text if known is not None else _spelled(tokenizer.piece(token))
        found.append(TextToken(token, text, control))
    return tuple(found)


def _spelled(piece: bytes) -> str:
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return "".join(f"<0x{byte:02X}>" for byte in piece)
