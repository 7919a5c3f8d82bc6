"""Runs of the project's own workflows as every surface shows them, in one table's words."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from harness.domain.plain import JsonDict
from harness.domain.shown_states import WORKFLOW_RUNS, RunStanding
from harness.domain.workflow_run import RunStatus
from harness.factory.records.own_runs import OwnRun, OwnRunIndex
from harness.factory.reporting.times import moment

IN_TROUBLE = frozenset({RunStanding.FAILED, RunStanding.BLOCKED, RunStanding.REFUSED})
"""The standings that somebody has to look at."""
OPEN = frozenset({RunStanding.RUNNING, RunStanding.WAITS, RunStanding.ASKS})


@dataclass(frozen=True, slots=True)
class WorkflowRow:
    """One run in a list. `run` is empty where none began. `state` is its standing, `shown` what
    people read, `at` since when. It waits until the moment `until`, or asks on the issue `asks_on`;
    empty and 0 where it does not. `message` is why it ended, text from outside."""

    run: str
    workflow: str
    state: str
    shown: str
    at: str
    until: str = ""
    asks_on: int = 0
    message: str = ""

    @property
    def words(self) -> str:
        """The workflow and where its run stands, without text from outside."""
        asks = f" on #{self.asks_on}" if self.asks_on else ""
        until = f" until {moment(datetime.fromisoformat(self.until))}" if self.until else ""
        return f"{self.workflow} is {self.shown}{asks}{until}"

    @property
    def is_open(self) -> bool:
        return RunStanding(self.state) in OPEN

    @property
    def is_in_trouble(self) -> bool:
        return RunStanding(self.state) in IN_TROUBLE

    def document(self) -> JsonDict:
        """The row as JSON, with its words."""
        return {**asdict(self), "words": self.words}


def workflow_rows(index: OwnRunIndex) -> tuple[WorkflowRow, ...]:
    """Each open run, and the newest of each workflow; then what was asked for and started
    nothing."""
    newest = {run.workflow: run for run in index.all()}
    shown = {run.name: run for run in (*index.open_runs(), *newest.values())}
    return (*(_row(run) for run in shown.values()), *_refused(index))


def _row(run: OwnRun) -> WorkflowRow:
    standing, until = _standing(run), run.waits_until
    return WorkflowRow(
        run.name,
        run.workflow,
        standing.value,
        WORKFLOW_RUNS[standing].phrase,
        run.ended_at or run.started.at,
        until.isoformat() if until and not run.ended else "",
        0 if run.ended else run.asks_on,
        run.ended.reason if run.ended else "",
    )


def _standing(run: OwnRun) -> RunStanding:
    if run.ended is not None and run.ended.status is not RunStatus.RUNNING:
        return RunStanding(run.ended.status.value)
    if run.asks_on:
        return RunStanding.ASKS
    return RunStanding.WAITS if run.waits_until else RunStanding.RUNNING


def _refused(index: OwnRunIndex) -> Iterator[WorkflowRow]:
    standing = RunStanding.REFUSED
    for entry in index.refused():
        phrase, why = WORKFLOW_RUNS[standing].phrase, entry.event.why
        yield WorkflowRow("", entry.event.workflow, standing.value, phrase, entry.at, message=why)
