"""Tells whoever watches that something changed; they then ask for what they need."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import TypeAlias

Notice: TypeAlias = dict[str, str]

_BACKLOG = 200


class Feed:
    """Fan-out of small notices. A watcher that falls behind loses notices, never slows anybody down."""

    def __init__(self) -> None:
        self._watchers: set[asyncio.Queue[Notice | None]] = set()

    def publish(self, topic: str, **about: str) -> None:
        """Tell all watchers."""
        for queue in self._watchers:
            with suppress(asyncio.QueueFull):
                queue.put_nowait({"topic": topic, **about})

    async def watch(self) -> AsyncGenerator[Notice, None]:
        """Notices from now on, until the feed is closed."""
        queue: asyncio.Queue[Notice | None] = asyncio.Queue(_BACKLOG)
        self._watchers.add(queue)
        try:
            while (notice := await queue.get()) is not None:
                yield notice
        finally:
            self._watchers.discard(queue)

    def close(self) -> None:
        """End every watch, so that a stopping server has no open streams."""
        for queue in self._watchers:
            while queue.full():
                queue.get_nowait()
            queue.put_nowait(None)
