"""What a model's maker wants it to be told, put before a conversation."""

from datetime import date

from app.api.work import Work
from app.core.library_types import LocalModel
from app.core.preset_of_model import own_preset
from app.core.presets import fill_for_person
from backends.types import ChatMessage


def with_told(
    messages: tuple[ChatMessage, ...], model: LocalModel, work: Work
) -> tuple[ChatMessage, ...]:
    """The conversation behind the system prompt and the examples that came with the model.

    A system prompt that the conversation has itself goes before the model's.
    """
    own = own_preset(model.id, work.parts.presets)
    if own is None or not messages:
        return messages
    told = tuple(ChatMessage(each.role, each.content) for each in own.messages)
    if messages[0].role == "system":
        return (messages[0], *told, *messages[1:])
    system = own_system(model, work)
    return (*((ChatMessage("system", system),) if system else ()), *told, *messages)


def own_system(model: LocalModel, work: Work) -> str:
    """The system prompt that came with the model, its variables filled; "" where it has none."""
    own = own_preset(model.id, work.parts.presets)
    if own is None:
        return ""
    return fill_for_person(own.system_prompt, work.parts.settings.current, date.today())
