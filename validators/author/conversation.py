"""The author's conversation: issue in, journeys out, the checker's complaints handed back a bounded number of times.

Pure but for the two things it is given: a way to ask the model and a way to check a text.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ROUNDS = 4
MAX_TOKENS = 8000
MAX_JOURNEYS = 3
SUBMIT = "submit_journey"
TOOL = {
    "name": SUBMIT,
    "description": "Submit one complete journey, as YAML in the journey language.",
    "input_schema": {
        "type": "object",
        "properties": {"yaml": {"type": "string", "description": "The whole journey document."}},
        "required": ["yaml"],
        "additionalProperties": False,
    },
}

Ask = Callable[[Mapping[str, Any]], Mapping[str, Any]]
Check = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Brief:
    """All that an author may know. `files`: the governance files by name. `language`: the journey language's page."""

    model: str
    number: int
    kind: str
    title: str
    body: str
    files: Mapping[str, str]
    language: str
    instructions: str


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it: the journeys' texts, or none and the reason, in one line."""

    journeys: tuple[str, ...]
    reason: str = ""


def written(brief: Brief, *, ask: Ask, check: Check) -> Written:
    """The journeys for an issue, each accepted by `check`, or none with the reason."""
    messages: list[Mapping[str, Any]] = [{"role": "user", "content": issue_text(brief)}]
    for _ in range(ROUNDS):
        answer = ask({**_request(brief), "messages": messages})
        calls = [block for block in answer["content"] if block["type"] == "tool_use"]
        if not calls:
            return Written((), _words(answer) or "the author answered without a journey")
        complaints = [_complaints(call, check) for call in calls]
        if len(calls) <= MAX_JOURNEYS and not any(complaints):
            return Written(tuple(call["input"]["yaml"] for call in calls))
        messages += [
            {"role": "assistant", "content": answer["content"]},
            {"role": "user", "content": [_result(call, told) for call, told in zip(calls, complaints, strict=True)]},
        ]
    return Written((), f"no journey that the checker accepts came in {ROUNDS} rounds")


def issue_text(brief: Brief) -> str:
    """The issue between two lines that its text cannot forge: they carry a nonce, and the text is a JSON value."""
    nonce = secrets.token_hex(8)
    issue = {"number": brief.number, "kind": brief.kind, "title": brief.title, "body": brief.body}
    return f"<issue-{nonce}>\n{json.dumps(issue, ensure_ascii=False, indent=1)}\n</issue-{nonce}>\n\nWrite its journeys."


def _request(brief: Brief) -> dict[str, Any]:
    files = "\n\n".join(f"# The product's {name}\n\n{text}" for name, text in sorted(brief.files.items()))
    system = f"{files}\n\n{brief.language}\n\n# Your task\n\n{brief.instructions}"
    return {"model": brief.model, "max_tokens": MAX_TOKENS, "system": system, "tools": [TOOL]}


def _complaints(call: Mapping[str, Any], check: Check) -> tuple[str, ...]:
    text = call["input"].get("yaml") if isinstance(call["input"], Mapping) else None
    if call["name"] != SUBMIT or not isinstance(text, str):
        return (f"call {SUBMIT} with one key, yaml, that holds the whole journey",)
    return tuple(check(text))


def _result(call: Mapping[str, Any], told: Sequence[str]) -> dict[str, Any]:
    text = "\n".join(told) or f"accepted; send it again with the others (at most {MAX_JOURNEYS} journeys)"
    return {"type": "tool_result", "tool_use_id": call["id"], "content": text, "is_error": bool(told)}


def _words(answer: Mapping[str, Any]) -> str:
    text = " ".join(block["text"] for block in answer["content"] if block["type"] == "text")
    return " ".join(text.split())[:300]
