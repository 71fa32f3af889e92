"""What `corral run` is told besides the prompt."""

import json
import re
from argparse import Namespace
from pathlib import Path

import msgspec
import pytest

from app.cli import run_options
from app.cli.option_values import objection, read_value
from app.cli.parser import parse
from app.cli.run_options import OptionError
from app.core.library import ModelLibrary
from app.core.paths import app_paths
from app.core.presets import Preset
from app.core.settings import SettingsStore
from backends.types import (
    Constraint,
    GbnfGrammar,
    JsonObject,
    JsonSchema,
    LarkGrammar,
    LoadConfig,
    LoraAdapter,
    ModelInfo,
    ReasoningOptions,
    RegularExpression,
    SamplingParams,
)
from tests.cli.test_commands import STARTER, corral


def run(*words: str) -> Namespace:
    return parse(["run", "model", "a prompt", *words])


def test_sampling_values_stand_over_the_preset() -> None:
    preset = Preset("p", "P", sampling=SamplingParams(temperature=0.3, top_k=7))
    asked = run("--temperature", "1", "--set", "top-p=0.5", "--set", 'dry_breakers=["\\n"]')
    assert run_options.sampling(preset.sampling, asked) == SamplingParams(
        temperature=1, top_k=7, top_p=0.5, dry_breakers=("\n",)
    )


@pytest.mark.parametrize(
    ("text", "stop"),
    [("you", ("you",)), ('"you"', ("you",)), ("42", ("42",)), ('["a", "b"]', ("a", "b"))],
)
def test_a_single_text_stands_for_a_list_of_one(text: str, stop: tuple[str, ...]) -> None:
    assert run_options.sampling(SamplingParams(), run("--set", f"stop={text}")).stop == stop


def test_the_example_of_a_list_can_be_used_as_it_is_written() -> None:
    for values in (SamplingParams(), LoadConfig()):
        for field in msgspec.structs.fields(type(values)):
            told = objection(field.encode_name, object(), field.type)
            if example := re.search("such as '(.*)'", told):
                read = read_value(example[1], field.type)
                assert not objection(field.encode_name, read, field.type)


def test_a_draft_model_may_be_called_by_its_name(tmp_path: Path) -> None:
    library = ModelLibrary(app_paths(), SettingsStore(app_paths().settings_file))
    library.scan()
    starter = library.find(STARTER)
    file = tmp_path / "small.gguf"
    file.touch()
    pairs = [f"draft-model={STARTER}", "slots=2", f"draft_model={file}", "draft_model="]
    assert run_options.with_draft_model(pairs, library) == [
        f"draft_model={starter.path}", *pairs[1:],
    ]  # fmt: skip
    with pytest.raises(OptionError, match="corral ls"):
        run_options.with_draft_model(["draft_model=nobody"], library)


def test_reasoning_that_the_model_does_not_offer_is_named() -> None:
    plain = ModelInfo("llama", 512, 512, 9, has_chat_template=True, reasoning=False)
    able = msgspec.structs.replace(
        plain, reasoning=True, reasoning_switch=True, reasoning_effort=True
    )
    for words, told in (
        (("--reasoning", "off"), "--reasoning off makes no difference"),
        (("--reasoning", "low"), "--reasoning low makes no difference"),
        (("--reasoning-tokens", "9"), "--reasoning-tokens makes no difference"),
        (("--reasoning", "on", "--reasoning-tokens", "9"), "and --reasoning-tokens make no"),
    ):
        asked = run_options.reasoning(run(*words))
        assert told in run_options.without_effect(asked, plain)
        assert not run_options.without_effect(asked, able)
    assert not run_options.without_effect(ReasoningOptions(), plain)


def test_load_settings_stand_over_the_saved_ones() -> None:
    saved = LoadConfig(context_length=4096, slots=2)
    asked = run("--context", "512", "--load", "kv_type=q8_0", "--load", "prompt_lookup=true")
    assert run_options.load_config(saved, asked) == LoadConfig(
        context_length=512, slots=2, kv_type="q8_0", prompt_lookup=True
    )
    assert run_options.load_config(saved, run()) == saved


def test_files_of_load_settings_are_those_seen_from_where_the_person_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("small.gguf", "sees.gguf", "style.gguf"):
        (tmp_path / name).touch()
    asked = run(
        *("--load", "draft_model=small.gguf", "--load", "projector=./sees.gguf"),
        *("--load", 'lora=[{"path": "style.gguf", "scale": 0.5}]'),
        *("--load", "parking_folder=rests"),
    )
    assert run_options.load_config(LoadConfig(), asked) == LoadConfig(
        draft_model=str(tmp_path / "small.gguf"),
        projector=str(tmp_path / "sees.gguf"),
        lora=(LoraAdapter(str(tmp_path / "style.gguf"), 0.5),),
        parking_folder=str(tmp_path / "rests"),
    )
    no_projector = run_options.load_config(LoadConfig(), run("--load", "projector="))
    assert no_projector.projector == ""


@pytest.mark.parametrize("text", ['{"maximum": ' + "1" * 5000 + "}", "[" * 100_000])
def test_a_schema_that_nobody_can_read_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "schema.json"
    path.write_text(text)
    with pytest.raises(OptionError, match=r"schema\.json"):
        run_options.constraint(run("--schema", str(path)))


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--set", "top_k"), "NAME=VALUE"),
        (("--set", "magic=1"), "temperature"),
        (("--set", "top_k=many"), "top_k is a whole number between 0 and 1,000."),
        (("--set", "temperature=9"), "temperature is between 0 and 5."),
        (("--set", "mirostat=9"), "mirostat is one of 0, 1, 2."),
        (("--set", "seed=-1"), "seed is a whole number between 0 and 4,294,967,294, or null"),
        (("--set", "logit_bias=42:5"), "such as '[[42, -100]]'"),
        (("--set", "stop=" + "x" * 201), "texts of at most 200 characters"),
        (("--load", "kv_type=q9"), "q8_0"),
        (("--load", "mmap=perhaps"), "mmap is true or false."),
        (("--load", "parking_bytes=-1"), "parking_bytes is a whole number of 0 or more"),
        (("--load", "context=512"), "Did you mean context_length?"),
        (("--set", "temp=1"), "Did you mean temperature?"),
        (("--set", "seed=" + "1" * 5000), "seed is a whole number"),
        (("--set", "stop=" + "[" * 100_000), "stop is a list"),
        (("--load", "draft_model=nowhere.gguf"), "there is no file"),
        (("--load", "projector=nowhere.gguf"), "there is no file"),
        (("--load", 'lora=[{"path": "nowhere.gguf"}]'), "there is no file"),
    ],
)
def test_what_cannot_be_used_is_told(words: tuple[str, ...], part: str) -> None:
    asked = run(*words)
    with pytest.raises(OptionError) as caught:
        (
            run_options.sampling(SamplingParams(), asked),
            run_options.load_config(LoadConfig(), asked),
        )
    error = caught.value
    assert part in f"{error.title} {error.message} {error.hint}"


def test_reasoning_is_switched_weighed_and_limited() -> None:
    assert run_options.reasoning(run()) == ReasoningOptions()
    asked = run("--reasoning", "off", "--reasoning-tokens", "9")
    assert run_options.reasoning(asked) == ReasoningOptions("off", None, 9)
    assert run_options.reasoning(run("--reasoning", "low")) == ReasoningOptions("on", "low")


def test_the_form_of_the_answer(tmp_path: Path) -> None:
    schema, lark, gbnf = tmp_path / "s.json", tmp_path / "g.lark", tmp_path / "g.gbnf"
    for path, text in ((schema, "{}"), (lark, 'start: "a"'), (gbnf, 'root ::= "a"')):
        path.write_text(text)
    forms: dict[tuple[str, ...], Constraint | None] = {
        (): None,
        ("--json",): JsonObject(),
        ("--schema", str(schema)): JsonSchema("{}"),
        ("--regex", "a+"): RegularExpression("a+"),
        ("--grammar", str(lark)): LarkGrammar('start: "a"'),
        ("--grammar", str(gbnf)): GbnfGrammar('root ::= "a"'),
    }
    for words, wanted in forms.items():
        assert run_options.constraint(run(*words)) == wanted
    schema.write_text("{")
    with pytest.raises(OptionError, match="is not JSON"):
        run_options.constraint(run("--schema", str(schema)))
    with pytest.raises(OptionError, match="cannot be read"):
        run_options.constraint(run("--schema", str(tmp_path / "none")))


@pytest.mark.engine
def test_a_real_model_answers_in_the_form_asked_for(tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(
        json.dumps(
            {
                "type": "object",
                "properties": {"city": {"type": "string", "maxLength": 12}},
                "required": ["city"],
                "additionalProperties": False,
            }
        )
    )
    result = corral(
        "run", STARTER, "Name a city.", "--schema", str(schema), "--set", "temperature=0",
        "--load", "kv_type=q8_0", "--load", "slots=1", "--context", "512",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert list(json.loads(result.stdout)) == ["city"]
    wrong = corral("run", STARTER, "Hello", "--set", "tempo=1")
    assert wrong.returncode == 2
    assert re.search(r"--set tempo=1 is not understood", wrong.stderr)


@pytest.mark.engine
def test_a_form_that_cannot_be_followed_is_a_usage_error(tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "objct"}')
    result = corral("run", STARTER, "Hello", "--schema", str(schema), "--context", "512")
    assert result.returncode == 2
    assert "--schema" in result.stderr
    assert "Chat settings" not in result.stderr


@pytest.mark.engine
def test_what_a_script_should_know_of_an_answer_stands_on_standard_error() -> None:
    result = corral(
        "run", STARTER, "Name a city.", "--regex", "[A-Z][a-z]{60}", "--max-tokens", "2",
        "--reasoning", "off", "--context", "512",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "The answer ended at --max-tokens: it is not whole." in result.stderr
    assert result.stderr.count("--reasoning off makes no difference") == 1
