"""What a chat says about its preset: which one, and what it changes of it."""

from msgspec import Struct

from app.core.conversations import Conversation
from app.core.presets import BUILT_IN, Preset, PresetStore
from app.core.settings import Settings
from backends.types import Constraint, ReasoningOptions, SamplingParams


class AnswerOptions(Struct, frozen=True):
    """How one chat is answered, whatever its preset."""

    reasoning: ReasoningOptions = ReasoningOptions()
    constraint: Constraint | None = None
    keep_on_disk: bool = False


class ChatDraft(Struct, frozen=True):
    """Preset and changes of one chat; None always means: as the preset has it."""

    preset_id: str | None = None
    """None is the default preset."""
    system_prompt: str | None = None
    sampling: SamplingParams | None = None
    answers: AnswerOptions = AnswerOptions()

    @property
    def is_changed(self) -> bool:
        """Whether the chat differs from its preset."""
        return self.system_prompt is not None or self.sampling is not None


def draft_of(conversation: Conversation) -> ChatDraft:
    """What a stored conversation says."""
    answers = AnswerOptions(
        conversation.reasoning or ReasoningOptions(),
        conversation.constraint,
        conversation.keep_on_disk,
    )
    return ChatDraft(
        conversation.preset_id, conversation.system_prompt, conversation.sampling, answers
    )


def draft_for(stored: Preset, edited: Preset) -> ChatDraft:
    """What a chat has to say to be as an edited preset would make it."""
    same_prompt = edited.system_prompt == stored.system_prompt
    return ChatDraft(
        stored.id,
        None if same_prompt else edited.system_prompt,
        None if edited.sampling == stored.sampling else edited.sampling,
    )


def preset_of(
    presets: PresetStore,
    settings: Settings,
    conversation: Conversation | None,
    draft: ChatDraft | None = None,
) -> Preset:
    """The preset in force: the chat's, else the default one, else the first built-in one."""
    chosen = draft.preset_id if draft is not None else None
    if conversation is not None:
        chosen = conversation.preset_id
    return (
        presets.find(chosen)
        or presets.find(settings.chat.default_preset)
        or presets.get(BUILT_IN[0])
    )
