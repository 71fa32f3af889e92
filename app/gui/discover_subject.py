"""What the model page says of a model, from the shipped list, the hub, or both."""

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from app.core import model_names
from app.core.architecture import Architecture, architecture_of
from app.core.capabilities import languages_of
from app.core.catalogue import CatalogueEntry
from app.core.gguf_types import GgufHeader
from app.core.hub import HubDetail, HubModel
from app.core.hub_facts import NO_FACTS, RepoFacts, ScanStatus
from app.core.model_families import base_of
from app.core.ollama_name import ollama_name_of
from app.gui import formatting
from app.gui.discover_rows import CAPABILITY_ICONS, capability_word, entry_capabilities, hub_marks
from app.gui.ollama_words import registry_word

_LICENCES = {
    "apache-2.0": "Apache 2.0",
    "mit": "MIT",
    "cc-by-4.0": "CC BY 4.0",
    "cc-by-nc-4.0": "CC BY-NC 4.0",
    "bsd-3-clause": "BSD 3-clause",
}


def licence_words(tag: str | None) -> str:
    """A licence's tag as people write it; "" if none is known."""
    if not tag:
        return ""
    if tag in _LICENCES:
        return _LICENCES[tag]
    for family in ("llama", "gemma"):
        if tag.startswith(family) and " " not in tag:
            name = f"{family.capitalize()} {tag.removeprefix(family)}".strip()
            return QCoreApplication.translate("discover", "%1 licence").replace("%1", name)
    return tag


@dataclass(frozen=True)
class Fact:
    """A few words with an icon."""

    icon: str
    text: str
    tip: str = ""


@dataclass(frozen=True)
class Subject:
    """The model that the page is about."""

    repo: str
    entry: CatalogueEntry | None = None
    models: tuple[HubModel, ...] = ()
    """Repositories of the same model, as the hub's list told of them; that of `repo` first."""
    detail: HubDetail | None = None
    header: GgufHeader | None = None
    """The beginning of one of its files."""
    told: RepoFacts = NO_FACTS
    """What else the hub says of the repository."""

    @property
    def title(self) -> str:
        """Its name."""
        if self.entry is not None:
            return self.entry.name
        name = ollama_name_of(self.repo)
        return name.short if name else model_names.from_repo(self.repo)

    @property
    def base(self) -> str | None:
        """The maker's repository, where it is known."""
        told = base_of(self.hub_model) if self.hub_model else None
        return told or (self.entry.base_repo if self.entry else None)

    @property
    def architecture(self) -> Architecture:
        """How the model is built, as far as a header or the hub tells."""
        if self.header is not None:
            return architecture_of(self.header)
        return Architecture(self.told.architecture, context_length=self.told.context_length)

    @property
    def parameters(self) -> int | None:
        """How many it has, by the shipped list or by the hub's reading of a file."""
        return self.entry.parameters if self.entry else self.told.parameters

    @property
    def context_length(self) -> int | None:
        """Tokens that the model was trained for."""
        if self.entry is not None and self.entry.context_length:
            return self.entry.context_length
        return self.architecture.context_length

    @property
    def crumbs(self) -> str:
        """Where one is."""
        if self.entry:
            where = QCoreApplication.translate("discover", "Suggested")
            return f"{where}  /  {self.entry.family}"
        if name := ollama_name_of(self.repo):
            return f"{registry_word()}  /  {name.namespace}"
        where = QCoreApplication.translate("discover", "All on the hub")
        return f"{where}  /  {self.repo.partition('/')[0]}"

    @property
    def summary(self) -> str:
        """One honest line; "" for what is not on the shipped list."""
        return self.entry.summary if self.entry else ""

    @property
    def hub_model(self) -> HubModel | None:
        """What the hub says, the newest known."""
        if self.detail is not None:
            return self.detail.model
        return self.models[0] if self.models else None

    @property
    def licence(self) -> str:
        """In words; "" if none is known."""
        model = self.hub_model
        tag = self.entry.licence if self.entry else model.licence if model else None
        return licence_words(tag)

    def facts(self) -> tuple[Fact, ...]:
        """Publisher, downloads, likes, date, licence."""
        model, name = self.hub_model, ollama_name_of(self.repo)
        publisher = self.entry.publisher if self.entry else self.repo
        facts = [Fact("", name.publisher if name else publisher)]
        if name is not None and model is not None:
            tip = QCoreApplication.translate("discover", "Version: sha256 of its manifest")
            facts.append(Fact("box", model.sha[:12], tip))
        elif model is not None:
            tip = QCoreApplication.translate("discover", "Downloads in the last 30 days")
            facts.append(Fact("download", formatting.compact_number(model.downloads), tip))
            tip = QCoreApplication.translate("discover", "Likes on the hub")
            facts.append(Fact("heart", formatting.compact_number(model.likes), tip))
            if date := formatting.month_year(model.created):
                tip = QCoreApplication.translate("discover", "Published on the hub")
                facts.append(Fact("calendar", date, tip))
        if words := self.licence:
            tip = QCoreApplication.translate("discover", "Licence")
            facts.append(Fact("scale", words, tip))
        facts += self._scan_fact()
        return tuple(facts)

    def _scan_fact(self) -> list[Fact]:
        """What the hub's scans found, where they found nothing or are not done."""
        if self.told.scan.state == "clean":
            words = QCoreApplication.translate("discover", "Scanned")
            tip = QCoreApplication.translate(
                "discover", "The hub's scans for malware and unsafe code found nothing."
            )
            return [Fact("shield-check", words, tip)]
        if self.told.scan.state == "pending":
            words = QCoreApplication.translate("discover", "Not scanned yet")
            tip = QCoreApplication.translate("discover", "The hub's scans are not done.")
            return [Fact("shield", words, tip)]
        return []

    def capabilities(self) -> tuple[str, ...]:
        """What it can do, and whether its licence has to be accepted, in the usual order."""
        model = self.hub_model
        told = set(hub_marks(model, self.told.chat_template)) if model else set()
        if self.entry is not None:
            told = set(entry_capabilities(self.entry)) | (told & {"tools", "reasoning", "gated"})
        return tuple(name for name in CAPABILITY_ICONS if name in told)

    def badges(self) -> tuple[Fact, ...]:
        """What it can do, and its measures."""
        facts = list(self._marks(self.capabilities()))
        if languages := self._languages():
            facts.append(Fact("languages", languages))
        if self.context_length:
            length = formatting.short_tokens(self.context_length)
            words = QCoreApplication.translate("discover", "%1 context").replace("%1", length)
            facts.append(Fact("square-dashed-text", words))
        if self.parameters:
            facts.append(Fact("layers", self.parameter_words()))
        return (*facts, *self._formats())

    def parameter_words(self) -> str:
        """ "30.5 B parameters, 3.3 B active"."""
        count = formatting.parameters(self.parameters)
        if self.entry is None or not self.entry.active_parameters:
            return QCoreApplication.translate("discover", "%1 parameters").replace("%1", count)
        active = formatting.parameters(self.entry.active_parameters)
        words = QCoreApplication.translate("discover", "%1 parameters, %2 active")
        return words.replace("%1", count).replace("%2", active)

    def _languages(self) -> str:
        if self.entry is not None:
            return self.entry.languages
        count = len(languages_of(self.hub_model)) if self.hub_model else 0
        many = QCoreApplication.translate("discover", "%n languages", "", count)
        return many if count > 1 else ""

    def _marks(self, marks: tuple[str, ...]) -> tuple[Fact, ...]:
        return tuple(
            Fact(CAPABILITY_ICONS[mark], _can(mark))
            for mark in CAPABILITY_ICONS
            if mark in marks and mark != "languages"
        )

    def _formats(self) -> tuple[Fact, ...]:
        if self.entry is not None:
            formats = ["GGUF", *(["MLX"] if self.entry.mlx_repo else [])]
        elif self.detail is not None:
            formats = sorted({each.format.upper() for each in self.detail.variants})
        else:
            formats = []
        return (Fact("package", ", ".join(formats)),) if formats else ()

    @property
    def by_hand(self) -> bool:
        """Whether its authors let people in one by one."""
        model = self.hub_model
        return model is not None and model.gated == "manual"

    @property
    def gated(self) -> bool:
        """Whether the authors want something before the files can be downloaded."""
        model = self.hub_model
        return model is not None and bool(model.gated)


def danger_words(scans: Mapping[str, ScanStatus]) -> str:
    """What the hub's scans found in repositories; "" if nothing."""
    found = [
        f"{repo}/{issue.path} ({issue.level})" if issue.level else f"{repo}/{issue.path}"
        for repo, scan in scans.items()
        for issue in scan.issues
    ]
    if not found:
        return ""
    text = QCoreApplication.translate(
        "discover", "The hub's scans found something: %1. Take the model from another repository."
    )
    return text.replace("%1", ", ".join(found[:3]))


def _can(mark: str) -> str:
    """A capability in words; of pictures that Corral cannot show them to a model."""
    if mark == "vision":
        return QCoreApplication.translate("discover", "Text; pictures are not supported yet")
    return capability_word(mark)
