"""What the hub tells of a repository beside its files: scans, the model's numbers, its template.

From the model's info with `securityStatus`, in one answer: `securityRepoStatus` is the state of
the hub's scans for malware and unsafe pickles, `gguf` what the hub read in the file's header.
"""

from collections.abc import Collection
from typing import Any, Literal

import msgspec
from msgspec import Struct


class ScanIssue(Struct, frozen=True):
    """A file that a scan of the hub found something in."""

    path: str
    level: str
    """As the hub says it: "suspicious", "unsafe", …; empty if it says nothing."""


class ScanStatus(Struct, frozen=True):
    """What the scans of the hub say of a repository."""

    state: Literal["unknown", "pending", "clean", "issues"] = "unknown"
    issues: tuple[ScanIssue, ...] = ()

    def concerning(self, paths: Collection[str]) -> tuple[ScanIssue, ...]:
        """What was found in files with these paths."""
        return tuple(issue for issue in self.issues if issue.path in paths)


class RepoFacts(Struct, frozen=True):
    """None and empty mean: the hub does not say."""

    scan: ScanStatus = ScanStatus()
    parameters: int | None = None
    architecture: str = ""
    """As GGUF names it, such as "llama"."""
    context_length: int | None = None
    chat_template: str = ""


NO_FACTS = RepoFacts()


class _Issue(Struct):
    path: str = ""
    level: str = ""


class _Security(Struct, rename="camel"):
    scans_done: bool | None = None
    files_with_issues: list[_Issue] = []


class _Gguf(Struct):
    total: int | None = None
    architecture: str | None = None
    context_length: int | None = None
    chat_template: str | None = None


class _Info(Struct):
    security: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"), name="securityRepoStatus")
    gguf: msgspec.Raw = msgspec.Raw(b"null")


def read_facts(body: bytes) -> RepoFacts:
    """The facts in the hub's JSON; a part that is odd is left out.

    Raises msgspec.DecodeError for what is no JSON object.
    """
    info = msgspec.json.decode(body, type=_Info)
    gguf = _part(info.gguf, _Gguf) or _Gguf()
    return RepoFacts(
        scan=_scan(_part(info.security, _Security)),
        parameters=gguf.total if gguf.total and gguf.total > 0 else None,
        architecture=gguf.architecture or "",
        context_length=gguf.context_length,
        chat_template=gguf.chat_template or "",
    )


def _part(raw: msgspec.Raw, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(raw, type=kind | None)
    except msgspec.DecodeError:
        return None


def _scan(told: _Security | None) -> ScanStatus:
    if told is None:
        return ScanStatus()
    issues = tuple(ScanIssue(each.path, each.level) for each in told.files_with_issues)
    if issues:
        return ScanStatus("issues", issues)
    if told.scans_done is None:
        return ScanStatus()
    return ScanStatus("clean" if told.scans_done else "pending")
