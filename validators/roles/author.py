"""The author's conversation: issue in, journeys out, the checker's complaints handed back a bounded
number of times.

Pure but for the two things it is given: a way to ask the model and a way to check a text.
Properties kept: what a model says is bounded before it is looked at (journeys in number and length,
rounds), and nothing that it says beside a journey is believed or passed on as one."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ROUNDS = 4
MAX_TOKENS = 8000
MAX_JOURNEYS = 4
MAX_CHARACTERS = 8000
"""Of one journey. Five times a long one, and still read in a second: what is nested 30,000 deep
takes a reader minutes."""
SUBMIT = "submit_journey"
FAILS, PASSES = "fails", "passes"
TOOL = {
    "name": SUBMIT,
    "description": "Submit one complete journey, as YAML in the journey language.",
    "input_schema": {
        "type": "object",
        "properties": {
            "yaml": {"type": "string", "description": "The whole journey document."},
            "today": {
                "type": "string",
                "enum": [FAILS, PASSES],
                "description": (
                    "What it does on the application of today: `fails` shows what the issue asks"
                    " for; `passes` guards what works today and must go on working. Left out:"
                    " `passes` for a chore, else `fails`."
                ),
            },
        },
        "required": ["yaml"],
        "additionalProperties": False,
    },
}

Ask = Callable[[Mapping[str, Any]], Mapping[str, Any]]
Check = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class SubmittedJourney:
    """One journey as it was sent in: its text, and whether it is to be green today already."""

    yaml: str
    passes: bool


@dataclass(frozen=True, slots=True)
class ReturnedJourney:
    """A journey of this author's own that did not hold on today's application, and why, in fixed
    words."""

    yaml: str
    why: str


@dataclass(frozen=True, slots=True)
class Brief:
    """All that an author may know. `files`: the governance files by name. `language`: the journey
    language's page.

    `returned`: those of its own journeys that it may write once more; `held`: how many others of
    its own are settled."""

    model: str
    number: int
    kind: str
    title: str
    body: str
    files: Mapping[str, str]
    language: str
    instructions: str
    returned: tuple[ReturnedJourney, ...] = ()
    held: int = 0


@dataclass(frozen=True, slots=True)
class AuthorAnswer:
    """What came of it: the journeys, or none and the reason, in one line. `declined`: none was ever
    sent in."""

    journeys: tuple[SubmittedJourney, ...]
    reason: str = ""
    declined: bool = False


def author_answer(brief: Brief, *, ask: Ask, check: Check) -> AuthorAnswer:
    """The journeys for an issue, each accepted by `check`, or none with the reason."""
    messages, most = list(_opening(brief)), MAX_JOURNEYS - brief.held
    for number in range(ROUNDS):
        answer = ask({**_request(brief), "messages": messages})
        calls = [block for block in answer["content"] if block["type"] == "tool_use"]
        if not calls:
            return AuthorAnswer(
                (), _words(answer) or "the author answered without a journey", declined=number == 0
            )
        complaints = _all_complaints(calls, check, most=most)
        if not any(complaints):
            return AuthorAnswer(tuple(_submitted(call["input"], brief.kind) for call in calls))
        messages += [
            {"role": "assistant", "content": answer["content"]},
            {
                "role": "user",
                "content": [
                    _result(call, told) for call, told in zip(calls, complaints, strict=True)
                ],
            },
        ]
    return AuthorAnswer((), f"no journey that the checker accepts came in {ROUNDS} rounds")


def issue_text(brief: Brief) -> str:
    """The issue between two lines that its text cannot forge: they carry a nonce, and the text is a
    JSON value."""
    nonce = secrets.token_hex(8)
    issue = {"number": brief.number, "kind": brief.kind, "title": brief.title, "body": brief.body}
    return (
        f"<issue-{nonce}>\n{json.dumps(issue, ensure_ascii=False, indent=1)}\n</issue-{nonce}>\n\nWrite"
        " its journeys."
    )


def _opening(brief: Brief) -> tuple[Mapping[str, Any], ...]:
    """The issue; and, the second time, the author's own journeys as it had sent them, with what
    they showed."""
    first = {"role": "user", "content": issue_text(brief)}
    if not brief.returned:
        return (first,)
    calls = [
        {
            "type": "tool_use",
            "id": f"returned_{number}",
            "name": SUBMIT,
            "input": {"yaml": one.yaml},
        }
        for number, one in enumerate(brief.returned)
    ]
    told = [_result(call, [one.why]) for call, one in zip(calls, brief.returned, strict=True)]
    words = {
        "type": "text",
        "text": "Send these again, corrected, and only these; leave out what cannot be mended.",
    }
    return (
        first,
        {"role": "assistant", "content": calls},
        {"role": "user", "content": [*told, words]},
    )


def _request(brief: Brief) -> dict[str, Any]:
    files = "\n\n".join(
        f"# The product's {name}\n\n{text}" for name, text in sorted(brief.files.items())
    )
    system = f"{files}\n\n{brief.language}\n\n# Your task\n\n{brief.instructions}"
    return {"model": brief.model, "max_tokens": MAX_TOKENS, "system": system, "tools": [TOOL]}


def _all_complaints(
    calls: Sequence[Mapping[str, Any]], check: Check, *, most: int
) -> list[tuple[str, ...]]:
    """One list a call. Of too many none is read: whoever sends a thousand is not helped by a
    thousand answers."""
    if len(calls) > most:
        return [
            (f"{len(calls)} journeys at once; at most {most}, those that settle the issue",)
        ] * len(calls)
    return [_complaints(call, check) for call in calls]


def _complaints(call: Mapping[str, Any], check: Check) -> tuple[str, ...]:
    given = call["input"] if isinstance(call["input"], Mapping) else {}
    text, today = given.get("yaml"), given.get("today", FAILS)
    if call["name"] != SUBMIT or not isinstance(text, str) or today not in (FAILS, PASSES):
        return (
            (
                f"call {SUBMIT} with yaml, the whole journey as text, and perhaps today: {FAILS} or"
                f" {PASSES}"
            ),
        )
    if len(text) > MAX_CHARACTERS:
        return (f"a journey of {len(text)} characters; at most {MAX_CHARACTERS}",)
    return tuple(check(text))


def _submitted(given: Mapping[str, Any], kind: str) -> SubmittedJourney:
    """For a chore nothing changes that a person can see, so every journey of its own guards what
    works today."""
    return SubmittedJourney(given["yaml"], kind == "chore" or given.get("today") == PASSES)


def _result(call: Mapping[str, Any], told: Sequence[str]) -> dict[str, Any]:
    text = (
        "\n".join(told)
        or f"accepted; send it again with the others (at most {MAX_JOURNEYS} journeys)"
    )
    return {
        "type": "tool_result",
        "tool_use_id": call["id"],
        "content": text,
        "is_error": bool(told),
    }


def _words(answer: Mapping[str, Any]) -> str:
    text = " ".join(block["text"] for block in answer["content"] if block["type"] == "text")
    return " ".join(text.split())[:300]
