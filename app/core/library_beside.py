"""Which of the files beside a model go with it: projectors, and what Ollama's registry has for it.

Nothing is opened. Where the names do not tell, a file goes with every model of the folder; whether
it fits is seen when it is loaded.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePath

from app.core import quantization
from app.core.variants import split_part

OLLAMA_ADAPTER = "ollama-adapter-"
"""Begins the names of adapters that were downloaded with the model beside them."""
OLLAMA_DRAFT = "ollama-draft-"
"""Begins the name of a draft model that was downloaded with the model beside it."""
OWN = (OLLAMA_ADAPTER, OLLAMA_DRAFT)


def goes_with_models(name: str) -> bool:
    """Whether a file is one that may go with a model."""
    return name.lower().endswith(".gguf") and ("mmproj" in name.lower() or name.startswith(OWN))


def owners(others: Collection[str], models: Iterable[str]) -> dict[str, frozenset[str]]:
    """Of each file that may go with a model of the folder, the names it is called after.

    They are `base_name`s; none where the name does not tell.
    """
    bases = {base_name(each) for each in models} if others else set[str]()
    return {name: _called_after(name, bases) for name in sorted(others)}


def beside(model: str, owned: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """The names among those of `owners` that go with `model`.

    Left out are those that are called after another model of the folder.
    """
    if not owned:
        return ()
    own = base_name(model)
    return tuple(name for name, bases in owned.items() if not bases or own in bases)


def base_name(name: str) -> str:
    """What the files of one model have in common: its name without quantization and part."""
    split = split_part(name)
    stem = split[0] if split else PurePath(name).stem
    return re.sub(r"[^a-z0-9]+", "-", quantization.without_label(stem).casefold()).strip("-")


def _called_after(name: str, bases: Iterable[str]) -> frozenset[str]:
    """The model that a projector is called after: "gemma-3-4b-it" goes before "gemma-3-4b"."""
    said = f"-{base_name(name)}-"
    found = {base for base in bases if base and f"-{base}-" in said}
    longest = max(map(len, found), default=0)
    return frozenset(base for base in found if len(base) == longest)
