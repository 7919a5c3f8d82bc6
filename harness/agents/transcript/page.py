"""The transcript as Markdown, for a terminal and for a page.

All its text comes from outside, from a model or a program. So no character of it may act in a
terminal, and none of it may be a heading, a link, a picture, a comment or the end of one of our
blocks.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from harness.agents.transcript.turns import ToolCall, Turn

# Lines of a result: the first and the last of them.
_SHOWN = 12
# Lines of the task.
_TASK = 40
# Characters of a line.
_WIDEST = 200
# Characters of an input, and of a result, that are shown in the line of a call.
_LONG, _LINE = 60, 100
_TAB = "    "
_ACTS = re.compile(
    r"[\\<>\[\]!*_#|~&@]|(?<=:)/(?=/)|(?<=www)\.|^ *(?=(?:-+|=+) *$)|^ *(?=[+-] )", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class SessionNote:
    """One session: its role and model, from when to when, and what the broker counted, once it is
    over.

    `price` is the model's own when `factory.toml` names one: US dollars per million tokens of each
    class.
    """

    session: str
    run: str
    role: str
    issue: int
    attempt: int
    model: str
    opened: datetime
    closed: datetime | None = None
    cost_usd: Decimal | None = None
    price: Mapping[str, str] | None = None


def sections(note: SessionNote, turns: Sequence[Turn], *, over: bool) -> Iterator[str]:
    """The sections of a session's transcript: the head, the turns, the sum.

    Before it is `over`, the head waits for the first answer, a turn for the next one (which has its
    results), and the sum for the end. So a section never changes once it is there.
    """
    if not turns and not over:
        return
    yield _head(note, turns[0] if turns else None)
    yield from map(_section, turns if over else turns[:-1])
    if over:
        yield _sum(note, turns)


def _head(note: SessionNote, first: Turn | None) -> str:
    lines = [
        f"# {note.role}, attempt {note.attempt}, for issue #{note.issue}",
        "",
        f"Run {_words(note.run)}, session {_words(note.session)}, {_words(note.model)}, "
        f"from {_moment(note.opened)} UTC.",
    ]
    if first is not None and (task := "\n\n".join(first.user_texts)):
        lines += ["", "Its task:", "", *_fenced(_short(task, _TASK))]
    return "\n".join(lines) + "\n"


def _section(turn: Turn) -> str:
    lines = [
        "",
        f"## {turn.number} · {turn.at.astimezone(UTC):%H:%M:%S} · {turn.seconds:.1f} s",
        "",
    ]
    # The texts of the first turn are the task, which the head has shown.
    if turn.number > 1:
        lines += [
            part
            for word in turn.user_texts
            for line in _prose(word)
            if line.strip()
            for part in (f"*{line.strip()}*", "")
        ]
    if turn.shortened:
        lines += [
            "*What went before was shortened here, so the provider's cache serves less of it.*",
            "",
        ]
    for words in turn.texts:
        lines += [f"> {line}".rstrip() for line in _prose(words)] + [""]
    for call in turn.calls:
        lines += [*_tool_call(call), ""]
    if turn.error:
        lines += ["**No answer:**", "", *_fenced(_short(turn.error, _SHOWN)), ""]
    lines.append(_price(turn))
    return "\n".join(lines) + "\n"


def _sum(note: SessionNote, turns: Sequence[Turn]) -> str:
    read, cached = (
        sum(turn.tokens.whole_input for turn in turns),
        sum(turn.tokens.cache_read for turn in turns),
    )
    share = f", {cached / read:.0%} of them from the cache" if cached else ""
    cost = (
        f"${note.cost_usd:.4f}"
        if note.cost_usd is not None
        else f"${sum(turn.nanodollars for turn in turns) / 1e9:.4f}"
    )
    shortened = sum(turn.shortened for turn in turns)
    broken = f"; shortened {shortened} time{'s' * (shortened > 1)}" if shortened else ""
    end = (
        f"over at {_moment(note.closed)} UTC"
        if note.closed
        else "cut off: whoever ran it was ended"
    )
    return (
        f"\n---\n\n{len(turns)} turns, {sum(len(turn.calls) for turn in turns)} calls of tools,"
        f" {read:,} tokens read{share}, {sum(turn.tokens.output for turn in turns):,} written,"
        f" {cost}{broken}; {end}.\n"
    )


def _price(turn: Turn) -> str:
    cached = f" ({turn.tokens.cache_read:,} from the cache)" if turn.tokens.cache_read else ""
    stopped = (
        "" if turn.stop in ("tool_use", "end_turn", "") else f" · stopped: {_words(turn.stop)}"
    )
    cents = f"{turn.nanodollars / 1e7:.2f} ¢"
    return (
        f"{turn.tokens.whole_input:,} tokens read{cached}, {turn.tokens.output:,} written ·"
        f" {cents}{stopped}"
    )


def _tool_call(call: ToolCall) -> Iterator[str]:
    """A call in one line, with its result when that is short. Long inputs and a long result
    follow in blocks."""
    given = call.given if isinstance(call.given, dict) else {"input": call.given}
    words = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in given.items()
    }
    changed = _changed(words) if call.name == "edit" else []
    shown = {
        name: value for name, value in words.items() if not (changed and name in ("old", "new"))
    }
    blocks = {name: value for name, value in shown.items() if "\n" in value or len(value) > _LONG}
    rest = " ".join(
        f"{_words(name)} {_code(value)}" if name != "command" else _code(value)
        for name, value in shown.items()
        if name not in blocks
    )
    result = call.result if call.result is not None else ""
    is_short = result and "\n" not in result.strip("\n") and len(result) <= _LINE
    came = f" → {'failed: ' * call.failed}{_code(result.strip())}" if is_short else ""
    yield f"**{_words(call.name)}** {rest}".rstrip() + came
    for name, value in blocks.items():
        yield from ["", f"{_words(name)}:", "", *_fenced(_short(value, _SHOWN))]
    if changed:
        yield from ["", *_fenced(changed, language="diff")]
    if result and not is_short:
        yield from [
            "",
            *(["failed:", ""] if call.failed else []),
            *_fenced(_short(result, _SHOWN)),
        ]


def _changed(words: Mapping[str, str]) -> list[str]:
    """What an edit takes out and puts in, as a diff."""
    return [
        f"{sign}{line}"
        for name, sign in (("old", "-"), ("new", "+"))
        if words.get(name)
        for line in _short(words[name], _SHOWN)
    ]


def _short(text: str, most: int) -> list[str]:
    """The lines of a text, shortened; of many lines, the first and the last."""
    lines = [
        plain(line if len(line) <= _WIDEST else f"{line[:_WIDEST]}…")
        for line in text.strip("\n").split("\n")
    ]
    if len(lines) <= most:
        return lines
    half = most // 2
    return [*lines[:half], f"[… {len(lines) - 2 * half} lines …]", *lines[-half:]]


def _fenced(lines: list[str], *, language: str = "text") -> list[str]:
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *lines, fence]


def _code(text: str) -> str:
    """A word as code, in as many backticks as it needs."""
    shown = plain(text)
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    # A backtick at the edge would join those around it.
    edge = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{edge}{shown}{edge}{ticks}" if shown else "` `"


def _prose(text: str) -> Iterable[str]:
    """Lines of prose without Markdown's special characters, but for backticks: their content is
    code."""
    return [_words(line) for line in text.strip().split("\n")]


def _words(text: str) -> str:
    return _ACTS.sub(r"\\\g<0>", plain(text))


def plain(text: Any) -> str:
    """One line of text from outside, in characters that do nothing."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for letter in str(text).replace("\t", _TAB)
    )


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
