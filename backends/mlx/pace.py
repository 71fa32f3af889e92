"""How much of a prompt is processed at once, so that cancelling and other answers wait little."""

from time import perf_counter

ALONE_SECONDS = 0.18
"""A step of a prompt takes about this long: progress is told five times a second."""
BESIDE_SECONDS = 0.08
"""And this long while other answers are being written."""
SMALLEST = 4
_FIRST_GUESS = 200.0
"""Tokens a second, until the first step is measured."""


class Pace:
    """Measures how fast prompts are processed. One for each loaded model."""

    def __init__(self, largest: int) -> None:
        """`largest` is the number of tokens in one step at most."""
        self._largest = largest
        self._speed = _FIRST_GUESS
        self._begun = 0.0

    def begin(self, *, beside: bool) -> int:
        """Tokens of the next step, which begins now; `beside` other answers it is smaller."""
        self._begun = perf_counter()
        seconds = BESIDE_SECONDS if beside else ALONE_SECONDS
        return max(SMALLEST, min(self._largest, int(self._speed * seconds)))

    def end(self, tokens: int) -> None:
        """The step is done and had so many tokens. Short rests of prompts tell little."""
        if tokens >= SMALLEST:
            measured = tokens / max(perf_counter() - self._begun, 1e-6)
            self._speed = (self._speed + measured) / 2
