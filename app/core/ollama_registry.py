"""Models of Ollama's registry, told as repositories of the hub are, so that all pages show them.

A tag is a repository with one variant: the weights first, then what belongs to them (projectors,
adapters). Names of files are made here, their contents are told by digest.
"""

import logging
import re
import threading
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from app.core import gguf, ollama_errors, quantization
from app.core.gguf_types import GgufHeader
from app.core.hub import HubDetail, HubModel
from app.core.hub_http import HubAccess
from app.core.library_beside import OLLAMA_ADAPTER, OLLAMA_DRAFT
from app.core.ollama_card import card
from app.core.ollama_gate import RegistryGate
from app.core.ollama_http import RegistryHttp
from app.core.ollama_manifest import (
    CONFIG_LIMIT,
    MANIFEST_LIMIT,
    Config,
    Layer,
    Manifest,
    read_config,
    read_manifest,
)
from app.core.ollama_name import OllamaName
from app.core.ollama_recipe import (
    Recipe,
    ToldMessage,
    with_messages,
    with_parameters,
    with_system,
)
from app.core.variants import RepoFile, Variant, is_companion, split_part

log = logging.getLogger(__name__)

TEXT_LIMIT = 1024 * 1024
"""Bytes of one text layer: system prompt, parameters, messages, licence."""
MOST_TEXTS = 32
REMEMBERED = 50
_UNLISTED = re.compile(r"^(downloading|incomplete-)|\.part(\.|$)", re.I)


class OllamaRegistry:
    """Asks the registry that settings or environment name. Any thread may call it."""

    def __init__(self, gate: RegistryGate, http: RegistryHttp) -> None:
        self._gate = gate
        self._http = http
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], _Known] = {}
        """By repository and revision."""

    def detail(self, name: OllamaName) -> HubDetail:
        """Files with sizes and digests, and how the model is meant to be run.

        Raises `HubError` in words: no such model, damaged, another format, log-in wanted, offline.
        """
        access = self._gate.access()
        host = urlsplit(access.endpoint).netloc
        answer = self._http.manifest(access, name, MANIFEST_LIMIT)
        revision = sha256(answer.body).hexdigest()
        if answer.digest.startswith("sha256:") and answer.digest != f"sha256:{revision}":
            raise ollama_errors.wrong_digest(name, "manifest", host)
        manifest = read_manifest(answer.body, name, host)
        config = read_config(self._text(access, name, manifest.config, CONFIG_LIMIT), name, host)
        files = self._files(access, name, manifest)
        recipe, licences = self._recipe(access, name, manifest, files)
        variant = _variant(name, config, files)
        model = HubModel(
            repo=name.repo,
            author=name.publisher,
            sha=revision,
            tags=("vision",) if manifest.projectors else (),
            licence=_licence_name(licences),
        )
        detail = HubDetail(model, files, (variant,), recipe)
        self._remember(_Known(detail, card(name, config, recipe, licences)))
        return detail

    def card(self, name: OllamaName, revision: str) -> str:
        """What the registry says of a model, as Markdown."""
        return self._told(name, revision).card

    def header(self, name: OllamaName, revision: str, file: str, size: int) -> GgufHeader:
        """What the first `size` bytes of a file say; usually not all of its header."""
        access = self._gate.access()
        files = self._told(name, revision).detail.files
        digest = next((each.sha256 for each in files if each.path == file), None)
        if digest is None:
            raise ollama_errors.blob_gone(name, urlsplit(access.endpoint).netloc)
        return gguf.read_partial(self._http.blob_start(access, name, digest, size))

    def _text(self, access: HubAccess, name: OllamaName, layer: Layer, limit: int) -> bytes:
        """A small file, checked against its digest."""
        host = urlsplit(access.endpoint).netloc
        if layer.size > limit:
            raise ollama_errors.too_large(host, limit)
        body = self._http.blob(access, name, layer.sha256, limit)
        if sha256(body).hexdigest() != layer.sha256:
            raise ollama_errors.wrong_digest(name, layer.kind or "description", host)
        return body

    def _files(
        self, access: HubAccess, name: OllamaName, manifest: Manifest
    ) -> tuple[RepoFile, ...]:
        """What is downloaded, the weights first; adapters and drafts of other formats are not."""
        if manifest.model is None:
            raise ollama_errors.not_a_model(name, "Its manifest names no weights.")
        stem = _safe_stem(name)
        files = [RepoFile(f"{stem}.gguf", manifest.model.size, sha256=manifest.model.sha256)]
        for number, layer in enumerate(manifest.projectors):
            prefix = f"mmproj-{number}" if number else "mmproj"
            files.append(RepoFile(f"{prefix}-{stem}.gguf", layer.size, sha256=layer.sha256))
        for prefix, layers in (
            (OLLAMA_ADAPTER, manifest.adapters),
            (OLLAMA_DRAFT, manifest.drafts),
        ):
            usable = [layer for layer in layers if self._is_gguf(access, name, layer)]
            for number, layer in enumerate(usable, 1):
                files.append(RepoFile(f"{prefix}{number}.gguf", layer.size, sha256=layer.sha256))
        return tuple(files)

    def _is_gguf(self, access: HubAccess, name: OllamaName, layer: Layer) -> bool:
        return self._http.blob_start(access, name, layer.sha256, 4) == b"GGUF"

    def _recipe(
        self,
        access: HubAccess,
        name: OllamaName,
        manifest: Manifest,
        files: tuple[RepoFile, ...],
    ) -> tuple[Recipe, list[str]]:
        """How the model is meant to be run, and the texts of its licences."""
        adapters = tuple(file.path for file in files if file.path.startswith(OLLAMA_ADAPTER))
        left_out = list(manifest.unused)
        if len(adapters) < len(manifest.adapters):
            left_out.append("adapter of an older format")
        draft = next((file.path for file in files if file.path.startswith(OLLAMA_DRAFT)), "")
        if manifest.drafts and not draft:
            left_out.append("draft model of another format")
        host = urlsplit(access.endpoint).netloc
        recipe = Recipe(
            name=name.short,
            adapters=adapters,
            draft=draft,
            foreign_template=manifest.has_template,
            left_out=tuple(left_out),
        )
        licences: list[str] = []
        for layer in manifest.texts[:MOST_TEXTS]:
            body = self._text(access, name, layer, TEXT_LIMIT)
            match layer.kind:
                case "system":
                    recipe = with_system(recipe, body.decode("utf-8", "replace"))
                case "params":
                    recipe = with_parameters(recipe, _decoded(body, dict[str, Any], host))
                case "messages":
                    told = _decoded(body, tuple[ToldMessage, ...], host)
                    recipe = with_messages(recipe, told)
                case _:
                    licences.append(body.decode("utf-8", "replace").strip())
        return recipe, licences

    def _told(self, name: OllamaName, revision: str) -> "_Known":
        """What `detail` has read at that revision; of a newer one if that is gone by now."""
        with self._lock:
            known = self._known.get((name.repo, revision))
        if known is None:
            newer = self.detail(name).model.sha
            with self._lock:
                known = self._known[name.repo, newer]
        return known

    def _remember(self, known: "_Known") -> None:
        model = known.detail.model
        with self._lock:
            while len(self._known) >= REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[model.repo, model.sha] = known


class _Known(Struct, frozen=True):
    """A model as it was told, with its card."""

    detail: HubDetail
    card: str


def _safe_stem(name: OllamaName) -> str:
    """What the weights are called; a name that the library reads as something else is not used."""
    file = f"{name.stem}.gguf"
    odd = is_companion(file) or split_part(file) or _UNLISTED.search(name.stem)
    return "model" if odd else name.stem


def _variant(name: OllamaName, config: Config, files: tuple[RepoFile, ...]) -> Variant:
    label = config.file_type.upper() or quantization.from_name(f"{name.stem}.gguf") or ""
    label = label if re.fullmatch(r"[A-Z0-9_]{1,20}", label) else ""
    quality, words = quantization.quality(label)
    return Variant(
        label=label or "other",
        quantization=label,
        format="gguf",
        files=files,
        size=sum(file.size for file in files),
        bits=quantization.bits_per_weight(label),
        quality=quality,
        quality_text=words,
    )


def _licence_name(licences: list[str]) -> str | None:
    """The first line of a licence, where it is a name."""
    first = licences[0].lstrip().partition("\n")[0].strip() if licences else ""
    return first if 0 < len(first) <= 60 else None


T = TypeVar("T")


def _decoded(body: bytes, kind: type[T], host: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ollama_errors.unreadable(host, str(error)) from error
