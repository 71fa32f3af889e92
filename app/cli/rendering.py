"""How the terminal shows sizes, tables, progress and errors."""

import re
import sys
import time
from collections.abc import Callable, Sequence
from typing import TextIO

import msgspec

from app.core.errors import AppError
from app.core.hub_errors import for_terminal
from backends.types import Finish


def human_size(count: int) -> str:
    """Bytes in decimal units, as disks and downloads are sold: `98 MB`, `4.9 GB`."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 999.5:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def human_time(seconds: float) -> str:
    """`42 s`, `3 min`, `2 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def without_controls(text: str) -> str:
    """`text` of a model without what would command the terminal; line feeds and tabs stay."""
    return _CONTROLS.sub("", text)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Columns two blanks apart; those in `right` are aligned to the right."""
    lines = [tuple(head), *map(tuple, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def statistics(finish: Finish) -> str:
    """One line: speed, time to first token, counts and how the answer ended."""
    usage = finish.usage
    parts = []
    if usage.tokens_per_second is not None:
        parts.append(f"{usage.tokens_per_second:.1f} tokens/s")
    if usage.time_to_first_token is not None:
        parts.append(f"{usage.time_to_first_token:.2f} s to first token")
    parts.append(f"{usage.completion_tokens} token{'s' * (usage.completion_tokens != 1)}")
    parts.append(f"prompt {usage.prompt_tokens} ({usage.cached_tokens} reused)")
    parts.append(finish.reason)
    return " · ".join(parts)


SECONDS_BETWEEN_LINES = 30
"""Where progress is written to a file."""


class ProgressLine:
    """One line on standard error that is written over.

    Where it goes to a file or a pipe, a line of its own now and then: in the log of a nightly job
    it shows that something goes on, and quick work leaves nothing.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._shown = not quiet and self._stream.isatty()
        self._text = ""
        self._width = 0
        self._clock = clock
        self._last = clock()

    def show(self, text: str) -> None:
        """Put `text` in place of what was there."""
        if self._quiet:
            return
        if not self._shown:
            if self._clock() - self._last >= SECONDS_BETWEEN_LINES and text != self._text:
                self._stream.write(f"{text}\n")
                self._stream.flush()
                self._text, self._last = text, self._clock()
        elif text != self._text:
            self._stream.write("\r" + text.ljust(self._width))
            self._stream.flush()
            self._text, self._width = text, len(text)

    def clear(self) -> None:
        """Leave an empty line."""
        if self._shown and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._text, self._width = "", 0


def print_error(error: AppError, stream: TextIO | None = None) -> None:
    """What happened, why, and what to do, on standard error."""
    stream = stream or sys.stderr
    lines = [f"corral: {error.title}."]
    lines += [f"  {text}" for text in (error.message, for_terminal(error.hint)) if text]
    stream.write("\n".join(lines) + "\n")


def remark(sentence: str) -> None:
    """Something a person should know, on standard error, where it mixes with no answer."""
    sys.stderr.write(f"corral: {without_controls(sentence)}\n")


def print_json(value: object) -> None:
    """`value` as JSON for a script, indented."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value)).decode() + "\n")


def human_count(count: int) -> str:
    """Parameters of a model: `135 M`, `7.6 B`."""
    return f"{count / 1e9:.1f} B" if count >= 1e9 else f"{count / 1e6:.0f} M"
