"""From a conversation to the tokens of its prompt."""

from collections.abc import Sequence
from dataclasses import dataclass

from backends.chat.control_tokens import ControlTokenGuard, dangerous_tokens
from backends.chat.messages import fit, probe
from backends.chat.reasoning import ReasoningMarkers, find_markers, starts_inside
from backends.chat.template import CHATML, PLAIN, ChatTemplate
from backends.chat.tokenizer import Tokenizer
from backends.errors import BadRequest, TemplateError
from backends.types import ChatMessage


@dataclass(frozen=True)
class Prompt:
    """What the model is given, and in which state it goes on."""

    tokens: list[int]
    inside_reasoning: bool
    """The prompt has opened the model's reasoning."""


class PromptBuilder:
    """Renders and tokenizes conversations for one model."""

    def __init__(self, vocabulary: Tokenizer, template: str | None) -> None:
        self._vocabulary = vocabulary
        self.notes: list[str] = []
        """Sentences a person should see."""
        self._template = self._compile(template)
        self._traits = probe(self._template)
        source = self._template.source
        self.markers: ReasoningMarkers | None = find_markers(source, vocabulary.is_special_text)
        spoken = (self.markers.open, self.markers.close) if self.markers else ()
        vocabulary.speak(spoken)
        self._guard = ControlTokenGuard(dangerous_tokens(vocabulary.special_tokens, source, spoken))

    def build(self, messages: Sequence[ChatMessage], *, continue_last: bool = False) -> Prompt:
        """The prompt that asks for the next answer, or for the rest of the last one.

        Raises `TemplateError`, and `BadRequest` for messages that make no sense.
        """
        if not messages:
            raise BadRequest("There is no message to answer.")
        last = messages[-1] if continue_last else None
        if last and last.role != "assistant":
            raise BadRequest("Only an answer of the assistant can be continued.")
        asked = messages[:-1] if last else messages
        marked = [
            ChatMessage(m.role, self._guard.mark(m.content), self._guard.mark(m.reasoning))
            for m in asked
        ]
        rendered = self._template.render(fit(marked, self._traits))
        inside = self.markers is not None and starts_inside(rendered, self.markers)
        if last:
            # Rendered without it and appended: templates trim answers and close their turn.
            begun, inside = self._begun(last, inside=inside)
            rendered += begun
        return Prompt(self._tokenize(rendered), inside)

    def _begun(self, last: ChatMessage, *, inside: bool) -> tuple[str, bool]:
        """The text of a begun answer, and whether it ends inside its reasoning."""
        content, reasoning = self._guard.mark(last.content), self._guard.mark(last.reasoning)
        if self.markers is None or not (inside or reasoning):
            return content, False
        opening = "" if inside else f"{self.markers.open}\n"
        if not content:
            return opening + reasoning, True
        return f"{opening}{reasoning}\n{self.markers.close}\n\n{content}", False

    def _tokenize(self, rendered: str) -> list[int]:
        vocabulary = self._vocabulary
        ids = self._guard.tokenize(
            rendered,
            lambda text, special: vocabulary.tokenize(text, special=special),
            sentencepiece=vocabulary.sentencepiece,
        )
        # Many templates write the token themselves: one is right, two harm the answers.
        if vocabulary.adds_bos and ids[:1] != [vocabulary.bos]:
            ids.insert(0, vocabulary.bos)
        return ids

    def _compile(self, source: str | None) -> ChatTemplate:
        bos = self._vocabulary.text(self._vocabulary.bos)
        eos = self._vocabulary.text(self._vocabulary.eos)
        if source:
            try:
                return ChatTemplate(source, bos=bos, eos=eos)
            except TemplateError as error:
                self.notes.append(f"{error.message} A standard form of chat is used instead.")
        else:
            self.notes.append(
                "This model has no chat template: it may be a base model that continues texts "
                "rather than answers. A standard form of chat is used."
            )
        chatml = self._vocabulary.is_special_text("<|im_end|>")
        return ChatTemplate(CHATML if chatml else PLAIN, bos=bos, eos=eos)
