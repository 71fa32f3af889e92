"""The words of the command line, in the orders people type them."""

import pytest

from app.cli.parser import parse
from app.core.hub_reference import parse_reference


@pytest.mark.parametrize(
    "words",
    [
        ["run", "smollm2", "Why?", "--preset", "coder", "--stats"],
        ["run", "smollm2", "--preset", "coder", "Why?", "--stats"],
        ["run", "smollm2", "--preset", "coder", "--stats", "Why?"],
        ["run", "--preset", "coder", "smollm2", "Why?", "--stats"],
    ],
)
def test_the_prompt_may_stand_anywhere(words: list[str]) -> None:
    arguments = parse(words)
    assert arguments.model == "smollm2"
    assert arguments.prompt == "Why?"
    assert arguments.preset == "coder"
    assert arguments.stats is True


@pytest.mark.parametrize(
    "words",
    [
        ["run", "smollm2", "--max-tokens", "3", "--", "-5+3"],
        ["run", "smollm2", "--", "-5+3"],
        ["run", "--max-tokens", "3", "smollm2", "--", "-5+3"],
    ],
)
def test_after_two_dashes_the_prompt_may_begin_with_one(words: list[str]) -> None:
    assert parse(words).prompt == "-5+3"


@pytest.mark.parametrize(
    "words",
    [
        ["run", "smollm2", "Why?", "--stats", "again"],
        ["run", "smollm2", "Why?", "--stats", "--", "again"],
        ["run", "smollm2", "--stats", "--", "one", "two"],
        ["run", "smollm2", "--nonsense"],
        ["ls", "extra"],
        ["get", "foo"],
        ["get", "https://example.org"],
        [],
    ],
)
def test_what_is_not_understood_is_a_usage_error(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(words)
    assert ended.value.code == 2


@pytest.mark.parametrize(
    "text", ["maker/tiny-GGUF:Q4_0", "https://huggingface.co/maker/tiny-GGUF", "maker/tiny-GGUF"]
)
def test_a_repository_is_named_or_pasted(text: str) -> None:
    assert parse(["get", text]).reference == parse_reference(text)
    assert parse(["get", text]).reference.repo == "maker/tiny-GGUF"


def test_what_names_no_repository_is_told_what_is_expected(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        parse(["get", "foo"])
    assert "OWNER/REPO is expected" in capsys.readouterr().err


@pytest.mark.parametrize("share", ["banana", "1.5", "nan"])
def test_a_share_that_is_none_is_told_in_words(
    share: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(["load", "smollm2", "--gpu", share])
    assert f"{share} is neither off, max nor between 0 and 1" in capsys.readouterr().err
