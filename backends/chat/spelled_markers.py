"""Markers of a chat format that its model spells with ordinary tokens.

Llama 2 writes `[INST]` and `<<SYS>>` so. What somebody types of them gives the same tokens as the
template's own: it cannot be kept apart, as control tokens can, but it can be told.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from backends.chat.turns import Turn
from backends.types import ChatMessage

SAMPLE = (
    Turn("system", "Qx0zsystem"),
    Turn("user", "Qx1zuser"),
    Turn("assistant", "Qx2zanswer"),
    Turn("user", "Qx3zuser"),
)
"""A conversation that makes a template write its markers."""

_WORD = re.compile(r"Qx\dz[a-z]+")
_NEAR = 48
"""Characters beside a text in which its turn is marked; what is further away is prose."""
_MARKUP = re.compile(
    r"<</?[A-Za-z_]+>>"  # <<SYS>>
    r"|<[|｜/]?[A-Za-z_][^\s<>]{0,38}>"  # <|im_start|>, </think>
    r"|\[/?[A-Z][A-Z_]+\]"  # [INST]
)


class SpelledMarkers:
    """The markers of one template that are no control tokens."""

    def __init__(
        self, rendered: str, further: Iterable[str], is_guarded: Callable[[str], bool]
    ) -> None:
        """`rendered` is `SAMPLE` as the template writes it; `further` are markers beside its own.

        `is_guarded` says whether a control token is in a text, which makes it harmless.
        """
        around = [
            rendered[max(0, w.start() - _NEAR) : w.end() + _NEAR] for w in _WORD.finditer(rendered)
        ]
        own = (marker for text in around for marker in _MARKUP.findall(text))
        found = dict.fromkeys((*own, *further))
        self.texts = tuple(text for text in found if not is_guarded(text))
        """In the order in which the template writes them."""

    def found_in(self, messages: Sequence[ChatMessage]) -> tuple[str, ...]:
        """Those that somebody wrote."""
        written = [text for m in messages for text in (m.content, m.reasoning) if text]
        return tuple(each for each in self.texts if any(each in text for text in written))
