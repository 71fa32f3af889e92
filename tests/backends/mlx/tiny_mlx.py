"""Writes tiny MLX folders with random weights: real files, real code paths, no sense."""

import json
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten, tree_map
from mlx_lm.models import llama
from mlx_lm.utils import quantize_model
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
WORDS = (
    "The quick brown fox jumps over the lazy dog. What is the capital of France? And of Italy? "
    "A model of language reads and writes pieces of words, one after the other. "
)


def tokenizer() -> Tokenizer:
    """Byte-level BPE with ChatML's control tokens and one user-defined token."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        show_progress=False,
        special_tokens=list(CONTROL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    made.train_from_iterator([WORDS], trainer)
    made.add_tokens([AddedToken("<tool>", special=False)])
    return made


def configuration(vocabulary: int, **changes: Any) -> dict[str, Any]:
    """A llama of two layers."""
    return {
        "model_type": "llama",
        "hidden_size": 256,
        "num_hidden_layers": 2,
        "intermediate_size": 512,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-5,
        "vocab_size": vocabulary,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
    } | changes


def write_tiny_model(
    folder: Path,
    *,
    seed: int = 3,
    dtype: mx.Dtype = mx.float32,
    bits: int | None = None,
    template: str | None = TEMPLATE,
    **changes: Any,
) -> Path:
    """A model of random weights in `folder`; `changes` go into its config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    words = tokenizer()
    words.save(str(folder / "tokenizer.json"))
    told = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "add_bos_token": False}
    if template is not None:
        told["chat_template"] = template
    (folder / "tokenizer_config.json").write_text(json.dumps(told), encoding="utf-8")
    config = configuration(words.get_vocab_size(), **changes)
    arguments: Any = llama.ModelArgs
    network: Any = llama.Model(arguments.from_dict(config))
    keys = mx.random.split(mx.random.key(seed), len(tree_flatten(network.parameters())))
    key = iter(keys)

    def drawn(array: mx.array) -> mx.array:
        if array.ndim == 1:
            return mx.ones(array.shape, dtype)
        return (mx.random.normal(array.shape, key=next(key)) * 0.08).astype(dtype)

    network.update(tree_map(drawn, network.parameters()))
    if bits is not None:
        network, config = quantize_model(network, config, group_size=64, bits=bits)
    weights: Any = tree_flatten(network.parameters(), destination={})
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder
