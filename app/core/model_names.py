"""What a model is called: from its file's name, or its header where the file's name is silent."""

import re
from functools import lru_cache
from pathlib import Path

from app.core import quantization
from app.core.gguf_types import GgufHeader
from app.core.variants import split_part

_SILENT = re.compile(r"^(ggml[-_ ]?)?(model|weights|consolidated)?([-_ ]?f?p?(16|32))?$", re.I)
_SIZE = re.compile(r"^([ae]?\d+(?:\.\d+)?(?:x\d+(?:\.\d+)?)?)([bmk])$", re.I)
_TAIL = re.compile(r"([-_. ]+(gguf\d?|ggml|mlx|imat|i1|ud|\d{1,2}-?bits?(-dwq)?|dwq))+$", re.I)
_PUBLISHER = re.compile(
    r"^(qwen|google|meta-llama|mistralai|microsoft|nvidia|openai|allenai|ibm-granite|deepseek-ai"
    r"|huggingfacetb|swiss-ai|opengvlab|mistral-community)[_.](?=\w)|^meta-(?=llama)",
    re.I,
)
_MLX_RECIPE = re.compile(r"-(mxfp4-q\d|gs?\d{2,3})$", re.I)
"""Of MLX repositories: two types at once, and the size of a group that shares a scale."""
_KNOWN_WORDS = {
    "smollm": "SmolLM", "smollm2": "SmolLM2", "smollm3": "SmolLM3", "smolvlm": "SmolVLM",
    "tinyllama": "TinyLlama", "deepseek": "DeepSeek", "gpt": "gpt", "oss": "oss",
    "olmo": "OLMo", "eurollm": "EuroLLM", "glm": "GLM", "bge": "BGE", "minicpm": "MiniCPM",
    "starcoder2": "StarCoder2", "it": "it", "qat": "QAT", "moe": "MoE", "vl": "VL",
}  # fmt: skip


def model_name(path: Path, header: GgufHeader | None) -> str:
    """A name for people, such as "SmolLM2 135M Instruct".

    The file's name is what people chose it by; names in headers are often leftovers of training.
    A file called "model.gguf" is named by its header, then by its folder.
    """
    stem = _stem(path.name)
    told = _header_name(header) if header else ""
    if _SILENT.match(stem):
        return told or from_text(_stem(path.parent.name)) or path.stem
    if stem == stem.lower() and told and _same(stem, told):
        return told
    return from_text(stem) or path.stem


def from_text(text: str) -> str:
    """Words for people: "llama-3.2-1b-instruct" gives "Llama 3.2 1B Instruct"."""
    text = re.sub(r"(?<=\d)_(?=\d)", ".", _PUBLISHER.sub("", text))
    keep_case = text != text.lower()
    words = [_word(word, keep_case) for word in re.split(r"[-_ ]+", text) if word]
    if words and words[0] != "gpt":
        words[0] = words[0][:1].upper() + words[0][1:]
    return " ".join(words).replace("gpt oss", "gpt-oss")


@lru_cache(maxsize=4096)
def from_repo(repo: str) -> str:
    """A name for people of a hub repository, without owner, format and quantization."""
    name = repo.rpartition("/")[2]
    return from_text(_stem(_MLX_RECIPE.sub("", name))) or name


def _word(word: str, keep_case: bool) -> str:
    if size := _SIZE.match(word):
        return size[1].upper().replace("X", "x") + size[2].upper()
    if keep_case:
        return word
    return _KNOWN_WORDS.get(word) or word[:1].upper() + word[1:]


def _stem(name: str) -> str:
    """A file's name without its suffix, split number and quantization."""
    split = split_part(name)
    stem = split[0] if split else re.sub(r"\.(gguf|safetensors)$", "", name, flags=re.I)
    stem = _TAIL.sub("", stem)
    return _TAIL.sub("", quantization.without_label(stem)).strip("-_. ")


def _header_name(header: GgufHeader) -> str:
    base = header.text("general.basename")
    if header.name and header.name.lower() not in ("model", "none", "."):
        return from_text(_stem(header.name))
    finetune = header.text("general.finetune")
    return from_text(" ".join(part for part in (base, header.size_label, finetune) if part))


def _same(one: str, other: str) -> bool:
    return re.sub(r"[^a-z0-9]", "", one.lower()) == re.sub(r"[^a-z0-9]", "", other.lower())
