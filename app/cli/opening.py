"""`corral open`: the window, or something shown in it."""

import os
from argparse import Namespace

from app.cli.parts import Parts
from app.core.corral_links import is_link, parse_link
from app.core.detached import start_detached
from app.core.errors import NotFoundError
from app.core.handover import Handover


def open_(arguments: Namespace) -> int:
    """Open the window, or have the one that is open show a link or a file."""
    link: str | None = arguments.link
    with Parts() as parts:
        words = [] if link is None else [_checked(link)]
        handover = Handover(parts.paths)
        try:
            is_open = not handover.claim()
        finally:
            handover.close()
        if not (is_open and words and handover.pass_on(words)):
            start_detached(words, parts.paths.logs / "window.log")
    return 0


def _checked(link: str) -> str:
    """The link, or the whole path of a file. Raises AppError for anything else."""
    if is_link(link):
        parse_link(link)
        return link
    if not os.path.isfile(link) or not link.lower().endswith(".gguf"):
        raise NotFoundError(
            f"{link} is neither a link into Corral nor a model file",
            hint="Links look like corral://model/OWNER/NAME.",
        )
    return os.path.abspath(link)
