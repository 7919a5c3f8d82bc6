"""The words of a promise: the mission's entry or the issue's title, as people wrote them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

ENTRY = re.compile(r"^#{1,6}\s+(?P<title>.*?)\s*\{#(?P<id>[A-Za-z][A-Za-z0-9-]*)\}\s*$")
NAMED = re.compile(r"journey '[^']*'")
LONGEST = 300


def public_reason(reason: str) -> str:
    """A verdict's reason without the names of journeys, which are sealed."""
    return NAMED.sub("a sealed journey", reason)


def promise_words(files: Mapping[str, str], issue_title: str) -> dict[str, str]:
    """The words of each promise by its id: the prose under the mission's heading with that id. The
    words of `issue` are the issue's title."""
    found = {id_: words for text in files.values() for id_, words in _entries(text)}
    return {**found, "issue": issue_title}


def _entries(text: str) -> Iterator[tuple[str, str]]:
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if heading := ENTRY.match(line):
            yield heading["id"], _shortened(_prose(lines[number + 1 :]) or heading["title"])


def _prose(lines: list[str]) -> str:
    """The first paragraph below a heading. A fence or another heading ends it."""
    paragraph: list[str] = []
    for line in lines:
        if line.startswith(("#", "```")) or (not line.strip() and paragraph):
            break
        paragraph += [line.strip()] if line.strip() else []
    return " ".join(paragraph)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"
