"""Checks whether a journey is worth sealing: it must depend on what its steps did, and be able to
fail.

A third of plausible journeys proved worthless in trials: true on any page, or true before the
change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from validators.domain.errors import Problem
from validators.domain.journeys.calls import AnswerIs, Call, RememberAnswer
from validators.domain.journeys.commands import ExitIs, FileLeft, OutputHas, Run
from validators.domain.journeys.journey import (
    Absent,
    Block,
    Clear,
    Click,
    CountIs,
    Expect,
    Fill,
    Journey,
    Look,
    Open,
    Press,
    Regardless,
    Remember,
    Select,
    Step,
    Tick,
    Vantage,
    Visible,
)
from validators.domain.journeys.looks import (
    ColumnHas,
    DescriptionIs,
    FileHas,
    Focused,
    StateIs,
)
from validators.domain.journeys.meaning import meant
from validators.domain.journeys.steps import Travel, Type, Upload
from validators.domain.journeys.target import Target
from validators.domain.journeys.values import Filled, Named, Template
from validators.domain.journeys.walk import (
    field_of,
    looks,
    positive,
    stated,
    target_of,
    templates_of,
    values_of,
)
from validators.domain.journeys.wording import whole_words
from validators.language.order import disorders


def problems(journey: Journey, *, may_only_look: bool = False) -> tuple[Problem, ...]:
    """Every reason not to seal the journey, in line order; empty means it may be sealed, or with
    `may_only_look` performed."""
    negative_control = journey.negative_control
    found = [
        *disorders(journey.steps, journey.expect),
        *_placeholders(journey, journey.steps, journey.expect),
    ]
    found += [*_absences_alone(journey.expect), *_independent(journey), *_one_clock(journey)]
    found += _terminal_without_commands(journey)
    found += [] if may_only_look else _only_opens(journey)
    if negative_control is None:
        found.append(
            Problem(0, "a journey needs `twin`: expectations that must fail on a correct app")
        )
    else:
        steps = negative_control.steps or journey.steps
        found += _looks_in(negative_control.steps or ())
        found += [*_absences_alone(negative_control.expect, of="`twin`: "), *_comparable(journey)]
        found += [
            *_placeholders(journey, steps, negative_control.expect),
            *disorders(steps, negative_control.expect),
        ]
    return tuple(sorted(set(found), key=lambda problem: (problem.line, problem.message)))


def _one_clock(journey: Journey) -> Iterator[Problem]:
    if journey.travels and Regardless.DATE in journey.regardless:
        line = next(step.line for step in journey.all_steps if isinstance(step, Travel))
        yield Problem(
            line,
            "it travels in time, so the date makes a difference: leave `date` out of `regardless`",
        )


def _terminal_without_commands(journey: Journey) -> Iterator[Problem]:
    if Regardless.TERMINAL in journey.regardless and not journey.runs_commands:
        yield Problem(0, "it runs no command: leave `terminal` out of `regardless`")


def warnings(journey: Journey) -> tuple[Problem, ...]:
    """Weak points that an app which is right in one case only could use. The journey may be sealed
    all the same: not every value can be drawn."""
    fixed = [step for step in journey.steps if _asks_the_same(step)]
    message = (
        "this address is fixed, with everything that it asks for: an app that is right for it"
        " alone passes; open the page, and put in or pick a value that is drawn"
    )
    found = [Problem(step.line, message) for step in fixed]
    drawn = any(template.holes for step in journey.steps for template in templates_of(step))
    if not drawn and not fixed and journey.steps:
        found.append(
            Problem(
                journey.steps[0].line,
                "nothing that is done is drawn: an app that is right in this one case passes",
            )
        )
    bare = [step for step in journey.steps if isinstance(step, Press) and step.target is None]
    found += [
        Problem(
            step.line,
            f"{step.key} goes to whatever has the focus, which another browser may give elsewhere:"
            f" name the element, like `press: {{key: {step.key}, label: …}}`, or look whether it is"
            " `focused` before",
        )
        for step in bare
        if not _focus_known(journey.steps, step)
    ]
    return tuple(sorted(found, key=lambda problem: problem.line))


def _asks_the_same(step: Step) -> bool:
    """Whether a step asks for one fixed address, with everything that it asks for."""
    match step:
        case Open(path=path):
            return "?" in path.literal and not path.holes
        case Call():
            asked = "?" in step.path.literal or bool(step.query)
            return step.safe and asked and not any(one.holes for one in step.templates())
        case _:
            return False


def _focus_known(steps: tuple[Step, ...], press: Press) -> bool:
    """Whether a step before, with only keys between them, puts the focus somewhere by name."""
    before = steps[: steps.index(press)]
    while before and isinstance(before[-1], Press | Type):
        before = before[:-1]
    if before and isinstance(before[-1], Expect):
        return any(isinstance(look, Focused) for look in before[-1].looks)
    return bool(before) and isinstance(before[-1], Fill | Click | Tick | Select | Clear)


def _looks_in(steps: tuple[Step, ...]) -> Iterator[Problem]:
    """A look among the negative control's own steps: what must fail is what it expects at last."""
    for step in steps:
        if isinstance(step, Expect):
            yield Problem(
                step.line, "the steps of `twin` must work: look at what must fail in its `expect`"
            )


def _only_opens(journey: Journey) -> Iterator[Problem]:
    """A journey that only opens pages, and looks at each from one vantage, would pass on painted
    pages: neither control against those fails on it."""
    elsewhere = {block.place for block in journey.expect} - {
        (Vantage.HERE, "", None),
        (Vantage.AFTER_RELOAD, "", None),
    }
    looked_for = {meant(block.looks) for block in journey.expect}
    only_opens = journey.steps and all(map(_only_asks, journey.steps))
    # Different looks from two vantages do prove something: a painted page shows both the same.
    if only_opens and (not elsewhere or len(looked_for) == 1):
        yield Problem(
            journey.steps[0].line,
            "it only opens pages, so pages that are only painted would pass: let it put in or pick"
            " a value that is drawn, and look for what must come of it; what merely stands there,"
            " reach by a click",
        )


def _only_asks(step: Step) -> bool:
    """Whether a step asks for the same whatever is drawn, so that one answer for ever would do."""
    if isinstance(step, Call):
        return step.safe and not any(one.holes for one in step.templates())
    return isinstance(step, Open | Expect | RememberAnswer)


def _placeholders(
    journey: Journey, steps: tuple[Step, ...], expect: tuple[Block, ...]
) -> Iterator[Problem]:
    """Names that are used before anything sets them, and generators at places where the page cannot
    know the drawn value."""
    names: set[str] = set()
    fields: set[str] = set()
    for name, template in journey.let:
        yield from _unknown((template,), names, fields, line=0)
        names.add(name)
    for step in steps:
        # Before the step's own names are added: a step cannot use what it sets itself.
        yield from _unknown(templates_of(step), names, fields, line=step.line)
        # What is expected is read, and what is remembered of an answer is found there.
        reads = isinstance(step, Expect | RememberAnswer)
        put_in = () if reads else values_of(step)
        drawn = [one for one in templates_of(step) if one.generates and one not in put_in]
        yield from (_no_draw(step.line) for _ in drawn)
        fields |= {field_of(step) or ""}
        names |= {step.name} if isinstance(step, Remember | RememberAnswer) else set()
    for look in looks(expect):
        yield from _unknown(templates_of(look), names, fields, line=look.line)
        yield from (_no_draw(look.line) for one in templates_of(look) if one.generates)
    for opened in (block.opens for block in expect if block.opens):
        yield from _unknown((opened,), names, fields, line=0)


def _no_draw(line: int) -> Problem:
    return Problem(
        line,
        "any.… draws new data, which the page cannot know: draw it in let or a step, and name it",
    )


def _unknown(
    templates: Iterable[Template], names: set[str], fields: set[str], *, line: int
) -> Iterator[Problem]:
    for hole in (hole for template in templates for hole in template.holes):
        match hole:
            case Filled(field=field) if field not in fields:
                known = ", ".join(sorted(fields - {""})) or "none"
                yield Problem(
                    line, f"nothing has filled {field!r} before this point; filled so far: {known}"
                )
            case Named(name=name) if name not in names:
                known = ", ".join(sorted(names)) or "none"
                yield Problem(line, f"{name!r} has no value at this point; known names: {known}")


def _absences_alone(expect: tuple[Block, ...], *, of: str = "") -> Iterator[Problem]:
    for block in expect:
        if not any(positive(look) for look in block.looks):
            yield Problem(
                block.line,
                f"{of}an absence proves nothing on a blank page: say what must be there as well",
            )


def _independent(journey: Journey) -> Iterator[Problem]:
    """When the steps enter something, at least one expectation must depend on it.

    A journey that only opens pages looks at what they show; its negative control and the injected
    faults show that it can fail."""
    entered = stated(journey.steps)
    acts = any(
        isinstance(step, Fill | Select | Tick | Type | Upload)
        or _hands_over(step)
        or not _asks_only_so(step)
        for step in journey.steps
    )
    every = (*journey.looks_on_the_way, *looks(journey.expect))
    if acts and journey.expect and not any(_depends(journey, look, entered) for look in every):
        yield Problem(
            journey.expect[0].line,
            "no expectation depends on what the steps did, so the journey would pass on any page"
            " with these words: expect something that mentions filled.<field>, a drawn or"
            " remembered name, or words a step states; of a tick, the `state` of that element,"
            " named as in the step",
        )


def _asks_only_so(step: Step) -> bool:
    """Whether a step is no call, or one that puts nothing in."""
    return not isinstance(step, Call) or (
        step.safe and not any(one.holes for one in step.templates())
    )


def _hands_over(step: Step) -> bool:
    """Whether a command is given more than fixed arguments."""
    return isinstance(step, Run) and (
        bool(step.input or step.files) or any(one.holes for one in step.templates)
    )


def _depends(journey: Journey, look: Look, entered: tuple[str, ...]) -> bool:
    drawn = {name for name, template in journey.let if template.holes}
    drawn |= {step.name for step in journey.steps if isinstance(step, Remember | RememberAnswer)}
    put_in = (hole for step in journey.steps for one in values_of(step) for hole in one.holes)
    names = drawn | {hole.name for hole in put_in if isinstance(hole, Named)}
    # A button is enabled whether or not it was pressed: a state depends on the steps only if they
    # act on the same element.
    if isinstance(look, StateIs):
        entered = ()
    if isinstance(look, StateIs | DescriptionIs) and str(look.target) in _entered_at(journey):
        return True
    for template in templates_of(look):
        if any(
            isinstance(hole, Filled) or (isinstance(hole, Named) and hole.name in names)
            for hole in template.holes
        ):
            return True
        if any(whole_words(words).search(template.literal) for words in entered):
            return True
    return False


def _entered_at(journey: Journey) -> set[str]:
    """The elements into which the steps enter something."""
    return {
        str(step.target)
        for step in journey.steps
        if isinstance(step, Fill | Select | Tick | Upload)
    }


def _comparable(journey: Journey) -> Iterator[Problem]:
    """A negative control that looks at something else altogether would always fail and control
    nothing."""
    negative_control = journey.negative_control
    if negative_control is None or negative_control.steps is not None:
        return
    own = looks(journey.expect)
    if _claims(negative_control.expect) <= _claims(journey.expect):
        yield Problem(
            negative_control.line,
            "`twin` expects what the journey expects: give it a wrong value or other steps",
        )
    for look in looks(negative_control.expect):
        if not any(_same_place(look, other) for other in own):
            yield Problem(
                look.line,
                "`twin` looks where the journey does not: same kind, same element, wrong value",
            )


def _claims(expect: tuple[Block, ...]) -> set[tuple[str, object]]:
    """The expectations with their actors: one person may have to see what another must not see."""
    return {(block.actor, meant(look)) for block in expect for look in block.looks}


def _same_place(look: Look, other: Look) -> bool:
    """Whether two looks are at one place. Where a look searches for a name, the kind of element and
    what is around it count in place of the name."""
    if isinstance(look, FileHas) and isinstance(other, FileHas):
        return (look.file, look.part) == (other.file, other.part)
    if isinstance(look, AnswerIs) and isinstance(other, AnswerIs):
        return look.of == other.of and bool(look.parts & other.parts)
    if isinstance(look, OutputHas) and isinstance(other, OutputHas):
        pointers = [{claim.pointer.source for claim in one.json} for one in (look, other)]
        apart = all(pointers) and not pointers[0] & pointers[1]
        return (look.command, look.stream) == (other.command, other.stream) and not apart
    if isinstance(look, FileLeft) and isinstance(other, FileLeft):
        return meant(look.path) == meant(other.path)
    if isinstance(look, ExitIs) and isinstance(other, ExitIs):
        return look.command == other.command
    if (
        isinstance(look, ColumnHas)
        and isinstance(other, ColumnHas)
        and meant(look.header) != meant(other.header)
    ):
        return False
    mine, its = target_of(look), target_of(other)
    # The control of an absence expects the same element to be there.
    if isinstance(look, Visible) and isinstance(other, Absent):
        return meant(mine) == meant(its)
    if isinstance(look, Visible | Absent | CountIs) and mine and its:
        return type(look) is type(other) and _around(mine) == _around(its)
    return type(look) is type(other) and str(mine) == str(its)


def _around(target: Target) -> tuple[object, ...]:
    return target.role, meant(target.within), meant(target.under)
