"""ChatService: from a message to a stored answer."""

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial

from msgspec import UNSET, Struct

from app.core.chat_prompt import (
    ChatPrompt,
    Turn,
    always_kept,
    newest_pictures,
    prompt_from,
    with_images,
    without_pictures,
)
from app.core.chat_run import ChatRun
from app.core.conversation_store import ConversationStore
from app.core.conversations import Conversation, Message, Picture, title_from
from app.core.engine_errors import refusal
from app.core.errors import ConversationError, ModelError
from app.core.kept_conversations import engine_name
from app.core.model_sampling import sampling_for
from app.core.picture_tokens import PictureTokens
from app.core.pictures import check_together
from app.core.presets import BUILT_IN, Preset, PresetStore, fill_for_person
from app.core.runtime import LoadedModel, ModelRuntime
from app.core.settings import SettingsStore
from app.core.speeds import SpeedBook
from backends.errors import BackendError
from backends.types import ChatMessage, GenerationRequest, ReasoningOptions

__all__ = ["ChatRun", "ChatService", "TokenCount"]


class TokenCount(Struct, frozen=True):
    """How much of the context a prompt takes, in tokens."""

    total: int
    context: int
    least: int = 0
    """Of the shortest prompt that the context policy allows; 0 if all fit."""

    @property
    def sendable(self) -> bool:
        """It fits, or would without earlier turns, which the engine leaves out then."""
        return self.total <= self.context or 0 < self.least < self.context


class ChatService:
    """Sends messages to loaded models and stores what comes back. Safe to use from any thread.

    Every message is on the disk before an engine sees it. The calls that begin an answer raise
    `ModelError` when no model is ready and `ConversationError` when the conversation is being
    answered already or the message is not on its shown branch; nothing is stored then.
    """

    def __init__(
        self,
        store: ConversationStore,
        runtime: ModelRuntime,
        presets: PresetStore,
        settings: SettingsStore,
        today: Callable[[], date] = date.today,
        speeds: SpeedBook | None = None,
        name_for_engine: Callable[[int], str] = engine_name,
    ) -> None:
        """`speeds` learns how fast answers are; None where nobody wants to know.

        `name_for_engine` is what engines call a conversation: another name in each store.
        """
        self._store = store
        self._runtime = runtime
        self._presets = presets
        self._settings = settings
        self._today = today
        self._picture_tokens = PictureTokens(store.picture)
        self._speeds = speeds
        self._name_for_engine = name_for_engine
        self._lock = threading.Lock()
        self._running: dict[int, ChatRun | None] = {}
        """Answers under way, by conversation; None while one is being prepared."""

    def send(self, conversation_id: int, text: str, pictures: tuple[Picture, ...] = ()) -> ChatRun:
        """Add the person's message at the end of the shown branch and begin its answer.

        Its first words become the title of a chat that has none; the draft is emptied. Raises
        `PictureError` for too many pictures, `ModelError` for a model that cannot see them.
        """
        if not text.strip() and not pictures:
            raise ConversationError("There is nothing to send", "The message is empty.")
        check_together(pictures)
        with self._claimed(conversation_id) as (conversation, loaded):
            if pictures and not _sees(loaded):
                raise ModelError(
                    f"{loaded.model.name} cannot see pictures",
                    "The message was not sent.",
                    "Remove the pictures, or choose a model with vision.",
                )
            path = self._store.path(conversation_id)
            parent = path[-1].id if path else None
            message = self._store.append(
                conversation_id, "user", text, parent, pictures=pictures, empties_draft=True
            )
            history = (*path, message)
            self._note(conversation, loaded, history)
            return self._answer(conversation, loaded, history)

    def edit_and_send(self, message_id: int, text: str) -> ChatRun:
        """Add another version of the person's message and begin its answer."""
        old = self._store.message(message_id)
        if old.role != "user":
            raise ConversationError("Only a message of yours can be sent again")
        with self._claimed(old.conversation_id) as (conversation, loaded):
            before = self._until(conversation.id, message_id)[:-1]
            history = (*before, self._store.edit_message(message_id, text))
            self._note(conversation, loaded, history)
            return self._answer(conversation, loaded, history)

    def regenerate(self, conversation_id: int, message_id: int) -> ChatRun:
        """Begin another version of an answer, or a new answer to a message of the person."""
        with self._claimed(conversation_id) as (conversation, loaded):
            history = self._until(conversation_id, message_id)
            if history[-1].role == "assistant":
                history = history[:-1]
            self._note(conversation, loaded, history)
            return self._answer(conversation, loaded, history)

    def continue_(self, conversation_id: int, message_id: int) -> ChatRun:
        """Go on writing an answer where it stopped, in place."""
        with self._claimed(conversation_id) as (conversation, loaded):
            *before, old = self._until(conversation_id, message_id)
            if old.role != "assistant":
                raise ConversationError("Only an answer can be continued")
            prompt = self._prompt(conversation, loaded, (*before, old))
            row = self._store.update_message(
                message_id,
                reasoning=old.reasoning if old.content else "",
                state="streaming",
                finish_reason=None,
            )
            asked = before[-1] if before else old
            return self._start(conversation, loaded, prompt, asked, row)

    def running(self, conversation_id: int) -> ChatRun | None:
        """The answer under way in a conversation; quick."""
        with self._lock:
            return self._running.get(conversation_id)

    def preset_of(self, conversation: Conversation) -> Preset:
        """The preset in force: the conversation's, else the default one; quick."""
        default = self._settings.current.chat.default_preset
        return (
            self._presets.find(conversation.preset_id)
            or self._presets.find(default)
            or self._presets.get(BUILT_IN[0])
        )

    def system_prompt(self, conversation: Conversation) -> str:
        """What the model is told before the first message, variables filled; quick."""
        text = conversation.system_prompt
        if text is None:
            text = self.preset_of(conversation).system_prompt
        return fill_for_person(text, self._settings.current, self._today())

    def request_for(self, conversation_id: int, draft: str = "") -> GenerationRequest:
        """The request that the shown branch makes, with `draft` as the next message if any."""
        conversation = self._store.get(conversation_id)
        loaded = self._model_of(conversation)
        path = self._store.path(conversation_id)
        prompt = self._prompt(conversation, loaded, path, draft)
        return self._request(conversation, prompt, conversation.model_id)[0]

    def prompt_tokens(
        self, conversation_id: int, draft: str = "", pictures: Sequence[Picture] = ()
    ) -> TokenCount | None:
        """Size of the whole prompt if `draft` with `pictures` were sent now.

        The text is counted as a whole, each picture by itself and once only. None while no model
        is ready, and for one on a server.

        Asks the engine, so it blocks for as long as that takes. Raises `ModelError`.
        """
        conversation = self._store.get(conversation_id)
        return self._count(conversation, self._store.path(conversation_id), draft, pictures)

    def opening_tokens(
        self, conversation: Conversation, draft: str, pictures: Sequence[Picture] = ()
    ) -> TokenCount | None:
        """The same for a chat that is not stored yet and holds no messages."""
        return self._count(conversation, (), draft, pictures)

    def _count(
        self,
        conversation: Conversation,
        history: Sequence[Message],
        draft: str,
        pictures: Sequence[Picture],
    ) -> TokenCount | None:
        loaded = self._model_of(conversation)
        if loaded is None or loaded.info is None:
            return None
        if loaded.model.is_remote:
            return None  # what is typed does not leave this computer before it is sent
        prompt = self._prompt(conversation, loaded, history, draft, pictures)
        if not prompt.turns or prompt.turns[-1].message.role != "user":
            # Many chat templates refuse a prompt that does not end with the person's words.
            prompt = ChatPrompt((*prompt.turns, Turn(ChatMessage("user", ""))))
        context = loaded.info.context_length
        try:
            total = self._size_of(prompt, loaded)
            least = 0
            if total > context:
                policy = self._settings.current.chat.context_policy
                least = self._size_of(always_kept(prompt.turns, policy), loaded)
        except BackendError as error:
            raise refusal(error) from error
        return TokenCount(total, context, least)

    def _size_of(self, prompt: ChatPrompt, loaded: LoadedModel) -> int:
        text = loaded.engine.count_tokens(prompt.messages)
        return text + self._picture_tokens.of(loaded, prompt.pictures)

    @contextlib.contextmanager
    def _claimed(self, conversation_id: int) -> Iterator[tuple[Conversation, LoadedModel]]:
        """Keep others from answering the conversation; free it again if no answer begins."""
        with self._lock:
            if conversation_id in self._running:
                raise ConversationError(
                    "This chat is being answered already",
                    "A chat has one answer at a time.",
                    "Stop the answer, or wait for its end.",
                )
            self._running[conversation_id] = None
        try:
            conversation = self._store.get(conversation_id)
            loaded = self._model_of(conversation)
            if loaded is None:
                raise ModelError(
                    "No model is ready for this chat",
                    "The message was not sent.",
                    "Load a model, then send it again.",
                )
            yield conversation, loaded
        except BaseException:
            self._free(conversation_id)
            raise

    def _free(self, conversation_id: int) -> None:
        with self._lock:
            self._running.pop(conversation_id, None)

    def _model_of(self, conversation: Conversation) -> LoadedModel | None:
        """The ready model of the conversation; of one that has none yet, any that is ready."""
        if conversation.model_id is not None:
            loaded = self._runtime.get(conversation.model_id)
            return loaded if loaded is not None and loaded.answers else None
        return next((each for each in self._runtime.loaded() if each.answers), None)

    def _until(self, conversation_id: int, message_id: int) -> tuple[Message, ...]:
        """The shown branch as far as a message."""
        path = self._store.path(conversation_id)
        for number, message in enumerate(path, 1):
            if message.id == message_id:
                return path[:number]
        raise ConversationError(
            "This message is not shown", "It is on another branch of the chat, or was deleted."
        )

    def _note(
        self, conversation: Conversation, loaded: LoadedModel, history: Sequence[Message]
    ) -> None:
        """Keep the model a chat begins with, and name it by its first message."""
        first = conversation.auto_title and len(history) == 1
        self._store.update(
            conversation.id,
            title=title_from(history[0].content) or "Picture" if first else UNSET,
            auto_title=True if first else UNSET,
            model_id=loaded.model.id,
        )

    def _answer(
        self, conversation: Conversation, loaded: LoadedModel, history: Sequence[Message]
    ) -> ChatRun:
        """Begin a new answer after `history`."""
        prompt = self._prompt(conversation, loaded, history)
        row = self._store.append(
            conversation.id,
            "assistant",
            "",
            history[-1].id if history else None,
            model=loaded.model.id,
            state="streaming",
        )
        return self._start(conversation, loaded, prompt, history[-1] if history else row, row)

    def _start(
        self,
        conversation: Conversation,
        loaded: LoadedModel,
        prompt: ChatPrompt,
        asked: Message,
        row: Message,
    ) -> ChatRun:
        request, notes = self._request(conversation, prompt, loaded.model.id)
        run = ChatRun(
            self._store,
            loaded.engine,
            request,
            prompt.origins,
            asked,
            row,
            notes=notes,
            on_end=partial(self._ended, loaded),
        )
        with self._lock:
            self._running[run.conversation_id] = run
        return run

    def _ended(self, loaded: LoadedModel, run: ChatRun) -> None:
        self._free(run.conversation_id)
        if self._speeds is not None and run.usage is not None:
            self._speeds.learn(loaded.model, run.usage, on_gpu=loaded.mostly_on_gpu)

    def _prompt(
        self,
        conversation: Conversation,
        loaded: LoadedModel | None,
        history: Sequence[Message],
        draft: str = "",
        pictures: Sequence[Picture] = (),
    ) -> ChatPrompt:
        system = self.system_prompt(conversation)
        examples = self.preset_of(conversation).messages
        prompt = newest_pictures(prompt_from(system, history, draft, pictures, examples))
        if loaded is None or _sees(loaded):
            return prompt
        return without_pictures(prompt, loaded.model.name)

    def _request(
        self, conversation: Conversation, prompt: ChatPrompt, model_id: str | None
    ) -> tuple[GenerationRequest, tuple[str, ...]]:
        """The request, and what a person should know of it."""
        messages, notes = with_images(prompt, self._store.picture)
        preset = self.preset_of(conversation)
        standard = sampling_for(self._settings.current, model_id, preset.sampling)
        request = GenerationRequest(
            id=uuid.uuid4().hex,
            messages=messages,
            sampling=conversation.sampling or standard,
            continue_last=bool(messages)
            and messages[-1].role == "assistant"
            and prompt.origins[-1] is not None,
            constraint=conversation.constraint,
            reasoning=conversation.reasoning or ReasoningOptions(),
            conversation=self._name_for_engine(conversation.id),
            keep_on_disk=conversation.keep_on_disk,
            context_policy=self._settings.current.chat.context_policy,
        )
        return request, notes


def _sees(loaded: LoadedModel) -> bool:
    return loaded.info is not None and loaded.info.vision
