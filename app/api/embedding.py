"""Texts that become vectors, some at a time, so that many of them keep nobody waiting."""

import asyncio
from collections.abc import Callable

from msgspec import structs

from app.api.line import WaitingLine
from backends.types import EmbeddingRequest, Embeddings

AT_ONCE = 32
"""Texts that an engine is given at once: it cannot be interrupted within them."""


async def in_turns(
    line: WaitingLine,
    client: str,
    leave: Callable[[], object],
    embed: Callable[[EmbeddingRequest], Embeddings],
    request: EmbeddingRequest,
) -> Embeddings:
    """What `embed`, which blocks, makes of the texts, once it is the client's turn.

    Where others wait, they have their turns between. Whoever is cancelled has no more texts
    embedded than those under way. `leave` gives back the turn at the end. Raises ApiError where
    the line is full, and what `embed` raises.
    """
    vectors: list[tuple[float, ...]] = []
    tokens = 0
    await line.enter(client)
    has_turn = True
    try:
        for at in range(0, len(request.texts), AT_ONCE):
            if at and line.waiting:
                line.leave()
                has_turn = False
                await line.enter(client)
                has_turn = True
            some = structs.replace(request, texts=request.texts[at : at + AT_ONCE])
            made = await _to_its_end(embed, some)
            vectors += made.vectors
            tokens += made.prompt_tokens
    finally:
        if has_turn:
            leave()
    return Embeddings(tuple(vectors), tokens)


async def _to_its_end(
    embed: Callable[[EmbeddingRequest], Embeddings], request: EmbeddingRequest
) -> Embeddings:
    """What `embed` makes, in a thread. Whoever is cancelled waits for its end."""
    task = asyncio.ensure_future(asyncio.to_thread(embed, request))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
