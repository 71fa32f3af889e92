"""What the name of a model file or repository tells: size, quantization, part and kind.

Names are written by people. What a name does not tell is left empty rather than guessed; the
header of the file is the judge.
"""

import re
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Literal

from msgspec import Struct

from app.core import quantization
from app.core.variants import is_companion, mlx_label, split_part

Kind = Literal["model", "embedding", "reranker", "speech", "mmproj", "draft", "mtp", "imatrix"]


class FileName(Struct, frozen=True):
    """What one name tells."""

    size: str = ""
    """Parameters as the name writes them: "8B", "30B-A3B", "8x7B", "E4B"; empty if it is silent."""
    quantization: str = ""
    part: int | None = None
    """Which of the files of a split model this is, from 1."""
    parts: int | None = None
    kind: Kind = "model"


_CUT = re.compile(r"\.part(\d+)of(\d+)$", re.I)
_DRAFT = re.compile(r"(^|[-_.])(draft|assistant)([-_.]|$)")
_EMBEDDING = re.compile(r"embed|(^|[-_./])(bge|gte|minilm|e5)([-_.]|$)")
_SPEECH = re.compile(r"(^|[-_.])(tts|whisper|asr)([-_.]|$)")

_FIGURE = r"\d{1,4}(?:[._]\d{1,2})?"
_SIZE = re.compile(
    rf"(?<![a-z0-9.])(?P<count>\d{{1,3}}x)?(?P<figure>[ae]?{_FIGURE})(?P<unit>[bm])"
    r"(?:[-_]?(?P<active>a\d{1,3}(?:\.\d{1,2})?b|\d{1,3}e))?(?![a-z0-9])",
    re.I,
)
_ACTIVE_FIRST = re.compile(r"(?<![a-z0-9.])(\d{1,2})b-(\d{1,3})b(?![a-z0-9])", re.I)
"""As OLMoE writes it: "1B-7B" has 7 billion parameters, of which 1 billion are active."""


def parse_file_name(file: str) -> FileName:
    """What the path of a GGUF file tells."""
    path = PurePosixPath(file.strip())
    name = path.name
    part = parts = None
    if cut := _CUT.search(name):
        name, part, parts = name[: cut.start()], int(cut[1]), int(cut[2])
    if split := split_part(name):
        name, part, parts = split
    stem = re.sub(r"\.gguf$", "", name, flags=re.I)
    kind = _file_kind(str(path.parent / stem).lower())
    label = quantization.from_name(stem) or quantization.from_name(str(path.parent)) or ""
    # A matrix has no quantization: a label in its name is that of the model it was measured with.
    return FileName(size_in_name(stem), "" if kind == "imatrix" else label, part, parts, kind)


def parse_repo_name(repo: str) -> FileName:
    """What the name of an MLX repository tells."""
    name = repo.partition("/")[2] or repo
    lower = name.lower()
    kind: Kind = "model"
    if _DRAFT.search(lower):
        kind = "draft"
    elif _EMBEDDING.search(lower):
        kind = "embedding"
    return FileName(size_in_name(name), mlx_label(repo, {}) or "", kind=kind)


@lru_cache(maxsize=4096)
def size_in_name(text: str) -> str:
    """The parameters that a name tells, as people write them; "" if it is silent."""
    text = quantization.without_label(text)
    if (pair := _ACTIVE_FIRST.search(text)) and float(pair[2]) >= 3 * float(pair[1]):
        return f"{pair[2]}B-A{pair[1]}B"
    match = _SIZE.search(text)
    if match is None:
        return ""
    count, active = (match["count"] or "").lower(), (match["active"] or "").upper()
    size = f"{count}{match['figure'].replace('_', '.').upper()}{match['unit'].upper()}"
    return f"{size}-{active}" if active else size


def parameters_of(size: str) -> int | None:
    """The number that a size stands for: "30B-A3B" is 30 billion, "8x7B" at most 56 billion.

    None where a size is no count of what is stored, as the "E4B" of Gemma, or the "17B-16E" of
    Llama 4, whose 17 billion are those of a token and not of all 16 experts.
    """
    if size.endswith("E"):
        return None
    match = re.match(r"(?:(\d+)x)?(\d+(?:\.\d+)?)([BM])", size)
    if match is None:
        return None
    unit = 10**9 if match[3] == "B" else 10**6
    return round(int(match[1] or 1) * float(match[2]) * unit)


def _file_kind(stem: str) -> Kind:
    name = PurePosixPath(stem).name
    if is_companion(name):
        if "mmproj" in name:
            return "mmproj"
        if "imatrix" in name:
            return "imatrix"
        return "mtp" if name.startswith("mtp-") or name.endswith("-mtp") else "draft"
    if _DRAFT.search(name):
        return "draft"
    if "rerank" in name:
        return "reranker"
    if _EMBEDDING.search(stem):
        return "embedding"
    return "speech" if _SPEECH.search(name) else "model"
