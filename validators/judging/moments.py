"""Choose the pictures of a journey that can be compared: one moment of one page, before the change
and after it.

Both runs have the data, the locale, the time zone and the viewport of the judgement. The run on
base ends at a step that it could not do, or at looks that did not hold. The candidate is shown at
that same moment: before that step, or at these looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from validators.domain.evidence import RunEvidence, RunId
from validators.domain.journeys.journey import (
    Click,
    Expect,
    Fill,
    Journey,
    Open,
    Press,
    Select,
    Tick,
)
from validators.evidence.page import Deed, Moment
from validators.judging.judging import Judgement

END = "page.png"


@dataclass(frozen=True, slots=True)
class Pictures:
    """Paths below the evidence folder; each may be empty. `before` and `after` show one moment;
    without `before`, `after` is the end of the candidate's run. `end` is that end where it is
    another moment. `line` is the line of the journey at which the base ended, 0 for none."""

    before: str
    after: str
    end: str
    moment: Moment
    line: int = 0


def pictures(judgement: Judgement, journey: Journey) -> Pictures | None:
    """The pictures of a journey of this judgement; None where the candidate was not shown."""
    runs = {run.run: run for run in judgement.evidence}
    after = runs.get(RunId(journey.name))
    beside = judgement.beside.get(journey.name)
    before = runs.get(beside) if beside else None
    return compared(journey, before, after) if after else None


def compared(journey: Journey, before: RunEvidence | None, after: RunEvidence) -> Pictures | None:
    """The pictures of two plain runs with the same data; `before` None: base was not performed
    with them. None where the candidate's run has no picture."""
    end = _picture(after, END)
    alone = Pictures("", end, "", Moment.ALONE) if end else None
    names = moments(journey)
    shown = [place for place, name in enumerate(names) if before and _picture(before, name)]
    if before is None or not shown:
        return alone
    last = shown[-1]
    stuck = before.steps[-1] if before.steps and not before.steps[-1].passed else None
    missed = next((look for look in before.expectations if not look.passed), None)
    # A step that could not be done left the page as it was, so the candidate's page before it is
    # the same page. There is none before the first step.
    place = last - 1 if stuck and last else last
    there = _picture(after, names[place])
    if not there:
        return alone
    return Pictures(
        _picture(before, names[last]),
        there,
        # After the last step, the page only is looked at from elsewhere.
        end if any(name.startswith("step") for name in names[place + 1 :]) else "",
        Moment.STEP if stuck else Moment.LOOK if missed else Moment.END,
        stuck.line if stuck else missed.line if missed else 0,
    )


def moments(journey: Journey) -> tuple[str, ...]:
    """The name of each picture that a performance takes, in the order in which it takes them."""
    names, looks = list[str](), 0
    blocks = [
        (index, len(step.looks) if isinstance(step, Expect) else 0)
        for index, step in enumerate(journey.steps)
    ]
    for index, held in (*blocks, *((-1, len(block.looks)) for block in journey.expect)):
        names.append(f"look-{looks + 1:02}.jpg" if held else f"step-{index + 1:02}.jpg")
        looks += held
    return tuple(names)


def deeds(journey: Journey, line: int) -> tuple[Deed, ...]:
    """What the visitor had done before this line of the journey, each kind once and in order; 0:
    all that the journey does. No target, no value, no number of them."""
    before = (step for step in journey.steps if not line or step.line < line)
    kinds = (_DEEDS.get(type(step)) for step in before)
    return tuple(dict.fromkeys(kind for kind in kinds if kind))


_DEEDS: Mapping[type, Deed] = MappingProxyType(
    {
        Open: Deed.OPENED,
        Fill: Deed.FILLED,
        Select: Deed.CHOSE,
        Tick: Deed.CHOSE,
        Click: Deed.PRESSED,
        Press: Deed.PRESSED,
    }
)


def _picture(run: RunEvidence, name: str) -> str:
    return next((file for file in run.files if file.endswith(f"/{name}")), "")
