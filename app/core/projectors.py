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
    fitting = projectors_beside(model, header)
    return str(fitting[0]) if len(fitting) == 1 else ""


def projectors_beside(model: LocalModel, header: GgufHeader) -> tuple[Path, ...]:
    """All projectors beside a model that fit it. Reads the files."""
    near = [path for path in model.files if "mmproj" in path.name.lower() or _is_blob(path, model)]
    return tuple(path for path in near if _fits(path, header))


def _is_blob(path: Path, model: LocalModel) -> bool:
    """A file that is named by its checksum, as Ollama's are: only its header tells what it is."""
    return path != model.path and path.name.startswith("sha256-")


def check_projector(path: Path, model: GgufHeader) -> None:
    """Refuse a file that is no projector of the model with this header. Raises ModelError."""
    if model.hyper("rope.dimension_sections") is not None:  # M-RoPE
        raise ModelError(
            "This model cannot take in pictures here",
            "It counts positions in two dimensions (M-RoPE), which is not possible yet.",
            "Load it without a projector.",
        )
    own = read_header(path)
    kind = own.text("clip.projector_type") or own.text("clip.vision.projector_type")
    width = own.integer("clip.vision.projection_dim")
    if own.architecture != "clip":
        problem = f"{path.name} is no projector."
    elif kind not in _KINDS:
        problem = f"{path.name} is of the kind “{kind}”, which is not possible yet."
    elif width is None or width != model.embedding_length:
        problem = f"{path.name} belongs to another model."
    else:
        return
    raise ModelError(
        "The projector does not fit",
        problem,
        "Choose the mmproj file that was published with this model.",
    )


def _fits(path: Path, model: GgufHeader) -> bool:
    try:
        check_projector(path, model)
    except ModelError:
        return False
    return True
