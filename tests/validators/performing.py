"""A journey performed on a stage without a browser."""

import asyncio
from datetime import date

from tests.validators.fakes import FakeApp, FakeStage
from validators.domain.evidence import RunEvidence, RunId
from validators.domain.journeys.values import Draw, Values
from validators.language.reader import read
from validators.performance.journey_run import Patience, performed, unwatched

BOOK = """\
journey: book
promise: M-BOOK
steps:
  - open: /
  - fill: {label: "Name", value: "{{ any.name }}"}
  - fill: {label: "Group size", value: "{{ any.int(2, 8) }}"}
  - click: {button: "Book"}
expect:
  - text: {role: status, equals: "Booked for {{ filled.group_size }}"}
  - row: {cells: ["{{ filled.name }}", "{{ filled.group_size }}"], times: 1}
  - absent: {row: "Nobody"}
  - after_reload: same
  - other_session: same
never: [{http_status: ">=500"}, {console: error}, {text: "Traceback"}]
twin:
  expect: [{text: {role: status, equals: "Booked for 0"}}]
"""
NONE = Patience(step=0, look=0)


def perform(source: str = BOOK, **options) -> RunEvidence:
    return perform_all(source, **options)[0]


def perform_all(
    source: str = BOOK,
    *,
    app: FakeApp | None = None,
    run: RunId | None = None,
    with_control: bool = False,
    **options,
) -> tuple[RunEvidence, ...]:
    journey = read(source)
    stage = options.pop("stage", None) or FakeStage(app or FakeApp())
    values = options.pop("values", None) or Values(Draw(7, journey.name, date(2026, 11, 21)))
    patience = options.pop("patience", NONE)
    run, seconds = run or RunId("book"), options.pop("seconds", 60)
    watch = options.pop("watch", unwatched)
    return asyncio.run(
        performed(
            run,
            journey,
            stage,
            values=values,
            patience=patience,
            seconds=seconds,
            with_control=with_control,
            watch=watch,
        )
    )
