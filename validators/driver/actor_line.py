"""The line to an actor, as the browser's box sees it: a port of 127.0.0.1, a word first, then a
line each way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from validators.domain.exploring.acts import LONGEST_LINE

READY = b"ready\n"
AGAIN_SECONDS = 0.05


class ActorGone(Exception):
    """The line to the actor is closed, silent or flooded."""


@dataclass(frozen=True, slots=True)
class ActorLine:
    """An open line."""

    reading: asyncio.StreamReader
    writing: asyncio.StreamWriter

    async def asked(self, seen: dict[str, Any], *, seconds: float) -> str:
        """The actor's answer to one document. Raises ActorGone when none comes in time, or one that
        does not end."""
        try:
            async with asyncio.timeout(max(seconds, 0)):
                self.writing.write(json.dumps(seen, ensure_ascii=False).encode() + b"\n")
                await self.writing.drain()
                answer = await self.reading.readuntil(b"\n")
                return answer.decode("utf-8", "replace").rstrip("\n")
        except (
            OSError,
            TimeoutError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ) as error:
            raise ActorGone(str(error)) from error


@asynccontextmanager
async def open_actor_line(port: int, *, word: str, seconds: float) -> AsyncIterator[ActorLine]:
    """A line to the actor at this port, once it says that it is ready. Raises ActorGone when it
    does not in time."""
    try:
        async with asyncio.timeout(seconds):
            line = await _opened(port, word)
    except TimeoutError:
        raise ActorGone("the actor did not come to the line") from None
    try:
        yield line
    finally:
        line.writing.close()
        with suppress(OSError):
            await line.writing.wait_closed()


async def _opened(port: int, word: str) -> ActorLine:
    """Ask again while nobody is there: the two boxes start side by side."""
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            reading, writing = await asyncio.open_connection(
                "127.0.0.1", port, limit=4 * LONGEST_LINE
            )
            writing.write(word.encode() + b"\n")
            await writing.drain()
            if await reading.readexactly(len(READY)) == READY:
                return ActorLine(reading, writing)
            writing.close()
        await asyncio.sleep(AGAIN_SECONDS)
