"""What of a Modelfile's parameters is taken, and what is named as not taken."""

import json

import msgspec

from app.core.ollama_recipe import (
    Recipe,
    ToldMessage,
    with_messages,
    with_parameters,
    with_system,
)
from app.core.presets import ExampleMessage
from backends.types import LoadConfig, SamplingParams


def taken(**parameters: object) -> Recipe:
    return with_parameters(Recipe("x:1"), json.loads(json.dumps(parameters)))


def test_parameters_become_sampling_values_and_load_settings() -> None:
    recipe = taken(
        temperature=0.6,
        top_p=0.9,
        top_k=20,
        min_p=0,
        repeat_penalty=1,
        repeat_last_n=-1,
        num_predict=-1,
        seed=42,
        stop=["<|im_end|>", "<|end|>"],
        num_ctx=4096,
        num_batch=256,
        use_mmap=False,
    )
    assert recipe.sampling == SamplingParams(
        temperature=0.6,
        top_p=0.9,
        top_k=20,
        min_p=0.0,
        repeat_penalty=1.0,
        repeat_window=1_000_000,
        seed=42,
        stop=("<|im_end|>", "<|end|>"),
    )
    assert recipe.load == LoadConfig(context_length=4096, batch_size=256, mmap=False)
    assert recipe.left_out == ()


def test_what_has_no_counterpart_or_describes_another_computer_is_named() -> None:
    recipe = taken(num_gpu=99, num_thread=8, num_keep=24, penalize_newline=True, temperature=1)
    assert recipe.left_out == ("num_gpu", "num_thread", "num_keep", "penalize_newline")
    assert recipe.sampling == SamplingParams(temperature=1.0)
    assert recipe.load == LoadConfig()


def test_a_value_out_of_range_is_left_out_and_named() -> None:
    recipe = taken(temperature=99, top_k="many", num_ctx=3, stop=[""], top_p=0.5)
    assert recipe.sampling == SamplingParams(top_p=0.5)
    assert recipe.load == LoadConfig()
    assert [name.split()[0] for name in recipe.left_out] == [
        "temperature",
        "top_k",
        "num_ctx",
        "stop",
    ]
    assert all("not valid" in name for name in recipe.left_out)


def test_single_texts_and_numbers_in_quotes_are_understood() -> None:
    recipe = taken(stop="###", temperature="0.2")
    assert recipe.sampling == SamplingParams(stop=("###",), temperature=0.2)


def test_system_messages_join_the_prompt_and_the_others_begin_chats() -> None:
    recipe = with_messages(
        with_system(Recipe("x:1"), "Be brief.\n"),
        (
            ToldMessage("user", "Hello"),
            ToldMessage("system", "Rhyme."),
            ToldMessage("assistant", "Hi"),
        ),
    )
    assert recipe.system_prompt == "Be brief.\n\nRhyme."
    assert recipe.messages == (ExampleMessage("user", "Hello"), ExampleMessage("assistant", "Hi"))


def test_a_system_prompt_beyond_all_measure_is_left_out_and_named() -> None:
    recipe = with_system(Recipe("x:1"), "a" * 100_001)
    assert recipe.system_prompt == ""
    assert recipe.left_out == ("system prompt (too long)",)


def test_a_recipe_survives_the_list_of_downloads() -> None:
    recipe = taken(temperature=0.6, num_ctx=4096, num_gpu=1)
    assert msgspec.json.decode(msgspec.json.encode(recipe), type=Recipe) == recipe
