"""Filling in the middle: the prompt by which models that learnt it write what is missing.

Two orders are known: prefix, suffix, middle (most models; the FIM paper, Bavarian et al. 2022), and
suffix before prefix (Codestral). Which tokens a model has is told by its vocabulary, or by
`tokenizer.ggml.fim_*_token_id` of its header.
"""

from pathlib import Path

from msgspec import Struct

from app.core.gguf import Limits, read_header
from app.core.gguf_types import GgufArray, GgufHeader

_TOKENS = "tokenizer.ggml.tokens"
_FAMILIES = (
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),  # Qwen, CodeGemma
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),  # StarCoder, Granite
    ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),  # DeepSeek
    ("▁<PRE>", "▁<SUF>", "▁<MID>"),  # Code Llama
    ("<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>"),  # GLM
    ("[PREFIX]", "[SUFFIX]", ""),  # Codestral
)


class Infill(Struct, frozen=True):
    """The tokens that stand before the prefix, before the suffix and before the middle."""

    prefix: str
    suffix: str
    middle: str
    """Empty: the suffix comes first, and what follows the prefix is the middle."""

    def prompt(self, before: str, after: str) -> str:
        """What the model is given to write what belongs between the two texts."""
        if not self.middle:
            return f"{self.suffix}{after}{self.prefix}{before}"
        return f"{self.prefix}{before}{self.suffix}{after}{self.middle}"


def infill_of(path: Path) -> Infill | None:
    """How the model in this GGUF file fills in; None where it cannot. Reads the whole header.

    Raises ModelError.
    """
    return infill_in(read_header(path, limits=Limits(kept_whole=frozenset({_TOKENS}))))


def infill_in(header: GgufHeader) -> Infill | None:
    """`infill_of` for a header that was read with all its tokens."""
    tokens = header.metadata.get(_TOKENS)
    if not isinstance(tokens, GgufArray) or tokens.values is None:
        return None
    told = [_told(header, tokens.values, name) for name in ("pre", "suf", "mid")]
    if all(told):
        return Infill(*(_written(text) for text in told))
    known = frozenset(tokens.values)
    for family in _FAMILIES:
        if all(text in known for text in family if text):
            return Infill(*map(_written, family))
    return None


def _told(header: GgufHeader, tokens: tuple[object, ...], name: str) -> str:
    number = header.integer(f"tokenizer.ggml.fim_{name}_token_id")
    return str(tokens[number]) if number is not None and 0 <= number < len(tokens) else ""


def _written(text: str) -> str:
    """A token as it is written in a prompt: a mark at its start stands for a space."""
    return f" {text[1:]}" if text.startswith("▁") else text
