"""Which texts name a model of Ollama's registry, and where it goes."""

from pathlib import Path

import pytest

from app.core.errors import DownloadError
from app.core.hub_reference import Reference, parse_named, parse_reference
from app.core.ollama_name import (
    OllamaName,
    from_folders,
    ollama_name_of,
    parse_ollama,
    tagged_name,
)
from app.core.transfer_names import repository_folder

LLAMA = OllamaName("library", "llama3.2", "1b")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ollama:llama3.2:1b", LLAMA),
        ("  Ollama:llama3.2:1b ", LLAMA),
        ("ollama://llama3.2:1b", LLAMA),
        ("ollama run llama3.2:1b", LLAMA),
        ("ollama pull llama3.2:1b", LLAMA),
        ("ollama run llama3.2:1b --verbose", LLAMA),
        ("ollama run library/llama3.2:1b", LLAMA),
        ("https://ollama.com/library/llama3.2:1b", LLAMA),
        ("ollama.com/library/llama3.2:1b", LLAMA),
        ("registry.ollama.ai/library/llama3.2:1b", LLAMA),
        ("ollama:registry.ollama.ai/library/llama3.2:1b", LLAMA),
        ("https://registry.ollama.ai/v2/library/llama3.2/manifests/1b", LLAMA),
        ("ollama:llama3.2", OllamaName("library", "llama3.2", "latest")),
        ("https://ollama.com/library/llama3.2", OllamaName("library", "llama3.2", "latest")),
        ("https://ollama.com/library/llama3.2/tags", OllamaName("library", "llama3.2", "latest")),
        ("ollama:someone/their_model:Q4_K_M", OllamaName("someone", "their_model", "Q4_K_M")),
        ("https://ollama.com/someone/model:2", OllamaName("someone", "model", "2")),
    ],
)
def test_pasted_names_are_understood(text: str, name: OllamaName) -> None:
    assert parse_ollama(text) == name
    reference = parse_reference(text)
    assert reference is not None
    assert ollama_name_of(reference.repo) == name


@pytest.mark.parametrize(
    "text",
    [
        "llama3.2:1b",
        "llama",
        "owner/name",
        "owner/name:Q4_K_M",
        "https://huggingface.co/owner/name",
        "ollama",
        "ollama run",
        "ollama:",
        "ollama:../etc:x",
        "ollama:a/b/c:d",
        "ollama:name:tag:more",
        "ollama:na me",
        "ollama:name:..",
        "ollama:.name",
        "ollama:na\nme",
        "ollama:" + "x" * 81,
        "ollama:evil.example/library/x:1",
        "https://evil.example/library/llama3.2:1b",
        "https://ollama.com/blog/new-app",
        "https://ollama.com/library",
        "https://ollama.com/library/..%2F..%2Fx",
        "ftp://ollama.com/library/llama3.2",
        "http://[::1",
    ],
)
def test_other_texts_are_not(text: str) -> None:
    assert parse_ollama(text) is None


@pytest.mark.parametrize("text", ["llama3.2:1b", " llama3.2:1b "])
def test_a_bare_name_with_a_tag_is_ollamas_where_a_name_is_wanted(text: str) -> None:
    assert tagged_name(text) == LLAMA
    assert parse_named(text) == Reference(LLAMA.repo)
    assert parse_reference(text) is None


@pytest.mark.parametrize(
    "text", ["llama3.2", "owner/name:Q4_K_M", "a:b:c", "../x:1", "note: this", "http://x", ""]
)
def test_other_texts_are_no_bare_names(text: str) -> None:
    assert tagged_name(text) is None
    assert parse_named(text) == parse_reference(text)


@pytest.mark.parametrize("text", ["ollama run hf.co/owner/name:Q4_K_M", "hf.co/owner/name:Q4_K_M"])
def test_names_of_the_hub_in_ollamas_words_go_to_the_hub(text: str) -> None:
    reference = parse_reference(text)
    assert reference is not None
    assert (reference.repo, reference.quantization) == ("owner/name", "Q4_K_M")


def test_a_name_and_its_folders_tell_each_other() -> None:
    assert from_folders(LLAMA.folders) == LLAMA
    assert repository_folder(Path("models"), LLAMA.repo) == Path(
        "models", "ollama.com", "library", "llama3.2", "1b"
    )
    assert from_folders(("owner", "name")) is None
    assert ollama_name_of("owner/name") is None


@pytest.mark.parametrize("name", ["aux:1", "x:con", "nul/x:1", "x:1."])
def test_names_that_are_no_safe_folder_are_refused(name: str) -> None:
    """Ollama allows them, some systems do not."""
    parsed = parse_ollama(f"ollama:{name}")
    assert parsed is not None
    with pytest.raises(DownloadError, match="refused"):
        repository_folder(Path("models"), parsed.repo)
