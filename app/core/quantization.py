"""Quantization labels: what they are called, what they cost and how much quality they keep.

Numbers are llama.cpp's own, measured on Llama 3 8B: bits per weight from tools/quantize/README.md,
mean KL divergence against F16 from tools/perplexity/README.md (with an importance matrix where
the type needs one). File-type numbers are `general.file_type` of the GGUF format.
"""

import re
from typing import NamedTuple


class Quantization(NamedTuple):
    """What is known of one label."""

    bits: float | None
    """Bits per weight over a whole file; None where nobody measured it."""
    divergence: float | None
    """Mean KL divergence from the unquantized model; None where nobody measured it."""


QUANTIZATIONS: dict[str, Quantization] = {
    "F32": Quantization(32.0, 0.0),
    "BF16": Quantization(16.0, 0.0),
    "F16": Quantization(16.0, 0.0006),
    "Q8_0": Quantization(8.5, 0.0014),
    "Q8_K_XL": Quantization(None, None),
    "Q6_K": Quantization(6.56, 0.0055),
    "Q6_K_L": Quantization(None, None),
    "Q6_K_XL": Quantization(None, None),
    "Q5_K_S": Quantization(5.57, 0.017),
    "Q5_K_M": Quantization(5.70, 0.011),
    "Q5_K_L": Quantization(None, None),
    "Q5_K_XL": Quantization(None, None),
    "Q5_0": Quantization(5.5, 0.022),
    "Q5_1": Quantization(6.0, 0.018),
    "Q4_K_S": Quantization(4.67, 0.043),
    "Q4_K_M": Quantization(4.89, 0.031),
    "Q4_K_L": Quantization(None, None),
    "Q4_K_XL": Quantization(None, None),
    "Q4_0": Quantization(4.5, 0.072),
    "Q4_1": Quantization(5.0, 0.072),
    "Q4_0_4_4": Quantization(4.5, 0.072),
    "Q4_0_4_8": Quantization(4.5, 0.072),
    "Q4_0_8_8": Quantization(4.5, 0.072),
    "IQ4_NL": Quantization(4.68, 0.036),
    "IQ4_XS": Quantization(4.46, 0.036),
    "IQ3_XXS": Quantization(3.25, 0.184),
    "IQ3_XS": Quantization(3.50, 0.139),
    "IQ3_S": Quantization(3.66, 0.111),
    "IQ3_M": Quantization(3.76, 0.103),
    "IQ2_XXS": Quantization(2.38, 0.81),
    "IQ2_XS": Quantization(2.59, 0.55),
    "IQ2_S": Quantization(2.74, 0.44),
    "IQ2_M": Quantization(2.93, 0.326),
    "IQ1_S": Quantization(2.00, 2.25),
    "IQ1_M": Quantization(2.15, 1.39),
    "Q3_K_S": Quantization(3.64, 0.228),
    "Q3_K_M": Quantization(4.0, 0.102),
    "Q3_K_L": Quantization(4.30, 0.087),
    "Q3_K_XL": Quantization(None, None),
    "Q2_K": Quantization(3.16, 0.445),
    "Q2_K_S": Quantization(2.97, 0.403),
    "Q2_K_L": Quantization(None, None),
    "Q2_K_XL": Quantization(None, None),
    "TQ1_0": Quantization(1.69, None),
    "TQ2_0": Quantization(2.06, None),
    "MXFP4": Quantization(4.25, None),
    "MXFP4_MOE": Quantization(4.25, None),
    "NVFP4": Quantization(4.5, None),
    "Q1_0": Quantization(1.125, None),
    "Q2_0": Quantization(2.25, None),
}

_ALIASES = {"FP32": "F32", "FP16": "F16", "Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}

_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K",
    11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S",
    17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS",
    23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M",
    30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE",
    39: "NVFP4", 40: "Q1_0", 41: "Q2_0",
}  # fmt: skip

# Longest alternative first, or Q6_K_L would be read as Q6_K. Float labels must stand alone; the
# others may follow a letter directly ("devstralQ4_K_M").
_FLOATS = "BF16|F16|F32|FP16|FP32"
_BLOCKS = "|".join(
    sorted({*QUANTIZATIONS, *_ALIASES} - set(_FLOATS.split("|")), key=len, reverse=True)
)
_LABEL = re.compile(
    rf"(?:(?<![a-z0-9])(ud-)?({_FLOATS})|(?<![a-z0-9])(ud-)({_BLOCKS})|({_BLOCKS}))"
    r"(?:(?<=moe)\d)?(?![a-z0-9])",
    re.IGNORECASE,
)


def from_file_type(number: int) -> str | None:
    """The label of a `general.file_type`; None for a number this program does not know."""
    return _FILE_TYPES.get(number)


def from_name(text: str) -> str | None:
    """The last label in a file, folder or repository name, such as "UD-Q4_K_XL".

    None rather than a guess when the name is silent ("…-q4.gguf", "…-3.7bpw.gguf").
    """
    match = _last_label(text)
    if match is None:
        return None
    label = (match[2] or match[4] or match[5]).upper()
    return (match[1] or match[3] or "").upper() + _ALIASES.get(label, label)


def without_label(text: str) -> str:
    """`text` with its last label cut out."""
    match = _last_label(text)
    return text if match is None else text[: match.start()] + text[match.end() :]


def _last_label(text: str) -> re.Match[str] | None:
    last = None
    for match in _LABEL.finditer(text):
        last = match
    return last


def plain(label: str) -> str:
    """A label without the `UD-` of Unsloth's dynamic recipes."""
    return label.removeprefix("UD-")


def bits_per_weight(label: str) -> float | None:
    """Bits per weight over a whole file, None when unknown or not a label."""
    known = QUANTIZATIONS.get(plain(label))
    return known.bits if known else None


_QUALITY_STEPS = (
    (0.001, 5, "The original"),
    (0.002, 5, "As the original"),
    (0.010, 4, "Hard to tell apart"),
    (0.025, 4, "Very close"),
    (0.050, 3, "Good balance"),
    (0.150, 2, "Noticeable loss"),
    (0.500, 1, "Large loss"),
)


def quality(label: str) -> tuple[int, str]:
    """How much of the model a quantization keeps: 1 to 5, and words for it; 0 when unknown."""
    divergence = _divergence(plain(label))
    if divergence is None:
        return 0, "Unknown"
    for limit, points, words in _QUALITY_STEPS:
        if divergence < limit:
            return points, words
    return 1, "Severe loss"


def _divergence(label: str) -> float | None:
    """Of the label, or of the type that an `_L` or `_XL` recipe builds on."""
    base = re.sub(r"_X?L$", "", label)
    for name in (label, f"{base}_M", base, f"{base.removesuffix('_K')}_0"):
        known = QUANTIZATIONS.get(name)
        if known and known.divergence is not None:
            return known.divergence
    return _NEAREST.get(label)


# Not measured: taken as the neighbour of the same width.
_NEAREST = {"MXFP4": 0.043, "MXFP4_MOE": 0.043, "NVFP4": 0.043}
