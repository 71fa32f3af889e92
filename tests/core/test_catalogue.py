"""The curated list: whole, consistent, and suggesting what fits."""

import re

import pytest

from app.core import quantization
from app.core.catalogue import Catalogue
from app.core.hardware import MemorySnapshot
from app.core.memory import Fit, verdict

GB = 10**9
CAPABILITIES = {"tools", "vision", "reasoning", "embeddings", "safety", "code"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


def test_about_25_models_the_llama_family_first(catalogue: Catalogue) -> None:
    entries = catalogue.entries()
    assert 22 <= len(entries) <= 30
    families = catalogue.families()
    assert families[0] == "Llama"
    assert {"Qwen", "Gemma", "Mistral", "Phi", "SmolLM", "DeepSeek", "Embedding"} <= set(families)
    order = [entry.family for entry in entries]
    assert order == sorted(order, key=families.index)
    sizes = [entry.parameters for entry in entries]
    assert min(sizes) < 0.2 * GB
    assert max(sizes) == 70 * GB


@pytest.mark.parametrize(
    "name",
    [
        "Llama 3 8B Instruct",
        "Llama 3 70B Instruct",
        "Llama 3.1 8B Instruct",
        "Llama 3.1 70B Instruct",
        "Llama 3.2 1B Instruct",
        "Llama 3.2 3B Instruct",
        "Llama 3.3 70B Instruct",
        "Llama Guard 3 1B",
        "Llama Guard 3 8B",
    ],
)
def test_the_llama_3_family_is_complete(catalogue: Catalogue, name: str) -> None:
    entry = next(entry for entry in catalogue.entries() if entry.name == name)
    assert entry.family == "Llama"
    assert (entry.base_repo or "").startswith("meta-llama/")
    assert entry.gated


def test_every_entry_is_consistent(catalogue: Catalogue) -> None:
    repo = re.compile(r"^[\w.-]+/[\w.-]+$")
    ids = [entry.id for entry in catalogue.entries()]
    assert len(set(ids)) == len(ids)
    for entry in catalogue.entries():
        assert re.fullmatch(r"[a-z0-9.-]+", entry.id)
        assert repo.match(entry.gguf_repo), entry.id
        for optional in (entry.base_repo, entry.mlx_repo):
            assert optional is None or repo.match(optional), entry.id
        assert entry.gguf_file.endswith(".gguf")
        assert entry.gguf_file in {variant.file for variant in entry.variants}
        assert set(entry.capabilities) <= CAPABILITIES
        assert entry.summary.endswith(".")
        assert len(entry.summary) <= 110, entry.summary
        assert entry.sha256_start is None or re.fullmatch(r"[0-9a-f]{8}", entry.sha256_start)
        assert entry.active_parameters is None or entry.active_parameters < entry.parameters
        for variant in entry.variants:
            assert quantization.from_name(variant.file) == variant.quantization


def test_sizes_agree_with_parameters_and_quantization(catalogue: Catalogue) -> None:
    for entry in catalogue.entries():
        bits = quantization.bits_per_weight(quantization.from_name(entry.gguf_file) or "")
        assert bits is not None
        if entry.size is not None:
            assert 0.7 < entry.size * 8 / bits / entry.parameters < 1.7, entry.id
            known = {variant.file: variant.size for variant in entry.variants}[entry.gguf_file]
            assert known == (None if entry.size_approximate else entry.size)


def test_sizes_of_one_model_speak_the_same_languages(catalogue: Catalogue) -> None:
    languages = {entry.id: entry.languages for entry in catalogue.entries()}
    assert languages["qwen3-0.6b"] == languages["qwen3-8b"] == "100+ languages"
    assert languages["gemma-3-4b-instruct"] == "140 languages"
    assert catalogue.made is not None


def test_looking_up_by_id_and_repository(catalogue: Catalogue) -> None:
    entry = catalogue.get("llama-3.1-8b-instruct")
    assert entry is not None
    assert catalogue.for_repo("bartowski/meta-llama-3.1-8b-instruct-gguf") is entry
    assert catalogue.for_repo("mlx-community/Meta-Llama-3.1-8B-Instruct-4bit") is entry
    assert catalogue.for_repo("nobody/nothing") is None
    assert catalogue.get("nothing") is None
    assert catalogue.starter is not None
    assert catalogue.starter.estimate() is None


@pytest.mark.parametrize("available", [5, 11.8, 26, 60, 120])
def test_three_suggestions_fit_and_differ(catalogue: Catalogue, available: float) -> None:
    memory = MemorySnapshot(total=int(1.4 * available * GB), available=int(available * GB))
    chosen = catalogue.suggestions(memory, accelerated=True)
    assert len(chosen) == 3
    sizes = [entry.size or 0 for entry in chosen]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[1] <= 0.6 * sizes[0]
    for entry in chosen:
        need = entry.estimate()
        assert need is not None
        assert verdict(need, memory).fit is Fit.FITS
        assert not {"embeddings", "safety"} & set(entry.capabilities)
        assert entry != catalogue.starter


def test_a_computer_with_16_gb_gets_what_the_design_shows(catalogue: Catalogue) -> None:
    chosen = catalogue.suggestions(MemorySnapshot(total=16 * GB, available=int(11.8 * GB)))
    names = [entry.name for entry in chosen]
    assert names == ["Qwen3 8B", "Gemma 3 4B Instruct", "Llama 3.2 3B Instruct"]


@pytest.mark.parametrize("available", [5, 26, 120])
def test_without_graphics_nothing_is_suggested_that_crawls(
    catalogue: Catalogue, available: int
) -> None:
    memory = MemorySnapshot(total=2 * available * GB, available=available * GB)
    chosen = catalogue.suggestions(memory)
    assert len(chosen) == 3
    for entry in chosen:
        assert entry.parameters <= 9 * GB


def test_no_summary_promises_pictures(catalogue: Catalogue) -> None:
    for entry in catalogue.entries():
        assert not re.search("picture|image|vision|photo", entry.summary, re.IGNORECASE)


def test_a_computer_without_memory_gets_no_suggestion(catalogue: Catalogue) -> None:
    assert catalogue.suggestions(MemorySnapshot(total=GB, available=GB // 10)) == ()
