"""The model in view: what is known of it from the shipped list, the hub, and times before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal

from app.core.errors import AppError
from app.core.gguf_types import GgufHeader
from app.core.hub import HubClient, HubDetail
from app.core.hub_facts import NO_FACTS, RepoFacts, ScanStatus
from app.core.mlx_support import runs_mlx
from app.core.ollama_name import ollama_name_of
from app.core.seen_models import SeenModels
from app.core.speeds import SpeedBook, read_per_token
from app.gui import variants_lines
from app.gui.discover_family import FamilyLoader
from app.gui.discover_fit import FitCheck, ModelShape
from app.gui.discover_loader import DetailLoader, Told
from app.gui.discover_subject import Subject
from app.gui.variants_lines import VariantLine
from app.gui.worker import Worker

_REMEMBERED = 50


@dataclass
class Known:
    """What the hub has told of one repository since the window was opened."""

    told: Told
    header: GgufHeader | None = None
    facts: RepoFacts = NO_FACTS
    card: str | None = None
    card_error: AppError | None = None


class ModelInView(QObject):
    """Loads what the page shows and remembers it; tells when there is something else to show."""

    waiting = Signal()
    """Nothing is known of the model yet; the hub is asked."""
    named = Signal(bool)
    """Names, facts or variants are known; True: the page starts over."""
    measured = Signal()
    """The variants are other ones, or judged otherwise."""
    card_changed = Signal()
    failed = Signal(object)
    """AppError: nothing is known of the model, and the hub did not help."""
    refused = Signal()
    """The hub could not be asked; why is in `refusal`."""

    def __init__(
        self,
        hub: HubClient,
        seen: SeenModels,
        speeds: SpeedBook,
        worker: Worker,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._speeds = speeds
        self.subject: Subject | None = None
        self.revision: str | None = None
        self.known: dict[str, Known] = {}
        self.refusal: AppError | None = None
        """Why the model in view is shown as the shipped list knows it, or as it was seen last."""
        self.loader = DetailLoader(hub, seen, worker, self)
        self.family = FamilyLoader(hub, seen, worker, self)
        self.loader.detail_loaded.connect(self._detail_loaded)
        self.loader.header_loaded.connect(self._header_loaded)
        self.loader.facts_loaded.connect(self._facts_loaded)
        self.loader.card_loaded.connect(self._card_loaded)
        self.loader.card_failed.connect(self._card_failed)
        self.loader.failed.connect(self._load_failed)
        self.family.changed.connect(self.measured)

    # Choosing

    def show(self, subject: Subject, revision: str | None = None) -> None:
        """Another model is in view, of its newest revision unless another one is named."""
        if self.subject is not None and self.revision is not None:
            self.known.pop(self.subject.repo, None)  # it is of another revision than the newest
        self.revision, self.refusal = revision, None
        known = self.known.get(subject.repo) if revision is None else None
        self.subject = self._with(subject, known)
        mlx_repo = subject.entry.mlx_repo if subject.entry else None
        self.family.start(subject.repo, subject.models, mlx_repo or "")
        if self.subject.entry is None and self.subject.detail is None:
            self.waiting.emit()
        else:
            self.named.emit(True)
            self.card_changed.emit()
        if known is None or known.told.error is not None:
            self.loader.load(subject.repo, revision)
        else:
            self.loader.cancel()
            self._find_family(known.told)

    def retry(self) -> None:
        """Ask the hub again."""
        if self.subject is None:
            return
        self.refusal = None
        self.refused.emit()
        if self.subject.entry is None and self.subject.detail is None:
            self.waiting.emit()
        self.loader.load(self.subject.repo, self.revision, at_once=True)

    @property
    def known_now(self) -> Known | None:
        """What the hub told of the model in view."""
        return self.known.get(self.subject.repo) if self.subject else None

    @property
    def seen_at(self) -> float | None:
        """When what is shown was told, if that is long ago."""
        known = self.known_now
        if known is None or known.told.error is None or known.told.seen is None:
            return None
        return known.told.seen.time

    def detail_of(self, repo: str) -> HubDetail | None:
        """The files of a repository of the model in view."""
        if self.subject is not None and repo == self.subject.repo:
            return self.subject.detail
        told = self.family.opened.get(repo)
        return told.detail if told else None

    def repos(self) -> frozenset[str]:
        """Repositories whose variants are shown."""
        own = {self.subject.repo} if self.subject else set()
        return frozenset(own | set(self.family.opened))

    def scans(self) -> dict[str, ScanStatus]:
        """What the hub's scans say of the repositories whose variants are shown."""
        own = {self.subject.repo: self.subject.told.scan} if self.subject else {}
        scans = self.family.scans
        return own | {repo: scans[repo] for repo in self.family.opened if repo in scans}

    # Variants

    def lines(self, check: FitCheck, why_no_mlx: str) -> tuple[VariantLine, ...]:
        """The variants of all repositories, those of the one in view first."""
        subject = self.subject
        if subject is None:
            return ()
        shape = self._shape(subject)
        found = self.lines_of(subject, check, why_no_mlx)
        for told in self.family.opened_in_order():
            others = self._of_detail(told.detail, check, shape, why_no_mlx, is_main=False)
            found += self._with_speeds(others, check, shape)
        return found

    def lines_of(
        self, subject: Subject, check: FitCheck, why_no_mlx: str
    ) -> tuple[VariantLine, ...]:
        """The variants of one repository, as far as they are known."""
        shape = self._shape(subject)
        if subject.detail is not None:
            found = self._of_detail(subject.detail, check, shape, why_no_mlx, is_main=True)
        else:
            found = variants_lines.of_entry(subject.entry, check) if subject.entry else ()
        return self._with_speeds(found, check, shape)

    def newest(self, subject: Subject) -> Subject:
        """A subject with what is known of it by now."""
        return self._with(subject, self.known.get(subject.repo))

    def _of_detail(
        self,
        detail: HubDetail,
        check: FitCheck,
        shape: ModelShape,
        why_no_mlx: str,
        *,
        is_main: bool,
    ) -> tuple[VariantLine, ...]:
        return variants_lines.of_detail(
            detail.model.repo,
            detail.variants,
            check,
            shape,
            mlx_usable=runs_mlx(),
            why_not=why_no_mlx,
            is_main=is_main,
        )

    def _shape(self, subject: Subject) -> ModelShape:
        if subject.entry is not None:
            return replace(ModelShape.of_entry(subject.entry), header=subject.header)
        return ModelShape.of_name(subject.base or subject.repo, subject.header)

    def _with_speeds(
        self, lines: Sequence[VariantLine], check: FitCheck, shape: ModelShape
    ) -> tuple[VariantLine, ...]:
        return tuple(replace(line, speed=self._speed(line, check, shape)) for line in lines)

    def _speed(self, line: VariantLine, check: FitCheck, shape: ModelShape) -> float | None:
        if not line.size or not line.usable:
            return None
        read = read_per_token(line.size, shape.parameters, shape.active_parameters)
        return self._speeds.expected(read, on_gpu=check.is_on_gpu(line.size, shape))

    # What the hub tells

    def _with(self, subject: Subject, known: Known | None) -> Subject:
        if known is None:
            return subject
        return replace(subject, detail=known.told.detail, header=known.header, told=known.facts)

    def _detail_loaded(self, told: Told) -> None:
        subject = self.subject
        if subject is None:
            return
        while len(self.known) >= _REMEMBERED:
            del self.known[next(iter(self.known))]
        self.known[subject.repo] = known = Known(told)
        first = subject.entry is None and subject.detail is None
        self.subject = self._with(subject, known)
        self.refusal = told.error
        self.named.emit(first)
        if first:
            self.card_changed.emit()
        self.refused.emit()
        self._find_family(told)

    def _find_family(self, told: Told) -> None:
        subject = self.subject
        if subject is not None and self.revision is None and not ollama_name_of(subject.repo):
            self.family.find(told.detail.model.sha, subject.base)

    def _header_loaded(self, header: GgufHeader) -> None:
        if (known := self.known_now) is not None and self.subject is not None:
            known.header = header
            self.subject = self._with(self.subject, known)
            self.named.emit(False)

    def _facts_loaded(self, facts: RepoFacts) -> None:
        if (known := self.known_now) is not None and self.subject is not None:
            known.facts = facts
            self.subject = self._with(self.subject, known)
            self.named.emit(False)

    def _card_loaded(self, text: str) -> None:
        if (known := self.known_now) is not None:
            known.card, known.card_error = text, None
            self.card_changed.emit()

    def _card_failed(self, error: AppError) -> None:
        if (known := self.known_now) is not None:
            known.card_error = error
            self.card_changed.emit()

    def _load_failed(self, error: AppError) -> None:
        if self.subject is None:
            return
        if self.subject.entry is None and self.subject.detail is None:
            self.failed.emit(error)
            return
        self.refusal = error
        self.card_changed.emit()
        self.refused.emit()


def main_line(lines: Sequence[VariantLine]) -> VariantLine | None:
    """The recommended variant, else the one that needs least."""
    for line in lines:
        if line.recommended:
            return line
    sized = [line for line in lines if line.size and line.usable]
    return min(sized, key=lambda line: line.size or 0, default=None)
