"""The transcript as Markdown that is read as well in a terminal as on a page.

All that it tells was said by a model or by a program, so all of it is text from outside: no
character of it does anything but stand there, in a terminal, and none of it is a heading, a link, a
picture, a comment or the end of a block of ours."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from harness.agents.transcript.turns import Called, Turn

# lines of a result, the first and the last of them
_SHOWN = 12
# lines of the task
_TASK = 40
# characters of a line
_WIDEST = 200
# characters of an input, and of a result, that stand in the line of a call
_LONG, _LINE = 60, 100
_TAB = "    "
_ACTS = re.compile(
    r"[\\<>\[\]!*_#|~&@]|(?<=:)/(?=/)|(?<=www)\.|^ *(?=(?:-+|=+) *$)|^ *(?=[+-] )", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """One session: who spoke with which model, from when to when, and what the broker says it cost,
    once it is over. `price` is the model's own where `factory.toml` names one: US dollars per
    million tokens of each class."""

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


def sections(spoken: Spoken, turns: Sequence[Turn], *, over: bool) -> Iterator[str]:
    """The sections of a session's transcript: the head, the turns, the sum.

    Before it is `over` the head waits for the first answer, a turn for the next, in which its
    results stand, and the sum for the end: so what was there once stays as it is, and more comes
    after it."""
    if not turns and not over:
        return
    yield _head(spoken, turns[0] if turns else None)
    yield from map(_section, turns if over else turns[:-1])
    if over:
        yield _sum(spoken, turns)


def _head(spoken: Spoken, first: Turn | None) -> str:
    lines = [
        f"# {spoken.role}, attempt {spoken.attempt}, for issue #{spoken.issue}",
        "",
        f"Run {_words(spoken.run)}, session {_words(spoken.session)}, {_words(spoken.model)}, "
        f"from {_moment(spoken.opened)} UTC.",
    ]
    if first is not None and (task := "\n\n".join(first.told)):
        lines += ["", "It was told:", "", *_fenced(_short(task, _TASK))]
    return "\n".join(lines) + "\n"


def _section(turn: Turn) -> str:
    lines = [
        "",
        f"## {turn.number} · {turn.at.astimezone(UTC):%H:%M:%S} · {turn.seconds:.1f} s",
        "",
    ]
    if turn.number > 1:
        lines += [
            part
            for word in turn.told
            for line in _prose(word)
            if line.strip()
            for part in (f"*{line.strip()}*", "")
        ]
    if turn.shortened:
        lines += [
            "*What went before was shortened here, so the provider's cache serves less of it.*",
            "",
        ]
    for words in turn.said:
        lines += [f"> {line}".rstrip() for line in _prose(words)] + [""]
    for called in turn.calls:
        lines += [*_called(called), ""]
    if turn.error:
        lines += ["**No answer:**", "", *_fenced(_short(turn.error, _SHOWN)), ""]
    lines.append(_price(turn))
    return "\n".join(lines) + "\n"


def _sum(spoken: Spoken, turns: Sequence[Turn]) -> str:
    read, cached = (
        sum(turn.tokens.whole_input for turn in turns),
        sum(turn.tokens.cache_read for turn in turns),
    )
    share = f", {cached / read:.0%} of them from the cache" if cached else ""
    cost = (
        f"${spoken.cost_usd:.4f}"
        if spoken.cost_usd is not None
        else f"${sum(turn.nanodollars for turn in turns) / 1e9:.4f}"
    )
    shortened = sum(turn.shortened for turn in turns)
    broken = f"; shortened {shortened} time{'s' * (shortened > 1)}" if shortened else ""
    end = (
        f"over at {_moment(spoken.closed)} UTC"
        if spoken.closed
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


def _called(called: Called) -> Iterator[str]:
    """A call in one line, with what came of it where that is short; its long words and a long
    result in blocks below."""
    given = called.given if isinstance(called.given, dict) else {"input": called.given}
    words = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in given.items()
    }
    changed = _changed(words) if called.name == "edit" else []
    shown = {
        name: value for name, value in words.items() if not (changed and name in ("old", "new"))
    }
    blocks = {name: value for name, value in shown.items() if "\n" in value or len(value) > _LONG}
    rest = " ".join(
        f"{_words(name)} {_code(value)}" if name != "command" else _code(value)
        for name, value in shown.items()
        if name not in blocks
    )
    result = called.result if called.result is not None else ""
    is_short = result and "\n" not in result.strip("\n") and len(result) <= _LINE
    came = f" → {'failed: ' * called.wrong}{_code(result.strip())}" if is_short else ""
    yield f"**{_words(called.name)}** {rest}".rstrip() + came
    for name, value in blocks.items():
        yield from ["", f"{_words(name)}:", "", *_fenced(_short(value, _SHOWN))]
    if changed:
        yield from ["", *_fenced(changed, language="diff")]
    if result and not is_short:
        yield from [
            "",
            *(["failed:", ""] if called.wrong else []),
            *_fenced(_short(result, _SHOWN)),
        ]


def _changed(words: Mapping[str, str]) -> list[str]:
    """What an edit takes out and puts in, as a difference."""
    return [
        f"{sign}{line}"
        for name, sign in (("old", "-"), ("new", "+"))
        if words.get(name)
        for line in _short(words[name], _SHOWN)
    ]


def _short(text: str, most: int) -> list[str]:
    """The lines of a text, of many the first and the last; each as far as it is worth reading."""
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
    """A word as code: in as many backticks as it takes."""
    shown = plain(text)
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    edge = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{edge}{shown}{edge}{ticks}" if shown else "` `"


def _prose(text: str) -> Iterable[str]:
    """Lines of prose without what Markdown would act on, but for backticks: what stands in them is
    code."""
    return [_words(line) for line in text.strip().split("\n")]


def _words(text: str) -> str:
    return _ACTS.sub(r"\\\g<0>", plain(text))


def plain(text: Any) -> str:
    """One line of text from outside, as characters that only stand there."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for letter in str(text).replace("\t", _TAB)
    )


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
