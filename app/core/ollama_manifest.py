"""Reading a manifest of Ollama's registry: which layers a model has, and what cannot be used.

A layer's media type is `application/vnd.ollama.image.` and its kind: model (a GGUF file),
projector, adapter, draft (a small model that guesses
ahead for it), template (Go's, never read: the GGUF has its own), system, params, messages,
license. Weights as safetensors come as many layers of the kind "tensor".
"""

import re
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from app.core import ollama_errors
from app.core.ollama_name import OllamaName

MANIFEST_LIMIT = 4 * 1024 * 1024
"""Bytes read of a manifest at most."""
CONFIG_LIMIT = 1024 * 1024
_KIND = re.compile(r"application/vnd\.ollama\.image\.([a-z0-9-]+)(?:;.*)?")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_FILES = ("model", "projector", "adapter", "draft")
_MOST = {"projector": 4, "adapter": 16, "draft": 1}
"""Layers of a kind that an engine could load with one model."""
_TEXTS = ("system", "params", "messages", "license")


class Layer(Struct, frozen=True):
    """One file of a model in the registry."""

    media_type: Annotated[str, Meta(max_length=200)] = msgspec.field(name="mediaType")
    digest: Annotated[str, Meta(max_length=200)]
    size: Annotated[int, Meta(ge=0, le=1 << 50)]

    @property
    def kind(self) -> str:
        """The last word of its media type; "" for a layer of another program."""
        match = _KIND.fullmatch(self.media_type)
        return match[1] if match else ""

    @property
    def sha256(self) -> str:
        """Its digest as hexadecimal digits; "" for any other kind of digest."""
        match = _DIGEST.fullmatch(self.digest)
        return match[1] if match else ""


class _Manifest(Struct, frozen=True):
    schema: int = msgspec.field(name="schemaVersion")
    config: Layer
    layers: Annotated[tuple[Layer, ...], Meta(max_length=10_000)] = ()


class Config(Struct, frozen=True):
    """What the registry says of a model beside its layers."""

    model_format: str = ""
    model_family: str = ""
    model_type: str = ""
    """Its size as people write it: "1.2B"."""
    file_type: str = ""
    """Quantization: "Q8_0"."""
    remote_host: str = ""
    remote_model: str = ""
    """Of a model that runs elsewhere."""


class Manifest(Struct, frozen=True):
    """The layers of a model that Corral can use."""

    config: Layer
    model: Layer | None
    """The weights; None where none are named, as for models that run elsewhere."""
    projectors: tuple[Layer, ...] = ()
    adapters: tuple[Layer, ...] = ()
    drafts: tuple[Layer, ...] = ()
    """At most one: a small model that guesses ahead."""
    texts: tuple[Layer, ...] = ()
    """Small ones: system, params, messages, license."""
    has_template: bool = False
    unused: tuple[str, ...] = ()
    """Kinds of layers that are not taken."""


def read_manifest(body: bytes, name: OllamaName, host: str) -> Manifest:
    """The layers that `body` names. Raises `HubError` for what is no GGUF model."""
    parsed = _decoded(body, _Manifest, host)
    layers = parsed.layers
    for layer in (parsed.config, *layers):
        if not layer.sha256:
            raise ollama_errors.unreadable(host, f"the digest {layer.digest[:80]!r}")
    kinds = [layer.kind for layer in layers]
    if "tensor" in kinds:
        raise ollama_errors.not_gguf(name, "safetensors files for MLX")
    if layers and not any(kinds):
        raise ollama_errors.not_a_model(name, "The registry has something else by this name.")
    models = [layer for layer in layers if layer.kind == "model"]
    if len(models) > 1:
        raise ollama_errors.not_a_model(name, f"Its weights are in {len(models)} layers.")
    for kind, most in _MOST.items():
        if kinds.count(kind) > most:
            raise ollama_errors.not_a_model(name, f"It has more than {most} layers “{kind}”.")
    known = (*_FILES, *_TEXTS, "template")
    return Manifest(
        config=parsed.config,
        model=models[0] if models else None,
        projectors=tuple(layer for layer in layers if layer.kind == "projector"),
        adapters=tuple(layer for layer in layers if layer.kind == "adapter"),
        drafts=tuple(layer for layer in layers if layer.kind == "draft"),
        texts=tuple(layer for layer in layers if layer.kind in _TEXTS),
        has_template="template" in kinds,
        unused=tuple(dict.fromkeys(kind or "unknown" for kind in kinds if kind not in known)),
    )


def read_config(body: bytes, name: OllamaName, host: str) -> Config:
    """The config blob. Raises `HubError` for models that are no GGUF file."""
    config = _decoded(body, Config, host)
    if config.remote_host or config.remote_model:
        raise ollama_errors.cloud_only(name)
    if config.model_format not in ("", "gguf"):
        raise ollama_errors.not_gguf(name, f"of the kind “{config.model_format[:40]}”")
    return config


T = TypeVar("T")


def _decoded(body: bytes, kind: type[T], host: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ollama_errors.unreadable(host, str(error)) from error
