"""`corral open`: the window, or something shown in it."""

import os
import subprocess
from argparse import Namespace
from pathlib import Path

from app.cli.parts import Parts
from app.core.corral_links import is_link, parse_link
from app.core.detached import start_detached
from app.core.engine_packs import SUFFIX
from app.core.errors import AppError, NotFoundError
from app.core.handover import PATIENCE, SHOW, Handover

_PATIENCE = 1.0
"""Seconds after which a window that was started counts as open."""


def open_(arguments: Namespace) -> int:
    """Open the window, or have the one that is open show a link or a file."""
    link: str | None = arguments.link
    with Parts() as parts:
        words = [] if link is None else [_checked(link)]
        handover = Handover(parts.paths)
        try:
            passed_on = not handover.claim() and handover.pass_on(words or [SHOW], PATIENCE)
        finally:
            handover.close()
        if not passed_on:
            _start(words, parts.paths.logs / "window.log")
    return 0


def _start(words: list[str], output: Path) -> None:
    """Start the window. Raises AppError if it ends at once, as without a display."""
    process = start_detached(words, output)
    try:
        status = process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        return
    if status:
        told = output.read_text(encoding="utf-8", errors="replace").strip()
        raise AppError("The window did not open", told[-1000:] or f"It ended with {status}.")


def _checked(link: str) -> str:
    """The link, or the whole path of a file. Raises AppError for anything else."""
    if is_link(link):
        parse_link(link)
        return link
    if not os.path.isfile(link) or not link.lower().endswith((".gguf", SUFFIX)):
        raise NotFoundError(
            f"{link} is neither a link into Corral nor a file of a model or an engine",
            hint="Links look like corral://model/OWNER/NAME.",
        )
    return os.path.abspath(link)
