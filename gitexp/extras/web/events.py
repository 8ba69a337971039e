"""News for the pages that are open: one task looks for all of them, and only while there are any."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from gitexp.errors import GitexpError

_TICK = 0.5  # seconds between two looks
_SILENCE = 15.0  # seconds after which a page is told that the server is there
_LONGEST = 15.0  # seconds between two looks that fail


class Events:
    """The cursor of the repository, for all pages waiting for the next cursor."""

    def __init__(
        self, look: Callable[[], Awaitable[str]], tell: Callable[[str], None], tick: float = _TICK
    ) -> None:
        """`look`: gives the present cursor. `tell`: tells the user in the terminal. `tick`: in seconds."""
        self._look = look
        self._tell = tell
        self._tick = tick
        self._event = ""  # the last one
        self._failures = 0  # of the last looks, one after the other
        self._waiting: set[asyncio.Queue[str | None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()  # many pages may come at once, and one task looks for all

    async def stream(self) -> AsyncIterator[str]:
        """The events for one page: the present cursor, and then each new cursor, or why there is none."""
        news: asyncio.Queue[str | None] = asyncio.Queue()
        self._waiting.add(news)
        try:
            yield "retry: 2000\n" + await self._now()
            while True:
                try:
                    event = await asyncio.wait_for(news.get(), _SILENCE)
                except TimeoutError:
                    yield ": here\n\n"
                    continue
                if event is None:
                    return
                yield event
        finally:
            self._waiting.discard(news)

    def end(self) -> None:
        """End all streams."""
        for news in self._waiting:
            news.put_nowait(None)

    async def _now(self) -> str:
        async with self._beginning:
            if self._task is None or self._task.done():
                await self._look_again()
                self._task = asyncio.create_task(self._watch())
            return self._event

    async def _watch(self) -> None:
        """Look again and again while pages wait; slow looks and failures have longer pauses between."""
        took = 0.0
        while self._waiting:
            pause = max(self._tick, 3 * took)
            if self._failures:
                pause = min(max(pause, self._tick * 2**self._failures), _LONGEST)
            await asyncio.sleep(pause)
            begun, before = time.monotonic(), self._event
            await self._look_again()
            took = time.monotonic() - begun
            if self._event != before:
                for news in self._waiting:
                    news.put_nowait(self._event)

    async def _look_again(self) -> None:
        """Set the last event: the present cursor, or why the look has failed."""
        try:
            event = _event("cursor", await self._look())
        except Exception as error:  # whatever it is: the pages say so, and the next look may succeed
            self._failures += 1
            event = _event("stopped", _sentence(error))
            if event != self._event:
                self._tell(f"Live updates stopped: {_sentence(error)}")
        else:
            if self._failures:
                self._tell("Live updates go on.")
            self._failures = 0
        self._event = event


def _sentence(error: Exception) -> str:
    """What an error says; of an error that nobody has foreseen, its kind too."""
    if isinstance(error, GitexpError):
        return error.message
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return f"{type(error).__name__}: {error}"


def _event(name: str, text: str) -> str:
    return f"event: {name}\ndata: {json.dumps(text)}\n\n"
