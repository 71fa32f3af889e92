"""One model in many repositories, and what tags, templates and headers tell of it."""

import pytest
from msgspec import structs

from app.core.architecture import Architecture, architecture_of
from app.core.capabilities import capabilities_of, in_template, languages_of
from app.core.gguf import read_partial
from app.core.hub import HubModel
from app.core.memory import Fit
from app.core.model_collections import COLLECTIONS, ModelTraits, belongs
from app.core.model_families import base_of, families_of, family_key
from tests.hub.samples import gguf_start

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"


def model(repo: str, *tags: str, downloads: int = 0) -> HubModel:
    return HubModel(
        repo=repo, author=repo.partition("/")[0], tags=("gguf", *tags), downloads=downloads
    )


def quantized(repo: str, base: str = LLAMA, downloads: int = 0) -> HubModel:
    return model(repo, f"base_model:{base}", f"base_model:quantized:{base}", downloads=downloads)


def test_repositories_of_one_model_are_one_family() -> None:
    found = [
        quantized("bartowski/Meta-Llama-3.1-8B-Instruct-GGUF", downloads=5),
        model("maker/Other-7B-GGUF"),
        quantized("mlx-community/Meta-Llama-3.1-8B-Instruct-4bit", downloads=9),
        model("somebody/Llama-3.1-8B-Instruct-GGUF"),  # no tags: by its name
        quantized("odd/llama31-q4", downloads=1),  # by its tag, whatever its name
    ]
    first, second = families_of(found)
    assert first.title == "Llama 3.1 8B Instruct"
    assert first.base == LLAMA
    assert [each.author for each in first.models] == [
        "mlx-community", "bartowski", "odd", "somebody",
    ]  # fmt: skip
    assert first.main.author == "mlx-community"
    assert second.title == "Other 7B"
    assert second.base is None


@pytest.mark.parametrize("relation", ["finetune", "adapter", "merge"])
def test_a_changed_model_is_another_one(relation: str) -> None:
    changed = model("a/Storm-8B", f"base_model:{LLAMA}", f"base_model:{relation}:{LLAMA}")
    assert base_of(changed) is None
    assert len(families_of([quantized("b/x"), changed])) == 2


def test_a_base_without_a_relation_counts_only_under_the_same_name() -> None:
    assert base_of(model("a/Llama-3.1-8B-Instruct-GGUF", f"base_model:{LLAMA}")) == LLAMA
    assert base_of(model("a/Storm-8B-GGUF", f"base_model:{LLAMA}")) is None
    assert base_of(model("a/b", "base_model:quantized:no-owner")) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mlx-community/gpt-oss-20b-MXFP4-Q8", "unsloth/gpt-oss-20b-GGUF"),
        ("bartowski/google_gemma-3-4b-it-GGUF", "google/gemma-3-4b-it"),
        ("mlx-community/Qwen3-4B-Instruct-2507-5bit-g32", "Qwen/Qwen3-4B-Instruct-2507"),
        ("hugging-quants/Llama-3.2-1B-Instruct-Q4_K_M-GGUF", "meta-llama/Llama-3.2-1B-Instruct"),
    ],
)
def test_names_of_the_same_model(one: str, other: str) -> None:
    assert family_key(one) == family_key(other)
    assert family_key(one) != family_key("x/Llama-38B-Instruct")


def test_capabilities_come_from_tags_names_and_the_template() -> None:
    told = HubModel(repo="m/Thing-GGUF", author="m", tags=("Tool-Use", "en", "fr"))
    assert capabilities_of(told) == {"tools", "languages"}
    assert languages_of(told) == ("en", "fr")
    silent = HubModel(repo="m/Thing-GGUF", author="m", tags=("en", "region:us"))
    assert capabilities_of(silent) == frozenset()
    assert capabilities_of(silent, "{% if tools %}…{% endif %}<think>") == {"tools", "reasoning"}
    assert in_template("these are my toolsmiths") == frozenset()
    named = HubModel(repo="m/Qwen3-VL-Coder-Thinking", author="m")
    assert capabilities_of(named) == {"vision", "code", "reasoning"}
    guard = HubModel(repo="m/Llama-Guard-3-1B-GGUF", author="m", pipeline="text-generation")
    assert capabilities_of(guard) == {"safety"}
    vectors = HubModel(repo="m/thing", author="m", pipeline="feature-extraction")
    assert capabilities_of(vectors) == {"embeddings"}


def test_the_start_of_a_header_tells_how_a_model_is_built() -> None:
    data = gguf_start(
        {
            "parameters": 8e9,
            "kv_bytes_per_token": 131_072,
            "context_length": 131_072,
            "name": "Llama",
        }
    )
    shape = architecture_of(read_partial(data))
    assert shape == Architecture(
        name="llama",
        layers=32,
        width=4096,
        heads=32,
        kv_heads=8,
        vocabulary=128_256,
        context_length=131_072,
    )
    assert shape.attention == "grouped-query"
    assert Architecture(heads=8, kv_heads=8).attention == "multi-head"
    assert Architecture(heads=8, kv_heads=1).attention == "multi-query"
    assert Architecture().attention is None


def test_collections_hold_what_is_known_to_belong() -> None:
    small = ModelTraits(frozenset({"tools"}), parameters=3_000_000_000, fit=Fit.FITS)
    mixture = ModelTraits(
        parameters=30_000_000_000, active_parameters=3_000_000_000, fit=Fit.FITS, french=True
    )
    lean = ModelTraits(
        parameters=7_000_000_000, active_parameters=1_000_000_000, fit=Fit.TIGHT, french=True
    )
    vectors = ModelTraits(frozenset({"embeddings"}), parameters=100_000_000, fit=Fit.FITS)
    unknown = ModelTraits()
    held = {
        name: [each for each in (small, mixture, vectors, unknown) if belongs(name, each)]
        for name in COLLECTIONS
    }
    assert held["all"] == [small, mixture, vectors, unknown]
    assert held["fits"] == [small, mixture, vectors]
    assert held["quick"] == [small], "a mixture takes the room of all its parameters"
    assert belongs("quick", structs.replace(lean, fit=Fit.FITS))
    assert held["embeddings"] == [vectors]
    assert held["languages"] == [mixture]
    assert held["code"] == held["safety"] == []
