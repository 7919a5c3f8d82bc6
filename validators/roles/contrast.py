"""The contrastive judge's questions: for each sense, three times, two exhibits in an order of
chance and all the claims.

Each question is asked afresh, without the ones before. An exhibit is a JSON string, or a picture,
between lines that it cannot forge. What comes back is not read here: ballots leave the box as they
are."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from validators.domain.ballots import VOTES, Ballot, Sense, SideOrder, answer_schema
from validators.roles.model import Ask

MAX_TOKENS = 2_000
LONGEST_EXHIBIT = 24_000  # characters
ANSWER = "answer"
TOOL = {
    "name": ANSWER,
    "description": "Answer every claim about both exhibits.",
    "input_schema": answer_schema(),
}


@dataclass(frozen=True, slots=True)
class Exhibit:
    """What one side showed to one sense: a text, or a picture (PNG) in base64."""

    sense: str
    side: str
    text: str = ""
    picture: str = ""


@dataclass(frozen=True, slots=True)
class Brief:
    """All that a voter may know."""

    model: str
    instructions: str
    claims: tuple[str, ...]
    exhibits: tuple[Exhibit, ...]


NOTHING = Exhibit("", "base", text="(nothing was shown)")  # base may have come to no such page


def ballots(brief: Brief, ask: Ask) -> Iterator[Ballot]:
    """Every ballot, a sense to which the candidate shows nothing left out. Raises NoAnswer."""
    for sense in Sense:
        sides = {one.side: one for one in brief.exhibits if one.sense == sense}
        if "candidate" in sides:
            for _ in range(VOTES):
                yield _asked(brief, sense, sides, ask=ask)


def _asked(brief: Brief, sense: Sense, sides: Mapping[str, Exhibit], *, ask: Ask) -> Ballot:
    order, word = secrets.choice(list(SideOrder)), secrets.token_hex(8)
    shown = [sides.get("base", NOTHING), sides["candidate"]]
    if order is SideOrder.CANDIDATE_FIRST:
        shown.reverse()
    told = ask(
        {
            "model": brief.model,
            "max_tokens": MAX_TOKENS,
            "system": brief.instructions,
            "tools": [TOOL],
            "tool_choice": {"type": "tool", "name": ANSWER, "disable_parallel_tool_use": True},
            "messages": [{"role": "user", "content": _question(shown, brief.claims, word=word)}],
        }
    )
    call = next(
        (block for block in told if block["type"] == "tool_use" and block["name"] == ANSWER), None
    )
    return Ballot(sense, order, word, json.dumps(call["input"], ensure_ascii=False) if call else "")


def _question(
    shown: Sequence[Exhibit], claims: Sequence[str], *, word: str
) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    for name, exhibit in zip("AB", shown, strict=True):
        blocks += [
            _text(f"<exhibit-{name}-{word}>"),
            _content(exhibit),
            _text(f"</exhibit-{name}-{word}>"),
        ]
    listed = json.dumps(
        [{"claim": number, "says": claim} for number, claim in enumerate(claims, start=1)],
        ensure_ascii=False,
    )
    return [*blocks, _text(f"The claims: {listed}\n\nThe word to say again: {word}")]


def _content(exhibit: Exhibit) -> dict[str, Any]:
    if exhibit.picture:
        return {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": exhibit.picture},
        }
    return _text(json.dumps(exhibit.text[:LONGEST_EXHIBIT], ensure_ascii=False))


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}
