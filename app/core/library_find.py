"""Which model a person means by a few words."""

import re
from collections.abc import Callable, Iterable, Sequence

from app.core.errors import NotFoundError
from app.core.library_types import AmbiguousModel, LocalModel
from app.core.ollama_name import parse_ollama

_WHOLE_STEPS = 3
"""So many of the steps below ask for a whole name."""


def find_model(text: str, models: Sequence[LocalModel], *, whole: bool = False) -> LocalModel:
    """The model called `text`: id, name, repo, repo:quantization, file name, or a unique prefix.

    Case, spaces, dashes and a "-GGUF" at the end make no difference. What is written in full goes
    before what is only begun. The installed starter model gives way to a copy of it that the person
    has downloaded, so that its name goes on to mean one model; its id still means itself.

    `whole` is for what cannot be undone: the beginning of a name is not enough, and nothing gives
    way to anything.

    Raises:
        NotFoundError: nothing fits.
        AmbiguousModel: several models do.
    """
    if name := parse_ollama(text):
        text = name.repo
    wanted, _, quantization = text.strip().rpartition(":") if ":" in text else (text, "", "")
    steps: tuple[Callable[[LocalModel], bool], ...] = (
        lambda model: model.id == text.strip(),
        lambda model: _key(text) in _names(model),
        lambda model: _key(wanted) in _names(model) and _matches(quantization, model),
        lambda model: any(name.startswith(_key(text)) for name in _names(model)),
        lambda model: (
            any(name.startswith(_key(wanted)) for name in _names(model))
            and _matches(quantization, model)
        ),
    )
    if whole:
        steps = steps[:_WHOLE_STEPS]
    for fits in steps if _key(text) else ():
        found = [model for model in models if fits(model)]
        found = _without_variants(found if whole else _without_doubled_starter(found))
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous(text, found)
    if whole and _begun(text, models):
        raise NotFoundError(
            f"No model is called just {text}",
            "It begins the name of " + ", ".join(_begun(text, models)) + ".",
            "What cannot be undone wants a whole name.",
        )
    raise NotFoundError(
        f"No model is called {text}",
        _known(models),
        "List the models with “corral ls”.",
    )


def _begun(text: str, models: Sequence[LocalModel]) -> list[str]:
    key = _key(text)
    return sorted(m.id for m in models if key and any(n.startswith(key) for n in _names(m)))


def _without_doubled_starter(found: Sequence[LocalModel]) -> list[LocalModel]:
    own = {_key(model.name) for model in found if model.source != "starter"}
    return [model for model in found if model.source != "starter" or _key(model.name) not in own]


def _without_variants(found: Sequence[LocalModel]) -> list[LocalModel]:
    """A model goes before its variants, which have names of their own."""
    ids = {model.id for model in found}
    return [model for model in found if model.variant_of not in ids]


def _names(model: LocalModel) -> set[str]:
    if model.variant_of:
        return {_key(model.id), _key(model.name)}
    names = [model.id, model.id.rpartition("/")[2], model.name, model.path.name]
    if model.repo:
        names += [model.repo, model.repo.rpartition("/")[2]]
    return {_key(name) for name in names}


def _key(text: str) -> str:
    plain = re.sub(r"[-_\s]+", "-", text.strip().casefold())
    return plain.removesuffix(".gguf").removesuffix("-gguf")


def _matches(quantization: str, model: LocalModel) -> bool:
    return bool(quantization) and model.quantization.casefold() == quantization.strip().casefold()


def _ambiguous(text: str, found: Iterable[LocalModel]) -> AmbiguousModel:
    choices = tuple(sorted(model.id for model in found))
    return AmbiguousModel(
        f"{text} could be {len(choices)} models",
        "They are " + ", ".join(choices) + ".",
        "Write one of these names in full.",
        choices,
    )


def _known(models: Sequence[LocalModel]) -> str:
    if not models:
        return "There is no model on this computer yet."
    if len(models) == 1:
        return "There is 1 model on this computer."
    return f"There are {len(models)} models on this computer."
