"""Counts the tokens and times of one answer, alike in all engines that make tokens."""

from dataclasses import dataclass, field
from time import perf_counter

from backends.types import Usage


@dataclass
class AnswerCount:
    """Tokens and times of one answer; times by `time.perf_counter`, in seconds."""

    start: float = field(default_factory=perf_counter)
    first: float = 0.0
    last: float = 0.0
    tokens: int = 0
    drafted: int = 0
    """Tokens guessed ahead."""
    accepted: int = 0
    """Guesses that were right."""

    def token(self) -> None:
        """One more token was chosen."""
        self.last = perf_counter()
        self.tokens += 1
        if self.tokens == 1:
            self.first = self.last

    def usage(self, *, prompt: int, cached: int, reasoning: int) -> Usage:
        """What the answer used; the arguments are tokens."""
        decoding = self.last - self.first
        return Usage(
            prompt_tokens=prompt,
            cached_tokens=cached,
            completion_tokens=self.tokens,
            time_to_first_token=self.first - self.start if self.tokens else None,
            tokens_per_second=(self.tokens - 1) / decoding if decoding > 0 else None,
            reasoning_tokens=reasoning,
            draft_tokens=self.drafted,
            accepted_tokens=self.accepted,
        )
