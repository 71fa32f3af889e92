"""What the drawer of My models says of a model, in lines of name and value."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from app.core.gguf_types import GgufHeader
from app.core.library import LocalModel
from app.core.model_files import ModelFiles
from app.core.remotes import served_name
from app.gui import formatting
from app.gui.discover_rows import CAPABILITY_ICONS, capability_word
from app.gui.library_header_facts import making
from backends.types import LoadConfig


@dataclass(frozen=True)
class Line:
    """Name and value; a path loses its middle where there is no room."""

    name: str
    value: str
    is_path: bool = False


def _tr(text: str) -> str:
    return QCoreApplication.translate("library", text)


def overview(
    model: LocalModel, header: GgufHeader | None, files: ModelFiles | None = None
) -> list[Line]:
    """The lines of the first tab; `files` tell whether they were verified."""
    if model.is_remote:
        return _remote_overview(model)
    lines = _built(model, header)
    lines.append(Line(_tr("Quantization"), _quantization(model)))
    if model.context_length:
        count = formatting.number(model.context_length)
        lines.append(Line(_tr("Context"), _tr("%1 tokens").replace("%1", count)))
    if header is not None:
        lines += [Line(*each) for each in making(header)]
    known = [name for name in CAPABILITY_ICONS if name in model.capabilities]
    if known:
        lines.append(Line(_tr("Can do"), ", ".join(capability_word(name) for name in known)))
    if model.repo:
        lines.append(Line(_tr("Source"), model.repo))
    if model.variant_of:
        lines.append(Line(_tr("Variant of"), model.variant_of))
    if model.same_file_as:
        lines.append(Line(_tr("Same file as"), model.same_file_as))
    lines.append(Line(_tr("Belongs to"), _owner(model)))
    if files is not None:
        lines.append(Line(_tr("Verified"), verified_words(files)))
    lines.append(Line(_tr("File"), str(model.path), is_path=True))
    return lines


def _built(model: LocalModel, header: GgufHeader | None) -> list[Line]:
    lines = [Line(_tr("Architecture"), _architecture(model, header))]
    if header is not None and (heads := _heads(header)):
        lines.append(Line(_tr("Attention"), heads))
    if header is not None and header.vocabulary_size:
        count = formatting.number(header.vocabulary_size)
        lines.append(Line(_tr("Vocabulary"), _tr("%1 tokens").replace("%1", count)))
    return lines


def verified_words(files: ModelFiles) -> str:
    """Whether the content was seen to be what it should be, and when."""
    records = [each.record for each in files.files]
    if not records or any(record is None or not record.checked for record in records):
        return _tr("Not yet")
    when = formatting.short_date(min(record.checked for record in records if record))
    if all(record and record.told_by in ("hub", "name") for record in records):
        return _tr("SHA-256 matches, %1").replace("%1", when)
    return _tr("SHA-256 noted, %1").replace("%1", when)


def _remote_overview(model: LocalModel) -> list[Line]:
    lines = [Line(_tr("Server"), model.publisher), Line(_tr("Name there"), served_name(model))]
    if model.context_length:
        count = formatting.number(model.context_length)
        lines.append(Line(_tr("Context"), _tr("%1 tokens").replace("%1", count)))
    return lines


def _architecture(model: LocalModel, header: GgufHeader | None) -> str:
    kind = model.architecture or model.format.upper()
    if header is None or not header.block_count:
        return kind
    layers = _tr("%1, %2 layers").replace("%1", kind)
    return layers.replace("%2", formatting.number(header.block_count))


def _heads(header: GgufHeader) -> str:
    heads, kv_heads = header.head_count, header.head_count_kv
    if not isinstance(heads, int):
        return ""
    if not isinstance(kv_heads, int) or kv_heads == heads:
        return _tr("%1 heads").replace("%1", str(heads))
    text = _tr("%1 heads, %2 for keys and values").replace("%1", str(heads))
    return text.replace("%2", str(kv_heads))


def _quantization(model: LocalModel) -> str:
    label = model.quantization or formatting.UNKNOWN
    if not model.parameters:
        return label
    bits = formatting.decimal(model.size * 8 / model.parameters)
    text = _tr("%1, %2 bits per weight").replace("%1", label)
    return text.replace("%2", bits)


def _owner(model: LocalModel) -> str:
    if model.source == "starter":
        return _tr("The installed starter model, read-only")
    if model.source == "folder":
        if model.program:
            return _tr("%1; used in place").replace("%1", model.program)
        return _tr("Another app or folder; used in place")
    return _tr("Corral’s models folder")


def defaults(config: LoadConfig, header: GgufHeader | None) -> list[Line]:
    """How the model is loaded, in lines."""
    auto = _tr("Chosen for this computer")
    context = auto
    if config.context_length is not None:
        count = formatting.number(config.context_length)
        context = _tr("%1 tokens").replace("%1", count)
    layers = header.block_count if header else None
    gpu = auto
    if config.gpu_layers is not None:
        whole = layers is not None and config.gpu_layers >= layers
        gpu = _tr("All") if whole else formatting.number(config.gpu_layers)
    return [
        Line(_tr("Context length"), context),
        Line(_tr("GPU layers"), gpu),
        Line(_tr("Threads"), auto if config.threads is None else str(config.threads)),
        Line(_tr("Memory cache"), config.kv_type),
    ]
