"""Names of models in Ollama's registry: `ollama:llama3.2:1b`, and what people paste.

A name is `[host/][namespace/]model[:tag]`; the namespace is "library" and the tag "latest" where
they are left out. Which characters each part may hold is Ollama's rule.
"""

import re
from urllib.parse import unquote, urlsplit

from msgspec import Struct

OLLAMA = "ollama.com"
"""Begins the names of such models wherever a repository is named: `ollama.com/library/x:tag`.

No repository of the hub is called like that: theirs have two parts.
"""
_HOSTS = (OLLAMA, "www.ollama.com", "ollama.ai", "registry.ollama.ai", "registry.ollama.com")
_NAMESPACE = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}"
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}"
_NAME = re.compile(rf"(?:({_NAMESPACE})/)?({_PART})(?::({_PART}))?")
_REPO = re.compile(rf"{re.escape(OLLAMA)}/({_NAMESPACE})/({_PART}):({_PART})")
_COMMAND = re.compile(r"ollama\s+(?:run|pull|show)\s+", re.I)
_SITE_PAGES = frozenset(
    ("api", "blog", "docs", "download", "models", "public", "search", "settings", "v2")
)
"""First parts of addresses on the website that are no namespaces."""


class OllamaName(Struct, frozen=True):
    """One model at one tag."""

    namespace: str
    model: str
    tag: str

    @property
    def repo(self) -> str:
        """The name that downloads and the library know it by."""
        return f"{OLLAMA}/{self.namespace}/{self.model}:{self.tag}"

    @property
    def short(self) -> str:
        """As Ollama's users write it: "llama3.2:1b", "someone/model:tag"."""
        owner = "" if self.namespace == "library" else f"{self.namespace}/"
        return f"{owner}{self.model}:{self.tag}"

    @property
    def publisher(self) -> str:
        """Whose model it is."""
        return OLLAMA if self.namespace == "library" else self.namespace

    @property
    def page(self) -> str:
        """Its page on Ollama's website."""
        return f"https://{OLLAMA}/{self.namespace}/{self.model}:{self.tag}"

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders below the models folder that hold it, one of its own for each tag."""
        return (OLLAMA, self.namespace, self.model, self.tag)

    @property
    def stem(self) -> str:
        """What its files are called."""
        return self.model if self.tag == "latest" else f"{self.model}-{self.tag}"


def parse_ollama(text: str) -> OllamaName | None:
    """The model that `text` means if it says that it is Ollama's, else None.

    That is `ollama:NAME`, `ollama run NAME`, and addresses of Ollama's website and registry. A bare
    "llama3.2:1b" does not say so, and `ollama run hf.co/…` names a repository of the hub.
    """
    text = text.strip()
    if command := _COMMAND.match(text):
        given = text[command.end() :].strip().split(maxsplit=1)[:1]
        return _from_name(given[0]) if given else None
    if text[:7].lower() == "ollama:":
        return _from_name(text[7:].removeprefix("//").strip())
    return _from_address(text)


def plain_name(text: str) -> OllamaName | None:
    """The model that `text` names in Ollama's own way: "llama3.2:1b", or an address of theirs."""
    return _from_name(text.strip())


def tagged_name(text: str) -> OllamaName | None:
    """The model that `text` names where it is a bare "llama3.2:1b", as nobody else writes names."""
    return plain_name(text) if ":" in text and "/" not in text else None


def ollama_name_of(repo: str) -> OllamaName | None:
    """The model behind the name `OllamaName.repo`; None for a repository of the hub."""
    match = _REPO.fullmatch(repo)
    return OllamaName(match[1], match[2], match[3]) if match else None


def from_folders(parts: tuple[str, ...]) -> OllamaName | None:
    """The model that lies in these folders below the models folder; None for any other."""
    if len(parts) != 4 or parts[0] != OLLAMA:
        return None
    return ollama_name_of(f"{OLLAMA}/{parts[1]}/{parts[2]}:{parts[3]}")


def repository_title(repo: str) -> str:
    """What a repository, the hub's or Ollama's, is called without its owner."""
    name = ollama_name_of(repo)
    return name.short if name else repo.partition("/")[2] or repo


def hub_name(text: str) -> str | None:
    """What `ollama run hf.co/owner/name:QUANT` names on the hub; None for anything else."""
    command = _COMMAND.match(text.strip())
    rest = text.strip()[command.end() :] if command else text.strip()
    if not command and rest[:7].lower() == "ollama:":
        rest = rest[7:]
    host = rest.partition("/")[0].lower()
    return rest if host in ("hf.co", "huggingface.co") and rest != text.strip() else None


def _from_name(text: str) -> OllamaName | None:
    host, slash, _ = text.partition("/")
    if slash and ("." in host or ":" in host):
        return _from_address(text) if host.lower() in _HOSTS else None
    match = _NAME.fullmatch(text)
    return OllamaName(match[1] or "library", match[2], match[3] or "latest") if match else None


def _from_address(text: str) -> OllamaName | None:
    """An address of the website or of the registry, with or without its scheme."""
    try:
        address = urlsplit(text if "://" in text else f"https://{text}")
        host = address.hostname
    except ValueError:
        return None
    if address.scheme not in ("http", "https") or host not in _HOSTS:
        return None
    parts = [unquote(part) for part in address.path.split("/") if part]
    if parts[:1] == ["v2"]:  # the registry's own form: /v2/library/model/manifests/tag
        is_manifest = len(parts) == 5 and parts[3] == "manifests"
        return _from_name(f"{parts[1]}/{parts[2]}:{parts[4]}") if is_manifest else None
    if len(parts) < 2 or parts[0] in _SITE_PAGES:
        return None
    return _from_name(f"{parts[0]}/{parts[1]}")
