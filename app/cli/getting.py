"""`corral get`: download a model."""

import queue
import sys
from argparse import Namespace
from pathlib import Path

from msgspec import Struct, structs

from app.cli.folders import use_folder
from app.cli.parts import Parts
from app.cli.rendering import ProgressLine, human_size, human_time, print_json, without_controls
from app.cli.run_options import OptionError
from app.core.download_state import DownloadItem, DownloadRequest
from app.core.errors import DownloadError, ModelError
from app.core.hub_reference import Reference
from app.core.ollama_arrival import set_up
from app.core.ollama_name import repository_title
from app.core.variant_choice import chosen_variant

ENDED = ("done", "failed", "paused")


class Fetched(Struct, frozen=True):
    """A model that is on this computer now."""

    path: Path
    """The file, or the folder, that it is opened by."""
    repo: str
    quantization: str
    size: int
    """Bytes of all its files."""
    new: bool
    """It was not here before."""


def get(arguments: Namespace) -> int:
    """Download a variant of a repository and wait for it."""
    if arguments.insecure:
        raise OptionError(
            "--insecure is not taken",
            "What comes unencrypted may have been changed on the way, so only https is asked.",
            "A registry of your own, with a certificate, is set in the window under Settings.",
        )
    with Parts() as parts:
        got = fetch(parts, arguments.reference, to=arguments.to, quiet=arguments.quiet)
        if arguments.json:
            parts.library.scan()
            here = {model.path: model.id for model in parts.library.models()}
            print_json({"id": here.get(got.path), **structs.asdict(got), "path": str(got.path)})
        else:
            sys.stdout.write(f"{got.path}\n")
    return 0


def fetch(parts: Parts, wanted: Reference, *, to: str | None = None, quiet: bool) -> Fetched:
    """Download a variant and wait for it; at once where it is here. `to` names a models folder.

    Ctrl-C pauses the download and goes on as `KeyboardInterrupt`. Raises AppError.
    """
    detail = parts.hub.detail(wanted.repo, wanted.revision or "main")
    variant = chosen_variant(detail, wanted)
    request = DownloadRequest(
        repo=wanted.repo,
        revision=detail.model.sha,
        title=repository_title(wanted.repo),
        quantization=variant.quantization,
        files=variant.files + variant.companions,
        recipe=detail.recipe,
    )
    size = sum(file.size for file in request.files)
    events: queue.SimpleQueue[DownloadItem] = queue.SimpleQueue()
    parts.downloads.changed.connect(events.put)
    parts.downloads.start()
    if (path := _path_if_here(parts, request)) is not None:
        if not quiet:
            name = f"{request.title} {request.quantization}".strip()
            sys.stderr.write(f"{name} is on this computer already.\n")
        return Fetched(path, request.repo, request.quantization, size, new=False)
    if detail.model.gated:
        parts.account.require(request.repo)
    root = use_folder(parts.library.own_folders, to) if to else None
    item = parts.downloads.add(request, root)  # continues what an earlier call left
    try:
        item = _wait(item, events, ProgressLine(quiet=quiet))
    except KeyboardInterrupt:
        parts.downloads.pause(item.id)
        sys.stderr.write("\nStopped. What was fetched is kept; the same command continues.\n")
        raise
    if item.error is not None:
        raise DownloadError(
            item.error.title, item.error.message, item.error.hint, item.error.detail
        )
    _set_up(parts, item, quiet=quiet)
    path = item.target / request.files[0].path
    return Fetched(path, request.repo, request.quantization, size, new=True)


def _set_up(parts: Parts, item: DownloadItem, *, quiet: bool) -> None:
    """Make the preset of a model of Ollama's registry, and say what was taken and what not."""
    if item.request.recipe is None:
        return
    arrival = set_up(item, parts.library, parts.presets, parts.settings)
    if arrival is not None and not quiet:
        for sentence in arrival.sentences():
            sys.stderr.write(f"{without_controls(sentence)}\n")


def _path_if_here(parts: Parts, request: DownloadRequest) -> Path | None:
    """Where the model is, if all its files are here. Raises `ModelError` if it is damaged."""
    path = parts.downloads.finished_path(request)
    damaged = [m for m in parts.library.models() if m.path == path and m.problem]
    if damaged:
        raise ModelError(
            f"{damaged[0].name} is on this computer, but cannot be used",
            damaged[0].problem or "",
            f"Delete it with “corral rm {damaged[0].id}”, then get it again.",
        )
    return path


def _wait(
    item: DownloadItem, events: "queue.SimpleQueue[DownloadItem]", line: ProgressLine
) -> DownloadItem:
    """Show progress until the item is done, failed or paused."""
    try:
        while True:
            changed = events.get()
            if changed.id != item.id:
                continue
            line.show(_progress(changed))
            if changed.state in ENDED:
                return changed
    finally:
        line.clear()


def _progress(item: DownloadItem) -> str:
    name = f"{item.request.title} {item.request.quantization}"
    if item.state == "verifying":
        return f"{name}  verifying {item.verified:.0%}"
    share = item.done / item.total if item.total else 1.0
    text = f"{name}  {share:.0%} of {human_size(item.total)}  {human_size(int(item.speed))}/s"
    return text if item.eta is None else f"{text}  {human_time(item.eta)} left"
