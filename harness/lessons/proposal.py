"""Checks whether what a model noted may become a lesson. Pure: each check is a reason against
it."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.domain.plain import JsonObject
from harness.governance.paths import resembles
from harness.governance.text.invisible import is_invisible
from harness.governance.text.likeness import NEARLY_THE_SAME, likeness, resemblance

# characters of a lesson
SHORTEST, LONGEST = 20, 300
SHORTEST_QUOTE, LONGEST_QUOTE = 8, 200
MOST_AT_ONCE = 3
BORROWED = 5
"""So many words in a row that a stranger wrote as well, and a lesson is a stranger's."""

SCHEMA: JsonObject = {
    "type": "array",
    "maxItems": MOST_AT_ONCE,
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["says", "file", "quote"],
        "properties": {
            "says": {"type": "string", "maxLength": LONGEST},
            "file": {"type": "string", "maxLength": 400},
            "quote": {"type": "string", "maxLength": LONGEST_QUOTE},
        },
    },
}
"""What a role that may propose lessons answers under `lessons`."""

GOVERNING = ("mission.md", "factory_rules.md", "CLAUDE.md", "factory.toml", "workflows/**")
_WORD = re.compile(r"\w+")
_ABOUT_RULES = re.compile(
    r"mission|factory_rules|factory\.toml|CLAUDE\.md|governance|\brules?\b|\bpolic(?:y|ies)\b|workflows?/",
    re.I,
)
_LEADS_OUT = re.compile(r"://|\bwww\.|@\w|[<>`\[\]{}]")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A sentence, and the line of a file at base that it rests on."""

    sentence: str
    file: str
    quote: str


def proposals(answer: Any) -> tuple[Proposal, ...]:
    """What a model's answer proposes, as far as it has the form; the first few."""
    listed = answer if isinstance(answer, list) else []
    return tuple(
        Proposal(one["says"].strip(), one["file"], one["quote"].strip())
        for one in listed[:MOST_AT_ONCE]
        if isinstance(one, Mapping)
        and all(isinstance(one.get(key), str) for key in ("says", "file", "quote"))
    )


def refusal(
    one: Proposal,
    *,
    content: bytes | None,
    strangers: Iterable[str],
    is_secret: Callable[[str], bool],
) -> str:
    """Why it is no lesson; empty where it is one.

    `content` is the file as it stands at base, None where there is none; `strangers` are the texts
    that people wrote whom nobody checked."""
    return (
        _form(one)
        or _evidence(one, content)
        or _origin(one, strangers)
        or ("it holds what looks like a credential" if is_secret(one.sentence) else "")
    )


def _form(one: Proposal) -> str:
    if not SHORTEST <= len(one.sentence) <= LONGEST:
        return f"it has {len(one.sentence)} characters; expected {SHORTEST} to {LONGEST}"
    if any(char in "\n\r\t" or is_invisible(char) for char in one.sentence):
        return "it is not one line of plain text"
    # A lesson stands in later prompts: it must not lead an agent anywhere.
    if _LEADS_OUT.search(one.sentence):
        return "it holds markup, an address or an account"
    # A lesson about the rules would be a way for a model to loosen them.
    if _ABOUT_RULES.search(one.sentence):
        return "it speaks of the rules, which only people change"
    return ""


def _evidence(one: Proposal, content: bytes | None) -> str:
    if content is None:
        return f"there is no file {one.file!r} at base"
    # By look-alikes too: a quote from the policy would stand in prompts without its digest.
    if resembles(GOVERNING, one.file.encode("utf-8", "surrogateescape")):
        return f"{one.file} governs: it speaks for itself"
    if not SHORTEST_QUOTE <= len(one.quote) <= LONGEST_QUOTE:
        return (
            f"its quote has {len(one.quote)} characters; expected {SHORTEST_QUOTE} to"
            f" {LONGEST_QUOTE}"
        )
    if not any(one.quote in line for line in content.decode("utf-8", "replace").splitlines()):
        return f"its quote is on no line of {one.file} at base"
    return ""


def _origin(one: Proposal, strangers: Iterable[str]) -> str:
    own = _runs(one.sentence)
    # A stranger's words must not become a lesson by way of a model that repeats them.
    if any(own & _runs(text) for text in strangers):
        return f"it repeats {BORROWED} words in a row of what a stranger wrote"
    return ""


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return frozenset(tuple(words[at : at + BORROWED]) for at in range(len(words) - BORROWED + 1))


def same(sentence: str, known: Mapping[str, str]) -> str | None:
    """The id of the lesson among `known` (id to sentence) that means the same; the oldest of
    several."""
    return next(
        (
            known_id
            for known_id, other in known.items()
            if _plain(sentence) == _plain(other)
            or likeness(sentence, other) >= NEARLY_THE_SAME
            or resemblance(sentence, other) >= NEARLY_THE_SAME
        ),
        None,
    )


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
