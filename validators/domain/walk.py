"""Walking a journey: which templates it holds, and which texts its steps state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from validators.domain.journey import (
    Absent,
    Block,
    Clear,
    Click,
    CountIs,
    Fill,
    Journey,
    Look,
    Open,
    PathIs,
    Press,
    Remember,
    RowHas,
    Select,
    Step,
    Target,
    TextIs,
    Tick,
    TitleIs,
    ValueIs,
    Visible,
)
from validators.domain.values import Template, slug


def looks(blocks: Iterable[Block]) -> tuple[Look, ...]:
    """Every look of every block, in order."""
    return tuple(look for block in blocks for look in block.looks)


def positive(look: Look) -> bool:
    """False for a look that a blank page satisfies."""
    if isinstance(look, CountIs):
        return look.value.source.strip() != "0"
    return not isinstance(look, Absent)


def target_of(part: Step | Look) -> Target | None:
    """The element a step acts on or a look is at, if it names one."""
    match part:
        case Fill() | Click() | Select() | Tick() | Clear() | Remember() | ValueIs() | Visible() | Absent() | CountIs():
            return part.target
        case Press(target=target) | TextIs(target=target) | RowHas(within=target):
            return target
        case _:
            return None


def target_templates(target: Target | None) -> Iterator[Template]:
    while target is not None:
        yield from (held for held in (target.name, target.label, target.words) if held)
        target = target.within


def values_of(part: Step | Look) -> tuple[Template, ...]:
    """The values a step puts in or a look compares with, without the names of elements."""
    match part:
        case Open(path=value) | Fill(value=value) | Select(option=value):
            return (value,)
        case TextIs() | ValueIs() | CountIs() | PathIs() | TitleIs():
            return (part.value,)
        case RowHas(cells=cells):
            return cells
        case _:
            return ()


def templates_of(part: Step | Look) -> tuple[Template, ...]:
    """Every template of a step or look."""
    return (*values_of(part), *target_templates(target_of(part)))


def field_of(step: Step) -> str | None:
    """The slug under which `filled.<slug>` holds what the step put in, None when it puts nothing in."""
    if not isinstance(step, Fill | Select | Tick):
        return None
    named = step.target.label or step.target.name
    return slug(named.source) if named else None


def stated(steps: Iterable[Step]) -> tuple[str, ...]:
    """The literal texts that steps state: what is typed or picked, and the names of what is clicked."""
    told: list[str] = []
    for step in steps:
        if isinstance(step, Fill | Select):
            told += [value.source for value in values_of(step) if not value.holes]
        if isinstance(step, Click):
            told += [held.source for held in target_templates(step.target) if not held.holes]
    return tuple(dict.fromkeys(text.strip() for text in told if text.strip()))


def required(journey: Journey) -> tuple[Template, ...]:
    """The texts that the journey's positive expectations require to be read on a page, names of elements included."""
    wanted = [look for look in looks(journey.expect) if positive(look)]
    read = (held for look in wanted if not isinstance(look, CountIs | PathIs) for held in values_of(look))
    names = (held for look in wanted for held in target_templates(target_of(look)))
    return tuple(dict.fromkeys((*read, *names)))
