"""What is the same for every agent CLI: what it is told, how it is started, and what is heard of
it."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.domain.model_choice.agents import AgentKind

NO_KEY = "no-key-here-the-broker-has-it"
"""What stands where a CLI demands a key. It opens nothing: the broker tells a session by its
socket."""

CLOSING = """

You have no tools called `finish` and `give_up` here. In their place, let the last line of your last message be one of these, and
nothing else on it:

outcome: finished
outcome: cannot-reproduce
outcome: spec-conflict
outcome: blocked
"""
_OUTCOME = re.compile(
    r"[\s*_`>#-]*outcome:[\s*_`]*(finished|cannot-reproduce|spec-conflict|blocked)[\s*_`.]*",
    re.IGNORECASE,
)


# on either wire; and the broker's own sentence
_SPENT = ("budget_exhausted", "insufficient_quota", "would be crossed")


class Wire(StrEnum):
    """How a session's socket is spoken to."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"


@dataclass(frozen=True, slots=True)
class Order:
    """What a CLI is told. `home` and `worktree` are folders in its box, `url` is the broker's
    there, without a path; `max_tokens` are of one answer, which the broker holds money for; an
    empty `effort` is the CLI's own."""

    law: str
    task: str
    model: str
    wire: Wire
    url: str
    home: str
    worktree: str
    turns: int
    max_tokens: int
    effort: str = ""


@dataclass(frozen=True, slots=True)
class Launch:
    """How it is started: the words after the program, variables, files of its home by their path
    there, standard input.

    `hidden` are names at the top of the worktree that it must not find: its makers give no switch
    that leaves them out."""

    words: tuple[str, ...]
    env: Mapping[str, str]
    files: Mapping[str, str]
    stdin: str
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """What its events say. `outcome` is one of `finished`, `gave-up`, `out-of-turns`, `budget` and
    `error`."""

    outcome: str
    says: str
    reason: str | None = None
    turns: int = 0
    tool_calls: int = 0


Events = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Cli:
    """One agent CLI: the wires that it speaks, the one it prefers first, and its two ends."""

    kind: AgentKind
    wires: tuple[Wire, ...]
    launch: Callable[[Order], Launch]
    heard: Callable[[Events], Heard | None]


def events_in(output: bytes) -> Iterator[Mapping[str, Any]]:
    """The JSON objects among the lines; whatever else was printed is passed over."""
    for line in output.decode("utf-8", "replace").splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def part(value: Any, *names: str) -> Any:
    """What lies under these names, one in the other; None where there is no such thing."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def listed(value: Any, *names: str) -> Sequence[Any]:
    """The list that lies under these names; empty where there is none."""
    found = part(value, *names)
    return found if isinstance(found, list) else ()


def ended_well(message: str, *, turns: int, tool_calls: int) -> Heard:
    """A session that ended by itself. Its last line may say that it gave up; else it is finished,
    and the judge looks at it."""
    body, _, last = message.rstrip().rpartition("\n")
    told = _OUTCOME.fullmatch(last)
    if told is None:
        return Heard("finished", message.strip(), turns=turns, tool_calls=tool_calls)
    word = told[1].lower()
    outcome, reason = ("finished", None) if word == "finished" else ("gave-up", word)
    return Heard(outcome, body.strip(), reason, turns, tool_calls)


def ended_badly(message: str, *, turns: int, tool_calls: int, body: str = "") -> Heard:
    """A session that broke off, in its own words. `body` is the answer that it broke off at, where
    it is told beside them: in the one or the other is the broker's word for a cap that is reached.
    It is for people: what counts, the broker tells the factory itself."""
    spent = any(word in message + body for word in _SPENT)
    return Heard(
        "budget" if spent else "error",
        message.strip() or "it broke off without a word",
        turns=turns,
        tool_calls=tool_calls,
    )
