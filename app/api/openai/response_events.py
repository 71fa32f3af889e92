"""The events of a streamed response, as OpenAI documents them."""

from msgspec import Struct

from app.api.openai.chat_types import ChosenToken
from app.api.openai.response_answer_types import OutputItem, OutputText, ResponseAnswer
from app.api.openai.response_types import ReasoningText


class ResponseEvent(Struct, kw_only=True):
    """What all of them have."""

    sequence_number: int = 0
    """Counts them from 0."""


class Created(ResponseEvent, tag="response.created"):
    """The answer begins."""

    response: ResponseAnswer


class InProgress(ResponseEvent, tag="response.in_progress"):
    """The answer is being made."""

    response: ResponseAnswer


class Completed(ResponseEvent, tag="response.completed"):
    """The answer is whole."""

    response: ResponseAnswer


class Ended(ResponseEvent, tag="response.incomplete"):
    """The answer reached a limit."""

    response: ResponseAnswer


class Failed(ResponseEvent, tag="response.failed"):
    """The answer broke off."""

    response: ResponseAnswer


class ItemAdded(ResponseEvent, tag="response.output_item.added"):
    """An item begins."""

    output_index: int
    item: OutputItem


class ItemDone(ResponseEvent, tag="response.output_item.done"):
    """An item has ended."""

    output_index: int
    item: OutputItem


class OfItem(ResponseEvent, kw_only=True):
    """What events about the content of an item have."""

    item_id: str
    output_index: int


class OfPart(OfItem, kw_only=True):
    """What events about a part of a content have; every item has one part at most here."""

    content_index: int = 0


class PartAdded(OfPart, tag="response.content_part.added"):
    """A part begins."""

    part: OutputText | ReasoningText


class PartDone(OfPart, tag="response.content_part.done"):
    """A part has ended."""

    part: OutputText | ReasoningText


class OutputTextDelta(OfPart, tag="response.output_text.delta"):
    """A piece of text."""

    delta: str
    logprobs: list[ChosenToken] = []


class OutputTextDone(OfPart, tag="response.output_text.done"):
    """The whole text."""

    text: str
    logprobs: list[ChosenToken] = []


class ReasoningDelta(OfPart, tag="response.reasoning_text.delta"):
    """A piece of the reasoning."""

    delta: str


class ReasoningDone(OfPart, tag="response.reasoning_text.done"):
    """The whole reasoning."""

    text: str


class ArgumentsDelta(OfItem, tag="response.function_call_arguments.delta"):
    """A piece of a call's arguments."""

    delta: str


class ArgumentsDone(OfItem, tag="response.function_call_arguments.done"):
    """The whole arguments."""

    name: str
    arguments: str


AnyResponseEvent = (
    Created
    | InProgress
    | Completed
    | Ended
    | Failed
    | ItemAdded
    | ItemDone
    | PartAdded
    | PartDone
    | OutputTextDelta
    | OutputTextDone
    | ReasoningDelta
    | ReasoningDone
    | ArgumentsDelta
    | ArgumentsDone
)
