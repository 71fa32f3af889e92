"""Which part of a model lies on graphics cards when some of its layers are offloaded.

llama.cpp offloads the last layers first and the output layer before all others; the token
embeddings always stay in main memory, and so do the experts of as many layers as a setting says.
"""

import re
from dataclasses import dataclass

from app.core import memory_formulas as formulas
from app.core.gguf_types import TENSOR_TYPES, GgufHeader
from backends.types import LoadConfig

_LAYER = re.compile(r"blk\.(?P<layer>\d+)\.(?P<rest>.*)")
_EXPERTS = re.compile(r"ffn_.*_exps")
_OUTPUT = ("output.", "output_norm.")


@dataclass(frozen=True)
class WeightShares:
    """Bytes of the weights by where they belong."""

    layers: tuple[int, ...]
    """Of each layer, experts included."""
    experts: tuple[int, ...]
    """Of each layer, the experts alone."""
    embeddings: int
    output: int
    """Of the output layer; where the file has none, llama.cpp copies the embeddings to it."""


def weight_shares(header: GgufHeader, weights: int) -> WeightShares:
    """How `weights` bytes are shared out: by the tensors where the header lists them.

    A header that was read only in part does not; then every layer counts the same, and the
    embeddings take what their numbers take at the model's mean precision.
    """
    count = formulas.layer_count(header)
    if not header.tensors:
        return _even_shares(header, weights, count)
    layers, experts = [0] * count, [0] * count
    embeddings = output = 0
    for tensor in header.tensors:
        if tensor.type not in TENSOR_TYPES:
            continue
        size = tensor.size
        found = _LAYER.match(tensor.name)
        if found is not None and int(found["layer"]) < count:
            layer = int(found["layer"])
            layers[layer] += size
            experts[layer] += size if _EXPERTS.match(found["rest"]) else 0
        elif tensor.name.startswith(_OUTPUT):
            output += size
        elif found is None:
            embeddings += size
    if not any(each.name.startswith("output.") for each in header.tensors):
        output += embeddings
    listed = sum(layers) + embeddings + output
    if header.split_count > 1 and listed < weights:  # the other files hold the other layers
        return _even_shares(header, weights, count)
    return WeightShares(tuple(layers), tuple(experts), embeddings, output)


def _even_shares(header: GgufHeader, weights: int, count: int) -> WeightShares:
    width, vocabulary = header.embedding_length or 0, header.vocabulary_size or 0
    embeddings = min(weights // 4, width * vocabulary * 5 // 8)  # about five bits a number
    layers = (weights - embeddings) // count if count else 0
    experts = layers * 9 // 10 if header.hyper_integer("expert_count") else 0
    return WeightShares((layers,) * count, (experts,) * count, embeddings, embeddings)


@dataclass(frozen=True)
class Placement:
    """Bytes on graphics cards, all together, and bytes of weights that exist twice."""

    weights: int
    kv_cache: int
    compute: int
    host_compute: int
    """Of the intermediate results, what is in main memory."""
    copied: int
    """Weights on a card that are in main memory too."""


NOWHERE = Placement(0, 0, 0, 0, 0)


def place(header: GgufHeader, weights: int, context: int, config: LoadConfig) -> Placement:
    """What `config.gpu_layers` layers take on graphics cards; None counts as none."""
    asked = config.gpu_layers or 0
    count = formulas.layer_count(header)
    if asked <= 0 or not count:
        return NOWHERE
    shares = weight_shares(header, weights)
    with_output = asked > count
    first = max(0, count - asked + with_output)
    on_card = range(first, count)
    kept = min(config.experts_on_cpu, count)
    placed = sum(
        shares.layers[layer] - (shares.experts[layer] if layer < kept else 0) for layer in on_card
    )
    caches = zip(
        formulas.kv_layer_bytes(header, context, config),
        formulas.recurrent_layer_bytes(header, config),
        strict=True,
    )
    cache = sum(sum(pair) for pair in list(caches)[first:]) if config.offload_kv else 0
    batch = formulas.batch_tokens(context, config)
    in_layers = formulas.layer_compute_bytes(header, context, config, batch)
    logits = formulas.logits_bytes(header, config, batch)
    inputs = batch * formulas.FLOAT * (header.embedding_length or 0) + in_layers // 8
    all_off = with_output and not kept
    output = formulas.output_bytes(header, config)
    return Placement(
        weights=placed + (shares.output if with_output else 0),
        kv_cache=cache,
        compute=max(in_layers, logits) if with_output else in_layers,
        host_compute=output + (inputs if all_off else max(in_layers, 0 if with_output else logits)),
        copied=shares.embeddings if with_output and shares.output >= shares.embeddings else 0,
    )
