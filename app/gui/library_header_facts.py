"""What a model file's header tells of its making, in words."""

from PySide6.QtCore import QCoreApplication

from app.core.gguf_types import GgufArray, GgufHeader
from app.gui import formatting
from app.gui.discover_subject import licence_words

_MOST = 8
"""Texts of a list that are shown."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("library", text)


def making(header: GgufHeader) -> list[tuple[str, str]]:
    """Names and values: who made it from what, and how it is built; what is not told is left out.

    The keys are those of the GGUF specification.
    """
    licence = licence_words(header.text("general.license")) or header.text("general.license.name")
    lines = (
        (_tr("Author"), header.text("general.author") or header.text("general.organization")),
        (_tr("Base model"), _base(header)),
        (_tr("Licence"), licence),
        (_tr("Languages"), _listed(header, "general.languages")),
        (_tr("Made with"), _listed(header, "general.datasets")),
        (_tr("Quantized by"), header.text("general.quantized_by")),
        (_tr("Width"), _width(header)),
        (_tr("Experts"), _experts(header)),
        (_tr("Looks back"), _window(header)),
        (_tr("RoPE"), _rope(header)),
        (_tr("Tokenizer"), _tokenizer(header)),
    )
    return [(name, value) for name, value in lines if value]


def _base(header: GgufHeader) -> str:
    """The first model that it was made from."""
    start = "general.base_model.0"
    maker, name = header.text(f"{start}.organization"), header.text(f"{start}.name")
    return " ".join(part for part in (maker, name) if part)


def _listed(header: GgufHeader, key: str) -> str:
    """The first few texts of a list."""
    value = header.metadata.get(key)
    if not isinstance(value, GgufArray) or not value.values:
        return ""
    return ", ".join(map(str, value.values[:_MOST])) + ("…" if value.count > _MOST else "")


def _experts(header: GgufHeader) -> str:
    count, used = header.hyper_integer("expert_count"), header.hyper_integer("expert_used_count")
    if not count:
        return ""
    if not used:
        return formatting.number(count)
    words = _tr("%1, of which %2 work on a token").replace("%1", formatting.number(count))
    return words.replace("%2", formatting.number(used))


def _window(header: GgufHeader) -> str:
    """How far layers with a window look back."""
    if header.sliding_window is None:
        return ""
    count = formatting.number(header.sliding_window)
    return _tr("%1 tokens, in layers with a window").replace("%1", count)


def _width(header: GgufHeader) -> str:
    if not header.embedding_length:
        return ""
    words = _tr("%1 numbers per token").replace("%1", formatting.number(header.embedding_length))
    inner = header.feed_forward_length
    if not isinstance(inner, int) or not inner:
        return words
    return _tr("%1, %2 in between").replace("%1", words).replace("%2", formatting.number(inner))


def _rope(header: GgufHeader) -> str:
    """How positions are told to the attention."""
    base = header.hyper("rope.freq_base")
    parts = []
    if isinstance(base, int | float) and base > 0:
        parts.append(_tr("base %1").replace("%1", formatting.number(round(base))))
    kind, factor = header.hyper("rope.scaling.type"), header.hyper("rope.scaling.factor")
    if isinstance(kind, str) and kind != "none":
        scaled = _tr("%1 scaling").replace("%1", kind)
        if isinstance(factor, int | float) and factor > 1:
            scaled += f" × {formatting.decimal(factor)}"
        parts.append(scaled)
    return ", ".join(parts)


def _tokenizer(header: GgufHeader) -> str:
    """The kind, and how text is taken apart before it."""
    kinds = {
        "gpt2": _tr("BPE of bytes"),
        "llama": "SentencePiece",
        "bert": "WordPiece",
        "t5": "Unigram",
        "rwkv": "RWKV",
    }
    told = header.text("tokenizer.ggml.model") or ""
    parts = (kinds.get(told, told), header.text("tokenizer.ggml.pre"))
    return ", ".join(part for part in parts if part and part != "default")
