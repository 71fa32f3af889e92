"""`corral run --image`: checked before the model is loaded, then seen by it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.run_pictures import pictures_in
from tests.backends.llamacpp import tiny_projector
from tests.backends.llamacpp.pictures import png

ROOT = Path(__file__).resolve().parents[2]
ASK = ("run", "smollm2", "--max-tokens", "2", "--temperature", "0", "--context", "512", "--stats")


def corral(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        env=dict(os.environ),
        timeout=100,
        check=False,
    )


def test_a_file_that_is_no_picture_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    words = tmp_path / "words.png"
    words.write_text("no picture")
    result = corral("run", "smollm2", "--image", str(words), "What is this?")
    assert result.returncode == 2
    assert "words.png cannot be used" in result.stderr
    assert "PNG, JPEG, GIF or BMP" in result.stderr
    assert "Loading" not in result.stderr
    missing = corral("run", "smollm2", "--image", str(tmp_path / "none.png"), "What is this?")
    assert missing.returncode == 1
    assert "none.png cannot be read" in missing.stderr


@pytest.mark.engine
def test_pictures_reach_the_model_and_one_that_cannot_see_says_so(tmp_path: Path) -> None:
    projector = tiny_projector.write(tmp_path / "mmproj.gguf")
    pictures = []
    for number in (1, 2):
        path = tmp_path / f"{number}.png"
        path.write_bytes(png(number))
        pictures += ["--image", str(path)]
    blind = corral(*ASK, *pictures, "What are these?")
    assert blind.returncode == 1
    assert "cannot see pictures" in blind.stderr
    seeing = (*ASK, "--load", f"projector={projector}")
    plain = corral(*seeing, "What are these?")
    seen = corral(*seeing, *pictures, "What are these?")
    assert seen.returncode == 0, seen.stderr
    assert prompt_tokens(seen.stderr) - prompt_tokens(plain.stderr) == 2 * tiny_projector.TOKENS


def prompt_tokens(told: str) -> int:
    found = re.search(r"prompt (\d+) ", told)
    assert found is not None, told
    return int(found[1])


def test_paths_of_pictures_are_taken_out_of_a_message(tmp_path: Path) -> None:
    plain, spaced = tmp_path / "cat.png", tmp_path / "my dog.JPG"
    for path in (plain, spaced):
        path.write_bytes(png(1))
    escaped = str(spaced).replace(" ", "\\ ")
    assert pictures_in(f"What is {plain} here?") == ("What is here?", (plain,))
    assert pictures_in(f"{plain} {escaped} which?") == ("which?", (plain, spaced))
    assert pictures_in(f"Compare '{spaced}' and \"{plain}\".") == ("Compare and .", (spaced, plain))
    for text in (
        "Is nowhere.png there?",
        "It's  two  words",
        "What is a .png?",
        f"{tmp_path} what?",
    ):
        assert pictures_in(text) == (text, ())


@pytest.mark.engine
def test_a_picture_in_the_prompt_is_seen(tmp_path: Path) -> None:
    projector = tiny_projector.write(tmp_path / "mmproj.gguf")
    picture = tmp_path / "cat.png"
    picture.write_bytes(png(1))
    seeing = (*ASK, "--load", f"projector={projector}")
    named = corral(*seeing, f"What is this? {picture}")
    given = corral(*seeing, "--image", str(picture), "What is this?")
    assert prompt_tokens(named.stderr) == prompt_tokens(given.stderr)
    blind = corral(*ASK, f"What is this? {picture}")
    assert blind.returncode == 0  # to a model that cannot see, a path is a part of the text
    without = corral(*ASK, "What is this?")
    assert prompt_tokens(blind.stderr) > prompt_tokens(without.stderr)
