"""Reading what people paste: `owner/name`, `owner/name:Q4_K_M`, or the address of a hub page.

Also names in Ollama's registry, such as `ollama:llama3.2:1b` or `ollama run llama3.2:1b`.
"""

import re
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from app.core.ollama_name import hub_name, parse_ollama, tagged_name

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_REPO = re.compile(rf"({_NAME}/{_NAME})(?::([A-Za-z0-9_]{{1,32}}))?")
_FILE_PAGES = {"blob", "resolve", "raw"}
HUB_HOSTS = ("huggingface.co", "hf.co")
"""Hosts of the default hub."""
_OTHER_KINDS = {"datasets", "spaces", "collections", "papers", "docs", "api"}


class Reference(Struct, frozen=True):
    """A repository on the hub, and what of it was meant."""

    repo: str
    file: str | None = None
    """Path inside the repository, when the address named one."""
    revision: str | None = None
    quantization: str | None = None
    """From `owner/name:Q4_K_M`."""
    site: str = ""
    """Host of the address that was given, unless it is the hub's own: a mirror, or no hub at all.
    `HubClient.check_site` knows."""


def is_name_or_search(text: str) -> bool:
    """Whether `text` is a repository's name that may as well be the beginning of a longer one."""
    plain = text.strip()
    return parse_ollama(plain) is None and re.fullmatch(f"{_NAME}/{_NAME}", plain) is not None


def parse_reference(text: str) -> Reference | None:
    """The repository that `text` names, or None if it is only words to search for.

    Addresses of any host are read alike, as it may be a mirror; `Reference.site` says whose it is.
    The repository is asked for at the endpoint in force.
    """
    text = hub_name(text) or text.strip()
    if name := parse_ollama(text):
        return Reference(name.repo)
    if "://" in text:
        return _from_url(text)
    host, _, rest = text.partition("/")
    if "." in host and rest.count("/") >= 1:
        return _from_url(f"https://{text}")
    match = _REPO.fullmatch(text)
    return Reference(match[1], quantization=match[2]) if match else None


def parse_named(text: str) -> Reference | None:
    """`parse_reference` for what is surely a name: a bare "llama3.2:1b" is one of Ollama's."""
    found = parse_reference(text)
    if found is None and (name := tagged_name(text)):
        return Reference(name.repo)
    return found


def _from_url(text: str) -> Reference | None:
    try:
        address = urlsplit(text)
    except ValueError:
        return None
    parts = [unquote(part) for part in address.path.split("/") if part]
    if address.scheme not in ("http", "https", "hf") or not address.netloc:
        return None
    if address.scheme == "hf":
        parts.insert(0, address.netloc)
    if len(parts) < 2 or parts[0] in _OTHER_KINDS:
        return None
    match = _REPO.fullmatch(f"{parts[0]}/{parts[1]}")
    if match is None:
        return None
    host = (address.hostname or "").removeprefix("www.")
    site = "" if address.scheme == "hf" or host in HUB_HOSTS else host
    page, where = (parts[2], parts[3:]) if len(parts) > 2 else ("", [])
    if page == "tree" and where:
        return Reference(match[1], None, where[0], match[2], site)
    if page in _FILE_PAGES and len(where) > 1:
        return Reference(match[1], "/".join(where[1:]), where[0], match[2], site)
    return Reference(match[1], quantization=match[2], site=site)
