"""A program that chats without end and says what it promises; killed by `test_chat_kills`.

`python -m tests.core.chat_app FOLDER SEED` prints one JSON line for each promise, after the call
that makes it has returned.
"""

import json
import random
import sys
from pathlib import Path

from app.core.chat import ChatRun, ChatService
from app.core.conversation_store import ConversationStore
from app.core.library_types import LocalModel
from app.core.presets import PresetStore
from app.core.runtime import ModelRuntime
from app.core.settings import SettingsStore
from backends.types import Delta
from tests.backends.scripts import write_script


def promise(kind: str, **values: object) -> None:
    print(json.dumps({"kind": kind, **values}), flush=True)


def follow(run: ChatRun, store: ConversationStore, stop_after: int) -> None:
    """Listen to an answer, and stop it after some tokens."""
    answer = run.assistant_message.id
    promise("user", id=run.user_message.id, text=run.user_message.content)
    tokens = 0
    saved = ""
    for event in run.events():
        if isinstance(event, Delta):
            tokens += 1
            promise("delta", id=answer, text=event.text)
            if (text := store.message(answer).content) != saved:
                saved = text
                promise("saved", id=answer, text=saved)
            if tokens == stop_after:
                run.cancel()
    promise("done", id=answer, text=store.message(answer).content)


def main(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    settings = SettingsStore(folder / "settings.json")
    store = ConversationStore(folder / "conversations.db")
    runtime = ModelRuntime(settings)
    chat = ChatService(store, runtime, PresetStore(folder / "presets"), settings)
    path = write_script(folder, f"model-{seed}", tokens_per_second=400)
    model = LocalModel(id="model", name="Model", path=path, files=(path,), size=1)
    promise("engine", pid=runtime.load(model).engine.pid)
    conversation = store.create(preset_id="blank")
    for number in range(10**6):
        path_now = store.path(conversation.id)
        text = f"message {number} of {seed} !tokens={chance.randrange(20, 2000)}"
        deed = chance.choice(("send", "send", "edit", "regenerate", "new"))
        if deed == "new" or not path_now:
            conversation = store.create(preset_id="blank")
            run = chat.send(conversation.id, text)
        elif deed == "edit":
            run = chat.edit_and_send(chance.choice(path_now[::2]).id, text)
        elif deed == "regenerate":
            run = chat.regenerate(conversation.id, path_now[-1].id)
        else:
            run = chat.send(conversation.id, text)
        follow(run, store, stop_after=chance.choice((10**6, 30, 300)))
        title = f"chat {number} of {seed}"
        store.update(conversation.id, title=title)
        promise("title", id=conversation.id, text=title)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
