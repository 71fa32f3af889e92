"""Whether a model's chat template is that of the model it was made from.

Who converts a model may change its template: to mend it, or to slip something in that the
maker never wrote. The hub knows which repository a model was made from, and its template.
"""

import difflib
import hashlib
import logging
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

from app.core.catalogue import Catalogue
from app.core.chat_template import JSON_FILES, MOST_BYTES, TEMPLATE_FILE, in_config, read_template
from app.core.errors import HubError, NotFoundError, StorageError
from app.core.files import write_atomically
from app.core.hub import HubClient
from app.core.library_types import LocalModel
from app.core.model_families import base_of
from app.core.ollama_name import ollama_name_of
from app.core.paths import resource
from app.core.seen_models import SeenModels
from app.core.template_check import check_question

log = logging.getLogger(__name__)

FRESH_SECONDS = 7 * 24 * 3600.0
"""So long a template that the hub gave is not asked for again."""
_CONTEXT_LINES = 2
"""Around each change."""


class Comparison(Struct, frozen=True):
    """A template beside the one it should be."""

    base: str
    """The maker's repository."""
    changes: str = ""
    """A unified diff from the base's template to the model's; empty if they are the same."""
    no_template: bool = False
    """The base has none, so there is nothing to compare with."""
    from_list: bool = False
    """The hub could not be asked; the list that ships with the program knows the template."""
    same_sample: bool = True
    """A short chat, and a question without a system prompt, come out the same with both."""

    @property
    def same(self) -> bool:
        """Nothing but line ends and blanks at the ends of lines differs."""
        return not self.changes and not self.no_template


class _Kept(Struct, frozen=True):
    repo: str
    template: str
    """Empty: the repository has none."""
    time: float
    """When it came, Unix seconds."""


class _Known(Struct, frozen=True):
    templates: dict[str, tuple[str, ...]]


class BaseTemplates:
    """Asks the hub and remembers what it said. Any thread may call; calls may take seconds."""

    def __init__(
        self,
        hub: HubClient,
        seen: SeenModels,
        catalogue: Catalogue,
        folder: Path,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._hub = hub
        self._seen = seen
        self._catalogue = catalogue
        self._folder = folder
        self._clock = clock

    def compare(self, model: LocalModel) -> Comparison | None:
        """The model's template beside its base's; None where no base is known.

        Raises:
            HubError: the hub cannot be asked, and was not before.
            ModelError: the model's own file cannot be read, or a template not be tried.
        """
        question = read_template(model.path)
        base = self.base(model) if question else None
        if question is None or base is None:
            return None
        try:
            source = self._template(base)
        except HubError:  # many makers show their files only to those who accept a licence
            if fingerprint(question.source) in known_fingerprints().get(base, ()):
                return Comparison(base, from_list=True)
            raise
        if not source:
            return Comparison(base, no_template=True)
        changes = changes_between(source, question.source)
        if not changes:
            return Comparison(base)
        theirs = check_question(msgspec.structs.replace(question, source=source))
        ours = check_question(question)
        same = (ours.sample, ours.question) == (theirs.sample, theirs.question)
        return Comparison(base, changes, same_sample=same)

    def base(self, model: LocalModel) -> str | None:
        """The repository that a model was made from; None where nobody tells.

        Raises HubError: the hub cannot be asked.
        """
        repo = model.repo
        if not repo or ollama_name_of(repo):
            return None
        entry = self._catalogue.for_repo(repo)
        if entry is not None and entry.base_repo:
            return entry.base_repo
        seen = self._seen.model(repo)
        detail = seen.detail if seen else self._hub.detail(repo)
        if not seen:
            self._seen.keep_detail(detail)
        return base_of(detail.model)

    def _template(self, repo: str) -> str:
        """The template of a repository, "" if it has none; an old answer is better than none."""
        kept = self._kept(repo)
        if kept is not None and 0 <= self._clock() - kept.time < FRESH_SECONDS:
            return kept.template
        try:
            template = self._asked(repo)
        except HubError:
            if kept is None:
                raise
            return kept.template
        self._keep(_Kept(repo, template, self._clock()))
        return template

    def _asked(self, repo: str) -> str:
        try:
            return self._hub.file(repo, TEMPLATE_FILE, limit=MOST_BYTES).decode("utf-8", "replace")
        except NotFoundError:
            pass
        for name in reversed(JSON_FILES):
            try:
                data = self._hub.file(repo, name, limit=MOST_BYTES)
            except NotFoundError:
                continue
            if source := in_config(data).source:
                return source
        return ""

    def _file(self, repo: str) -> Path:
        return self._folder / f"{hashlib.sha256(repo.encode()).hexdigest()[:32]}.json"

    def _kept(self, repo: str) -> _Kept | None:
        path = self._file(repo)
        try:
            return msgspec.json.decode(path.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s cannot be used: %s", path.name, error)
            return None

    def _keep(self, kept: _Kept) -> None:
        try:
            write_atomically(self._file(kept.repo), msgspec.json.encode(kept))
        except StorageError as error:
            log.warning("the template of %s is not kept: %s", kept.repo, error)


def fingerprint(template: str) -> str:
    """sha256 of a template, the same whatever its line ends and blanks at the ends of lines."""
    return hashlib.sha256("\n".join(_lines(template)).encode()).hexdigest()


@cache
def known_fingerprints() -> dict[str, tuple[str, ...]]:
    """Fingerprints of templates by the repository of their maker, from `resources/templates.json`.

    They were computed from public copies of the templates when the list was made.
    """
    return msgspec.json.decode(resource("templates.json").read_bytes(), type=_Known).templates


def changes_between(base: str, own: str) -> str:
    """A unified diff without file names; empty if only line ends or blanks at ends differ."""
    lines = difflib.unified_diff(_lines(base), _lines(own), n=_CONTEXT_LINES, lineterm="")
    return "\n".join(line for line in lines if not line.startswith(("---", "+++")))


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]
