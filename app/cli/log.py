"""`corral log`: the program's log, or what the local server was asked."""

import sys
import time
from argparse import Namespace
from collections import deque
from pathlib import Path
from typing import TextIO

import msgspec

from app.cli.loading import needed
from app.cli.parts import Parts
from app.cli.rendering import without_controls
from app.core.logs import FILE_NAME
from app.core.request_log import RequestRecord

_PAUSE = 0.25
"""Seconds between two looks at the file."""


def log(arguments: Namespace) -> int:
    """Show the last lines, and what follows where that is wanted, until Ctrl+C."""
    follow = arguments.follow or arguments.stream is not None
    with Parts() as parts:
        if arguments.server or arguments.stream is not None:
            client = needed(parts, "watch")
            if follow:
                for record in client.requests(follow=True):
                    _print(record, as_json=arguments.json)
            else:
                records = deque(client.requests(follow=False), maxlen=arguments.lines)
                for record in records:
                    _print(record, as_json=arguments.json)
            return 0
        file = parts.paths.logs / FILE_NAME
    _show(file, arguments.lines, follow=follow)
    return 0


def _print(record: RequestRecord, *, as_json: bool) -> None:
    text = msgspec.json.encode(record).decode() if as_json else without_controls(_line(record))
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _line(record: RequestRecord) -> str:
    when = time.strftime("%H:%M:%S", time.localtime(record.time))
    who = f"{record.client} ({record.token})" if record.token else record.client
    parts = [when, str(record.status), f"{record.method} {record.path}", who, record.model]
    if record.seconds is not None:
        parts.append(f"{record.seconds:.2f} s")
    if record.completion_tokens:
        parts.append(f"{record.prompt_tokens} + {record.completion_tokens} tokens")
    if record.tokens_per_second:
        parts.append(f"{record.tokens_per_second:.1f} tokens/s")
    return "  ".join(part for part in (*parts, record.error) if part)


def _show(file: Path, lines: int, *, follow: bool) -> None:
    if not file.exists() and not follow:
        return
    position = 0
    if file.exists():
        with file.open(encoding="utf-8", errors="replace") as stream:
            for line in deque(stream, maxlen=lines):
                sys.stdout.write(without_controls(line))
            position = stream.tell()
    sys.stdout.flush()
    while follow:
        position = _news(file, position)
        time.sleep(_PAUSE)


def _news(file: Path, position: int) -> int:
    """Print what was added behind `position`, or all of a new file; where it ends now."""
    try:
        size = file.stat().st_size
    except FileNotFoundError:
        return 0
    if size == position:
        return position
    with file.open(encoding="utf-8", errors="replace") as stream:
        return _copy(stream, position if size > position else 0)


def _copy(stream: TextIO, position: int) -> int:
    stream.seek(position)
    sys.stdout.write(without_controls(stream.read()))
    sys.stdout.flush()
    return stream.tell()
