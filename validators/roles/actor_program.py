"""`python -m validators.roles.actor_program`: what runs in the actor's box, from a brief to the end
of one line.

    in    {"brief": {model, who, goal, instructions}, "model_port": 8090, "line_port": 8091, "word":
    "…"}
    line  a connection to line_port: first the word, then a JSON object a line in (told, view,
    acts_left), an act a line out

The box has a port of the model broker and the line, no browser and no app. One connection is
answered, and only if its first line is the word: a page that found the port could otherwise talk to
the actor."""

from __future__ import annotations

import json
import secrets
import socket
import sys
from io import BufferedReader
from typing import Any

from validators.roles.actor import Actor, Brief
from validators.roles.model import NoAnswer, model_at

WORD_SECONDS, WAIT_SECONDS = 5.0, 120.0
LONGEST_LINE = 64_000
READY = b"ready\n"


def main() -> int:
    """Hold the conversation. Exit 0 = the other end closed it; 1 = the model could not be reached,
    or nobody came."""
    given = json.load(sys.stdin)
    actor = Actor(Brief(**given["brief"]), model_at(given["model_port"]))
    try:
        with socket.create_server(("127.0.0.1", given["line_port"])) as server:
            server.settimeout(WAIT_SECONDS)
            talked(server, actor, word=given["word"])
    except NoAnswer as error:
        print(f"the model did not answer: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"the line to the browser failed: {error}", file=sys.stderr)
        return 1
    return 0


def talked(server: socket.socket, actor: Actor, *, word: str) -> None:
    """Answer the first connection that begins with the word, until it ends. Raises NoAnswer and
    OSError."""
    while True:
        connection, _ = server.accept()
        connection.settimeout(WORD_SECONDS)
        with connection, connection.makefile("rb") as line:
            if not secrets.compare_digest(_first(line), word.encode() + b"\n"):
                continue
            connection.settimeout(WAIT_SECONDS)
            connection.sendall(READY)
            while told := line.readline(LONGEST_LINE):
                connection.sendall(_answer(actor, told))
            return


def _first(line: BufferedReader) -> bytes:
    try:
        return line.readline(LONGEST_LINE)
    except TimeoutError:
        return b""


def _answer(actor: Actor, told: bytes) -> bytes:
    seen: dict[str, Any] = json.loads(told)
    return json.dumps(actor.act(seen), ensure_ascii=False).encode() + b"\n"


if __name__ == "__main__":
    raise SystemExit(main())
