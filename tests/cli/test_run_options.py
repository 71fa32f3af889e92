"""What `corral run` is told besides the prompt."""

import json
import re
from argparse import Namespace
from pathlib import Path

import pytest

from app.cli import run_options
from app.cli.parser import parse
from app.cli.run_options import OptionError
from app.core.presets import Preset
from backends.types import (
    Constraint,
    GbnfGrammar,
    JsonObject,
    JsonSchema,
    LarkGrammar,
    LoadConfig,
    LoraAdapter,
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
        (("--set", "top_k=many"), "Expected `int`"),
        (("--set", "temperature=9"), "<= 5"),
        (("--load", "kv_type=q9"), "q9"),
        (("--set", "seed=" + "1" * 5000), "Expected `int"),
        (("--set", "stop=" + "[" * 100_000), "Expected `array`"),
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
