"""The actor's conversation: a view in, one act out. Pure but for the way to ask the model.

Every request holds the persona, a line for each act so far, and the latest view alone: what an act
costs does not grow with the pages before it. The page's text stands between two lines that it
cannot forge, and the request says what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from validators.domain.exploring.acts import KEYS, PARTS, ActKind, Aspect
from validators.roles.model import Ask

MAX_TOKENS = 600
MOST_REMEMBERED = 30
LONGEST_REASON = 300

_ABOUT = {
    ActKind.OPEN: "Go to a path of the app.",
    ActKind.CLICK: "Press a button, follow a link.",
    ActKind.FILL: "Type into a field, replacing what is there.",
    ActKind.SELECT: "Pick an option of a list by its words.",
    ActKind.CHECK: "Tick a box.",
    ActKind.UNCHECK: "Untick a box.",
    ActKind.PRESS: "Press a key.",
    ActKind.RELOAD: "Reload the page.",
    ActKind.BACK: "Go back one page.",
    ActKind.LOOK: "Look at another part of the page: its controls, or its words.",
    ActKind.DONE: "The goal is reached.",
    ActKind.GIVE_UP: "The goal cannot be reached; say why in a sentence.",
}
_PROPERTY: dict[str, dict[str, Any]] = {
    "ref": {"type": "string", "description": "A reference of the latest view, like e12."},
    "text": {"type": "string"},
    "path": {"type": "string", "description": "Starts with one slash."},
    "key": {"type": "string", "enum": list(KEYS)},
    "aspect": {"type": "string", "enum": list(Aspect)},
    "part": {"type": "integer", "description": "Counted from 1."},
}
TOOLS = [
    {
        "name": str(kind),
        "description": _ABOUT[kind],
        "input_schema": {
            "type": "object",
            "properties": {part: _PROPERTY[part] for part in parts},
            "required": list(parts),
            "additionalProperties": False,
        },
    }
    for kind, parts in PARTS.items()
]


@dataclass(frozen=True, slots=True)
class Brief:
    """All that an actor may know before it sees a page."""

    model: str
    who: str
    goal: str
    instructions: str


@dataclass(slots=True)
class Actor:
    """Plays a persona. What it remembers are its own acts and what it was told of each."""

    brief: Brief
    ask: Ask
    remembered: list[str] = field(default_factory=list)

    def act(self, seen: Mapping[str, Any]) -> Mapping[str, Any]:
        """The next act, as a JSON object; an answer without a call is giving up. Raises
        NoAnswer."""
        if self.remembered:
            self.remembered[-1] += f" -> {seen['told']}"
        told = self.ask(self._request(seen))
        call = next((block for block in told if block["type"] == "tool_use"), None)
        act = _called(call) if call else {"act": str(ActKind.GIVE_UP), "text": _words(told)}
        self.remembered = [*self.remembered[-MOST_REMEMBERED:], json.dumps(act, ensure_ascii=False)]
        return act

    def _request(self, seen: Mapping[str, Any]) -> dict[str, Any]:
        persona = json.dumps({"who": self.brief.who, "goal": self.brief.goal}, ensure_ascii=False)
        so_far = "\n".join(self.remembered) or "nothing yet"
        shown = (
            f"Your acts so far:\n{so_far}\n\nActs left:"
            f" {seen['acts_left']}\n\n{seen['view']}\n\nYour next act?"
        )
        return {
            "model": self.brief.model,
            "max_tokens": MAX_TOKENS,
            "system": f"{self.brief.instructions}\n\n{persona}",
            "tools": TOOLS,
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
            "messages": [{"role": "user", "content": shown}],
        }


def _called(call: Mapping[str, Any]) -> Mapping[str, Any]:
    given = call["input"] if isinstance(call["input"], Mapping) else {}
    return {**given, "act": call["name"]}


def _words(told: Sequence[Mapping[str, Any]]) -> str:
    text = " ".join(block["text"] for block in told if block["type"] == "text")
    return " ".join(text.split())[:LONGEST_REASON]
