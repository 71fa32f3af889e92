"""Models as Ollama's registry has them, and how they get into a registry."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import httpx2

KIND = "application/vnd.ollama.image."
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass
class Image:
    """The parts of a model; what is None has no layer."""

    model: bytes | None
    projector: bytes | None = None
    adapters: list[bytes] = field(default_factory=list)
    template: str | None = "{{ .System }} {{ .Prompt }}"
    system: str | None = None
    params: dict[str, Any] | None = None
    messages: list[dict[str, str]] | None = None
    licences: list[str] = field(default_factory=list)
    others: list[tuple[str, bytes]] = field(default_factory=list)
    """Further layers: media type and content."""
    config: dict[str, Any] = field(
        default_factory=lambda: {
            "model_format": "gguf",
            "model_family": "llama",
            "model_type": "134.5M",
            "file_type": "Q4_1",
        }
    )

    def layers(self) -> list[tuple[str, bytes]]:
        """Media types and contents, in Ollama's order."""
        found = [(KIND + "model", self.model), (KIND + "projector", self.projector)]
        found += [(KIND + "adapter", adapter) for adapter in self.adapters]
        texts = {"template": self.template, "system": self.system}
        found += [(KIND + k, None if t is None else t.encode()) for k, t in texts.items()]
        values = {"params": self.params, "messages": self.messages}
        found += [
            (KIND + k, None if v is None else json.dumps(v).encode()) for k, v in values.items()
        ]
        found += [(KIND + "license", licence.encode()) for licence in self.licences]
        return [(kind, body) for kind, body in (*found, *self.others) if body is not None]

    def config_blob(self) -> bytes:
        return json.dumps(self.config).encode()

    def manifest(self) -> bytes:
        config = self.config_blob()
        return json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": described("application/vnd.docker.container.image.v1+json", config),
                "layers": [described(kind, body) for kind, body in self.layers()],
            }
        ).encode()


def described(kind: str, body: bytes) -> dict[str, Any]:
    """A blob as a manifest names it."""
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    return {"mediaType": kind, "digest": digest, "size": len(body)}


def push(
    url: str, model: str, tag: str, image: Image, headers: dict[str, str] | None = None
) -> None:
    """Put an image into a real registry, by the protocol that Ollama pushes with."""
    with httpx2.Client(base_url=url, headers=headers or {}, timeout=60) as client:
        for body in (image.config_blob(), *(body for _, body in image.layers())):
            begun = client.post(f"/v2/{model}/blobs/uploads/")
            begun.raise_for_status()
            digest = str(described("", body)["digest"])
            where = httpx2.URL(begun.headers["Location"]).copy_merge_params({"digest": digest})
            kind = {"Content-Type": "application/octet-stream"}
            client.put(where, content=body, headers=kind).raise_for_status()
        client.put(
            f"/v2/{model}/manifests/{tag}",
            content=image.manifest(),
            headers={"Content-Type": MANIFEST},
        ).raise_for_status()
