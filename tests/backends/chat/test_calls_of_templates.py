"""What a template writes of a past answer is read as that answer."""

import json

import pytest

from backends.chat.answer import AnswerParser
from backends.chat.prompt import PromptBuilder
from backends.types import ChatMessage, ToolCall
from tests.backends.chat import templates
from tests.backends.chat.answers import read
from tests.backends.chat.call_samples import TOOLS
from tests.backends.chat.test_vendored_templates import tokenizer_for

CALLS = (
    ("get_weather", {"city": "Oslo <1>", "days": 2, "tags": ["a", 1], "options": {"k": "v"}}),
    ("f", {"note": "12", "sure": True}),
)
ENDS = {
    "Kimi-K3": "<|end_of_msg|>",
    "muse-glimmer": "<|eot|>",
    "MiniMax-M3": "[e~[",
}
"""What ends an answer: a token that ends the generation, which no parser sees."""


def written(name: str, answer: ChatMessage) -> tuple[PromptBuilder, str, bool]:
    """What the template of a model makes of an answer, as the model would write it."""
    source = templates.read(name)
    tokenizer = tokenizer_for(source)
    prompts = PromptBuilder(tokenizer, source)
    asked = [ChatMessage("user", "Quser")]
    more = [ChatMessage("tool", "R", tool_call_id=call.id) for call in answer.tool_calls]
    before = prompts.build(asked, tools=TOOLS)
    start = tokenizer.decode(before.tokens)
    whole = tokenizer.decode(prompts.build([*asked, answer, *more], tools=TOOLS).tokens)
    assert whole.startswith(start)
    return prompts, whole.removeprefix(start).split(ENDS[name])[0], before.inside_reasoning


@pytest.mark.parametrize("name", ENDS)
def test_calls_are_read_as_the_template_writes_them(name: str) -> None:
    calls = tuple(
        ToolCall(f"id{n}", tool, json.dumps(given)) for n, (tool, given) in enumerate(CALLS)
    )
    prompts, text, inside = written(name, ChatMessage("assistant", "", "Hm.", calls))
    parser = AnswerParser(prompts.format, tools=TOOLS, inside_reasoning=inside)
    answer = read(parser, [text.encode()])
    assert [(call.name, json.loads(call.arguments)) for call in answer.calls] == list(CALLS)
    assert all(call.complete and not call.repaired for call in answer.calls)
    assert (answer.reasoning, answer.text, answer.notes) == ("Hm.", "", [])


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("tools", [True, False])
def test_an_answer_is_read_as_the_template_writes_it(name: str, tools: bool) -> None:
    prompts, text, inside = written(name, ChatMessage("assistant", "Hello to=f.", "Hm."))
    parser = AnswerParser(prompts.format, tools=TOOLS if tools else (), inside_reasoning=inside)
    answer = read(parser, [text.encode()])
    assert (answer.reasoning, answer.text, answer.notes) == ("Hm.", "Hello to=f.", [])
