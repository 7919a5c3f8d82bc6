"""What every agent CLI shares: its order, its launch, and the reading of its events."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.domain.model_choice.agents import AgentKind
from harness.domain.plain import JsonObject

NO_KEY = "no-key-here-the-broker-has-it"
"""For a CLI that demands a key. It opens nothing: the broker knows a session by its socket."""

CLOSING = """

You have no tools called `finish` and `give_up` here. In their place, let the last line of your
last message be one of these, and nothing else on it:

outcome: finished
outcome: cannot-reproduce
outcome: spec-conflict
outcome: blocked
"""
# Models often set such a line in bold, in a list or as a quote.
_OUTCOME = re.compile(
    r"[\s*_`>#-]*outcome:[\s*_`]*(finished|cannot-reproduce|spec-conflict|blocked)[\s*_`.]*",
    re.IGNORECASE,
)


# The error kinds of both wires, and the broker's own sentence.
_CAP_REACHED = ("budget_exhausted", "insufficient_quota", "would be crossed")


class CliWire(StrEnum):
    """The API of a session's socket."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"


@dataclass(frozen=True, slots=True)
class CliOrder:
    """What a CLI gets.

    `home` and `worktree` are folders in its sandbox; `url` is the broker's there, without a path.
    `max_tokens` is per answer, and the broker reserves money for that. An empty `effort` is the
    CLI's own.
    """

    instructions: str
    task: str
    model: str
    wire: CliWire
    url: str
    home: str
    worktree: str
    turns: int
    max_tokens: int
    effort: str = ""


@dataclass(frozen=True, slots=True)
class CliLaunch:
    """How it is started: the arguments after the program, the environment, the files of its home by
    path, and standard input.

    `hidden` are names at the top of the worktree that it must not find, because it has no switch
    that leaves them out.
    """

    words: tuple[str, ...]
    env: Mapping[str, str]
    files: Mapping[str, str]
    stdin: str
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CliResult:
    """What its events amount to. `outcome` is one of `finished`, `gave-up`, `out-of-turns`,
    `budget`, `error`."""

    outcome: str
    summary: str
    reason: str | None = None
    turns: int = 0
    tool_calls: int = 0


Events = Sequence[JsonObject]


@dataclass(frozen=True, slots=True)
class Cli:
    """One agent CLI: the wires that it speaks, the preferred one first, its launch and its
    events."""

    kind: AgentKind
    wires: tuple[CliWire, ...]
    launch: Callable[[CliOrder], CliLaunch]
    read_events: Callable[[Events], CliResult | None]


def events_in(output: bytes) -> Iterator[JsonObject]:
    """The JSON objects among the lines. Other lines are skipped."""
    for line in output.decode("utf-8", "replace").splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def part(value: Any, *names: str) -> Any:
    """The value under these names, one inside the other; None when there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def listed(value: Any, *names: str) -> Sequence[Any]:
    """The list under these names; empty when there is none."""
    found = part(value, *names)
    return found if isinstance(found, list) else ()


def ended_well(message: str, *, turns: int, tool_calls: int) -> CliResult:
    """The result of a session that ended by itself.

    Its last line may report that it gave up. Otherwise it has finished, and the judge looks at the
    work.
    """
    body, _, last = message.rstrip().rpartition("\n")
    match = _OUTCOME.fullmatch(last)
    if match is None:
        return CliResult("finished", message.strip(), turns=turns, tool_calls=tool_calls)
    word = match[1].lower()
    outcome, reason = ("finished", None) if word == "finished" else ("gave-up", word)
    return CliResult(outcome, body.strip(), reason, turns, tool_calls)


def ended_badly(message: str, *, turns: int, tool_calls: int, body: str = "") -> CliResult:
    """The result of a session that broke off, with its own message.

    `body` is the answer that it broke off at, if it reported one. Either may have the broker's word
    for a cap that is reached. This is for people: the broker itself reports the cap to the factory.
    """
    is_budget = any(word in message + body for word in _CAP_REACHED)
    return CliResult(
        "budget" if is_budget else "error",
        message.strip() or "it broke off without a word",
        turns=turns,
        tool_calls=tool_calls,
    )
