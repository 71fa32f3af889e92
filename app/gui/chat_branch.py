"""A new chat that begins with the first part of another one."""

from app.core.conversation_store import ConversationStore
from app.core.conversations import Conversation


def branch_off(store: ConversationStore, conversation_id: int, message_id: int) -> Conversation:
    """Copy the shown branch up to and including a message into a chat of its own. Blocks."""
    origin = store.get(conversation_id)
    branch = store.create(
        title=origin.title,
        preset_id=origin.preset_id,
        model_id=origin.model_id,
        system_prompt=origin.system_prompt,
        sampling=origin.sampling,
    )
    parent: int | None = None
    for message in store.path(conversation_id):
        parent = store.append(
            branch.id,
            message.role,
            message.content,
            parent,
            reasoning=message.reasoning,
            model=message.model,
            finish_reason=message.finish_reason,
            usage=message.usage,
            pictures=message.pictures,
        ).id
        if message.id == message_id:
            break
    return branch
