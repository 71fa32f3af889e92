"""ChatService: from a message to a stored answer."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Protocol

from msgspec import Struct

from app.core.conversation_store import ConversationStore
from app.core.conversations import Message
from app.core.presets import Preset, PresetStore
from app.core.settings import SettingsStore
from backends.types import GenerationEvent, GenerationRequest


class TokenCount(Struct, frozen=True):
    """How much of the context the next prompt takes, in tokens."""

    total: int
    context: int


class ChatRun:
    """One answer on its way."""

    id: str
    """Of the request to the engine."""
    conversation_id: int
    user_message: Message
    """The message that is answered (or whose answer is continued)."""
    assistant_message: Message
    """The answer's row as it was when the run began."""

    def events(self) -> Iterator[GenerationEvent]:
        """What the engine says, stored as it goes; blocks, for one thread, once.

        Raises `EngineDied` after the partial answer is stored and marked interrupted, and
        `ModelError` when the engine refuses the request.
        """
        raise NotImplementedError

    def cancel(self) -> None:
        """Stop the answer soon; what was written is kept. Quick, from any thread."""
        raise NotImplementedError


class ChatService:
    """Sends messages to loaded models and stores what comes back.

    Every message is on the disk before an engine sees it. Raises `ModelError` when no model is
    ready and `ConversationError` when the conversation is already being answered; nothing is
    stored then.
    """

    def __init__(
        self,
        store: ConversationStore,
        runtime: "Runtime",
        presets: PresetStore,
        settings: SettingsStore,
        today: Callable[[], date] = date.today,
    ) -> None:
        raise NotImplementedError

    def send(self, conversation_id: int, text: str) -> ChatRun:
        """Add the person's message at the end of the shown branch and begin its answer."""
        raise NotImplementedError

    def regenerate(self, conversation_id: int, message_id: int) -> ChatRun:
        """Begin another version of an answer, or an answer to a message that has none."""
        raise NotImplementedError

    def continue_(self, conversation_id: int, message_id: int) -> ChatRun:
        """Go on writing an answer where it stopped, in place."""
        raise NotImplementedError

    def edit_and_send(self, message_id: int, text: str) -> ChatRun:
        """Add another version of the person's message and begin its answer."""
        raise NotImplementedError

    def running(self, conversation_id: int) -> ChatRun | None:
        """The answer on its way in a conversation; quick."""
        raise NotImplementedError

    def preset(self, conversation_id: int) -> Preset:
        """The preset in force: the conversation's, else the default one."""
        raise NotImplementedError

    def request_for(
        self, conversation_id: int, draft: str = "", *, upto: int | None = None
    ) -> GenerationRequest:
        """The request the shown branch makes, as far as message `upto`, and then `draft`."""
        raise NotImplementedError

    def prompt_tokens(self, conversation_id: int, draft: str = "") -> TokenCount | None:
        """Size of the whole prompt if `draft` were sent now; None while no model is ready."""
        raise NotImplementedError


class Runtime(Protocol):
    """What is needed of `app.core.runtime.ModelRuntime`."""
