"""Folders laid out as other programs lay them out, with tiny real models in them."""

import hashlib
import json
import os
from pathlib import Path

from tests.core.broken_gguf import STRING, tiny_model

OLLAMA_KIND = "application/vnd.ollama.image."


def tiny(name: str = "Tiny Test Model", padding: int = 0) -> bytes:
    """A model that says what it is called; `padding` makes it bigger."""
    return tiny_model().set("general.name", STRING, name).data() + b"\0" * padding


def put(path: Path, data: bytes) -> Path:
    """A file and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def ollama_blob(root: Path, data: bytes) -> dict[str, object]:
    """A layer in the store; its part of a manifest without the kind."""
    digest = hashlib.sha256(data).hexdigest()
    put(root / "blobs" / f"sha256-{digest}", data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def ollama_model(root: Path, name: str, data: bytes, *others: tuple[str, bytes]) -> Path:
    """A model under `host/namespace/model/tag`; `others` are (kind, content) of more layers."""
    layers = [("model", data), *others]
    manifest = {
        "schemaVersion": 2,
        "layers": [
            {"mediaType": OLLAMA_KIND + kind, **ollama_blob(root, content)}
            for kind, content in layers
        ],
    }
    put(root / "manifests" / name, json.dumps(manifest).encode())
    return root / "blobs" / f"sha256-{hashlib.sha256(data).hexdigest()}"


def hub_file(
    root: Path, repo: str, commit: str, name: str, data: bytes, *, link: bool = True
) -> Path:
    """A file of a snapshot in a hub cache: a link to its blob, or the file itself."""
    folder = root / f"models--{repo.replace('/', '--')}"
    path = folder / "snapshots" / commit / name
    if not link:
        return put(path, data)
    blob = put(folder / "blobs" / hashlib.sha256(data).hexdigest(), data)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(os.path.relpath(blob, path.parent))
    return path
