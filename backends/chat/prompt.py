"""From a conversation to the tokens of its prompt."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from backends.chat.control_tokens import ControlTokenGuard, dangerous_tokens
from backends.chat.families import ChatFormat
from backends.chat.image_marks import MAX_IMAGES, ImageTokenizer, image_mark, split_at_images
from backends.chat.profile import TemplateProfile
from backends.chat.reasoning import ReasoningMarkers
from backends.chat.reasoning_switch import MODEL_DEFAULT
from backends.chat.spelled_markers import SAMPLE, SpelledMarkers
from backends.chat.template import CHATML, PLAIN, ChatTemplate
from backends.chat.tokenizer import Tokenizer, with_bos
from backends.chat.tool_calls.styles import spoken
from backends.chat.turns import Turn, to_descriptions, to_turn
from backends.errors import BadRequest, TemplateError
from backends.types import ChatMessage, ReasoningOptions, Tool, ToolChoice


@dataclass(frozen=True)
class Prompt:
    """What the model is given, and in which state it goes on."""

    tokens: list[int]
    inside_reasoning: bool
    """The prompt has opened the model's reasoning."""
    format: ChatFormat = field(default_factory=ChatFormat)
    """How the answer marks its reasoning and calls."""
    neutralized: tuple[str, ...] = ()
    """Control tokens that somebody had typed and that stayed text."""
    spelled_out: tuple[str, ...] = ()
    """Markers of the format that somebody had typed and that the model cannot tell apart."""


class PromptBuilder:
    """Renders and tokenizes conversations for one model."""

    def __init__(
        self,
        vocabulary: Tokenizer,
        template: str | None,
        tool_template: str | None = None,
        images: ImageTokenizer | None = None,
    ) -> None:
        """`tool_template` is used instead of `template` where tools are given.

        `images` is what a model that can see reads of images.
        """
        self._vocabulary = vocabulary
        self._images = images
        self.notes: list[str] = []
        """Sentences a person should see."""
        self._profile = TemplateProfile.of(self._compile(template), vocabulary)
        self._tool_profile = self._compile_for_tools(tool_template)
        profiles = (self._profile, self._tool_profile)
        markers = [text for profile in profiles for text in _markers(profile.format)]
        special = vocabulary.special_tokens
        sources = [profile.template.source for profile in profiles]
        dangerous = dangerous_tokens(special, *sources, *markers)
        vocabulary.speak({t.text for t in dangerous if any(t.text in text for text in markers)})
        self._guard = ControlTokenGuard(dangerous)
        self._spelled = self._spelled_markers()
        self.stop_tokens = self._end_of_turn()
        """Tokens that end an answer, besides those of which the vocabulary says so."""

    @property
    def format(self) -> ChatFormat:
        """The family of the model's template."""
        return self._profile.format

    @property
    def markers(self) -> ReasoningMarkers | None:
        """The markers of the model's reasoning, if it reasons."""
        return self._profile.format.reasoning

    @property
    def tools(self) -> bool:
        """Whether the template has a form for tools."""
        return self._tool_profile.traits.tools

    @property
    def reasoning_switch(self) -> bool:
        """Whether `ReasoningOptions.mode` makes a difference."""
        return self._profile.switches_reasoning

    @property
    def reasoning_effort(self) -> bool:
        """Whether `ReasoningOptions.effort` makes a difference."""
        return bool(self._profile.switch.efforts)

    def build(
        self,
        messages: Sequence[ChatMessage],
        *,
        tools: Sequence[Tool] = (),
        tool_choice: ToolChoice = "auto",
        continue_last: bool = False,
        reasoning: ReasoningOptions = MODEL_DEFAULT,
    ) -> Prompt:
        """The prompt that asks for the next answer, or for the rest of the last one.

        Raises `TemplateError`, and `BadRequest` for messages that make no sense.
        """
        if not messages:
            raise BadRequest("There is no message to answer.")
        last = messages[-1] if continue_last else None
        if last and (last.role != "assistant" or last.tool_calls):
            raise BadRequest("Only a text of the assistant can be continued.")
        mark = self._guard.mark
        given = () if tool_choice == "none" else tools
        profile = self._tool_profile if given else self._profile
        images = [image for message in messages for image in message.images]
        self._check_number(images)
        numbers = iter(range(len(images)))
        every = [
            to_turn(m, mark, "".join(image_mark(next(numbers)) for _ in m.images)) for m in messages
        ]
        turns = every[:-1] if last else every
        rendered = profile.render(turns, to_descriptions(given, mark), reasoning)
        inside = profile.leaves_open(rendered)
        if last:
            # Rendered without it and appended: templates trim answers and close their turn.
            begun, inside = _begun(every[-1], profile.format.reasoning, inside=inside)
            rendered += begun
        ids, typed = self._read(rendered, images)
        spelled = self._spelled.found_in(messages)
        return Prompt(with_bos(self._vocabulary, ids), inside, profile.format, typed, spelled)

    def raw(self, text: str) -> Prompt:
        """`text` as it is: control tokens in it are control tokens, nothing is parsed."""
        return Prompt(
            with_bos(self._vocabulary, self._tokenize(text, True)), inside_reasoning=False
        )

    def _check_number(self, images: Sequence[bytes]) -> None:
        if images and self._images is None:
            raise BadRequest(
                "This model cannot see pictures. Leave them out, or load a model that can see "
                "together with its projector (mmproj) file."
            )
        if len(images) > MAX_IMAGES:
            raise BadRequest(
                f"This chat has {len(images)} pictures; at most {MAX_IMAGES} are possible. Begin "
                "a new chat, or leave some out."
            )

    def _read(self, rendered: str, images: Sequence[bytes]) -> tuple[list[int], tuple[str, ...]]:
        """The ids of a rendered prompt, and the control tokens that were typed in it."""
        ids: list[int] = []
        typed: dict[str, None] = {}
        seen: set[int] = set()
        for part in split_at_images(rendered):
            if isinstance(part, str):
                segments = self._guard.split(part)
                ids += self._guard.tokenize(
                    segments,
                    self._tokenize,
                    sentencepiece=self._vocabulary.sentencepiece,
                    continues=bool(ids),
                )
                typed |= dict.fromkeys(segment.text for segment in segments if segment.plain)
            elif self._images is not None:
                ids += self._images.ids(images[part])
                seen.add(part)
        if len(seen) < len(images):
            raise TemplateError("The model's chat template leaves out a picture of this chat.")
        return ids, tuple(typed)

    def _tokenize(self, text: str, special: bool) -> list[int]:
        return self._vocabulary.tokenize(text, special=special)

    def _end_of_turn(self) -> frozenset[int]:
        """The token between an answer and the next message, if it is one of its own.

        Where it also closes the reasoning (gpt-oss), it does not end an answer.
        """
        turns = [
            Turn("user", "Qx0zuser"),
            Turn("assistant", "Qx1zanswer"),
            Turn("user", "Qx2zuser"),
        ]
        rendered = self._profile.attempt(turns)
        between = rendered.partition("Qx1zanswer")[2].partition("Qx2zuser")[0].lstrip()
        first = self._tokenize(between, True)[:1]
        markers = " ".join(_markers(self.format))
        return frozenset(
            token.id
            for token in self._vocabulary.special_tokens
            if (token.id in first and token.text not in markers)
            or token.text in self.format.end_tokens
            if not self._vocabulary.is_eog(token.id)
        )

    def _spelled_markers(self) -> SpelledMarkers:
        mark, around, rendered = self._guard.mark, self.markers, self._profile.attempt(SAMPLE)
        further = (around.open, around.close) if around else ()
        return SpelledMarkers(rendered, further, lambda text: mark(text) != text)

    def _compile(self, source: str | None) -> ChatTemplate:
        if source:
            try:
                return self._compiled(source)
            except TemplateError as error:
                self.notes.append(f"{error.message} A standard form of chat is used instead.")
        else:
            self.notes.append(
                "This model has no chat template: it may be a base model that continues texts "
                "rather than answers. A standard form of chat is used."
            )
        chatml = self._vocabulary.is_special_text("<|im_end|>")
        return self._compiled(CHATML if chatml else PLAIN)

    def _compile_for_tools(self, source: str | None) -> TemplateProfile:
        if not source:
            return self._profile
        try:
            return TemplateProfile.of(self._compiled(source), self._vocabulary)
        except TemplateError as error:
            self.notes.append(f"{error.message} It is the one for tools; the other one is used.")
            return self._profile

    def _compiled(self, source: str) -> ChatTemplate:
        bos = self._vocabulary.text(self._vocabulary.bos)
        eos = self._vocabulary.text(self._vocabulary.eos)
        return ChatTemplate(source, bos=bos, eos=eos)


def _markers(chat_format: ChatFormat) -> tuple[str, ...]:
    """All texts by which an answer of this family is structured."""
    reasoning = chat_format.reasoning
    around = (reasoning.open, reasoning.close) if reasoning else ()
    return (*around, *spoken(chat_format.tool_style), *chat_format.ignored)


def _begun(last: Turn, markers: ReasoningMarkers | None, *, inside: bool) -> tuple[str, bool]:
    """The text of a begun answer, and whether it ends inside its reasoning."""
    if markers is None or not (inside or last.reasoning):
        return last.content, False
    opening = "" if inside else f"{markers.open}\n"
    if not last.content:
        return opening + last.reasoning, True
    return f"{opening}{last.reasoning}\n{markers.close}\n\n{last.content}", False
