"""A load as it goes on: how far it is, then what was loaded."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, TypeVar

Loaded = TypeVar("Loaded")


async def steps_of(
    load: Callable[[Callable[[float], object]], Coroutine[Any, Any, Loaded]],
) -> AsyncGenerator[float | Loaded, None]:
    """The fractions that `load` tells the function it is given; at last what it answers.

    Whoever stops listening gives it up, as far as it is nobody else's. Raises what `load` raises.
    """
    came: asyncio.Queue[float | None] = asyncio.Queue()
    loading = asyncio.ensure_future(load(came.put_nowait))
    loading.add_done_callback(lambda _: came.put_nowait(None))
    try:
        while (fraction := await came.get()) is not None:
            yield fraction
        yield await loading
    finally:
        loading.cancel()
