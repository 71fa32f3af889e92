"""How a template is told whether, and how hard, its model shall reason.

There is no common name for it: templates read `enable_thinking`, `thinking`, `reasoning_effort`
and others. Each template is tried once with all of them; what makes a difference works.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from backends.chat.reasoning import ReasoningMarkers
from backends.chat.template import ChatTemplate, Message, Variables
from backends.errors import TemplateError
from backends.types import ReasoningOptions

MODEL_DEFAULT = ReasoningOptions()
"""Whatever the model does when it is told nothing."""
_PROBE_SECONDS = 0.5
_WORD = "Qx0zuser"
_MESSAGES: list[Message] = [{"role": "user", "content": _WORD}]
_ON: Variables = {
    "enable_thinking": True,
    "thinking": True,
    "reasoning": True,
    "thinking_mode": "enabled",
    "thinking_option": "on",
}
_OFF: Variables = {
    "enable_thinking": False,
    "thinking": False,
    "reasoning": False,
    "thinking_mode": "disabled",
    "thinking_option": "off",
    "thinking_budget": 0,
}
_OFF_EFFORTS = ("none", "no_think", "minimal")
_EFFORT_NAMES = ("reasoning_effort", "thinking_effort", "reasoning_strength")
_EFFORTS = ("low", "medium", "high")


@dataclass(frozen=True)
class ReasoningSwitch:
    """The variables of one template."""

    on: Variables | None
    """None where on and off make no difference."""
    off: Variables | None
    """None where the template cannot switch off."""
    efforts: Mapping[str, Variables]
    """By the effort that the template knows; empty where it makes no difference."""

    def variables(self, options: ReasoningOptions) -> Variables:
        """What to give to the template."""
        chosen: dict[str, object] = {}
        if options.mode != "default":
            chosen |= (self.on if options.mode == "on" else self.off) or {}
        if options.mode != "off" and options.effort is not None:
            chosen |= self.efforts.get(options.effort, {})
        if options.mode != "off" and options.budget is not None:
            chosen["thinking_budget"] = options.budget
        return chosen


NO_SWITCH = ReasoningSwitch(None, None, {})


def probe_switch(template: ChatTemplate, markers: ReasoningMarkers | None) -> ReasoningSwitch:
    """Find out by rendering."""

    def render(variables: Variables) -> str | None:
        try:
            return template.render(_MESSAGES, variables=variables, seconds=_PROBE_SECONDS)
        except TemplateError:
            return None

    def shuts(variables: Variables) -> bool:
        """Whether the prompt ends with reasoning that is over already."""
        ending = (render(variables) or "").rpartition(_WORD)[2]
        return markers is not None and 0 <= ending.find(markers.open) < ending.rfind(markers.close)

    efforts = _efforts(render)
    on, off = render(_ON), render(_OFF)
    if on is not None and off is not None and on != off:
        return ReasoningSwitch(_ON, _OFF, efforts)
    for effort in _OFF_EFFORTS:
        variables = dict.fromkeys(_EFFORT_NAMES, effort)
        if shuts(variables):
            wakes = efforts.get("high", {}) if shuts({}) else {}
            return ReasoningSwitch(wakes, variables, efforts)
    return replace(NO_SWITCH, efforts=efforts)


def _efforts(render: Callable[[Variables], str | None]) -> dict[str, Variables]:
    """The efforts that a template knows, if they make a difference."""
    known: dict[str, Variables] = {}
    rendered = set()
    for effort in _EFFORTS:
        variables = dict.fromkeys(_EFFORT_NAMES, effort)
        text = render(variables)
        if text is not None:
            known[effort] = variables
            rendered.add(text)
    return known if len(rendered) > 1 else {}
