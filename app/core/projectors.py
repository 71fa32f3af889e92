"""The projector (mmproj) beside a model, which lets it see pictures."""

from pathlib import Path

from app.core.errors import ModelError
from app.core.gguf import read_header
from app.core.gguf_types import GgufHeader
from app.core.library_types import LocalModel

# Kinds of llama.cpp's image encoders (clip.projector_type) that the engine can use. Left out are
# those for sound, and those of models with positions in two dimensions (M-RoPE).
_KINDS = frozenset(
    (
        *("adapter", "cogvlm", "gemma3", "gemma4v", "idefics3", "internvl", "janus_pro", "kimivl"),
        *("ldp", "ldpv2", "lfm2", "llama4", "minicpmv4_6", "mlp", "phi4", "pixtral", "resampler"),
    )
)


def projector_beside(model: LocalModel, header: GgufHeader) -> str:
    """The path of the projector that lies beside a model, if there is just one that fits.

    Empty otherwise: a projector that does not fit would keep the model from loading. `header` is
    the model's.
    """
    if header.hyper("rope.dimension_sections") is not None:  # M-RoPE
        return ""
    near = [path for path in model.files if "mmproj" in path.name.lower()]
    fitting = [path for path in near if _fits(path, header)]
    return str(fitting[0]) if len(fitting) == 1 else ""


def _fits(path: Path, model: GgufHeader) -> bool:
    try:
        own = read_header(path)
    except ModelError:
        return False
    kind = own.text("clip.projector_type") or own.text("clip.vision.projector_type")
    width = own.integer("clip.vision.projection_dim")
    return kind in _KINDS and width is not None and width == model.embedding_length
