"""A repository of the local hub: real files or bytes, with the hashes the hub would give."""

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO


@dataclass(frozen=True)
class Pretended:
    """A file that is only talked about: some first bytes, then zeros, and an invented hash.

    For lists, cards and headers of models of many GB. A download of it fails its checksum.
    """

    start: bytes
    size: int


class _Zeros(io.RawIOBase):
    """The bytes of a pretended file."""

    def __init__(self, source: Pretended) -> None:
        self._source = source
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        assert whence == 0
        self._at = offset
        return offset

    def readinto(self, buffer: Any) -> int:
        count = max(0, min(len(buffer), self._source.size - self._at))
        piece = self._source.start[self._at : self._at + count]
        buffer[:count] = piece + bytes(count - len(piece))
        self._at += count
        return count


LFS_SUFFIXES = (".gguf", ".safetensors", ".bin")
LFS_SIZE = 10_000_000


@dataclass
class HubFile:
    """One file: its bytes, or where they are on this computer."""

    path: str
    source: bytes | Path | Pretended
    size: int = field(init=False)
    sha256: str = field(init=False)
    blob_sha1: str = field(init=False)

    def __post_init__(self) -> None:
        source = self.source
        if isinstance(source, Pretended):
            self.size = source.size
            self.sha256 = hashlib.sha256(self.path.encode()).hexdigest()
            self.blob_sha1 = self.sha256[:40]
            return
        self.size = len(source) if isinstance(source, bytes) else source.stat().st_size
        sha256, sha1 = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % self.size)
        with self.open() as stream:
            while chunk := stream.read(1 << 20):
                sha256.update(chunk)
                sha1.update(chunk)
        self.sha256, self.blob_sha1 = sha256.hexdigest(), sha1.hexdigest()

    @property
    def lfs(self) -> bool:
        """Whether the hub keeps it in large file storage, behind a redirect to the CDN."""
        return self.path.endswith(LFS_SUFFIXES) or self.size > LFS_SIZE

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.blob_sha1

    def open(self) -> BinaryIO:
        source = self.source
        if isinstance(source, Pretended):
            return io.BufferedReader(_Zeros(source))
        return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")

    def read(self, start: int, end: int, chunk: int = 1 << 18) -> Iterator[bytes]:
        """The bytes from `start` up to `end`, in pieces."""
        with self.open() as stream:
            stream.seek(start)
            while start < end and (data := stream.read(min(chunk, end - start))):
                start += len(data)
                yield data

    def row(self) -> dict[str, Any]:
        """Its row in the answer of `/tree`."""
        row: dict[str, Any] = {"type": "file", "path": self.path, "size": self.size}
        row["oid"] = self.blob_sha1
        if self.lfs:
            row["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": 135}
        return row


@dataclass
class HubRepository:
    """A model repository at one commit."""

    id: str
    files: dict[str, HubFile] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    """Fields of the API that are not computed: downloads, likes, tags, pipeline_tag, …"""
    gated: bool | str = False
    scan: Any = field(default_factory=lambda: {"scansDone": True, "filesWithIssues": []})
    """What the hub's scans for malware found."""

    @property
    def sha(self) -> str:
        """Commit: changes whenever a file does."""
        names = "\n".join(f"{file.path} {file.sha256}" for file in self.files.values())
        return hashlib.sha1(f"{self.id}\n{names}".encode()).hexdigest()

    def add(self, path: str, source: bytes | Path | Pretended) -> HubFile:
        self.files[path] = file = HubFile(path, source)
        return file

    def row(self, expand: list[str] | None = None, *, blobs: bool = False) -> dict[str, Any]:
        """The JSON of the API; with `expand`, only what was asked for."""
        siblings = [
            {"rfilename": file.path, **({"size": file.size} if blobs else {})}
            for file in self.files.values()
        ]
        row: dict[str, Any] = {
            "author": self.id.partition("/")[0],
            "createdAt": "2025-01-01T00:00:00.000Z",
            "lastModified": "2026-01-01T00:00:00.000Z",
            "downloads": 0,
            "likes": 0,
            "trendingScore": 0,
            "tags": [],
            "private": False,
            "gated": self.gated,
            "sha": self.sha,
            "siblings": siblings,
            **self.info,
        }
        if expand:
            row = {key: value for key, value in row.items() if key in expand}
        return {"_id": self.sha[:24], "id": self.id, "modelId": self.id, **row}

    def matches(self, query: Mapping[str, list[str]]) -> bool:
        """Whether it belongs into the list that `query` asks for."""
        words = query.get("search", [""])[0].lower()
        tags = set(self.info.get("tags", []))
        author = query.get("author")
        pipeline = query.get("pipeline_tag")
        return (
            words in self.id.lower()
            and (author is None or self.id.startswith(f"{author[0]}/"))
            and (pipeline is None or self.info.get("pipeline_tag") == pipeline[0])
            and all(tag in tags for tag in query.get("filter", []))
        )
