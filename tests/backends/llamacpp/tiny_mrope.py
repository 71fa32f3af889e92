"""Writes a tiny Qwen2-VL model of random weights: positions in two dimensions (M-RoPE)."""

from pathlib import Path

import gguf
import numpy as np

from tests.backends.llamacpp.tiny_gguf import BOS, EOS, UNKNOWN, vocabulary

WIDTH, HEAD, FEED = 32, 16, 64


def write(path: Path) -> Path:
    """Write the model to `path`."""
    writer = gguf.GGUFWriter(path, "qwen2vl")
    writer.add_context_length(512)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED)
    writer.add_head_count(WIDTH // HEAD)
    writer.add_head_count_kv(WIDTH // HEAD)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_sections([2, 3, 3, 0])
    texts = vocabulary()
    writer.add_tokenizer_model("llama")
    writer.add_token_list([text for text, _ in texts])
    writer.add_token_scores([-float(number) for number in range(len(texts))])
    writer.add_token_types([kind for _, kind in texts])
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_unk_token_id(UNKNOWN)
    numbers = np.random.default_rng(7)
    for name, shape in _shapes(len(texts)).items():
        writer.add_tensor(name, numbers.normal(0, 0.5, shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _shapes(vocabulary_size: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes, the slowest dimension first."""
    layer = {
        "attn_norm": (WIDTH,),
        "attn_q": (WIDTH, WIDTH),
        "attn_k": (WIDTH, WIDTH),
        "attn_v": (WIDTH, WIDTH),
        "attn_output": (WIDTH, WIDTH),
        "ffn_norm": (WIDTH,),
        "ffn_gate": (FEED, WIDTH),
        "ffn_up": (FEED, WIDTH),
        "ffn_down": (WIDTH, FEED),
    }
    shapes = {f"blk.0.{name}.weight": shape for name, shape in layer.items()}
    shapes |= {f"blk.0.attn_{name}.bias": (WIDTH,) for name in "qkv"}
    return shapes | {
        "token_embd.weight": (vocabulary_size, WIDTH),
        "output_norm.weight": (WIDTH,),
    }
