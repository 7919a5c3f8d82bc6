"""The plan: which runs a judgement needs, and the one document that the launcher sends the driver.

Each run has its own app instance, freshly started by the launcher, at `port` of 127.0.0.1 in the
driver's sandbox; so every run starts from equal data. The plan is one line. One more line follows
for each app, with its port, as soon as that app answers. The driver asks for the app of a control
when its journey has passed: else it would be started for nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date

from validators.domain.bounds import BOUNDS, USUAL, Bounds
from validators.domain.errors import DocumentInvalid
from validators.domain.evidence import FaultInjector, Identity, RunId, RunKind
from validators.domain.shapes import Shape, shape

PORT_NUMBERS = range(1, 1 << 16)
AT_ONCE = 5
"""How many runs are performed at a time, where each has an app of its own."""


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run and the port of its app; 0 for a negative control that is looked for in the run of
    its journey.

    `seed`, if set, replaces the seed of the plan for its data and surroundings. `others` people do
    the same before it, with data of their own. The clocks of its app and its visitor are `ahead`
    by so many seconds. `commands` is the port for the commands of the run, 0 where it has none."""

    id: RunId
    port: int
    seed: int | None = None
    others: int = 0
    ahead: int = 0
    commands: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that the driver gets. `journeys` are YAML texts; `hostname` is the host in the
    address bar.

    The name should end in `.localhost`: browsers trust such a page like one over TLS, so an app
    finds the same features as in production. `browser` is an executable; empty: the one that the
    sandbox names in LOF_BROWSER. `bounds` are already scaled to this machine. With `progress` the
    driver reports each step and look as it is done. `avoided`: the words that no draw may be.
    `at_once` runs are performed at a time."""

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
    progress: bool = False
    avoided: frozenset[str] = frozenset()
    at_once: int = AT_ONCE


def judgement_runs(journeys: Iterable[str]) -> tuple[RunId, ...]:
    """The runs for judging a candidate: each journey plain and masked, its negative control, and
    one run for every fault injector."""
    return tuple(
        run
        for name in journeys
        for run in (
            RunId(name, Identity.PLAIN),
            RunId(name, Identity.MASKED),
            RunId(name, kind=RunKind.NEGATIVE_CONTROL),
            *(
                RunId(name, kind=RunKind.FAULT_INJECTION, injector=injector)
                for injector in FaultInjector
            ),
        )
    )


def retry_runs(journeys: Iterable[str]) -> tuple[RunId, ...]:
    """The runs of a retry for journeys that did not pass. A retry can only show that a result is
    flaky, never make it pass."""
    return tuple(RunId(name, identity, attempt=2) for name in journeys for identity in Identity)


def suite_runs(journey: str, *, plain: bool) -> tuple[RunId, ...]:
    """The runs for judging a candidate by a journey of the regression suite: masked, plain if asked
    for, and its negative control."""
    visitors = tuple(Identity) if plain else (Identity.MASKED,)
    return (
        *(RunId(journey, identity) for identity in visitors),
        RunId(journey, visitors[0], RunKind.NEGATIVE_CONTROL),
    )


def base_runs(journeys: Iterable[str], *, attempt: int = 1) -> tuple[RunId, ...]:
    """The runs for a proof on the base commit: each journey plain and masked."""
    return tuple(
        RunId(name, identity, RunKind.BASE, attempt=attempt)
        for name in journeys
        for identity in Identity
    )


def comparison_runs(journeys: Iterable[str]) -> tuple[RunId, ...]:
    """The runs on base whose pictures stand beside the candidate's: each journey plain."""
    return tuple(RunId(name, kind=RunKind.COMPARISON) for name in journeys)


def ready_line(port: int) -> str:
    """The line that reports that the app at this port answers."""
    return f"{port}\n"


def needed_line(port: int) -> str:
    """The line with which the driver asks for the app at this port, for `read_needed`."""
    return json.dumps({"needed": port}) + "\n"


def read_needed(line: str) -> int:
    """The port in a line of the driver. Raises DocumentInvalid for any other line."""
    root = shape(line, "needed")
    port = root.at("needed").whole()
    root.done()
    # A driver that a page took over could name numbers without end, and somebody keeps them.
    if port not in PORT_NUMBERS:
        raise DocumentInvalid("needed: not the number of a port")
    return port


def plan_json(plan: Plan) -> str:
    """The plan as one line of JSON, for `read_plan`."""
    document = {
        "journeys": list(plan.journeys),
        "runs": [
            {
                **run_document(run.id),
                "port": run.port,
                "seed": run.seed,
                "others": run.others,
                "ahead": run.ahead,
                "commands": run.commands,
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
        "progress": plan.progress,
        "avoided": sorted(plan.avoided),
        "at_once": plan.at_once,
    }
    return json.dumps(document)


def read_plan(text: str) -> Plan:
    """The plan in a JSON document. Raises DocumentInvalid for anything missing, extra or of a wrong
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
        progress=root.at("progress").truth(),
        avoided=frozenset(item.text() for item in root.list("avoided")),
        at_once=root.at("at_once").whole(),
    )
    root.done()
    return plan


def read_bounds(item: Shape) -> Bounds:
    """The bounds in a plan. Raises DocumentInvalid for a missing bound or one out of range."""
    try:
        bounds = Bounds(*(item.at(name).number() for name in BOUNDS))
    except ValueError as error:
        raise DocumentInvalid(f"{item.path}.{error}") from None
    item.done()
    return bounds


def run_document(run: RunId) -> dict[str, object]:
    """A run's identity as JSON values. Stored evidence has these keys, so they never change."""
    return {
        "journey": run.journey,
        "identity": str(run.identity),
        "kind": str(run.kind),
        "saboteur": str(run.injector) if run.injector else None,
        "attempt": run.attempt,
    }


def read_run(item: Shape) -> RunId:
    """The identity that `run_document` has written."""
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
        commands=item.at("commands").whole(),
    )
    item.done()
    return planned
