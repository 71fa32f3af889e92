"""What stands in the list of Discover: families, models, and rows that are still loading."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from app.core.capabilities import CAPABILITIES, capabilities_of, languages_of
from app.core.catalogue import CatalogueEntry
from app.core.file_names import parameters_of, size_in_name
from app.core.hub import HubModel
from app.core.library import LocalModel
from app.core.memory import Fit, FitVerdict
from app.core.model_collections import ModelTraits, belongs
from app.core.model_families import ModelFamily, families_of, family_key
from app.core.model_marks import Mark
from app.gui import formatting
from app.gui.ages import ago
from app.gui.discover_filter import DiscoverFilter
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


@dataclass(frozen=True)
class GroupRow:
    """The name of a family above its models."""

    title: str


@dataclass(frozen=True)
class SkeletonRow:
    """Stands for a model that is still being asked for."""


@dataclass(frozen=True)
class ModelRow:
    """One model of the list, in one repository or several."""

    key: str
    """Stable: tells the same model in another list."""
    repo: str
    title: str
    subtitle: str
    marks: tuple[str, ...] = ()
    """Capabilities, in the order of `CAPABILITY_ICONS`."""
    entry: CatalogueEntry | None = None
    models: tuple[HubModel, ...] = ()
    """What the hub's list told of its repositories, that of `repo` first."""
    fit: Fit | None = None
    tip: str = ""
    on_disk: bool = False

    @property
    def model(self) -> HubModel | None:
        """The repository shown first, as the hub's list told of it."""
        return self.models[0] if self.models else None

    @property
    def repos(self) -> frozenset[str]:
        """All repositories that the row stands for."""
        return frozenset((self.repo, *(model.repo for model in self.models)))


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
        judged = check.of_entry(entry)
        if not _entry_matches(entry, wanted, judged):
            continue
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
    return ModelRow(
        key=entry.id,
        repo=entry.gguf_repo,
        title=entry.name,
        subtitle=" · ".join(facts),
        marks=in_order(set(entry_capabilities(entry))),
        entry=entry,
        fit=judged.fit,
        tip=fit_tip(judged, context),
        on_disk=on_disk,
    )


def entry_capabilities(entry: CatalogueEntry) -> frozenset[str]:
    """What the shipped list says that a model can do."""
    several = any(sign.isdigit() for sign in entry.languages)
    return frozenset((*entry.capabilities, *(("languages",) if several else ())))


def from_hub(
    models: Sequence[HubModel],
    wanted: DiscoverFilter,
    check: FitCheck,
    local: Sequence[LocalModel],
    entries: Sequence[CatalogueEntry] = (),
) -> Listing:
    """Models of the hub in the hub's order, filtered by what their tags and names tell.

    Repositories of the same model are one row; what the shipped list knows of it counts.
    """
    here = repos_on_disk(local)
    known = {family_key(entry.base_repo): entry for entry in entries if entry.base_repo}
    rows: list[Row] = []
    too_large = 0
    for family in families_of(models):
        entry = known.get(family.key)
        marks = _family_marks(family, entry)
        judged = check.of_entry(entry) if entry else check.of_name(family.base or family.main.repo)
        if not wanted.capabilities <= set(marks):
            continue
        if not belongs(wanted.collection, _family_traits(family, entry, marks, judged)):
            continue
        on_disk = any(model.repo in here for model in family.models)
        if wanted.fits and judged and judged.fit is Fit.TOO_LARGE and not on_disk:
            too_large += 1
            continue
        title = entry.name if entry else family.title
        rows.append(family_row(family, title, marks, judged, check.context, on_disk=on_disk))
    return Listing(tuple(rows), len(rows), too_large)


def family_row(
    family: ModelFamily,
    title: str,
    marks: tuple[str, ...],
    judged: FitVerdict | None,
    context: int,
    *,
    on_disk: bool = False,
) -> ModelRow:
    """A model of the hub as a row."""
    others = len({model.author for model in family.models}) - 1
    makers = family.main.author
    if others:
        one = QCoreApplication.translate("discover", "%1 and 1 other")
        many = QCoreApplication.translate("discover", "%1 and %n others", "", others)
        makers = (one if others == 1 else many).replace("%1", makers)
    downloads = QCoreApplication.translate("discover", "%1 · %2 downloads").replace("%1", makers)
    total = sum(model.downloads for model in family.models)
    tip = "\n".join(model.repo for model in family.models)
    if judged is not None:
        words = QCoreApplication.translate("discover", "Judged by its name, as Q4_K_M. %1")
        tip = f"{tip}\n{words.replace('%1', fit_tip(judged, context))}"
    return ModelRow(
        key=f"hub:{family.key}",
        repo=family.main.repo,
        title=title,
        subtitle=downloads.replace("%2", formatting.compact_number(total)),
        marks=marks,
        models=family.models,
        fit=judged.fit if judged else None,
        tip=tip,
        on_disk=on_disk,
    )


def marked(
    marks: Sequence[Mark],
    wanted: DiscoverFilter,
    check: FitCheck,
    local: Sequence[LocalModel],
    entries: Sequence[CatalogueEntry],
) -> Listing:
    """The person's bookmarks or what was looked at, the newest first, whatever their size."""
    here = repos_on_disk(local)
    by_repo = {entry.gguf_repo: entry for entry in entries}
    rows: list[Row] = []
    for mark in marks:
        words = f"{mark.title} {mark.repo}".lower()
        if not all(word in words for word in wanted.text.lower().split()):
            continue
        on_disk = mark.repo in here
        if entry := by_repo.get(mark.repo):
            rows.append(entry_row(entry, check.of_entry(entry), check.context, on_disk=on_disk))
            continue
        judged = check.of_name(mark.repo)
        rows.append(
            ModelRow(
                key=f"mark:{mark.repo}",
                repo=mark.repo,
                title=mark.title,
                subtitle=f"{mark.repo.partition('/')[0]} · {ago(mark.time)}",
                fit=judged.fit if judged else None,
                tip=mark.repo,
                on_disk=on_disk,
            )
        )
    return Listing(tuple(rows), len(rows))


def hub_marks(model: HubModel, chat_template: str = "") -> tuple[str, ...]:
    """What a repository tells that its model can do, and whether it is gated."""
    found = set(capabilities_of(model, chat_template))
    if model.gated:
        found.add("gated")
    return in_order(found)


def _family_marks(family: ModelFamily, entry: CatalogueEntry | None) -> tuple[str, ...]:
    found = set(entry_capabilities(entry)) if entry else set()
    for model in family.models:
        found |= capabilities_of(model)
    if all(model.gated for model in family.models):
        found.add("gated")
    return in_order(found)


def _family_traits(
    family: ModelFamily,
    entry: CatalogueEntry | None,
    marks: tuple[str, ...],
    judged: FitVerdict | None,
) -> ModelTraits:
    if entry is not None:
        return _entry_traits(entry, judged)
    size = size_in_name(family.base or family.main.repo)
    active = size.partition("-A")[2]
    return ModelTraits(
        capabilities=frozenset(marks),
        french=any("fr" in languages_of(model) for model in family.models),
        parameters=parameters_of(size),
        active_parameters=parameters_of(active) if active else None,
        fit=judged.fit if judged else None,
    )


def _entry_traits(entry: CatalogueEntry, judged: FitVerdict | None) -> ModelTraits:
    return ModelTraits(
        capabilities=entry_capabilities(entry),
        french="French" in entry.languages,
        parameters=entry.parameters,
        active_parameters=entry.active_parameters,
        fit=judged.fit if judged else None,
    )


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
    return tuple(name for name in (*CAPABILITIES, "gated") if name in capabilities)


def repos_on_disk(local: Sequence[LocalModel]) -> frozenset[str]:
    """Repositories of which at least one usable model is on this computer."""
    return frozenset(
        model.repo for model in local if model.repo and model.present and not model.problem
    )


def _entry_matches(entry: CatalogueEntry, wanted: DiscoverFilter, judged: FitVerdict) -> bool:
    if not wanted.capabilities <= set(entry.capabilities):
        return False
    if not belongs(wanted.collection, _entry_traits(entry, judged)):
        return False
    if wanted.format == "mlx" and entry.mlx_repo is None:
        return False
    known = f"{entry.name} {entry.publisher} {entry.family} {entry.gguf_repo}".lower()
    return all(word in known for word in wanted.text.lower().split())
