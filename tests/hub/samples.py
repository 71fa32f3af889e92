"""Repositories that look real: the models of the curated list, with plausible files and cards.

Only `SmolLM2-135M-Instruct` holds its real bytes; of the others lists, cards and GGUF headers
can be read, but a download ends with a checksum error.
"""

import json
import random
import struct
from pathlib import Path
from typing import Any

from tests.hub.repository import Pretended
from tests.hub.server import LocalHub

CATALOGUE = Path(__file__).parents[2] / "resources" / "catalogue.json"

BITS = {
    "Q2_K": 3.0,
    "Q3_K_M": 3.9,
    "IQ4_XS": 4.4,
    "Q4_K_S": 4.6,
    "Q4_K_M": 4.85,
    "Q5_K_M": 5.7,
    "Q6_K": 6.6,
    "Q8_0": 8.5,
    "F16": 16.0,
}
"""Bits per weight, close enough for a list."""

SPLIT_AT = 45_000_000_000
"""Bytes above which uploaders split a file."""

CARD = """---
license: {licence}
base_model: {base}
tags:
- gguf
---

# {name}

{summary}

| | |
|---|---|
| Publisher | {publisher} |
| Parameters | {parameters} |
| Context length | {context:,} tokens |
| Languages | {languages} |
| Licence | {licence} |

![a picture that is never loaded by itself](https://example.com/picture.png)

## How to use it

Load a file in **Corral** and start a chat, or use the terminal:

```sh
corral get {repo}:Q4_K_M
corral run {repo} "What is the capital of France?"
```

## Which file to take

- `Q4_K_M` is a good balance of size and quality.
- `Q8_0` is close to the original, at twice the size.
- `Q2_K` is for when nothing else fits; expect mistakes.

## Limits

The model was trained on public text. It may state things that are not true with great
confidence. See the [original card](https://huggingface.co/{base}) for how it was evaluated.
"""


def add_samples(hub: LocalHub, smollm2: Path | None) -> None:
    """Fill the hub: every model of the curated list, as GGUF and as MLX."""
    chance = random.Random(2)
    models = json.loads(CATALOGUE.read_text(encoding="utf-8"))["models"]
    for place, model in enumerate(models):
        popularity = max(1, int(4_000_000 * 0.8**place * chance.uniform(0.6, 1.4)))
        add_gguf(hub, model, popularity)
        if model.get("mlx_repo"):
            add_mlx(hub, model, popularity // 9)
    if smollm2 is not None:
        name = "SmolLM2-135M-Instruct"
        model = next(each for each in models if each["id"] == "smollm2-135m-instruct")
        repo = f"{model['publisher'].split()[0]}/{name}-GGUF"
        files: dict[str, bytes | Path | Pretended] = {
            f"{name}.Q4_1.gguf": smollm2,
            "README.md": _card(model, repo),
        }
        hub.add(repo, files, **_info(model, 1_234_567, ["gguf"]))


def add_gguf(hub: LocalHub, model: dict[str, Any], popularity: int) -> None:
    """The repository of a quantizer, with one file (or split files) for each quantization."""
    stem = _stem(model)
    start = gguf_start(model)
    real = model["size"] / BITS["Q4_K_M"] if model.get("size") else model["parameters"] / 8
    files: dict[str, bytes | Path | Pretended] = {"README.md": _card(model, model["gguf_repo"])}
    for label, bits in BITS.items():
        size = int(real * bits)
        parts = -(-size // SPLIT_AT)
        if parts == 1:
            files[f"{stem}-{label}.gguf"] = Pretended(start, size)
            continue
        for part in range(1, parts + 1):
            name = f"{stem}-{label}/{stem}-{label}-{part:05}-of-{parts:05}.gguf"
            files[name] = Pretended(start, size // parts)
    if model.get("size"):
        files[model["gguf_file"]] = Pretended(start, model["size"])
    if "vision" in model["capabilities"]:
        files[f"mmproj-{stem}-f16.gguf"] = Pretended(start, 851_251_104)
    hub.add(model["gguf_repo"], files, **_info(model, popularity, ["gguf"]))


def add_mlx(hub: LocalHub, model: dict[str, Any], popularity: int) -> None:
    """The repository of the MLX community: one quantization, several files."""
    size = model["parameters"] * 9 // 16
    config = {"model_type": model["family"].lower(), "quantization": {"bits": 4, "group_size": 64}}
    files: dict[str, bytes | Path | Pretended] = {
        "README.md": _card(model, model["mlx_repo"]),
        "config.json": json.dumps(config).encode(),
        "tokenizer.json": Pretended(b"{}", 9_085_657),
        "tokenizer_config.json": b"{}",
        "special_tokens_map.json": b"{}",
    }
    parts = -(-size // 5_000_000_000)
    for part in range(1, parts + 1):
        name = "model" if parts == 1 else f"model-{part:05}-of-{parts:05}"
        files[f"{name}.safetensors"] = Pretended(b"", size // parts)
    hub.add(model["mlx_repo"], files, **_info(model, popularity, ["mlx", "safetensors"]))


def gguf_start(model: dict[str, Any]) -> bytes:
    """The beginning of a GGUF file with the numbers that a memory estimate needs."""
    parameters = model["parameters"]
    layers = (
        16 if parameters < 2e9 else 32 if parameters < 10e9 else 40 if parameters < 40e9 else 80
    )
    width = 64 if parameters < 2e9 else 128
    heads = max(1, round((model.get("kv_bytes_per_token") or 65536) / (4 * layers * width)))
    numbers = {
        "llama.block_count": layers,
        "llama.context_length": model["context_length"] or 8192,
        "llama.embedding_length": width * heads * 4,
        "llama.attention.head_count": heads * 4,
        "llama.attention.head_count_kv": heads,
        "llama.attention.key_length": width,
        "llama.attention.value_length": width,
        "llama.vocab_size": 128_256,
    }
    pairs = [_string("general.architecture") + struct.pack("<I", 8) + _string("llama")]
    pairs += [_string("general.name") + struct.pack("<I", 8) + _string(model["name"])]
    pairs += [_string(key) + struct.pack("<II", 4, value) for key, value in numbers.items()]
    # The token list that follows in a real file is what a first range usually ends in.
    tokens = _string("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 128_256)
    tokens += b"".join(_string(f"token{number}") for number in range(6000))
    count = len(pairs) + 1
    return b"GGUF" + struct.pack("<IQQ", 3, 9 * layers + 3, count) + b"".join(pairs) + tokens


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _stem(model: dict[str, Any]) -> str:
    name: str = model["gguf_file"].rpartition("/")[2].removesuffix(".gguf")
    for label in sorted(BITS, key=len, reverse=True):
        for joint in "-._":
            name = name.removesuffix(f"{joint}{label}")
    return name


def _card(model: dict[str, Any], repo: str) -> bytes:
    return CARD.format(
        name=model["name"],
        repo=repo,
        base=model["base_repo"],
        summary=model["summary"],
        publisher=model["publisher"],
        parameters=f"{model['parameters'] / 1e9:.2f} billion",
        context=model["context_length"] or 8192,
        languages=model["languages"] or "English and others",
        licence=model["licence"],
    ).encode()


def _info(model: dict[str, Any], popularity: int, tags: list[str]) -> dict[str, Any]:
    day = popularity % 28 + 1
    return {
        "downloads": popularity,
        "likes": popularity // 900,
        "trendingScore": popularity % 997,
        "createdAt": f"2025-{popularity % 12 + 1:02}-{day:02}T09:30:00.000Z",
        "lastModified": f"2026-{popularity % 10 + 1:02}-{day:02}T09:30:00.000Z",
        "pipeline_tag": "text-generation",
        "library_name": tags[0],
        "tags": [
            *tags,
            "text-generation",
            f"license:{model['licence']}",
            f"base_model:{model['base_repo']}",
            f"base_model:quantized:{model['base_repo']}",
            "conversational",
            "region:us",
        ],
    }
