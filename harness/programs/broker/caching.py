"""Estimates what a provider's prompt cache would serve of a request. Replayed sessions are
accounted by it.

It follows the rules of the Messages API (platform.claude.com, "Prompt caching"). A prefix is tools,
then system, then messages. It is written at each marked block. A later request reads the longest
prefix that it begins with, looked for at most twenty blocks before each of its marks. What is
shorter than the least is not cached. Counts are estimates, as everywhere without a provider; the
shares are exact. Between two calls of one session the cache is taken to live.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.domain.plain import JsonObject

# Blocks before a mark.
LOOK_BACK = 20
# Tokens of a prefix.
SHORTEST_PREFIX = 1024
BYTES_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class CacheUsage:
    """Input tokens of one request, by where they came from."""

    read: int
    written: int
    fresh: int

    @property
    def total(self) -> int:
        return self.read + self.written + self.fresh

    def usage(self) -> dict[str, int]:
        """The `usage` of the Messages API."""
        return {
            "input_tokens": self.fresh,
            "cache_creation_input_tokens": self.written,
            "cache_read_input_tokens": self.read,
        }


@dataclass(frozen=True, slots=True)
class _Boundary:
    """Where a block ends: the hash and the tokens of all up to there, and whether it is marked
    for the cache."""

    name: str
    tokens: int
    marked: bool


class PromptCache:
    """The cache as one session sees it. Asking changes it: what is asked is written."""

    def __init__(self) -> None:
        self._written: set[str] = set()

    def served(self, body: JsonObject) -> CacheUsage:
        """How a request is served. The cache then holds what it wrote."""
        boundaries = tuple(_boundaries(body))
        marks = [
            place
            for place, boundary in enumerate(boundaries)
            if boundary.marked and boundary.tokens >= SHORTEST_PREFIX
        ]
        read = max((self._read(boundaries, mark) for mark in marks), default=0)
        until = max((boundaries[mark].tokens for mark in marks), default=0)
        self._written.update(boundaries[mark].name for mark in marks)
        total = boundaries[-1].tokens if boundaries else 0
        return CacheUsage(read, max(0, until - read), total - max(until, read))

    def _read(self, boundaries: tuple[_Boundary, ...], mark: int) -> int:
        near = boundaries[max(0, mark - LOOK_BACK) : mark + 1]
        return max(
            (boundary.tokens for boundary in near if boundary.name in self._written), default=0
        )


def _boundaries(body: JsonObject) -> Iterator[_Boundary]:
    total, name = 0, hashlib.sha256()
    for where, block in _blocks(body):
        # Without the mark, which moves on with each call and does not change the prefix.
        text = json.dumps(
            [where, {key: value for key, value in block.items() if key != "cache_control"}],
            sort_keys=True,
            ensure_ascii=False,
        ).encode("utf-8", "backslashreplace")
        name.update(text)
        total += len(text)
        yield _Boundary(
            name.hexdigest(), total // BYTES_A_TOKEN + 1, bool(block.get("cache_control"))
        )


def _blocks(body: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    for tool in body.get("tools") or ():
        yield "tool", tool
    for block in _as_blocks(body.get("system")):
        yield "system", block
    for message in body.get("messages") or ():
        for block in _as_blocks(message.get("content")):
            yield message.get("role", ""), block


def _as_blocks(content: Any) -> tuple[JsonObject, ...]:
    return (
        ({"type": "text", "text": content},) if isinstance(content, str) else tuple(content or ())
    )
