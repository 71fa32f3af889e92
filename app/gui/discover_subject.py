"""What the model page says of a model, from the shipped list, the hub, or both."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from app.core.catalogue import CatalogueEntry
from app.core.hub import HubDetail, HubModel
from app.core.ollama_name import from_repo, repository_title
from app.gui import formatting
from app.gui.discover_rows import CAPABILITY_ICONS, capabilities_of, capability_word
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
    model: HubModel | None = None
    detail: HubDetail | None = None

    @property
    def title(self) -> str:
        """Its name."""
        return self.entry.name if self.entry else repository_title(self.repo)

    @property
    def crumbs(self) -> str:
        """Where one is."""
        if self.entry:
            where = QCoreApplication.translate("discover", "Suggested")
            return f"{where}  /  {self.entry.family}"
        if name := from_repo(self.repo):
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
        return self.detail.model if self.detail else self.model

    def facts(self) -> tuple[Fact, ...]:
        """Publisher, downloads, likes, date, licence."""
        model, name = self.hub_model, from_repo(self.repo)
        publisher = self.entry.publisher if self.entry else self.repo.partition("/")[0]
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
        tag = self.entry.licence if self.entry else model.licence if model else None
        if words := licence_words(tag):
            tip = QCoreApplication.translate("discover", "Licence")
            facts.append(Fact("scale", words, tip))
        return tuple(facts)

    def badges(self) -> tuple[Fact, ...]:
        """What it can do, and its measures."""
        entry = self.entry
        if entry is None:
            marks = capabilities_of(self.hub_model) if self.hub_model else ()
            return (*self._marks(marks), *self._formats())
        facts = list(self._marks(entry.capabilities))
        if entry.languages:
            facts.append(Fact("languages", entry.languages))
        if entry.context_length:
            length = formatting.short_tokens(entry.context_length)
            words = QCoreApplication.translate("discover", "%1 context").replace("%1", length)
            facts.append(Fact("square-dashed-text", words))
        count = formatting.parameters(entry.parameters)
        words = QCoreApplication.translate("discover", "%1 parameters").replace("%1", count)
        if entry.active_parameters:
            active = formatting.parameters(entry.active_parameters)
            words = QCoreApplication.translate("discover", "%1 parameters, %2 active")
            words = words.replace("%1", count).replace("%2", active)
        facts.append(Fact("layers", words))
        return (*facts, *self._formats())

    def _marks(self, marks: tuple[str, ...]) -> tuple[Fact, ...]:
        return tuple(
            Fact(CAPABILITY_ICONS[mark], _can(mark))
            for mark in CAPABILITY_ICONS
            if mark in marks and mark != "gated"
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
    def gated(self) -> bool:
        """Whether the authors want something before the files can be downloaded."""
        model = self.hub_model
        return model is not None and bool(model.gated)


def _can(mark: str) -> str:
    """A capability in words; of pictures that Corral cannot show them to a model."""
    if mark == "vision":
        return QCoreApplication.translate("discover", "Text; pictures are not supported yet")
    return capability_word(mark)
