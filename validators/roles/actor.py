"""The actor plays a persona: it is shown a page, asks a model, and answers with one act.

`python -m validators.roles.actor` runs it in its sandbox:

    in    {"brief": {model, who, goal, instructions, files}, "model_port": 8090,
           "line_port": 8091, "word": "…"}
    line  a connection to line_port: the word first, then one JSON object a line
          (result, view, acts_left), and one act a line back

Properties:
- The sandbox can reach one port of the model broker and the line; no browser and no app.
- One connection is answered, and only if its first line is the word. A page that found the port
  cannot talk to the actor.
- A request holds the governance files, the persona, one line for each act so far, and the latest
  view only, so the cost of an act does not grow with the pages before it.
- The page's text stands between two lines that it cannot forge."""

from __future__ import annotations

import json
import secrets
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from typing import Any

from validators.domain.exploring.acts import KEYS, PARTS, ActKind, Aspect
from validators.roles.model import Ask, NoAnswer, model_at, system_blocks

WORD_SECONDS, WAIT_SECONDS = 5.0, 120.0
LONGEST_LINE = 64_000
READY = b"ready\n"
MAX_TOKENS = 600
MOST_REMEMBERED = 30
LONGEST_REASON = 300

_ABOUT = {
    ActKind.OPEN: "Go to a path of the app.",
    ActKind.CLICK: "Press a button, follow a link.",
    ActKind.FILL: "Type into a field, replacing what is there.",
    ActKind.SELECT: "Pick an option of a list by its words.",
    ActKind.CHECK: "Tick a checkbox.",
    ActKind.UNCHECK: "Untick a checkbox.",
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
class ActorBrief:
    """All that an actor knows before it sees a page. `files`: the governance files by name."""

    model: str
    who: str
    goal: str
    instructions: str
    files: Mapping[str, str]


@dataclass(slots=True)
class Actor:
    """Plays a persona. It remembers its own acts and the result of each, nothing else."""

    brief: ActorBrief
    ask: Ask
    remembered: list[str] = field(default_factory=list)

    def act(self, seen: Mapping[str, Any]) -> Mapping[str, Any]:
        """The next act, as a JSON object. An answer without a tool call means giving up. Raises
        NoAnswer."""
        if self.remembered:
            self.remembered[-1] += f" -> {seen['result']}"
        answer = self.ask(self._request(seen))
        call = next((block for block in answer if block["type"] == "tool_use"), None)
        act = _called(call) if call else {"act": str(ActKind.GIVE_UP), "text": _words(answer)}
        self.remembered = [*self.remembered[-MOST_REMEMBERED:], json.dumps(act, ensure_ascii=False)]
        return act

    def _request(self, seen: Mapping[str, Any]) -> dict[str, Any]:
        persona = json.dumps({"who": self.brief.who, "goal": self.brief.goal}, ensure_ascii=False)
        so_far = "\n".join(self.remembered) or "nothing yet"
        shown = (
            f"Your acts so far:\n{so_far}\n\nActs left: {seen['acts_left']}"
            f"\n\n{seen['view']}\n\nYour next act?"
        )
        return {
            "model": self.brief.model,
            "max_tokens": MAX_TOKENS,
            "system": system_blocks(self.brief.files, f"{self.brief.instructions}\n\n{persona}"),
            "tools": TOOLS,
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
            "messages": [{"role": "user", "content": shown}],
        }


def main() -> int:
    """Hold the conversation. Exit 0: the other end closed it. Exit 1: the model did not answer, or
    nobody connected."""
    given = json.load(sys.stdin)
    actor = Actor(ActorBrief(**given["brief"]), model_at(given["model_port"]))
    try:
        with socket.create_server(("127.0.0.1", given["line_port"])) as server:
            server.settimeout(WAIT_SECONDS)
            serve_actor(server, actor, word=given["word"])
    except NoAnswer as error:
        print(f"the model did not answer: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"the line to the browser failed: {error}", file=sys.stderr)
        return 1
    return 0


def serve_actor(server: socket.socket, actor: Actor, *, word: str) -> None:
    """Answer the first connection that begins with the word, until it ends. Raises NoAnswer and
    OSError."""
    while True:
        connection, _ = server.accept()
        # A stranger may hold the line only for a short time: the browser is waiting behind it.
        connection.settimeout(WORD_SECONDS)
        with connection, connection.makefile("rb") as line:
            if not secrets.compare_digest(_first_line(line), word.encode() + b"\n"):
                continue
            connection.settimeout(WAIT_SECONDS)
            connection.sendall(READY)
            while seen := line.readline(LONGEST_LINE):
                act = actor.act(json.loads(seen))
                connection.sendall(json.dumps(act, ensure_ascii=False).encode() + b"\n")
            return


def _first_line(line: BufferedReader) -> bytes:
    try:
        return line.readline(LONGEST_LINE)
    except TimeoutError:
        return b""


def _called(call: Mapping[str, Any]) -> Mapping[str, Any]:
    given = call["input"] if isinstance(call["input"], Mapping) else {}
    return {**given, "act": call["name"]}


def _words(answer: Sequence[Mapping[str, Any]]) -> str:
    text = " ".join(block["text"] for block in answer if block["type"] == "text")
    return " ".join(text.split())[:LONGEST_REASON]


if __name__ == "__main__":
    raise SystemExit(main())
