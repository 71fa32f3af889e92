"""The models in a folder of Ollama: manifests give their names, blobs are the files.

Layout: `manifests/HOST/NAMESPACE/MODEL/TAG` is a manifest in JSON, `blobs/sha256-HEX` a layer of
it. A layer's media type says what it is.
"""

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from app.core.library_found import Found
from app.core.library_types import Source

log = logging.getLogger(__name__)

_MANIFEST_BYTES = 1024**2
_KIND = "application/vnd.ollama.image."
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_OWN_HOST, _OWN_NAMESPACE, _OWN_TAG = "registry.ollama.ai", "library", "latest"
_HUB_HOSTS = ("hf.co", "huggingface.co")


class _Layer(Struct, rename="camel"):
    media_type: str = ""
    digest: str = ""


class _Manifest(Struct):
    layers: tuple[_Layer, ...] = ()


def is_ollama(root: Path) -> bool:
    """Whether `root` is laid out as Ollama's models folder."""
    return all(os.path.isdir(root / name) for name in ("manifests", "blobs"))


def ollama_models(root: Path, source: Source, program: str) -> Iterator[Found]:
    """Every GGUF model that a manifest names. What has an adapter, or is no GGUF, is left out."""
    for path in sorted((root / "manifests").glob("*/*/*/*")):
        try:
            with path.open("rb") as file:
                manifest = msgspec.json.decode(file.read(_MANIFEST_BYTES), type=_Manifest)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            log.info("%s was left out: %s", path, error)
            continue
        models, projectors = (_blobs(root, manifest, kind) for kind in ("model", "projector"))
        if len(models) != 1 or _blobs(root, manifest, "adapter"):
            continue
        host, namespace, model, tag = path.relative_to(root / "manifests").parts
        yield Found(
            path=models[0],
            files=models,
            companions=projectors,
            root=root,
            source=source,
            program=program,
            title=_title(host, namespace, model, tag),
            repo=f"{namespace}/{model}" if host in _HUB_HOSTS else None,
            key=str(path),
        )


def _blobs(root: Path, manifest: _Manifest, kind: str) -> tuple[Path, ...]:
    """The files of the layers of a kind. A digest that is none could lead anywhere."""
    digests = (each.digest for each in manifest.layers if each.media_type == _KIND + kind)
    return tuple(
        root / "blobs" / digest.replace(":", "-") for digest in digests if _DIGEST.fullmatch(digest)
    )


def _title(host: str, namespace: str, model: str, tag: str) -> str:
    """As the program itself writes the name: "llama3.2:1b"."""
    name = model if tag == _OWN_TAG else f"{model}:{tag}"
    if host != _OWN_HOST:
        return f"{host}/{namespace}/{name}"
    return name if namespace == _OWN_NAMESPACE else f"{namespace}/{name}"
