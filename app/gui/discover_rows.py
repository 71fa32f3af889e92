"""What stands in the list of Discover: families, models, and rows that are still loading."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QCoreApplication

from app.core.catalogue import CatalogueEntry
from app.core.hub import Format, HubModel, Sort
from app.core.library import LocalModel
from app.core.memory import Fit, FitVerdict
from app.gui import formatting
from app.gui.discover_fit import FitCheck, fit_tip

CAPABILITY_ICONS = {
    "reasoning": "brain",
    "tools": "wrench",
    "vision": "eye",
    "languages": "languages",
    "code": "code",
    "safety": "shield-check",
    "embeddings": "sigma",
    "gated": "lock",
}
"""Icon by capability, in the order they are shown."""

_PIPELINES = {
    "image-text-to-text": "vision",
    "any-to-any": "vision",
    "feature-extraction": "embeddings",
    "sentence-similarity": "embeddings",
}
_TAGS = {
    "function-calling": "tools",
    "function calling": "tools",
    "tool-use": "tools",
    "tools": "tools",
    "reasoning": "reasoning",
    "thinking": "reasoning",
    "code": "code",
    "vision": "vision",
    "multimodal": "vision",
}


@dataclass(frozen=True)
class DiscoverFilter:
    """What the person asked to see."""

    text: str = ""
    scope: Literal["suggested", "hub"] = "suggested"
    sort: Sort = "trending"
    format: Format = "gguf"
    fits: bool = True
    """Leave out what is too large for this computer."""
    capabilities: frozenset[str] = frozenset()
    """Only models that have all of these."""


@dataclass(frozen=True)
class GroupRow:
    """The name of a family above its models."""

    title: str


@dataclass(frozen=True)
class SkeletonRow:
    """Stands for a model that is still being asked for."""


@dataclass(frozen=True)
class ModelRow:
    """One model of the list."""

    key: str
    """Stable: tells the same model in another list."""
    repo: str
    title: str
    subtitle: str
    marks: tuple[str, ...] = ()
    """Capabilities, in the order of `CAPABILITY_ICONS`."""
    entry: CatalogueEntry | None = None
    model: HubModel | None = None
    fit: Fit | None = None
    tip: str = ""
    on_disk: bool = False


Row = GroupRow | SkeletonRow | ModelRow

SKELETONS: tuple[Row, ...] = (SkeletonRow(),) * 8


@dataclass(frozen=True)
class Listing:
    """Rows with what the footer says of them."""

    rows: tuple[Row, ...]
    shown: int
    too_large: int = 0
    """Left out because they do not fit."""


def suggested(
    entries: Sequence[CatalogueEntry],
    wanted: DiscoverFilter,
    check: FitCheck,
    local: Sequence[LocalModel],
) -> Listing:
    """The shipped list by family, filtered."""
    here = repos_on_disk(local)
    rows: list[Row] = []
    shown = too_large = 0
    family = ""
    for entry in entries:
        if not _entry_matches(entry, wanted):
            continue
        judged = check.of_entry(entry)
        on_disk = entry.gguf_repo in here
        if wanted.fits and judged.fit is Fit.TOO_LARGE and not on_disk:
            too_large += 1
            continue
        if entry.family != family:
            family = entry.family
            rows.append(GroupRow(family))
        rows.append(entry_row(entry, judged, check.context, on_disk=on_disk))
        shown += 1
    return Listing(tuple(rows), shown, too_large)


def entry_row(
    entry: CatalogueEntry, judged: FitVerdict, context: int, *, on_disk: bool = False
) -> ModelRow:
    """A suggested model as a row."""
    facts = [formatting.short_parameters(entry.parameters)]
    if "safety" in entry.capabilities:
        facts.append(QCoreApplication.translate("discover", "safety check"))
    elif "embeddings" in entry.capabilities:
        facts.append(QCoreApplication.translate("discover", "embeddings"))
    elif entry.context_length:
        length = formatting.short_tokens(entry.context_length)
        facts.append(QCoreApplication.translate("discover", "%1 context").replace("%1", length))
    several = any(sign.isdigit() for sign in entry.languages)
    marks = {*entry.capabilities, *(["languages"] if several else [])}
    return ModelRow(
        key=entry.id,
        repo=entry.gguf_repo,
        title=entry.name,
        subtitle=" · ".join(facts),
        marks=in_order(marks),
        entry=entry,
        fit=judged.fit,
        tip=fit_tip(judged, context),
        on_disk=on_disk,
    )


def from_hub(
    models: Sequence[HubModel],
    wanted: DiscoverFilter,
    check: FitCheck,
    local: Sequence[LocalModel],
) -> Listing:
    """Models of the hub in the hub's order, filtered by what their tags and names tell."""
    here = repos_on_disk(local)
    rows: list[Row] = []
    too_large = 0
    for model in models:
        marks = capabilities_of(model)
        if not wanted.capabilities <= set(marks):
            continue
        judged = check.of_name(model.repo)
        on_disk = model.repo in here
        if wanted.fits and judged and judged.fit is Fit.TOO_LARGE and not on_disk:
            too_large += 1
            continue
        rows.append(hub_row(model, judged, check.context, on_disk=on_disk))
    return Listing(tuple(rows), len(rows), too_large)


def hub_row(
    model: HubModel, judged: FitVerdict | None, context: int, *, on_disk: bool = False
) -> ModelRow:
    """A repository of the hub as a row."""
    downloads = QCoreApplication.translate("discover", "%1 · %2 downloads")
    subtitle = downloads.replace("%1", model.author).replace(
        "%2", formatting.compact_number(model.downloads)
    )
    tip = ""
    if judged is not None:
        tip = QCoreApplication.translate("discover", "Judged by its name, as Q4_K_M. %1")
        tip = tip.replace("%1", fit_tip(judged, context))
    return ModelRow(
        key=f"hub:{model.repo}",
        repo=model.repo,
        title=model.repo.partition("/")[2] or model.repo,
        subtitle=subtitle,
        marks=capabilities_of(model),
        model=model,
        fit=judged.fit if judged else None,
        tip=tip,
        on_disk=on_disk,
    )


def capabilities_of(model: HubModel) -> tuple[str, ...]:
    """What a repository's tags say that it can do."""
    found = {_TAGS[tag.lower()] for tag in model.tags if tag.lower() in _TAGS}
    if model.pipeline in _PIPELINES:
        found.add(_PIPELINES[model.pipeline])
    if "coder" in model.repo.lower():
        found.add("code")
    if model.gated:
        found.add("gated")
    return in_order(found)


def capability_word(name: str) -> str:
    """A capability in words."""
    return {
        "reasoning": QCoreApplication.translate("capability", "Reasoning"),
        "tools": QCoreApplication.translate("capability", "Tools"),
        "vision": QCoreApplication.translate("capability", "Vision"),
        "languages": QCoreApplication.translate("capability", "Languages"),
        "code": QCoreApplication.translate("capability", "Code"),
        "safety": QCoreApplication.translate("capability", "Safety check"),
        "embeddings": QCoreApplication.translate("capability", "Embeddings"),
        "gated": QCoreApplication.translate("capability", "Licence to accept"),
    }[name]


def in_order(capabilities: set[str]) -> tuple[str, ...]:
    """Capabilities in the order in which all lists show them."""
    return tuple(name for name in CAPABILITY_ICONS if name in capabilities)


def repos_on_disk(local: Sequence[LocalModel]) -> frozenset[str]:
    """Repositories of which at least one usable model is on this computer."""
    return frozenset(
        model.repo for model in local if model.repo and model.present and not model.problem
    )


def _entry_matches(entry: CatalogueEntry, wanted: DiscoverFilter) -> bool:
    if not wanted.capabilities <= set(entry.capabilities):
        return False
    if wanted.format == "mlx" and entry.mlx_repo is None:
        return False
    known = f"{entry.name} {entry.publisher} {entry.family} {entry.gguf_repo}".lower()
    return all(word in known for word in wanted.text.lower().split())
