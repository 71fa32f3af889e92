"""One model in many repositories: found together by the hub's base-model tags, else by name.

A repository of quantized files carries the tag `base_model:quantized:OWNER/NAME`, one of a
changed model `base_model:finetune:…`, `adapter` or `merge`: that is another model.
"""

from collections.abc import Iterable

from msgspec import Struct

from app.core.hub import HubModel
from app.core.model_names import from_repo

_BASE = "base_model:"
_OTHER_MODELS = ("finetune", "adapter", "merge")


class ModelFamily(Struct, frozen=True):
    """The repositories that hold the same model."""

    key: str
    """The same for all of them."""
    title: str
    """For people: "Llama 3.1 8B Instruct"."""
    base: str | None
    """The maker's own repository, where tags tell it."""
    models: tuple[HubModel, ...]
    """The most downloaded first."""

    @property
    def main(self) -> HubModel:
        """The repository that is shown first."""
        return self.models[0]


def base_of(model: HubModel) -> str | None:
    """The repository whose model this one holds in other types; None if tags do not tell."""
    told = [tag.removeprefix(_BASE) for tag in model.tags if tag.startswith(_BASE)]
    for each in told:
        relation, _, repo = each.partition(":")
        if relation == "quantized" and repo.count("/") == 1:
            return repo
    if any(each.partition(":")[0] in _OTHER_MODELS for each in told):
        return None
    plain = [each for each in told if ":" not in each and each.count("/") == 1]
    return plain[0] if len(plain) == 1 and same_model(plain[0], model.repo) else None


def family_key(repo: str) -> str:
    """What the names of repositories of one model have in common.

    Without owner, format and quantization: `bartowski/Meta-Llama-3.1-8B-Instruct-GGUF` and
    `meta-llama/Llama-3.1-8B-Instruct` have the same.
    """
    return from_repo(repo).casefold()


def same_model(one: str, other: str) -> bool:
    """Whether two repositories are called alike."""
    return family_key(one) == family_key(other)


def families_of(models: Iterable[HubModel]) -> tuple[ModelFamily, ...]:
    """The models in the order of their first repository."""
    members: dict[str, list[HubModel]] = {}
    bases: dict[str, str] = {}
    for model in models:
        base = base_of(model)
        key = family_key(base or model.repo)
        members.setdefault(key, []).append(model)
        if base:
            bases.setdefault(key, base)
    return tuple(_family(key, found, bases.get(key)) for key, found in members.items())


def _family(key: str, models: list[HubModel], base: str | None) -> ModelFamily:
    ordered = sorted(models, key=lambda model: -model.downloads)
    return ModelFamily(key, from_repo(base or ordered[0].repo), base, tuple(ordered))
