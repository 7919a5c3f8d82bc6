"""Does one step as one person: the table from steps to the browser port."""

from __future__ import annotations

from typing import assert_never

from validators.domain.journeys.calls import Call, RememberAnswer
from validators.domain.journeys.commands import Run
from validators.domain.journeys.dialog_answer import dialog_answer
from validators.domain.journeys.journey import (
    Back,
    Clear,
    Click,
    Expect,
    Fill,
    Open,
    Press,
    Reload,
    Remember,
    Select,
    Step,
    SwitchTo,
    Tick,
)
from validators.domain.journeys.spot import Spot, spot
from validators.domain.journeys.steps import (
    Dialog,
    Download,
    Hover,
    Travel,
    Type,
    Upload,
)
from validators.domain.journeys.values import Values
from validators.domain.journeys.walk import field_of
from validators.domain.journeys.wording import folded
from validators.performance.calling import answer_kept, request_of
from validators.performance.file_looks import made
from validators.ports.browser import Session, Stage


async def acted(step: Step, stage: Stage, values: Values, *, actor: str, patience: float) -> str:
    """Let that person do the step, and return the name of the person who acts next. Raises Unable
    or ExpressionInvalid."""
    if isinstance(step, Run):
        # It needs no page, and maybe there is none.
        result = await stage.run(step, values)
        values.ended.append(result)
        values.commands.update({step.name: result, "": result})
        return actor
    person = await stage.person(actor)
    match step:
        case Open(path=path):
            await person.open(values.text(path), patience=patience)
        case Reload():
            await person.reload(patience=patience)
        case Back():
            await person.back(patience=patience)
        case Click(target=target):
            await person.click(spot(target, values), patience=patience)
        case Press(key=key, target=target):
            await person.press(key, spot(target, values) if target else None, patience=patience)
        case Clear(target=target):
            await person.fill(spot(target, values), "", patience=patience)
        case Remember(target=target, name=name):
            await person.wait_visible(spot(target, values), patience=patience)
            values.names[name] = folded(await person.text(spot(target, values)))
        case Call(name=name):
            answer = await person.call(request_of(step, values), patience=patience)
            values.answers[name] = values.answers[""] = answer
        case RememberAnswer():
            answer_kept(step, values)
        case Hover(target=target):
            await person.hover(spot(target, values), patience=patience)
        case Type(value=value):
            await person.type(values.text(value), patience=patience)
        case Download(name=name):
            values.files[name] = await person.download(_source(step, values), patience=patience)
        case Dialog():
            person.prepare(dialog_answer(step, values))
        case Travel(seconds=seconds):
            await stage.travel(seconds)
        case SwitchTo(actor=actor):
            pass
        # Looks are no acts: `journey_run` takes them.
        case Expect():
            pass
        case Fill() | Select() | Tick() | Upload():
            await _put_in(step, person, values, patience=patience)
        case _:
            assert_never(step)
    return actor


def _source(step: Download, values: Values) -> Spot | str:
    if step.target is not None:
        return spot(step.target, values)
    return values.text(step.path) if step.path else "/"


async def _put_in(
    step: Fill | Select | Tick | Upload, person: Session, values: Values, *, patience: float
) -> None:
    """Put a value in, and record it as `filled.<field>`."""
    # Record it before it is typed: a page may send it with every key, and fault injection must
    # know by then that this value is at stake.
    where, field = spot(step.target, values), field_of(step) or ""
    match step:
        case Fill(value=value):
            values.fields[field] = values.text(value)
            await person.fill(where, values.fields[field], patience=patience)
        case Select(option=option):
            values.fields[field] = values.text(option)
            await person.select(where, values.fields[field], patience=patience)
        case Tick(on=on):
            values.fields[field] = "yes" if on else "no"
            await person.tick(where, on=on, patience=patience)
        case Upload(files=files):
            chosen = tuple(made(file, values) for file in files)
            values.fields[field] = ", ".join(file.name for file in chosen)
            await person.upload(where, chosen, patience=patience)
