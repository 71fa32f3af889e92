"""What is known of a model, for a person and for a script."""

from app.cli.parts import Parts
from app.cli.rendering import human_count, human_size
from app.core.errors import AppError
from app.core.gguf_types import GgufHeader
from app.core.library_types import LocalModel
from app.core.model_sampling import sampling_for
from app.core.modelfile import parameters_of, write_modelfile
from app.core.ollama_recipe import Recipe
from app.core.preset_of_model import own_preset
from backends.types import LoadConfig, SamplingParams


def model_row(model: LocalModel) -> dict[str, object]:
    """What a script may rely on."""
    return {
        "id": model.id,
        "name": model.name,
        "path": str(model.path),
        "size": model.disk_size,
        "architecture": model.architecture,
        "parameters": model.parameters,
        "quantization": model.quantization,
        "context_length": model.context_length,
        "source": model.source,
        "read_only": model.read_only,
        "present": model.present,
        "problem": model.problem,
        "program": model.program,
        "variant_of": model.variant_of,
        "tags": model.tags,
        "capabilities": sorted(model.capabilities),
    }


def recipe_of(parts: Parts, model: LocalModel) -> Recipe:
    """What the model is told and sampled with, as it was made or as the person chose."""
    preset = own_preset(model.id, parts.presets)
    settings = parts.settings.current
    values = preset.sampling if preset else SamplingParams()
    return Recipe(
        model.name,
        system_prompt=preset.system_prompt if preset else "",
        sampling=sampling_for(settings, model.id, values),
        load=settings.models.load.get(model.id, LoadConfig()),
        messages=preset.messages if preset else (),
    )


def model_summary(parts: Parts, model: LocalModel) -> str:
    """The facts, one a line."""
    recipe = recipe_of(parts, model)
    facts = {
        "name": model.name,
        "id": model.id,
        "variant of": model.variant_of,
        "architecture": model.architecture,
        "parameters": human_count(model.parameters) if model.parameters else "",
        "quantization": model.quantization,
        "context": f"{model.context_length:,} tokens" if model.context_length else "",
        "size": "" if model.is_remote else human_size(model.disk_size),
        "can": ", ".join(sorted(model.capabilities)),
        "licence": licence_of(parts, model).partition("\n")[0],
        "path": "" if model.is_remote else str(model.path),
        "server": model.publisher if model.is_remote else "",
        "problem": model.problem or "",
        "notes": model.notes,
        "tags": ", ".join(model.tags),
        "system": recipe.system_prompt.partition("\n")[0][:100],
        **{f"  {name}": value for name, value in parameters_of(recipe)},
    }
    width = max(map(len, facts))
    return "\n".join(f"{name.ljust(width)}  {text}" for name, text in facts.items() if text)


def model_part(parts: Parts, model: LocalModel, part: str) -> str:
    """One part: license, modelfile, parameters, template or system; "" where there is none."""
    recipe = recipe_of(parts, model)
    match part:
        case "license":
            return licence_of(parts, model)
        case "template":
            return template_of(parts, model)
        case "system":
            return recipe.system_prompt
        case "parameters":
            return "\n".join(f"{name} {value}" for name, value in parameters_of(recipe))
    base = model.variant_of or model.id
    return write_modelfile(base, recipe, template_of(parts, model), licence_of(parts, model))


def template_of(parts: Parts, model: LocalModel) -> str:
    """The chat template in the model's file."""
    header = header_of(parts, model)
    return (header.chat_template or "") if header else ""


def licence_of(parts: Parts, model: LocalModel) -> str:
    """What the model's file says of its licence: its name, with the address of the text."""
    header = header_of(parts, model)
    if header is None:
        return ""
    keys = ("general.license", "general.license.name", "general.license.link")
    told = (header.text(key) for key in keys)
    return "\n".join(dict.fromkeys(text for text in told if text))


def header_of(parts: Parts, model: LocalModel) -> GgufHeader | None:
    """The header of the model's file; None for one on a server or one that cannot be read."""
    if model.is_remote:
        return None
    try:
        return parts.library.header(model.id)
    except AppError:
        return None
