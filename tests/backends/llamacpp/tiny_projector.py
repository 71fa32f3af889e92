"""Writes a tiny image encoder of random weights, in the form of a LLaVA or Gemma 3 projector.

It sees nothing that a person would see, but other images give other embeddings: what is needed to
test the way of an image through the engine.
"""

from pathlib import Path
from typing import Literal

import gguf
import numpy as np

SIDE, PATCH, WIDTH, FEED, LAYERS = 56, 14, 16, 32, 2
TOKENS = (SIDE // PATCH) ** 2
"""Of one image, whatever its size."""


Kind = Literal["mlp", "gemma3"]


def write(path: Path, *, embedding_length: int = 576, side: int = SIDE, kind: Kind = "mlp") -> Path:
    """Write a projector to `path` for a model with embeddings of this length."""
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", kind)
    writer.add_bool("clip.use_gelu", True)
    for key, number in {
        "embedding_length": WIDTH,
        "feed_forward_length": FEED,
        "block_count": LAYERS,
        "projection_dim": embedding_length,
        "attention.head_count": 2,
        "image_size": side,
        "patch_size": PATCH,
    }.items():
        writer.add_uint32(f"clip.vision.{key}", number)
    writer.add_uint32("clip.vision.projector.scale_factor", 1)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    numbers = np.random.default_rng(7)
    for name, shape in _shapes(embedding_length, side, kind).items():
        # Strong weights: of weak ones little would be left of the image behind the norms.
        writer.add_tensor(name, numbers.normal(0, 0.4, shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _shapes(embedding_length: int, side: int, kind: Kind) -> dict[str, tuple[int, ...]]:
    """Names and shapes, the slowest dimension first."""
    shapes: dict[str, tuple[int, ...]] = {
        "v.patch_embd.weight": (WIDTH, 3, PATCH, PATCH),
        "v.position_embd.weight": ((side // PATCH) ** 2, WIDTH),
    }
    if kind == "gemma3":
        shapes["mm.input_projection.weight"] = (WIDTH, embedding_length)
        shapes["mm.soft_emb_norm.weight"] = (WIDTH,)
    else:
        shapes["mm.0.weight"] = (embedding_length, WIDTH)
        shapes["mm.0.bias"] = (embedding_length,)
        shapes["mm.2.weight"] = (embedding_length, embedding_length)
        shapes["mm.2.bias"] = (embedding_length,)
    for layer in range(LAYERS):
        for name, shape in {
            "attn_q": (WIDTH, WIDTH),
            "attn_k": (WIDTH, WIDTH),
            "attn_v": (WIDTH, WIDTH),
            "attn_out": (WIDTH, WIDTH),
            "ffn_up": (FEED, WIDTH),
            "ffn_down": (WIDTH, FEED),
            "ln1": (WIDTH,),
            "ln2": (WIDTH,),
        }.items():
            shapes[f"v.blk.{layer}.{name}.weight"] = shape
            shapes[f"v.blk.{layer}.{name}.bias"] = shape[:1]
    return shapes
