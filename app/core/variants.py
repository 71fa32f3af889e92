"""The variants of a model that one hub repository offers, and which of them to take."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Literal

from msgspec import Struct

from app.core import quantization
from app.core.memory import Fit, FitVerdict


class RepoFile(Struct, frozen=True):
    """One file of a hub repository at one revision."""

    path: str
    """Relative to the repository, with forward slashes."""
    size: int
    """Bytes."""
    sha256: str | None = None
    """Of the content, for files kept in large-file storage."""
    blob_sha1: str | None = None
    """Git's blob hash, for small files."""


class Variant(Struct, frozen=True):
    """One way to download a model: a quantization, with all files it needs."""

    label: str
    """The quantization, or "other" when the name does not tell."""
    quantization: str
    """Such as "Q4_K_M" or "4bit"; empty when the name does not tell."""
    format: Literal["gguf", "mlx"]
    files: tuple[RepoFile, ...]
    """What makes the model, split parts in order."""
    size: int
    """Bytes of all `files`."""
    companions: tuple[RepoFile, ...] = ()
    """Files that go with the model but are none, such as a vision projector (mmproj)."""
    bits: float | None = None
    """Bits per weight, where known."""
    quality: int = 0
    """1 (severe loss) to 5 (the original); 0 is unknown."""
    quality_text: str = "Unknown"

    @property
    def download_size(self) -> int:
        """Bytes of all that is fetched, companions included."""
        return self.size + sum(each.size for each in self.companions)


_SPLIT = re.compile(r"^(?P<stem>.+?)(?:-split)?-(?P<part>\d{5})-of-(?P<parts>\d{5})\.gguf$", re.I)
_DRAFT = re.compile(r"(^|[-_.])(eagle3|dflash|dspark)([-_.]|$)")
_IMATRIX = re.compile(r"(^|[-_.])imatrix([-_.]|$)")


def split_part(name: str) -> tuple[str, int, int] | None:
    """(stem, part, parts) of a split GGUF's file name, None for any other name."""
    match = _SPLIT.match(name)
    return (match["stem"], int(match["part"]), int(match["parts"])) if match else None


def is_companion(path: str) -> bool:
    """Whether a GGUF file is no model of its own: projector, draft head, importance matrix."""
    stem = PurePosixPath(path).name.lower().removesuffix(".gguf")
    if "mmproj" in stem or stem.startswith("mtp-") or stem.endswith("-mtp") or _DRAFT.search(stem):
        return True
    if not _IMATRIX.search(stem):
        return False
    # "X.Q5_K.imatrix" is a model made with an importance matrix; "X-imatrix" is the matrix.
    return stem.startswith("imatrix") or quantization.from_name(stem) is None


def group_variants(
    repo: str, files: Sequence[RepoFile], config: Mapping[str, object] | None = None
) -> tuple[Variant, ...]:
    """The models among a repository's files, smallest first.

    `config` is the repository's config.json, which tells an MLX model's quantization. A split
    model is offered only if all its parts are there.
    """
    variants = [*_gguf_variants(repo, files), *_mlx_variants(repo, files, config or {})]
    return tuple(sorted(variants, key=lambda variant: (variant.size, variant.label)))


def _gguf_variants(repo: str, files: Sequence[RepoFile]) -> list[Variant]:
    groups: dict[tuple[str, int], dict[int, RepoFile]] = {}
    companions: list[RepoFile] = []
    for file in files:
        path = PurePosixPath(file.path)
        if path.suffix.lower() != ".gguf":
            continue
        if is_companion(file.path):
            companions.append(file)
        elif split := split_part(path.name):
            stem, part, parts = split
            groups.setdefault((str(path.parent / stem), parts), {})[part] = file
        else:
            groups[file.path, 1] = {1: file}
    return [
        _gguf_variant(repo, tuple(members[part] for part in sorted(members)), companions)
        for (_, parts), members in groups.items()
        if sorted(members) == list(range(1, parts + 1))
    ]


def _gguf_variant(
    repo: str, files: tuple[RepoFile, ...], companions: Sequence[RepoFile]
) -> Variant:
    path = PurePosixPath(files[0].path)
    label = quantization.from_name(path.name) or quantization.from_name(str(path.parent)) or ""
    quality, text = _quality(repo, path.name, label)
    return Variant(
        label=label or "other",
        quantization=label,
        format="gguf",
        files=files,
        size=sum(file.size for file in files),
        companions=_companions_of(path, label, companions),
        bits=quantization.bits_per_weight(label),
        quality=quality,
        quality_text=text,
    )


def _quality(repo: str, name: str, label: str) -> tuple[int, str]:
    """The label's quality, unless the model was trained for just this quantization."""
    where = f"{repo}/{name}".lower()
    if "gpt-oss" in where and label.startswith("MXFP4"):
        return 5, "The original"
    if "qat" in re.split(r"[-_./]", where) and label == "Q4_0":
        return 3, "Good balance"
    return quantization.quality(label)


def _companions_of(
    model: PurePosixPath, label: str, companions: Sequence[RepoFile]
) -> tuple[RepoFile, ...]:
    """The projector nearest to the model: by folder first, then by bit width (as llama.cpp)."""
    bits = quantization.bits_per_weight(label) or 4.5

    def distance(file: RepoFile) -> tuple[bool, float, str]:
        path = PurePosixPath(file.path)
        own = quantization.bits_per_weight(quantization.from_name(path.name) or "") or 16.0
        return path.parent != model.parent, abs(own - bits), file.path

    projectors = [
        file
        for file in companions
        if "mmproj" in PurePosixPath(file.path).name.lower()
        and PurePosixPath(file.path).parent in (model.parent, *model.parent.parents)
    ]
    return (min(projectors, key=distance),) if projectors else ()


_MLX_FILE = re.compile(
    r"^(config\.json|[^/]*\.safetensors|[^/]*\.safetensors\.index\.json|tokenizer[^/]*"
    r"|special_tokens_map\.json|generation_config\.json|chat_template\.(jinja|json)"
    r"|[^/]*processor[^/]*\.json|vocab\.(json|txt)|merges\.txt|added_tokens\.json)$",
    re.I,
)
_MLX_REFUSED = (".py", ".bin", ".pt")
_MLX_LABEL = re.compile(r"(?<![a-z0-9])(\d{1,2})-?bits?(-dwq)?(?![a-z0-9])", re.I)
_MLX_FLOAT = re.compile(r"(?<![a-z0-9])(bf16|fp16|fp32|mxfp4-q8|mxfp4|nvfp4)(?![a-z0-9])", re.I)


def mlx_label(repo: str, config: Mapping[str, object]) -> str | None:
    """The quantization of an MLX repository, None if nothing says that it is one."""
    if match := _MLX_LABEL.search(repo):
        return f"{int(match[1])}bit{(match[2] or '').upper()}"
    if (match := _MLX_FLOAT.search(repo)) and "mlx" in repo.lower():
        text = match[1].lower()
        return text if text in ("bf16", "fp16", "fp32") else text.upper()
    settings = config.get("quantization")
    if isinstance(settings, Mapping) and isinstance(settings.get("bits"), int):
        return f"{settings['bits']}bit"
    return "" if "mlx" in repo.lower() else None


def _mlx_variants(
    repo: str, files: Sequence[RepoFile], config: Mapping[str, object]
) -> list[Variant]:
    label = mlx_label(repo, config)
    chosen = tuple(
        file
        for file in files
        if _MLX_FILE.match(file.path) and not file.path.lower().endswith(_MLX_REFUSED)
    )
    names = {file.path for file in chosen}
    has_weights = any(name.lower().endswith(".safetensors") for name in names)
    if label is None or "config.json" not in names or not has_weights:
        return []
    bits = _mlx_bits(label, config)
    quality, text = _mlx_quality(bits)
    return [
        Variant(
            label=label or "other",
            quantization=label,
            format="mlx",
            files=chosen,
            size=sum(file.size for file in chosen),
            bits=bits,
            quality=quality,
            quality_text=text,
        )
    ]


def _mlx_bits(label: str, config: Mapping[str, object]) -> float | None:
    settings = config.get("quantization")
    if isinstance(settings, Mapping) and isinstance(settings.get("bits"), int):
        return float(settings["bits"])
    if match := re.match(r"(\d+)bit", label):
        return float(match[1])
    return {"bf16": 16.0, "fp16": 16.0, "fp32": 32.0}.get(label)


def _mlx_quality(bits: float | None) -> tuple[int, str]:
    """As the GGUF type of the same width."""
    if bits is None:
        return 0, "Unknown"
    twins = {2: "Q2_K", 3: "Q3_K_M", 4: "Q4_K_M", 5: "Q5_K_M", 6: "Q6_K", 8: "Q8_0", 16: "F16"}
    return quantization.quality(twins.get(int(bits), ""))


_DEFAULTS = ("Q4_K_M", "UD-Q4_K_XL", "Q4_K_S", "IQ4_XS", "Q4_0", "MXFP4")
_FLOATS = ("F16", "BF16", "F32")
_LADDER = ("Q5_K_M", "Q6_K", "Q8_0")
AMPLE_SHARE = 1 / 3
"""A bigger variant is taken when it needs at most this share of the cards' free memory."""


def recommended(
    variants: Sequence[Variant], verdict_of: Callable[[Variant], FitVerdict]
) -> Variant | None:
    """The variant to preselect: a good 4-bit one; a bigger one if the graphics card has ample room.

    In main memory each further bit costs speed that is missed more than the bit. If no 4-bit one
    fits, the largest that fits, then the largest that is tight (show a warning); an unquantized
    one only if there is nothing else. None if everything is too large.
    """
    candidates = [variant for variant in variants if variant.format == "gguf"] or list(variants)
    verdicts = {id(variant): verdict_of(variant) for variant in candidates}
    fitting = [each for each in candidates if verdicts[id(each)].fit is Fit.FITS]
    default = _first(fitting, _DEFAULTS)
    if default is None:
        tight = [each for each in candidates if verdicts[id(each)].fit is Fit.TIGHT]
        possible = fitting or tight
        quantized = [each for each in possible if each.label not in _FLOATS]
        return max(quantized or possible, key=lambda variant: variant.size, default=None)
    roomy = [
        each
        for each in fitting
        if verdicts[id(each)].gpu
        and verdicts[id(each)].need <= AMPLE_SHARE * verdicts[id(each)].free
        and each.size > default.size
    ]
    return _first(roomy, tuple(reversed(_LADDER))) or default


def _first(variants: Sequence[Variant], labels: Sequence[str]) -> Variant | None:
    for label in labels:
        for variant in variants:
            if variant.label == label or (label == "MXFP4" and variant.label == "MXFP4_MOE"):
                return variant
    return None
