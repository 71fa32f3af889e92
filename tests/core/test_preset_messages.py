"""Messages of a preset that every chat begins with."""

from pathlib import Path

import pytest

from app.core.chat_prompt import prompt_from
from app.core.conversation_store import ConversationStore
from app.core.errors import SettingsError
from app.core.presets import MAX_MESSAGES, ExampleMessage, PresetStore
from backends.types import ChatMessage

EXAMPLES = (ExampleMessage("user", "Italy?"), ExampleMessage("assistant", "Rome."))


def test_they_are_kept_exported_and_imported(tmp_path: Path) -> None:
    store = PresetStore(tmp_path / "presets")
    made = store.create("Capitals", messages=EXAMPLES)
    assert PresetStore(tmp_path / "presets").get(made.id).messages == EXAMPLES
    store.export_json(made.id, tmp_path / "out.json")
    assert store.import_json(tmp_path / "out.json").messages == EXAMPLES
    assert store.duplicate(made.id).messages == EXAMPLES


def test_there_cannot_be_any_number_of_them(tmp_path: Path) -> None:
    store = PresetStore(tmp_path / "presets")
    with pytest.raises(SettingsError):
        store.create("Many", messages=EXAMPLES * MAX_MESSAGES)


def test_they_stand_between_the_system_prompt_and_the_chat(tmp_path: Path) -> None:
    store = ConversationStore(tmp_path / "conversations.db")
    try:
        chat = store.create()
        asked = store.append(chat.id, "user", "France?", None)
        prompt = prompt_from("Be brief.", [asked], examples=EXAMPLES)
    finally:
        store.close()
    assert prompt.messages == (
        ChatMessage("system", "Be brief."),
        ChatMessage("user", "Italy?"),
        ChatMessage("assistant", "Rome."),
        ChatMessage("user", "France?"),
    )
    assert prompt.origins == (None, None, None, asked.id)
