"""The contrastive judge is asked, for each sense and three times, how two exhibits answer claims.

`python -m validators.roles.contrast` runs it in its sandbox:

    in   {"brief": {model, instructions, files, claims,
                    exhibits: [{sense, side, text, picture}]}, "port": 8090}
    out  {"ballots": [{sense, order, word, answer}, …]}

Properties:
- The sandbox can reach one port of the model broker; no browser, app, journey or verdict.
- Each question is asked without the ones before it, with the exhibits in a random order.
- An exhibit is a JSON string or a picture, between lines that it cannot forge.
- Answers are not interpreted here: ballots leave the sandbox as they are."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from validators.domain.ballots import VOTES, Ballot, Sense, SideOrder, answer_schema, ballots_json
from validators.roles.model import Ask, NoAnswer, model_at, system_blocks

MAX_TOKENS = 2_000
# Characters.
LONGEST_EXHIBIT = 24_000
ANSWER = "answer"
TOOL = {
    "name": ANSWER,
    "description": "Answer every claim about both exhibits.",
    "input_schema": answer_schema(),
}


@dataclass(frozen=True, slots=True)
class Exhibit:
    """What one side shows to one sense: a text, or a picture (PNG) in base64."""

    sense: str
    side: str
    text: str = ""
    picture: str = ""


@dataclass(frozen=True, slots=True)
class ContrastBrief:
    """All that the contrastive judge may know. `files`: the governance files by name."""

    model: str
    instructions: str
    files: Mapping[str, str]
    claims: tuple[str, ...]
    exhibits: tuple[Exhibit, ...]


# Base may not have reached the page.
NOTHING = Exhibit("", "base", text="(nothing was shown)")


def ballots(brief: ContrastBrief, ask: Ask) -> Iterator[Ballot]:
    """Every ballot. A sense to which the candidate shows nothing is left out. Raises NoAnswer."""
    for sense in Sense:
        sides = {one.side: one for one in brief.exhibits if one.sense == sense}
        if "candidate" in sides:
            for _ in range(VOTES):
                yield _asked(brief, sense, sides, ask=ask)


def _asked(brief: ContrastBrief, sense: Sense, sides: Mapping[str, Exhibit], *, ask: Ask) -> Ballot:
    order, word = secrets.choice(list(SideOrder)), secrets.token_hex(8)
    shown = [sides.get("base", NOTHING), sides["candidate"]]
    if order is SideOrder.CANDIDATE_FIRST:
        shown.reverse()
    answer = ask(
        {
            "model": brief.model,
            "max_tokens": MAX_TOKENS,
            "system": system_blocks(brief.files, brief.instructions),
            "tools": [TOOL],
            "tool_choice": {"type": "tool", "name": ANSWER, "disable_parallel_tool_use": True},
            "messages": [{"role": "user", "content": _question(shown, brief.claims, word=word)}],
        }
    )
    calls = (
        block["input"]
        for block in answer
        if block["type"] == "tool_use" and block["name"] == ANSWER
    )
    call = next(calls, None)
    return Ballot(sense, order, word, json.dumps(call, ensure_ascii=False) if call else "")


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
        [{"claim": number, "text": claim} for number, claim in enumerate(claims, start=1)],
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


def main() -> int:
    """Ask every question and print the ballots. Exit 0: all were asked. Exit 1: the model did not
    answer."""
    given = json.load(sys.stdin)
    try:
        cast = tuple(ballots(_brief(given["brief"]), model_at(given["port"])))
    except NoAnswer as error:
        print(f"the model did not answer: {error}", file=sys.stderr)
        return 1
    print(ballots_json(cast))
    return 0


def _brief(given: dict[str, Any]) -> ContrastBrief:
    exhibits = tuple(Exhibit(**exhibit) for exhibit in given["exhibits"])
    return ContrastBrief(
        given["model"], given["instructions"], given["files"], tuple(given["claims"]), exhibits
    )


if __name__ == "__main__":
    raise SystemExit(main())
