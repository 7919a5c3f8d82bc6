"""Time and files in the real sandboxes: an app that reads its clock follows, one that does not is
red, one without is not asked.

A file goes in and out on the way: which user may write where is another question in a sandbox than
outside of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.validators_launcher.world import World
from validators.authoring.drafts import draft
from validators.authoring.trying import tried
from validators.domain.clock import AHEAD, ahead_text
from validators.domain.evidence import Identity, RunId, RunKind
from validators.domain.run_result import Result, result
from validators.domain.stops import Inconclusive
from validators.language.check import checked
from validators.launcher.clocks import NO_CLOCK, clocks_for
from validators.performance.plan import PlannedRun

LOAN = '''
import os, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from wsgiref.simple_server import make_server

CLOCK = os.environ.get("LOAN_CLOCK")


def now():
    ahead = int(Path(CLOCK).read_text()) if CLOCK else 0
    return datetime.now(UTC) + timedelta(seconds=ahead)


DUE = now() + timedelta(days=14, hours=1)
HOLDS = ""
try:
    Path(CLOCK or "/nowhere").write_text("999999")
except OSError:
    HOLDS = "its clock cannot be set"


LISTS = []


def app(environ, start):
    content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if environ["REQUEST_METHOD"] == "POST":
        LISTS.append(content.split(b"\\r\\n\\r\\n", 1)[1].rsplit(b"\\r\\n--", 1)[0])
    if environ["PATH_INFO"] == "/list.csv":
        download = ("Content-Disposition", "attachment; filename=list.csv")
        start("200 OK", [("Content-Type", "text/csv"), download])
        return LISTS[-1:]
    start("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    days = (DUE - now()).days
    said = f"due in {days} days" if days >= 0 else "overdue"
    return [f"""<!doctype html><title>Loan</title><link rel=icon href="data:,"><h1>Loan</h1>
    <p role=status>{said}</p>
    <p role=note></p><p role=alert>{HOLDS}</p>
    <form method=post enctype=multipart/form-data><label>List <input type=file name=list></label>
    <button>Send</button></form>
    <a href=/list.csv>Export</a>
    <script>
      document.querySelector('[role=note]').textContent = new Date().toISOString().slice(0, 10)
    </script>""".encode()]


make_server("127.0.0.1", int(os.environ["PORT"]), app).serve_forever()
'''
JOURNEY = """\
journey: a-loan-falls-due
promise: issue
let: {reader: "{{ any.name }}"}
steps:
  - open: /
  - upload: {label: "List", file: {name: list.csv, rows: [[Reader, Book], ["{{ reader }}", Tides]]}}
  - click: {button: "Send"}
  - download: {link: "Export", as: export}
  - travel: +13 days
  - reload
  - travel: +2 days
  - reload
expect:
  - text: {role: status, equals: "overdue"}
  - text: {role: alert, equals: "its clock cannot be set"}
  - downloaded: {as: export, row: {Reader: "{{ reader }}"}}
  - other_session: same
twin:
  expect:
    - text: {role: status, equals: "due in 14 days"}
"""


def loan(world: World, source: str, **app: object) -> Path:
    world.app = {
        "start": ["python", "loan.py"],
        "data": None,
        "seed_command": None,
        "clock_env": "LOAN_CLOCK",
        **app,
    }
    return world.request(world.source.commit({"loan.py": source}))


DEAF = LOAN.replace("int(Path(CLOCK).read_text()) if CLOCK else 0", "0")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (LOAN, Result.PASSED),
        pytest.param(
            DEAF,
            Result.FAILED,
            marks=pytest.mark.soak("the same journey, on a page that shows something else"),
        ),
    ],
)
def test_an_app_follows_its_clock_or_the_journey_is_red(
    world: World, tmp_path: Path, source: str, expected: Result
) -> None:
    run, *_ = tried(
        world.context(loan(world, source)), checked(JOURNEY), folder=_folder(tmp_path), seed=7
    )
    assert result(run) is expected, run
    assert all(step.passed for step in run.steps)


def test_without_a_clock_nothing_that_travels_is_performed(world: World, tmp_path: Path) -> None:
    with pytest.raises(
        Inconclusive, match=f"'a-loan-falls-due' cannot be performed: {re.escape(NO_CLOCK)}"
    ):
        tried(
            world.context(loan(world, LOAN, clock_env=None)),
            checked(JOURNEY),
            folder=_folder(tmp_path),
            seed=7,
        )


def test_a_draft_that_travels_is_sent_back_where_the_app_has_no_clock() -> None:
    assert draft(JOURNEY, passes=False, kind="bug", clock_env=None).why == NO_CLOCK
    assert draft(JOURNEY, passes=False, kind="bug", clock_env="LOAN_CLOCK").holds
    still = JOURNEY.replace("  - travel: +13 days\n", "").replace("  - travel: +2 days\n", "")
    assert draft(still, passes=False, kind="bug", clock_env=None).holds


def test_only_runs_of_travellers_get_a_clock_and_each_its_own(tmp_path: Path) -> None:
    travels = (
        RunId("travels"),
        RunId("travels", Identity.MASKED),
        RunId("travels", kind=RunKind.NEGATIVE_CONTROL),
    )
    runs = [
        PlannedRun(run, port)
        for port, run in zip((1, 2, 4, 3), (*travels, RunId("stays")), strict=True)
    ]
    clocks = clocks_for(runs, ["travels"], folder=tmp_path / "clocks")
    assert set(clocks) == {1, 2, 4}
    assert len(set(clocks.values())) == 3
    assert {(clock / AHEAD).read_text() for clock in clocks.values()} == {ahead_text(0)}


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "trying"
    folder.mkdir()
    return folder
