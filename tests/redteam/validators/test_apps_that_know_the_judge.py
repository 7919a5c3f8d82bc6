"""Apps that are right for whoever judges them, and apps that only look right: what each comes to in
a real browser.

One driver performs them all, as in production each run with an app of its own. What is not seen is
here as well, under its own name: the day it is, its line moves up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.redteam.validators import knowing
from tests.validators import apps
from tests.validators.conftest import chromium, house  # noqa: F401  (the session's real browsers)
from tests.validators.house import House
from tests.validators.patience import PLANNED
from tests.validators.plans import REFUSING, SHALLOW, THOROUGH, driver
from validators.browser.stage import BrowserStage
from validators.domain.evidence import Identity, RunEvidence
from validators.domain.fold import verdict
from validators.domain.journeys.spot import Spot
from validators.domain.verdict import (
    Outcome,
    Proof,
    Purpose,
    Sealed,
    Symptom,
    Verdict,
)
from validators.performance.evidence_json import read_evidence
from validators.performance.plan import Plan, PlannedRun, judgement_runs, plan_json
from validators.performance.surroundings import device

ELSEWHERE = THOROUGH.replace("other_session: same", "other_session: {open: /, expect: same}")
assert ELSEWHERE != THOROUGH
DIFFERS, NOT_SHOWN = (
    (Outcome.FAILED, Symptom.DIFFERS_WHEN_WATCHED),
    (Outcome.FAILED, Symptom.NOT_SHOWN),
)
NOT_KEPT, NOT_SHARED = (Outcome.FAILED, Symptom.NOT_KEPT), (Outcome.FAILED, Symptom.NOT_SHARED)
UNREFUSED, MISSED = (Outcome.INCONCLUSIVE, None), (Outcome.PASSED, None)


@dataclass(frozen=True)
class Case:
    """An app under a journey, and what that comes to. With `twin`, its controls are performed as
    well."""

    row: int
    app: Callable[[], Any]
    comes_to: tuple[Outcome, Symptom | None]
    journey: str = SHALLOW
    negative_control: bool = False


def _page(mark: str) -> Callable[[], Any]:
    return lambda: knowing.KnowsByThePage(mark)


def _request(mark: Callable[[dict[str, Any]], bool]) -> Callable[[], Any]:
    return lambda: knowing.KnowsByTheRequest(mark)


SEEN = {
    **{
        f"page, {name}": Case(51, _page(knowing.MARKS_IN_A_PAGE[name]), DIFFERS)
        for name in ("driven", "a card of software")
    },
    **{
        f"page, {name}": Case(51, _page(mark), DIFFERS)
        for name, mark in knowing.MARKS_OF_A_CLICK.items()
    },
    "page, a pointer": Case(51, knowing.KnowsByThePointer, DIFFERS),
    "request, no icon": Case(52, knowing.KnowsByTheIcon, DIFFERS),
    **{
        f"request, {name}": Case(52, _request(knowing.MARKS_IN_A_REQUEST[name]), DIFFERS)
        for name in ("user agent", "order of headers")
    },
    "examples by table": Case(47, knowing.AnswersByTable, NOT_SHOWN),
    "examples by size": Case(47, knowing.KeepsTheExamplesSize, NOT_SHOWN),
    # What is kept in the page alone is in driver/test_evil_apps, as toast-only.
    "kept in the browser": Case(48, knowing.KeptInTheBrowser, NOT_SHARED, THOROUGH),
    "kept for the session": Case(48, knowing.KeptForTheSession, NOT_SHARED, THOROUGH),
    "kept for one look": Case(48, knowing.KeptForOneLook, NOT_KEPT, THOROUGH),
    "kept in the address, looked at elsewhere": Case(
        48, knowing.KeptInTheAddress, NOT_SHARED, ELSEWHERE
    ),
    "accepts all": Case(49, apps.AcceptsAll, UNREFUSED, REFUSING, negative_control=True),
    "complains and keeps": Case(
        49, knowing.ComplainsAndKeeps, UNREFUSED, REFUSING, negative_control=True
    ),
}
NOT_SEEN = {
    **{
        f"page, {name}": Case(51, _page(mark), MISSED)
        for name, mark in knowing.MARKS_OF_BOTH.items()
    },
    "request, no cookie": Case(52, knowing.KnowsBeginners, MISSED),
    "request, a young app": Case(52, knowing.KnowsItsAge, MISSED),
    "kept for one agent": Case(48, knowing.KeptForOneAgent, MISSED, THOROUGH),
    "kept in the address, looked at there": Case(48, knowing.KeptInTheAddress, MISSED, THOROUGH),
    "takes the nearest": Case(49, knowing.TakesTheNearest, MISSED, REFUSING, negative_control=True),
}
CASES = {**SEEN, **NOT_SEEN}
NAMES = {name: f"case-{index}" for index, name in enumerate(CASES)}


@pytest.fixture(scope="module")
def told(
    chromium: str,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> tuple[RunEvidence, ...]:
    """The evidence of the cases that are asked about, performed by one driver."""
    asked = [
        item
        for item in request.session.items
        if item.path == request.path and isinstance(item, pytest.Function)
    ]
    names = {item.callspec.params.get("name") for item in asked if hasattr(item, "callspec")}
    performed = {name: case for name, case in CASES.items() if name in names}
    out = tmp_path_factory.mktemp("knowing") / "out"
    with ExitStack() as open_apps:
        runs = tuple(
            PlannedRun(run, open_apps.enter_context(apps.served(case.app())))
            for name, case in performed.items()
            for run in judgement_runs([NAMES[name]])[: 3 if case.negative_control else 2]
        )
        sources = tuple(
            f"journey: {NAMES[name]}\n{case.journey}" for name, case in performed.items()
        )
        plan = Plan(
            sources,
            runs,
            20261121,
            date(2026, 11, 21),
            journey_seconds=300,
            browser=chromium,
            bounds=PLANNED,
        )
        ended = driver(plan_json(plan), out, runs)
    assert ended.returncode == 0, ended.stderr
    return read_evidence((out / "evidence.json").read_text())


def judged(name: str, told: tuple[RunEvidence, ...]) -> Verdict:
    own = tuple(one for one in told if one.run.journey == NAMES[name])
    return verdict((Sealed(NAMES[name], "M-BOOK", Purpose.BUG, Proof(True, "red on base")),), own)


def held(name: str, told: tuple[RunEvidence, ...]) -> tuple[Outcome, Symptom | None]:
    """What a case came to. Its saboteurs were left out, so green is what its own runs and its twin
    say.

    A twin that could not be performed, on a busy machine, is no twin that failed: the judge has no
    answer then, and this once called it green."""
    seen = judged(name, told)
    own_green = (
        seen.journeys.passed == 1
        and seen.controls.negative_controls_failed == seen.controls.negative_controls
    )
    outcome = Outcome.PASSED if own_green else seen.outcome
    return outcome, seen.findings[0].symptom if seen.findings else None


def cases(row: int) -> list[str]:
    return [name for name, case in SEEN.items() if case.row == row]


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", cases(47))
def test_row_47_an_app_that_knows_the_visible_examples_fails(name, told) -> None:
    assert held(name, told) == CASES[name].comes_to


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", cases(48))
def test_row_48_what_is_not_kept_for_everybody_fails(name, told) -> None:
    assert held(name, told) == CASES[name].comes_to


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", cases(49))
def test_row_49_an_app_that_refuses_nothing_is_not_passed(name, told) -> None:
    assert held(name, told) == CASES[name].comes_to


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", cases(51))
def test_row_51_a_page_that_asks_who_is_looking_fails(name, told) -> None:
    assert held(name, told) == CASES[name].comes_to


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", cases(52))
def test_row_52_a_server_that_asks_who_is_looking_fails(name, told) -> None:
    assert held(name, told) == CASES[name].comes_to


@pytest.fixture(scope="module")
def borne(house: House) -> dict[Identity, dict[str, bool]]:  # noqa: F811
    """Which marks each visitor bears: those that a page can ask for, and those of what it asks a
    server for."""

    def by(identity: Identity) -> dict[str, bool]:
        app = apps.App()

        async def play(on: BrowserStage) -> Any:
            ada = await on.person("")
            await ada.open("/", patience=60)
            asked = ", ".join(
                f"{json.dumps(name)}: !!({mark})" for name, mark in knowing.MARKS_IN_A_PAGE.items()
            )
            return await ada.page.evaluate(f"() => {{ {knowing.ASKS} return {{ {asked} }} }}")

        in_page = house.on_stage(
            app, play, identity=identity, device=replace(device(7, "any"), touches=10)
        )
        return {f"page, {name}": bears for name, bears in in_page.items()} | {
            f"request, {name}": all(mark(asked) for asked in app.seen)
            for name, mark in knowing.MARKS_IN_A_REQUEST.items()
        }

    return {identity: by(identity) for identity in Identity}


@pytest.mark.parametrize("mark", [f"page, {name}" for name in knowing.MARKS_IN_A_PAGE])
def test_row_51_a_mark_in_a_page_is_borne_by_one_visitor_alone(mark, borne) -> None:
    """So whoever goes by it answers the two differently, as the apps above are seen to."""
    assert (borne[Identity.PLAIN][mark], borne[Identity.MASKED][mark]) == (True, False)


@pytest.mark.parametrize("mark", [f"request, {name}" for name in knowing.MARKS_IN_A_REQUEST])
def test_row_59_a_mark_of_a_request_is_borne_by_one_visitor_alone(mark, borne) -> None:
    assert (borne[Identity.PLAIN][mark], borne[Identity.MASKED][mark]) == (True, False)


@pytest.mark.soak("nine apps that are missed: no change can break a promise here")
@pytest.mark.parametrize("name", NOT_SEEN)
def test_a_known_miss_is_still_one(name, told) -> None:
    """Both visitors have it in common, or the journey does not ask. When one of these is seen one
    day, it belongs above."""
    assert held(name, told) == CASES[name].comes_to


def told_of(
    file: str,
    house: House,  # noqa: F811
    identity: Identity = Identity.PLAIN,
    *,
    patience: float,
) -> str:
    """What a page says that asks the browser for a file, and gives each of its ways so many
    seconds."""

    async def play(on: BrowserStage) -> str:
        ada = await on.person("")
        await ada.open("/", patience=60)
        for _ in range(6000):
            if (said := await ada.text(Spot(role="status"))) != "trying":
                return said
            await asyncio.sleep(0.05)
        return "it did not come to its end"

    return str(house.on_stage(knowing.ReadsFiles(file, patience=patience), play, identity=identity))


@pytest.mark.parametrize("identity", list(Identity))
def test_row_68_a_page_gets_no_file_of_the_judges(identity, house, tmp_path: Path) -> None:  # noqa: F811
    secret = tmp_path / "sealed.txt"
    secret.write_text("sealed")
    secret.chmod(0o644)
    assert told_of(secret.as_uri(), house, identity, patience=2) == "tried, got nothing"


def test_what_the_page_asks_for_it_would_get_from_its_own_server(house) -> None:  # noqa: F811
    assert (
        told_of("/sealed.txt", house, patience=60)
        == "tried, got fetch, request, iframe, object, window"
    )
