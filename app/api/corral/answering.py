"""Answers in the chats of the page: they go on when its client is gone, and stop when asked to."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from functools import partial

from app.api.answers import from_thread
from app.api.corral.chat_rows import ChatRows
from app.api.corral.chat_types import Loading, Waiting
from app.api.corral.histories import History
from app.api.corral.live_answer import LiveAnswer
from app.api.errors import ApiError, api_error
from app.api.work import Client, Work
from app.core.chat_run import ChatRun
from app.core.errors import AppError
from app.core.library_types import LocalModel

log = logging.getLogger(__name__)

Ask = Callable[[], ChatRun]
"""Stores what is asked and begins its answer; blocks."""


class Answering:
    """The answers under way. Used from the server's event loop only."""

    def __init__(self, work: Work, rows: ChatRows) -> None:
        self._work = work
        self._rows = rows
        self._live: dict[tuple[str, int], LiveAnswer] = {}

    def find(self, history: History, chat_id: int) -> LiveAnswer | None:
        """The answer under way in a chat."""
        return self._live.get((history.owner, chat_id))

    def begin(
        self, client: Client, history: History, chat_id: int, model: LocalModel, ask: Ask
    ) -> LiveAnswer:
        """Load the model, then ask and follow the answer, all in a task of its own.

        Raises ApiError where the chat is being answered already.
        """
        key = (history.owner, chat_id)
        if key in self._live:
            raise ApiError("invalid_request", "This chat is being answered already.", status=409)
        live = self._live[key] = LiveAnswer()
        live.task = asyncio.create_task(self._make(live, client, history, chat_id, model, ask))
        return live

    async def stop(self, history: History, chat_id: int) -> None:
        """End the answer in a chat; what was written is kept. Returns when it has ended."""
        live = self.find(history, chat_id)
        if live is None or live.task is None:
            return
        live.stopped = True
        if live.run is not None:
            await asyncio.to_thread(live.run.cancel)
        if live.loading or (live.run is not None and live.run.ended):
            live.task.cancel()  # it waits for the model or for its turn
        await asyncio.wait({live.task})

    async def _make(
        self,
        live: LiveAnswer,
        client: Client,
        history: History,
        chat_id: int,
        model: LocalModel,
        ask: Ask,
    ) -> None:
        try:
            await self._follow(live, client, history, model, ask)
        except asyncio.CancelledError:
            if not live.stopped:  # the server ends
                raise
        except Exception as error:  # noqa: BLE001 - whoever follows is told
            told = api_error(error)
            self._work.parts.log.update(client.record, error=told.message)
            live.fail(told)
        finally:
            if live.run is not None and not live.run.ended:
                live.run.interrupt()
            del self._live[history.owner, chat_id]
            await self._end(live, history, chat_id)

    async def _follow(
        self, live: LiveAnswer, client: Client, history: History, model: LocalModel, ask: Ask
    ) -> None:
        loaded = await self._work.loaded(
            model, on_progress=lambda fraction: live.step(Loading(fraction))
        )
        live.loading = False
        run = await asyncio.to_thread(ask)
        live.begin(run, self._rows.turn(run.user_message), self._rows.turn(run.assistant_message))
        if live.stopped:
            run.cancel()
            return
        live.step(Waiting())
        source = partial(from_thread, run.events, run.interrupt, run.id)
        async with aclosing(self._work.follow(client, loaded, source)) as events:
            async for event in events:
                live.take(event)

    async def _end(self, live: LiveAnswer, history: History, chat_id: int) -> None:
        answer = chat = None
        try:
            if live.run is not None:
                message = live.run.assistant_message.id
                answer = self._rows.turn(await asyncio.to_thread(history.store.message, message))
            chat = self._rows.chat(await asyncio.to_thread(history.store.get, chat_id), False)
        except AppError as error:  # deleted meanwhile, or the server ends
            log.info("the end of an answer: %s", error)
        live.end(answer, chat)
