"""The plan: the one document the launcher streams to the boxed driver, and which runs a judgement
needs.

Each run has an app instance of its own, started fresh by the launcher and dialled at `port` on
127.0.0.1 inside the driver's box: equal fresh data is a fact of the plan. The plan is one line. One
line more follows for each app, with its port, as soon as that app answers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date

from validators.domain.bounds import BOUNDS, USUAL, Bounds
from validators.domain.errors import DocumentInvalid
from validators.domain.evidence import FaultInjector, Identity, RunId, RunKind
from validators.domain.shapes import Shape, shape

AT_ONCE = 5
"""So many runs are performed at a time."""


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run and the port at which its own app answers; 0 for a twin that is looked for in its
    journey's own run.

    With a `seed` of its own, its data and what surrounds it are that seed's, and not the plan's. So
    many `others` do the same before it, with data of their own. Its app, and so its visitor, is so
    many seconds `ahead`."""

    id: RunId
    port: int
    seed: int | None = None
    others: int = 0
    ahead: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the driver is told. `journeys` are YAML texts; `hostname` is what the address bar
    shows.

    The name should end in `.localhost`: browsers trust such a page as they trust one over TLS, so
    an app finds the same features as in production. `browser` is an executable; empty leaves the
    choice to the box (LOF_BROWSER). `bounds` are the driver's own, already those of this machine.
    """

    journeys: tuple[str, ...]
    runs: tuple[PlannedRun, ...]
    seed: int
    today: date
    hostname: str = "app.localhost"
    locale: str = "en-GB"
    timezone: str = "Europe/London"
    viewport: tuple[int, int] = (1280, 800)
    journey_seconds: float = 30.0
    browser: str = ""
    bounds: Bounds = USUAL


def judgement_runs(journeys: Iterable[str], *, attempt: int = 1) -> tuple[RunId, ...]:
    """What judging a candidate performs for each journey: itself plain and masked, its twin, every
    saboteur."""
    return tuple(
        run
        for name in journeys
        for run in (
            RunId(name, Identity.PLAIN, attempt=attempt),
            RunId(name, Identity.MASKED, attempt=attempt),
            RunId(name, kind=RunKind.NEGATIVE_CONTROL, attempt=attempt),
            *(
                RunId(name, kind=RunKind.FAULT_INJECTION, injector=injector, attempt=attempt)
                for injector in FaultInjector
            ),
        )
    )


def retry_runs(journeys: Iterable[str], *, attempt: int = 2) -> tuple[RunId, ...]:
    """What a retry performs for journeys that did not pass. It can only label a result flaky, never
    make it pass."""
    return tuple(
        RunId(name, identity, attempt=attempt) for name in journeys for identity in Identity
    )


def suite_runs(journey: str, *, plain: bool) -> tuple[RunId, ...]:
    """What judging a candidate performs of a journey that guards what has landed: itself masked,
    maybe plain, and its twin."""
    visitors = tuple(Identity) if plain else (Identity.MASKED,)
    return (
        *(RunId(journey, identity) for identity in visitors),
        RunId(journey, visitors[0], RunKind.NEGATIVE_CONTROL),
    )


def base_runs(journeys: Iterable[str], *, attempt: int = 1) -> tuple[RunId, ...]:
    """What proving on the base commit performs: each journey, plain and masked."""
    return tuple(
        RunId(name, identity, RunKind.BASE, attempt=attempt)
        for name in journeys
        for identity in Identity
    )


def ready_line(port: int) -> str:
    """What says that the app at this port answers."""
    return f"{port}\n"


def plan_json(plan: Plan) -> str:
    """The plan as one JSON document, as `read_plan` reads it."""
    document = {
        "journeys": list(plan.journeys),
        "runs": [
            {
                **run_document(run.id),
                "port": run.port,
                "seed": run.seed,
                "others": run.others,
                "ahead": run.ahead,
            }
            for run in plan.runs
        ],
        "seed": plan.seed,
        "today": plan.today.isoformat(),
        "hostname": plan.hostname,
        "locale": plan.locale,
        "timezone": plan.timezone,
        "viewport": list(plan.viewport),
        "journey_seconds": plan.journey_seconds,
        "browser": plan.browser,
        "bounds": asdict(plan.bounds),
    }
    return json.dumps(document)


def read_plan(text: str) -> Plan:
    """The plan in a JSON document. Raises DocumentInvalid for anything missing, extra or of another
    type."""
    root = shape(text, "plan")
    width, height = (item.whole() for item in root.list("viewport", exactly=2))
    plan = Plan(
        journeys=tuple(item.text() for item in root.list("journeys")),
        runs=tuple(_planned(item) for item in root.list("runs")),
        seed=root.at("seed").whole(),
        today=root.at("today").day(),
        hostname=root.at("hostname").text(),
        locale=root.at("locale").text(),
        timezone=root.at("timezone").text(),
        viewport=(width, height),
        journey_seconds=root.at("journey_seconds").number(),
        browser=root.at("browser").text(),
        bounds=read_bounds(root.at("bounds")),
    )
    root.done()
    return plan


def read_bounds(item: Shape) -> Bounds:
    """The bounds in a plan or an outing. Raises DocumentInvalid for one that is missing, or no time
    to wait."""
    try:
        bounds = Bounds(*(item.at(name).number() for name in BOUNDS))
    except ValueError as error:
        raise DocumentInvalid(f"{item.path}.{error}") from None
    item.done()
    return bounds


def run_document(run: RunId) -> dict[str, object]:
    """A run's identity as JSON values."""
    return {
        "journey": run.journey,
        "identity": str(run.identity),
        "kind": str(run.kind),
        "saboteur": str(run.injector) if run.injector else None,
        "attempt": run.attempt,
    }


def read_run(item: Shape) -> RunId:
    injector = item.at("saboteur")
    return RunId(
        journey=item.at("journey").text(),
        identity=item.at("identity").one_of(Identity),
        kind=item.at("kind").one_of(RunKind),
        injector=None if injector.is_null() else injector.one_of(FaultInjector),
        attempt=item.at("attempt").whole(),
    )


def _planned(item: Shape) -> PlannedRun:
    seed = item.at("seed")
    planned = PlannedRun(
        read_run(item),
        item.at("port").whole(),
        None if seed.is_null() else seed.whole(),
        others=item.at("others").whole(),
        ahead=item.at("ahead").whole(),
    )
    item.done()
    return planned
