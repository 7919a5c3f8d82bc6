"""Compares looks at commands with what came of them. Pure: the results are in the values of the
run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import assert_never

from validators.domain.errors import ExpressionInvalid
from validators.domain.evidence import Breach, observed
from validators.domain.journeys.command_result import CommandResult, shown_lines, shown_text
from validators.domain.journeys.commands import CommandLook, ExitIs, FileLeft, OutputHas, Run
from validators.domain.journeys.journey import Block, Expect, Look, Step
from validators.domain.journeys.looks import FileHas
from validators.domain.journeys.values import Values
from validators.domain.journeys.walk import looks
from validators.performance.calling import document_look_result
from validators.performance.comparing import compared, compared_list, described
from validators.performance.file_looks import file_text_result
from validators.performance.look_result import LookResult

NOT_ENDED = "it did not end in its time"


def command_look_result(look: CommandLook, values: Values) -> LookResult:
    """The result of one look. Raises ExpressionInvalid where no command has run."""
    match look:
        case ExitIs():
            code = _result(look.command, values).exit_code
            if code is None:
                return LookResult(False, described(look.claims, values), NOT_ENDED)
            return compared(str(code), look.claims, values)
        case OutputHas():
            return _printed(look, _result(look.command, values).text(look.stream), values)
        case FileLeft():
            return _left(look, values)
        case _:
            assert_never(look)


def ending_breaches(
    steps: Sequence[Step], expect: Sequence[Block], values: Values
) -> Iterator[Breach]:
    """Commands that ended as they must not: with another code than 0, where no look is about the
    exit code, or not in the time that the journey promises."""
    commands: list[Run] = []
    looked_at: list[Run] = []
    for step in steps:
        if isinstance(step, Run):
            commands.append(step)
        elif isinstance(step, Expect):
            looked_at += _asked(step.looks, commands)
    looked_at += _asked(looks(expect), commands)
    # Steps after one that could not be done have no result.
    for step, result in zip(commands, values.ended, strict=False):
        asked = any(step is one for one in looked_at)
        if result.exit_code is None:
            yield Breach("within", step.line, f"not ended after {step.seconds} s")
        elif result.exit_code and not asked:
            errors = shown_text(result.errors).strip().rpartition("\n")[2]
            yield Breach("exit", step.line, observed(f"exit code {result.exit_code}: {errors}"))


def _asked(seen: Iterable[Look], commands: Sequence[Run]) -> list[Run]:
    """The commands, of those so far, whose exit code is looked at: the last one without a name."""
    names = [look.command for look in seen if isinstance(look, ExitIs)]
    last = commands[-1:]
    return [
        one
        for name in names
        for one in (commands if name else last)
        if not name or one.name == name
    ]


def _result(name: str, values: Values) -> CommandResult:
    if name not in values.commands:
        raise ExpressionInvalid("no such command has run at this point of the journey")
    return values.commands[name]


def _printed(look: OutputHas, text: str, values: Values) -> LookResult:
    if look.has:
        return _as_file(look.has, text, values)
    if look.json:
        return document_look_result(text.encode(), look.json, values)
    if look.lists:
        return compared_list(shown_lines(text), look.lists, values)
    return compared(text, look.claims, values)


def _left(look: FileLeft, values: Values) -> LookResult:
    name, left = values.text(look.path), _result("", values).left
    if name not in left:
        raise ExpressionInvalid(f"whether {name!r} is there was not asked")
    content = left[name]
    there = f"{len(content)} bytes" if content is not None else "not there"
    if not look.there or content is None:
        wanted = "there" if look.there else "not there"
        return LookResult((content is not None) is look.there, wanted, there)
    if look.has is None:
        return LookResult(True, "there", there)
    try:
        return _as_file(look.has, content.decode("utf-8-sig"), values)
    except UnicodeDecodeError:
        return LookResult(False, str(look.has.part), f"{there} that are no text in UTF-8")


def _as_file(has: FileHas, text: str, values: Values) -> LookResult:
    return file_text_result(has, text, tuple(values.text(one) for one in has.values))
