"""News for the pages that are open: one task looks for all of them, and only while there are any."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable

_TICK = 0.5  # seconds between two looks
_SILENCE = 15.0  # seconds after which a page is told that the server is there


class Events:
    """The cursor of the repository, for all pages waiting for the next cursor."""

    def __init__(self, look: Callable[[], Awaitable[str]]) -> None:
        """`look`: gives the present cursor."""
        self._look = look
        self._cursor = ""
        self._waiting: set[asyncio.Queue[str | None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()  # many pages may come at once, and one task looks for all

    async def stream(self) -> AsyncIterator[str]:
        """The events for one page: the present cursor, and then each new cursor."""
        news: asyncio.Queue[str | None] = asyncio.Queue()
        self._waiting.add(news)
        try:
            yield "retry: 2000\n" + _event(await self._now())
            while True:
                try:
                    cursor = await asyncio.wait_for(news.get(), _SILENCE)
                except TimeoutError:
                    yield ": here\n\n"
                    continue
                if cursor is None:
                    return
                yield _event(cursor)
        finally:
            self._waiting.discard(news)

    def end(self) -> None:
        """End all streams."""
        for news in self._waiting:
            news.put_nowait(None)

    async def _now(self) -> str:
        async with self._beginning:
            if self._task is None or self._task.done():
                self._cursor = await self._look()
                self._task = asyncio.create_task(self._watch())
            return self._cursor

    async def _watch(self) -> None:
        """Look again and again while pages wait; slow looks have longer pauses between."""
        pause = _TICK
        while self._waiting:
            await asyncio.sleep(pause)
            begun = time.monotonic()
            cursor = await self._look()
            pause = max(_TICK, 3 * (time.monotonic() - begun))
            if cursor != self._cursor:
                self._cursor = cursor
                for news in self._waiting:
                    news.put_nowait(cursor)


def _event(cursor: str) -> str:
    return f"event: cursor\ndata: {json.dumps(cursor)}\n\n"
