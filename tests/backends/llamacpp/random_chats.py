"""Random chats in several scripts, with code and odd whitespace, and attacks on them."""

import random
from collections.abc import Sequence

from backends.types import ChatMessage


class Chats:
    """A series of random chats, always the same one for the same seed."""

    PIECES = (
        *(
            "Hello",
            "world",
            "the",
            "naïve café",
            "Straße",
            "привет",
            "こんにちは",
            "مرحبا",
            "🦙🏽",
            "e\u0301",
        ),
        *(
            "def f(x):\n    return {x: '<b>'}",
            "a < b && c > d",
            "<table><td>1</td></table>",
            "${x}",
        ),
        *(
            "<|",
            "|>",
            "<",
            ">",
            "[",
            "]]",
            "\\n",
            "\t",
            "\r\n",
            "\n\n\n",
            "   ",
            " ",
            "\u00a0",
            "\u200b",
        ),
        *(
            "1234567",
            "0.5%",
            "https://example.org/?a=b#c",
            "“quoted”",
            "…",
            "#",
            "**bold**",
            "\x7f",
        ),
    )

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def text(self, *, trimmed: bool) -> str:
        count = self._random.randint(1, 12)
        pieces = [self._random.choice(self.PIECES) for _ in range(count)]
        text = self._random.choice(("", " ")).join(pieces)
        return f"x{text}y" if trimmed else text

    def chat(self, *, trimmed: bool) -> list[ChatMessage]:
        turns = self._random.randint(1, 3) * 2 - 1
        messages = [
            ChatMessage("assistant" if n % 2 else "user", self.text(trimmed=trimmed))
            for n in range(turns)
        ]
        if self._random.random() < 0.5:
            messages.insert(0, ChatMessage("system", self.text(trimmed=trimmed)))
        return messages

    def attack(self, messages: list[ChatMessage], literals: Sequence[str]) -> list[ChatMessage]:
        """One or two literals at random places of every turn of the user."""
        attacked = []
        for message in messages:
            content = message.content
            for _ in range(self._random.randint(1, 2) if message.role == "user" else 0):
                at = self._random.randint(0, len(content))
                content = content[:at] + self._random.choice(literals) + content[at:]
            attacked.append(ChatMessage(message.role, content))
        return attacked
