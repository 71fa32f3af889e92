"""A model that is named and is not here: it is fetched, if the person wants that."""

import sys

from app.cli.getting import fetch
from app.cli.parts import Parts
from app.core.errors import NotFoundError
from app.core.hub_reference import Reference, parse_reference
from app.core.library_types import LocalModel
from app.core.ollama_name import ollama_name_of, plain_name


def fetched(parts: Parts, name: str, missing: NotFoundError, *, sure: bool) -> LocalModel:
    """The model called `name` on the hub or in Ollama's registry, downloaded.

    Nothing is asked of either before the person has said yes, or is `sure`. Raises `missing`, that
    there is no such model here, where nobody says yes; other AppErrors.
    """
    wanted = _meant(name)
    if wanted is None:
        raise missing
    if not sure and not sys.stdin.isatty():
        word = name if parse_reference(name) is not None else f"ollama:{name}"
        hint = f"{missing.hint.rstrip('.')}, get it with “corral get {word}”, or add --yes."
        raise NotFoundError(missing.title, missing.message, hint)
    if not sure and not _confirmed(name, wanted):
        raise missing
    path = fetch(parts, wanted, quiet=False).path
    parts.library.scan()
    return next(model for model in parts.library.models() if model.path == path)


def _meant(name: str) -> Reference | None:
    """What `corral get` understands, or a name as `ollama run` does."""
    if (found := parse_reference(name)) is not None:
        return found
    plain = plain_name(name)
    return None if plain is None else Reference(plain.repo)


def _confirmed(name: str, wanted: Reference) -> bool:
    where = "Ollama's registry" if ollama_name_of(wanted.repo) else "the hub"
    sys.stderr.write(f"{name} is not on this computer. Download it from {where}? [y/N] ")
    sys.stderr.flush()
    try:
        answer = input()
    except EOFError:
        return False
    return answer.strip().lower() in ("y", "yes")
