"""`corral get`: download a model."""

import queue
import sys
from argparse import Namespace
from pathlib import Path

from app.cli.parts import Parts
from app.cli.rendering import ProgressLine, human_size, human_time, without_controls
from app.core.download_state import DownloadItem, DownloadRequest
from app.core.errors import DownloadError, ModelError, StorageError
from app.core.hub_reference import Reference
from app.core.ollama_arrival import set_up
from app.core.ollama_name import repository_title
from app.core.variant_choice import chosen_variant

ENDED = ("done", "failed", "paused")
AGAIN = "It did not match what the hub promises; fetching once more."


def get(arguments: Namespace) -> int:
    """Download a variant of a repository and wait for it."""
    wanted: Reference = arguments.reference
    repo = wanted.repo
    with Parts() as parts:
        detail = parts.hub.detail_of(wanted)
        variant = chosen_variant(detail, wanted)
        request = DownloadRequest(
            repo=repo,
            revision=detail.model.sha,
            title=repository_title(repo),
            quantization=variant.quantization,
            files=variant.files + variant.companions,
            recipe=detail.recipe,
        )
        events: queue.SimpleQueue[DownloadItem] = queue.SimpleQueue()
        parts.downloads.changed.connect(events.put)
        parts.downloads.start()
        if (path := _path_if_here(parts, request)) is not None:
            if not arguments.quiet:
                name = f"{request.title} {request.quantization}".strip()
                sys.stderr.write(f"{name} is on this computer already.\n")
            sys.stdout.write(f"{path}\n")
            return 0
        if detail.model.gated:
            parts.account.require(repo)
        root = _root(parts, arguments.to) if arguments.to else None
        item = parts.downloads.add(request, root)  # continues what an earlier call left
        try:
            item = _wait(item, events, ProgressLine(quiet=arguments.quiet))
        except KeyboardInterrupt:
            parts.downloads.pause(item.id)
            sys.stderr.write("\nStopped. What was fetched is kept; the same command continues.\n")
            return 130
        if item.error is not None:
            raise DownloadError(
                item.error.title, item.error.message, item.error.hint, item.error.detail
            )
        _set_up(parts, item, quiet=arguments.quiet)
        sys.stdout.write(f"{item.target / request.files[0].path}\n")
        return 0


def _root(parts: Parts, text: str) -> Path:
    """The models folder that is meant; one that was none becomes one. Raises `StorageError`."""
    own = parts.library.own_folders
    named = own.named(text)
    if named is not None:
        return named
    path = Path(text).expanduser()
    if not path.is_dir():
        names = ", ".join(str(each) for each in own.all())
        raise StorageError(
            f"{text} is no models folder and no folder",
            "Nothing was downloaded.",
            f"Make it first, connect its drive, or name one of these: {names}.",
        )
    added = own.add(path)
    sys.stderr.write(f"{added} is a models folder from now on.\n")
    return added


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
    told = False
    try:
        while True:
            changed = events.get()
            if changed.id != item.id:
                continue
            if changed.again and not told:
                told = True
                line.say(f"{item.request.title}: {AGAIN}")
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
    if item.again:
        text = f"{text}  fetched once more"
    return text if item.eta is None else f"{text}  {human_time(item.eta)} left"
