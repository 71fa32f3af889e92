"""What the words of the command line do. Each command returns its exit code."""

import queue
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from app.cli import account, chat
from app.cli.connections import connections
from app.cli.importing import import_
from app.cli.parts import Parts
from app.cli.rendering import ProgressLine, human_size, human_time, table, without_controls
from app.cli.serve import serve
from app.core.download_state import DownloadItem, DownloadRequest
from app.core.errors import AppError, DownloadError, ModelError, NotFoundError, StorageError
from app.core.hardware import memory_snapshot
from app.core.hub import HubDetail
from app.core.hub_reference import Reference
from app.core.library import LocalModel
from app.core.memory import FitVerdict, estimate_from_size, verdict
from app.core.mlx_support import WHY_NOT, runs_mlx
from app.core.ollama_arrival import set_up
from app.core.ollama_name import repository_title
from app.core.variants import Variant, recommended

ENDED = ("done", "failed", "paused")


def ls(arguments: Namespace) -> int:
    """List the models on this computer and those of servers."""
    with Parts() as parts:
        models = parts.library.models()
    if arguments.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(list(map(_row, models)))).decode())
        sys.stdout.write("\n")
        return 0
    if not models:
        sys.stdout.write("No models yet. Get one with: corral get OWNER/REPO\n")
        return 0
    rows: list[tuple[str, ...]] = [
        (
            model.name,
            f"on {model.publisher}" if model.is_remote else model.quantization,
            "" if model.is_remote else human_size(model.size),
            f"{model.context_length:,}" if model.context_length else "",
            model.id,
        )
        for model in models
    ]
    head = ["NAME", "QUANTIZATION", "SIZE", "CONTEXT", "ID"]
    if any(model.problem for model in models):
        head.append("PROBLEM")
        rows = [(*row, model.problem or "") for row, model in zip(rows, models, strict=True)]
    sys.stdout.write(table(head, rows, right=(2, 3)) + "\n")
    return 0


def _row(model: LocalModel) -> dict[str, object]:
    """What a script may rely on."""
    return {
        "id": model.id,
        "name": model.name,
        "path": str(model.path),
        "size": model.size,
        "architecture": model.architecture,
        "parameters": model.parameters,
        "quantization": model.quantization,
        "context_length": model.context_length,
        "source": model.source,
        "read_only": model.read_only,
        "present": model.present,
        "problem": model.problem,
        "program": model.program,
        "variant_of": model.variant_of,
        "tags": model.tags,
    }


def get(arguments: Namespace) -> int:
    """Download a variant of a repository and wait for it."""
    wanted: Reference = arguments.reference
    repo = wanted.repo
    with Parts() as parts:
        detail = parts.hub.detail(repo, wanted.revision or "main")
        variant = _variant(detail, wanted)
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


def _variant(detail: HubDetail, wanted: Reference) -> Variant:
    """The variant with that file or of that name, or the one recommended for this computer."""
    quantization, file = wanted.quantization, wanted.file
    usable = [variant for variant in detail.variants if variant.format == "gguf" or runs_mlx()]
    names = ", ".join(variant.label for variant in usable)
    if not usable:
        raise NotFoundError(
            f"{detail.model.repo} holds no model that Corral can run",
            f"It holds an MLX model. {WHY_NOT}"
            if detail.variants
            else "There is no GGUF file in it.",
            "Look for a repository whose name ends in -GGUF.",
        )
    if file:
        for variant in usable:
            if any(file == each.path for each in variant.files):
                return variant
        raise NotFoundError(f"{file} is no model that Corral can run", hint=f"There are: {names}.")
    if quantization:
        for variant in usable:
            if quantization.lower() in (variant.label.lower(), variant.quantization.lower()):
                return variant
        raise NotFoundError(
            f"{detail.model.repo} has no variant {quantization}", hint=f"There are: {names}."
        )
    memory = memory_snapshot()

    def fit(variant: Variant) -> FitVerdict:
        return verdict(estimate_from_size(variant.size, None, 8192), memory)

    chosen = recommended(usable, fit)
    if chosen is None:
        raise StorageError(
            f"No variant of {detail.model.repo} fits into the memory of this computer",
            f"Free are {human_size(memory.available)} of {human_size(memory.total)}.",
            f"Name one to download it all the same: {names}.",
        )
    return chosen


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


def rm(arguments: Namespace) -> int:
    """Delete a downloaded model; what is used in place is only forgotten."""
    with Parts() as parts:
        model = parts.library.find(arguments.model)
        if not arguments.yes and not _confirmed(model):
            return 1
        parts.library.delete(model.id)
    sys.stdout.write(f"{'Forgotten' if model.read_only else 'Deleted'}: {model.id}\n")
    return 0


def _confirmed(model: LocalModel) -> bool:
    if not sys.stdin.isatty():
        raise AppError(
            f"{model.name} was not deleted", hint="Without a terminal to ask in, add --yes."
        )
    try:
        answer = input(f"Delete {model.name} ({human_size(model.size)})? [y/N] ")
    except EOFError:
        return False
    return answer.strip().lower() in ("y", "yes")


COMMANDS: Mapping[str, Callable[[Namespace], int]] = {
    "ls": ls,
    "get": get,
    "run": chat.run,
    "rm": rm,
    "login": account.login,
    "logout": account.logout,
    "import": import_,
    "serve": serve,
    "connections": connections,
}
