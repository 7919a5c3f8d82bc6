"""Checks the order of a journey: a page before acts on it, a dialog before the step that causes it,
a download before looks at its file, a command before looks at what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from validators.domain.errors import Problem
from validators.domain.journeys.calls import AnswerIs, Call, RememberAnswer
from validators.domain.journeys.commands import CommandLook, ExitIs, FileLeft, OutputHas, Run
from validators.domain.journeys.journey import (
    Block,
    Expect,
    Look,
    Open,
    Remember,
    Step,
    SwitchTo,
    Vantage,
)
from validators.domain.journeys.looks import FileHas
from validators.domain.journeys.steps import Dialog, Download
from validators.domain.journeys.walk import looks, runs


def disorders(steps: tuple[Step, ...], expect: tuple[Block, ...]) -> Iterator[Problem]:
    """Every step or expectation at a place where it has no meaning."""
    yield from _pages(steps)
    yield from _dialogs(steps)
    yield from _files(steps, expect)
    yield from _answers(steps, expect)
    yield from _commands(steps, expect)
    yield from _people(steps, expect)


def _pages(steps: tuple[Step, ...]) -> Iterator[Problem]:
    opened: set[str] = set()
    actor = ""
    for step in steps:
        if isinstance(step, SwitchTo):
            actor = step.actor
        # A page may ask as soon as it is opened, so a dialog may come before the first `open`. A
        # call and a command need no page.
        elif isinstance(step, Dialog | Call | RememberAnswer | Run) or _of_no_page(step):
            continue
        elif actor not in opened:
            if not _goes_somewhere(step):
                who = f"{actor!r}" if actor else "a journey"
                yield Problem(step.line, f"{who} starts at no page: the first step must be `open`")
            opened.add(actor)
    if steps and not opened and not any(isinstance(step, Call | Run) for step in steps):
        yield Problem(steps[0].line, "no step does anything")


def _of_no_page(step: Step) -> bool:
    """Whether a step only looks at what stands on no page."""
    beside = AnswerIs | FileHas | CommandLook
    return isinstance(step, Expect) and all(isinstance(look, beside) for look in step.looks)


def _on_the_way(steps: tuple[Step, ...]) -> tuple[Look, ...]:
    return tuple(look for step in steps if isinstance(step, Expect) for look in step.looks)


def _answers(steps: tuple[Step, ...], expect: tuple[Block, ...]) -> Iterator[Problem]:
    """A call stands before what is looked at or remembered of its answer."""
    calls: dict[str, Call] = {}
    for step in steps:
        match step:
            case Call(name=name):
                if name and name in calls:
                    message = f"two calls are called {name!r}: give each a name of its own"
                    yield Problem(step.line, message)
                calls[name] = calls[""] = step
            case RememberAnswer(of=of):
                yield from _no_answer(step.line, of, calls)
            case Expect(looks=looks_here):
                for look in looks_here:
                    yield from _no_answer_to(look, calls)
    for block in expect:
        for look in block.looks:
            yield from _no_answer_to(look, calls)
            call = calls.get(look.of) if isinstance(look, AnswerIs) else None
            if call and block.vantage is not Vantage.HERE and not call.safe:
                yield Problem(
                    look.line,
                    f"seen from elsewhere, a call is made again, and {call.method} would do it"
                    " twice: let a step `call` with GET what must come of it, and look at that",
                )
    yield from _without_page(steps, expect) if calls else ()


def _no_answer_to(look: Look, calls: dict[str, Call]) -> Iterator[Problem]:
    if isinstance(look, AnswerIs):
        yield from _no_answer(look.line, look.of, calls)


def _no_answer(line: int, of: str, calls: dict[str, Call]) -> Iterator[Problem]:
    if not calls:
        yield Problem(line, "no answer has come here: write a step `call` before")
    elif of not in calls:
        known = ", ".join(sorted(filter(None, calls))) or "none"
        yield Problem(line, f"no call is called {of!r}; calls with a name (`as`): {known}")


def _without_page(steps: tuple[Step, ...], expect: tuple[Block, ...]) -> Iterator[Problem]:
    """Where no step opens a page, only answers can be looked at."""
    if any(_goes_somewhere(step) for step in steps):
        return
    for block in (block for block in expect if not block.opens):
        beside = AnswerIs | FileHas | CommandLook
        for look in (look for look in block.looks if not isinstance(look, beside)):
            yield Problem(
                look.line, "no page is open: look at an `answer`, or let a step `open` a page"
            )


def _goes_somewhere(step: Step) -> bool:
    return isinstance(step, Open) or (isinstance(step, Download) and step.path is not None)


def _dialogs(steps: tuple[Step, ...]) -> Iterator[Problem]:
    """A dialog stands directly before the step that causes it; several before one that causes
    several."""
    for step, after in pairwise((*steps, None)):
        if isinstance(step, Dialog):
            if after is None or isinstance(after, SwitchTo | Remember | RememberAnswer | Expect):
                yield Problem(
                    step.line,
                    "no step causes this dialog: write it directly before the step that does, like"
                    " a click",
                )
            if step.message and step.message.generates:
                yield Problem(
                    step.line,
                    "any.… draws new data, which a dialog cannot show: draw it in let or a step,"
                    " and name it",
                )


def _files(steps: tuple[Step, ...], expect: tuple[Block, ...]) -> Iterator[Problem]:
    files = [step.name for step in steps if isinstance(step, Download)]
    for look in (*_on_the_way(steps), *looks(expect)):
        if isinstance(look, FileHas) and look.file not in files:
            known = ", ".join(sorted(files)) or "none"
            yield Problem(look.line, f"no step downloads {look.file!r}; downloaded so far: {known}")
    for step in (
        step for step in steps if isinstance(step, Download) and files.count(step.name) > 1
    ):
        yield Problem(
            step.line, f"two downloads are called {step.name!r}: give each a name of its own"
        )


def _commands(steps: tuple[Step, ...], expect: tuple[Block, ...]) -> Iterator[Problem]:
    commands = runs(steps)
    names = [one.name for one in commands if one.name]
    for step in (one for one in commands if names.count(one.name) > 1):
        yield Problem(
            step.line, f"two commands are called {step.name!r}: give each a name of its own"
        )
    for look in (*_on_the_way(steps), *looks(expect)):
        if not isinstance(look, CommandLook):
            continue
        if not commands:
            yield Problem(look.line, "no step runs a command: write `- run: [tool, …]` before")
        if isinstance(look, ExitIs | OutputHas) and look.command not in ("", *names):
            known = ", ".join(sorted(names)) or "none"
            yield Problem(look.line, f"no command is called {look.command!r}; so far: {known}")
        generating = isinstance(look, FileLeft) and look.path.generates
        if generating:
            yield Problem(look.line, "any.… draws a new name, which no file has: name it in let")
    if all(isinstance(step, Run) or _of_no_page(step) for step in steps):
        yield from _no_page(expect)


def _no_page(expect: tuple[Block, ...]) -> Iterator[Problem]:
    """Where a journey opens no page, nothing can be seen on one."""
    for block in expect:
        if block.vantage is not Vantage.HERE:
            yield Problem(block.line, "no page is open that could be seen from elsewhere")
        for look in block.looks:
            if not isinstance(look, CommandLook):
                yield Problem(
                    look.line,
                    "no page is open: look at output, errors, exit or file, or let a step `open`"
                    " one",
                )


def _people(steps: tuple[Step, ...], expect: tuple[Block, ...]) -> Iterator[Problem]:
    acting = {step.actor for step in steps if isinstance(step, SwitchTo)}
    for block in (block for block in expect if block.vantage is Vantage.ACTOR and not block.opens):
        if block.actor not in acting:
            known = ", ".join(sorted(acting)) or "none (name the first one with `as` before `open`)"
            yield Problem(
                block.line,
                f"{block.actor!r} was never at any page: give this entry a path to `open`, or a"
                f" step `as: {block.actor}`; people so far: {known}",
            )
