"""A chat template with all that was found out about it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from backends.chat.families import ChatFormat, detect
from backends.chat.messages import fit
from backends.chat.reasoning_switch import MODEL_DEFAULT, NO_SWITCH, ReasoningSwitch, probe_switch
from backends.chat.template import ChatTemplate
from backends.chat.tokenizer import Tokenizer
from backends.chat.tool_text import complete_description, describe_tools, has_text_form
from backends.chat.traits import TemplateTraits, probe
from backends.chat.turns import Turn
from backends.errors import TemplateError
from backends.types import ReasoningOptions


@dataclass(frozen=True)
class TemplateProfile:
    """Renders conversations of any kind."""

    template: ChatTemplate
    traits: TemplateTraits
    format: ChatFormat
    switch: ReasoningSwitch

    @classmethod
    def of(cls, template: ChatTemplate, vocabulary: Tokenizer) -> Self:
        """Try out `template`."""
        traits = probe(template)
        family = detect(template.source, vocabulary.is_special_text)
        if not traits.tools and not has_text_form(family.tool_style):
            family = replace(family, tool_style="json")
        if not traits.question:  # a hostile template would cost its time again and again
            return cls(template, traits, family, NO_SWITCH)
        return cls(template, traits, family, probe_switch(template, family.reasoning))

    @property
    def switches_reasoning(self) -> bool:
        """Whether `ReasoningOptions.mode` makes a difference."""
        return self.switch.on is not None or self.leaves_open(self.attempt([Turn("user", "?")]))

    def leaves_open(self, rendered: str) -> bool:
        """Whether a rendered prompt has opened the model's reasoning."""
        markers = self.format.reasoning
        return markers is not None and rendered.rstrip().endswith(markers.open)

    def attempt(self, turns: Sequence[Turn]) -> str:
        """The same as `render`, but empty where the template refuses."""
        try:
            return self.render(turns) if self.traits.question else ""
        except TemplateError:
            return ""

    def render(
        self,
        turns: Sequence[Turn],
        descriptions: Sequence[dict[str, Any]] = (),
        reasoning: ReasoningOptions = MODEL_DEFAULT,
    ) -> str:
        """The prompt for the next answer; raises `TemplateError`.

        `descriptions` are tools in the form of OpenAI's API.
        """
        if descriptions and not self.traits.tools:
            turns = _with_system(turns, describe_tools(descriptions, self.format.tool_style))
            descriptions = ()
        if not self.traits.terse_tools:
            descriptions = [complete_description(tool) for tool in descriptions]
        rendered = self.template.render(
            fit(turns, self.traits, self.format),
            tools=descriptions,
            variables=self.switch.variables(reasoning),
        )
        if reasoning.mode == "off" and self.format.reasoning and self.leaves_open(rendered):
            rendered += f"\n{self.format.reasoning.close}\n\n"
        return rendered


def _with_system(turns: Sequence[Turn], text: str) -> list[Turn]:
    """`text` is a system turn behind the first one: several at the start are joined."""
    at = 1 if turns and turns[0].role == "system" else 0
    return [*turns[:at], Turn("system", text), *turns[at:]]
