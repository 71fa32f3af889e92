"""`corral get ollama:…` as a person types it, in a process of its own."""

import json
from pathlib import Path

from app.core.paths import app_paths
from app.core.presets import PresetStore
from tests.cli.test_commands import corral
from tests.ollama.images import Image
from tests.ollama.local_registry import LocalRegistry


def test_a_real_model_is_got_listed_and_run_with_its_preset(starter_file: Path) -> None:
    image = Image(
        starter_file.read_bytes(),
        system="You are a helpful assistant.",
        params={"temperature": 0, "num_ctx": 512, "num_gpu": 0, "mystery": True},
        messages=[
            {"role": "user", "content": "What is the capital of Italy?"},
            {"role": "assistant", "content": "Rome."},
        ],
    )
    with LocalRegistry() as registry:
        registry.add("library/smollm2", "135m", image)
        address = {"CORRAL_OLLAMA_REGISTRY": registry.url}
        got = corral("get", "ollama:smollm2:135m", "--quiet", **address)
        assert got.returncode == 0, got.stderr
        path = Path(got.stdout.strip())
        assert path.parts[-5:] == ("ollama.com", "library", "smollm2", "135m", "smollm2-135m.gguf")
        again = corral("pull", "smollm2:135m", **address)
        assert again.returncode == 0, again.stderr
        assert "on this computer already" in again.stderr
        missing = corral("get", "ollama:smollm2:1000b", **address)
        assert missing.returncode == 3
        assert "1000b" in missing.stderr
    rows = json.loads(corral("ls", "--json").stdout)
    mine = next(row for row in rows if row["source"] == "corral")
    assert mine["id"] == "ollama.com/library/smollm2/135m/smollm2-135m"
    preset = next(p for p in PresetStore(app_paths().presets_dir).list() if not p.built_in)
    words = ("run", "ollama:smollm2:135m", "What is the capital of France?")
    answer = corral(*words, "--preset", preset.id, "--max-tokens", "8")
    assert answer.returncode == 0, answer.stderr
    # The example has the form of the answer; without it the model makes a whole sentence.
    assert answer.stdout.strip() == "Paris."


def test_what_is_not_taken_is_told(starter_file: Path) -> None:
    with LocalRegistry() as registry:
        image = Image(starter_file.read_bytes(), params={"num_gpu": 0, "temperature": 0.4})
        registry.add("library/smollm2", "135m", image)
        got = corral("get", "ollama:smollm2:135m", CORRAL_OLLAMA_REGISTRY=registry.url)
    assert got.returncode == 0, got.stderr
    assert "preset “smollm2:135m”" in got.stderr
    assert "Not taken: num_gpu." in got.stderr


def test_a_bare_name_without_a_tag_is_asked_back() -> None:
    result = corral("pull", "smollm2")
    assert result.returncode == 2
    assert "such as ollama:smollm2" in result.stderr


def test_a_name_that_is_none_is_a_usage_error() -> None:
    result = corral("get", "ollama:../../etc/passwd:x")
    assert result.returncode == 2
    assert "ollama:llama3.2:1b" in result.stderr
