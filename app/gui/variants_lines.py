"""The lines of the variants table: what is known of each way to download a model."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from app.core import quantization, variants
from app.core.catalogue import CatalogueEntry
from app.core.download_state import DownloadItem
from app.core.library import LocalModel
from app.core.memory import FitVerdict
from app.core.variants import Variant
from app.gui.discover_fit import FitCheck, ModelShape
from app.gui.downloads_start import item_for, local_for

_ACCEPT_ON = re.compile(r"Accept (?:it|its terms) on (https?://[^\s,]+)")

LineState = Literal[
    "absent", "asking", "waiting", "running", "verifying", "paused", "failed", "here"
]

USUAL = ("Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "F16", "BF16", "MXFP4")
"""What a long list is cut down to."""
LONG_LIST = 7


@dataclass(frozen=True)
class VariantLine:
    """One line of the table."""

    repo: str
    file: str
    """Path of the first file."""
    label: str
    quality: int
    quality_text: str
    size: int | None
    about: bool
    """The size is not exact."""
    judged: FitVerdict | None
    context: int
    """Tokens that `judged` reckons with."""
    variant: Variant | None
    """None until the hub has named the files."""
    format: Literal["gguf", "mlx"] = "gguf"
    parts: int = 1
    recommended: bool = False
    state: LineState = "absent"
    fraction: float = 0.0
    eta: float | None = None
    item_id: str = ""
    problem: str = ""
    """Why the download failed, or why the variant cannot be used here."""
    page: str = ""
    """Address where the person has to agree to something before it can be downloaded."""
    usable: bool = True
    is_main: bool = True
    """It is of the repository that the page is about, not of another one with the same model."""
    speed: float | None = None
    """Tokens per second to expect here; None where nothing similar was measured."""

    @property
    def download_size(self) -> int | None:
        """Bytes of all that is fetched, companions included; None where not even `size` is."""
        return self.variant.download_size if self.variant else self.size

    @property
    def key(self) -> tuple[str, str]:
        """Tells it from all others: repositories have files of the same name."""
        return self.repo, self.file

    @property
    def owner(self) -> str:
        """Whose repository it is of."""
        return self.repo.partition("/")[0]


def of_entry(entry: CatalogueEntry, check: FitCheck) -> tuple[VariantLine, ...]:
    """The variants that the shipped list knows; sizes may be old."""
    shape = ModelShape.of_entry(entry)
    lines = []
    for known in entry.variants:
        quality, words = quantization.quality(known.quantization)
        preferred = known.file == entry.gguf_file
        size = known.size if known.size is not None else (entry.size if preferred else None)
        about = size is None or (preferred and entry.size_approximate)
        if size is None and (bits := quantization.bits_per_weight(known.quantization)):
            size = round(entry.parameters * bits / 8)
        lines.append(
            VariantLine(
                repo=entry.gguf_repo,
                file=known.file,
                label=known.quantization or "other",
                quality=quality,
                quality_text=words,
                size=size,
                about=about,
                judged=check.of_size(size, shape) if size else None,
                context=check.context,
                variant=None,
                recommended=preferred,
            )
        )
    return tuple(sorted(lines, key=lambda line: line.size or 0))


def of_detail(
    repo: str,
    found: Sequence[Variant],
    check: FitCheck,
    shape: ModelShape,
    *,
    mlx_usable: bool,
    why_not: str,
    is_main: bool = True,
) -> tuple[VariantLine, ...]:
    """The variants of a repository with exact sizes, of the main one one recommended."""
    usable = [each for each in found if is_main and (each.format == "gguf" or mlx_usable)]
    usual = check.usually()
    best = variants.recommended(usable, lambda each: usual.of_variant(each, shape))
    lines = []
    for variant in found:
        is_usable = variant.format == "gguf" or mlx_usable
        lines.append(
            VariantLine(
                repo=repo,
                file=variant.files[0].path,
                label=variant.label,
                quality=variant.quality,
                quality_text=variant.quality_text,
                size=variant.size,
                about=False,
                judged=check.of_variant(variant, shape) if is_usable else None,
                context=check.context,
                variant=variant,
                format=variant.format,
                parts=len(variant.files),
                recommended=variant is best,
                problem="" if is_usable else why_not,
                usable=is_usable,
                is_main=is_main,
            )
        )
    return tuple(lines)


def with_states(
    lines: Sequence[VariantLine],
    items: Sequence[DownloadItem],
    local: Sequence[LocalModel],
    is_pending: Callable[[str, str], bool],
) -> tuple[VariantLine, ...]:
    """The same lines with what is on this computer or on its way."""
    return tuple(_with_state(line, items, local, is_pending) for line in lines)


def _with_state(
    line: VariantLine,
    items: Sequence[DownloadItem],
    local: Sequence[LocalModel],
    is_pending: Callable[[str, str], bool],
) -> VariantLine:
    if local_for(local, line.repo, line.file):
        return replace(line, state="here")
    item = item_for(items, line.repo, line.file)
    if item is None or item.state == "done":
        asking = is_pending(line.repo, line.file)
        return replace(line, state="asking" if asking else "absent")
    checking = item.state == "verifying"
    return replace(
        line,
        state=item.state,
        fraction=item.verified if checking else item.done / item.total if item.total else 0.0,
        eta=item.eta,
        item_id=item.id,
        problem=f"{item.error.title}. {item.error.message}" if item.error else line.problem,
        page=_page_in(item.error.hint) if item.error and item.state == "failed" else "",
    )


def _page_in(hint: str) -> str:
    """The page that a hint says to accept a licence on."""
    match = _ACCEPT_ON.search(hint)
    return match[1] if match else ""


def shortened(lines: Sequence[VariantLine]) -> tuple[VariantLine, ...]:
    """The lines that most people choose among: of the main repository, all if they are few.

    What is here or on its way is shown whoever made it, and a Mac's models on a Mac.
    """
    main = [line for line in lines if line.is_main]
    if len(main) > LONG_LIST:
        kept = [line for line in main if line.recommended or _is_usual(line) or _is_begun(line)]
        main = kept if len(kept) >= 2 else main[:LONG_LIST]
    others = [line for line in lines if not line.is_main]
    return (*main, *(line for line in others if _is_begun(line) or _is_for_macs(line)))


def _is_usual(line: VariantLine) -> bool:
    return line.label in USUAL and line.usable


def _is_begun(line: VariantLine) -> bool:
    return line.state != "absent"


def _is_for_macs(line: VariantLine) -> bool:
    return line.format == "mlx" and line.usable and not line.problem
