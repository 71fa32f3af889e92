"""Collections of models for a purpose, such as coding, decided by what is known of each."""

from typing import Literal, get_args

from msgspec import Struct

from app.core.memory import Fit

Collection = Literal[
    "all", "fits", "quick", "code", "reasoning", "vision", "embeddings", "languages", "safety"
]
COLLECTIONS: tuple[Collection, ...] = get_args(Collection)

QUICK_PARAMETERS = 4_500_000_000
"""Of those that work on a token; a processor alone then writes faster than people read."""
SMALL_PARAMETERS = 9_000_000_000
"""Of all, which take room on the disk and in memory whether they work on a token or not."""
_NO_CHAT = frozenset({"embeddings", "safety"})


class ModelTraits(Struct, frozen=True):
    """What a collection is decided by. None means: not known."""

    capabilities: frozenset[str] = frozenset()
    """See `app.core.capabilities`."""
    french: bool = False
    parameters: int | None = None
    active_parameters: int | None = None
    fit: Fit | None = None


def belongs(collection: Collection, traits: ModelTraits) -> bool:
    """Whether a model is in a collection; what is not known does not count in its favour."""
    if collection == "all":
        return True
    if collection == "fits":
        return traits.fit is Fit.FITS
    if collection == "quick":
        working = traits.active_parameters or traits.parameters
        quick = working is not None and working <= QUICK_PARAMETERS
        small = traits.parameters is None or traits.parameters <= SMALL_PARAMETERS
        return quick and small and traits.fit is Fit.FITS and not traits.capabilities & _NO_CHAT
    if collection == "languages":
        return traits.french or "languages" in traits.capabilities
    return collection in traits.capabilities
