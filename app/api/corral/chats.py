"""What the page in the browser asks: models, presets, its chats and their answers."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from app import __version__
from app.api.body import read_json
from app.api.corral.answering import Answering, Ask
from app.api.corral.chat_rows import ChatRows
from app.api.corral.chat_types import (
    AnswerAgain,
    AnswerLine,
    ChatChange,
    ChatDetail,
    ChatInfo,
    Choices,
    Ended,
    NewChat,
    NewMessage,
    SessionInfo,
    ShowVersion,
)
from app.api.corral.histories import Histories, History
from app.api.corral.live_answer import LiveAnswer
from app.api.corral.program import NDJSON
from app.api.errors import ApiError
from app.api.guard import given_token
from app.api.operations import Operation
from app.api.owner import owner_of
from app.api.streams import StreamedResponse, json_response, ndjson
from app.api.work import Work, client_of
from app.core.conversations import Conversation
from app.core.errors import ConversationError
from app.core.library_types import LocalModel

Result = TypeVar("Result")

_LARGEST = 8 * 1024 * 1024
"""Bytes of a message as JSON."""


class ChatOperations:
    """Chats that are kept here for a token."""

    def __init__(self, work: Work, histories: Histories) -> None:
        self._work = work
        self._histories = histories
        self._rows = ChatRows(work)
        self._answering = Answering(work, self._rows)

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        base = "/corral/v1"
        chat = f"{base}/chats/{{id}}"
        get, post = "GET", "POST"
        return (
            Operation(
                get, f"{base}/session", self.session, "chat", "Who asks.", response=SessionInfo
            ),
            Operation(
                get,
                f"{base}/choices",
                self.choices,
                "chat",
                "Models and presets for chats.",
                response=Choices,
            ),
            Operation(
                get,
                f"{base}/chats",
                self.list_chats,
                "chat",
                "The chats of this token, newest first.",
                response=list[ChatInfo],
            ),
            Operation(
                post,
                f"{base}/chats",
                self.create,
                "chat",
                "Begin a chat.",
                request=NewChat,
                response=ChatInfo,
            ),
            Operation(get, chat, self.show, "chat", "A chat.", response=ChatDetail),
            Operation(
                "PATCH",
                chat,
                self.change,
                "chat",
                "Change a chat.",
                request=ChatChange,
                response=ChatInfo,
            ),
            Operation("DELETE", chat, self.delete, "chat", "Put a chat in the trash."),
            Operation(
                post,
                f"{chat}/restore",
                self.restore,
                "chat",
                "Take a chat out of the trash.",
                response=ChatInfo,
            ),
            Operation(
                post,
                f"{chat}/messages",
                self.send,
                "chat",
                "Say something; the answer comes line by line and goes on if nobody listens.",
                request=NewMessage,
                stream=AnswerLine,
                largest_body=_LARGEST,
            ),
            Operation(
                post,
                f"{chat}/answer",
                self.answer_again,
                "chat",
                "Write an answer again, as another version.",
                request=AnswerAgain,
                stream=AnswerLine,
            ),
            Operation(
                get,
                f"{chat}/answer",
                self.follow,
                "chat",
                "The answer that is under way, line by line.",
                stream=AnswerLine,
            ),
            Operation("DELETE", f"{chat}/answer", self.stop, "chat", "Stop the answer under way."),
            Operation(
                post,
                f"{chat}/version",
                self.show_version,
                "chat",
                "Show another version of a message.",
                request=ShowVersion,
                response=ChatDetail,
            ),
        )

    async def session(self, request: Request) -> Response:
        """Who asks."""
        token = request.scope["state"].get("token")
        return json_response(SessionInfo(token.name if token is not None else "", __version__))

    async def choices(self, _: Request) -> Response:
        """What a chat can be made with."""
        return json_response(await asyncio.to_thread(self._rows.choices))

    async def list_chats(self, request: Request) -> Response:
        """The chats of this token."""
        history = await self._history(request)
        chats = await asyncio.to_thread(history.store.list)
        return json_response([self._chat(history, each) for each in chats])

    async def create(self, request: Request) -> Response:
        """Begin a chat."""
        asked = await read_json(request, NewChat, _LARGEST)
        model = self._work.names.find(asked.model).id if asked.model is not None else None
        self._check_preset(asked.preset)
        history = await self._history(request)
        chat = await asyncio.to_thread(
            lambda: history.store.create(model_id=model, preset_id=asked.preset)
        )
        return json_response(self._chat(history, chat), 201)

    async def show(self, request: Request) -> Response:
        """A chat with its messages."""
        history = await self._history(request)
        return json_response(await self._detail(history, await self._asked_chat(request, history)))

    async def change(self, request: Request) -> Response:
        """Change title, model or preset."""
        asked = await read_json(request, ChatChange, _LARGEST)
        history = await self._history(request)
        chat = await self._asked_chat(request, history)
        model = self._work.names.find(asked.model).id if isinstance(asked.model, str) else None
        self._check_preset(asked.preset if isinstance(asked.preset, str) else None)
        changed = await _stored(
            lambda: history.store.update(
                chat.id,
                title=asked.title,
                model_id=asked.model if model is None else model,
                preset_id=asked.preset,
            )
        )
        return json_response(self._chat(history, changed))

    async def delete(self, request: Request) -> Response:
        """Put a chat in the trash; its answer stops."""
        history = await self._history(request)
        chat = await self._asked_chat(request, history)
        await self._answering.stop(history, chat.id)
        await _stored(lambda: history.store.delete(chat.id))
        return Response(status_code=204)

    async def restore(self, request: Request) -> Response:
        """Take a chat out of the trash."""
        history = await self._history(request)
        chat_id = _number(request)
        await _stored(lambda: history.store.restore(chat_id))
        return json_response(self._chat(history, await self._asked_chat(request, history)))

    async def send(self, request: Request) -> Response:
        """Say something."""
        asked = await read_json(request, NewMessage, _LARGEST)
        if not asked.text.strip():
            raise ApiError("invalid_request", "The message is empty.", param="text")
        history = await self._history(request)
        chat = await self._asked_chat(request, history)
        return await self._begin(
            request, history, chat, lambda: history.chats.send(chat.id, asked.text)
        )

    async def answer_again(self, request: Request) -> Response:
        """Write an answer again."""
        asked = await read_json(request, AnswerAgain)
        history = await self._history(request)
        chat = await self._asked_chat(request, history)
        return await self._begin(
            request, history, chat, lambda: history.chats.regenerate(chat.id, asked.message)
        )

    async def follow(self, request: Request) -> Response:
        """The answer under way; only its end where there is none."""
        history = await self._history(request)
        chat = await self._asked_chat(request, history)
        live = self._answering.find(history, chat.id)
        if live is None:
            return Response(ndjson(Ended(None, self._chat(history, chat))), media_type=NDJSON)
        return _stream(live)

    async def stop(self, request: Request) -> Response:
        """End the answer under way; none is no error."""
        history = await self._history(request)
        chat = await self._asked_chat(request, history)
        await self._answering.stop(history, chat.id)
        return Response(status_code=204)

    async def show_version(self, request: Request) -> Response:
        """Show another version of a message."""
        asked = await read_json(request, ShowVersion)
        history = await self._history(request)
        chat = await self._asked_chat(request, history)
        versions = await _stored(lambda: history.store.siblings(asked.message))
        wanted = next((each for each in versions if each.version == asked.version), None)
        if wanted is None or wanted.conversation_id != chat.id:
            raise ApiError("not_found", "There is no such version in this chat.")
        await _stored(lambda: history.store.select_version(wanted.id))
        return json_response(await self._detail(history, chat))

    async def _begin(
        self, request: Request, history: History, chat: Conversation, ask: Ask
    ) -> Response:
        model = self._model_of(chat)
        if chat.model_id != model.id:
            await _stored(lambda: history.store.update(chat.id, model_id=model.id))
        return _stream(self._answering.begin(client_of(request), history, chat.id, model, ask))

    def _model_of(self, chat: Conversation) -> LocalModel:
        """The chat's model, or the one that a new chat has. Raises ApiError."""
        name = chat.model_id or self._rows.choices().model
        if name is None:
            raise ApiError("model_not_found", "There is no model on this computer yet.")
        return self._work.names.find(name)

    async def _history(self, request: Request) -> History:
        """Whose chats are meant. Raises ApiError for a token that is none: not this computer's."""
        if request.scope["state"].get("token") is None and given_token(request.headers):
            raise ApiError("unauthorized", "This access token is none of Corral's.")
        return await asyncio.to_thread(self._histories.of, owner_of(request))

    async def _asked_chat(self, request: Request, history: History) -> Conversation:
        """The chat in the path. Raises ApiError where this owner has no such one."""
        number = _number(request)
        chat = await _stored(lambda: history.store.get(number))
        if chat.deleted is not None:
            raise ApiError("not_found", "This chat is in the trash.")
        return chat

    async def _detail(self, history: History, chat: Conversation) -> ChatDetail:
        messages = await _stored(lambda: history.store.path(chat.id))
        return ChatDetail(self._chat(history, chat), [self._rows.turn(each) for each in messages])

    def _chat(self, history: History, chat: Conversation) -> ChatInfo:
        return self._rows.chat(chat, self._answering.find(history, chat.id) is not None)

    def _check_preset(self, preset: str | None) -> None:
        if preset is not None and self._work.parts.presets.find(preset) is None:
            raise ApiError("invalid_request", "There is no such preset.", param="preset")


def _stream(live: LiveAnswer) -> Response:
    async def lines() -> AsyncGenerator[bytes, None]:
        async for line in live.lines():
            yield ndjson(line)

    return StreamedResponse(lines(), NDJSON)


def _number(request: Request) -> int:
    """The number of the chat in the path. Raises ApiError where it is none."""
    text = str(request.path_params["id"])
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ApiError("not_found", "There is no such chat.")
    return int(text)


async def _stored(call: Callable[[], Result]) -> Result:
    """What a call of the store answers. Raises ApiError for what is not there."""
    try:
        return await asyncio.to_thread(call)
    except ConversationError as error:
        raise ApiError("not_found", f"{error.title}.") from error
