"""Runs of the project's own workflows, as the ledger has them. Nothing here remembers a status."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from harness.domain.events import (
    ApprovalAsked,
    NodeEnded,
    RunEnded,
    WaitBegan,
    WorkflowRefused,
    WorkflowRequested,
    WorkflowStarted,
)
from harness.domain.ledger import Entry, Recorded, as_of, is_of
from harness.domain.plain import JsonDict
from harness.domain.workflow_run import Attempt
from harness.ports.ledger import Ledger

STARTED, REFUSED = "workflow-run/", "workflow-refused/"
"""Where the keys of what follows a request or an hour begin."""


@dataclass(slots=True)
class OwnRun:
    """One run: how it began, its attempts so far, its end, and until when its nodes wait: node,
    moment, and the issue on which people are asked, 0 for none."""

    started: Recorded[WorkflowStarted]
    attempts: list[Attempt] = field(default_factory=list)
    ended: RunEnded | None = None
    ended_at: str = ""
    waits: list[tuple[str, datetime, int]] = field(default_factory=list)
    children: int = 0

    @property
    def name(self) -> str:
        return str(self.started.run)

    @property
    def workflow(self) -> str:
        return self.started.event.workflow

    @property
    def waits_until(self) -> datetime | None:
        """When the first of its waits and questions is over; None where it has none."""
        return min((until for until, _ in self._open_waits()), default=None)

    @property
    def asks_on(self) -> int:
        """The issue on which people are asked for an approval; 0 where they are not."""
        return next((number for _, number in self._open_waits() if number), 0)

    def _open_waits(self) -> list[tuple[datetime, int]]:
        tried = [attempt.node for attempt in self.attempts]
        asked: list[str] = []
        found = []
        for node, until, number in self.waits:
            asked.append(node)
            # A question that was sent back was answered; the next one has its own end.
            if asked.count(node) > tried.count(node):
                found.append((until, number))
        return found


class OwnRunIndex:
    """Every run and request, from a ledger that is read once. Any thread may use it. `entries` are
    the ledger's, from the first on, where somebody has read them already. Whoever counts runs and
    then begins as many as may be holds `beginning`: meanwhile nobody else does."""

    def __init__(self, ledger: Ledger, entries: Sequence[Entry] = ()) -> None:
        self._ledger = ledger
        self.beginning = threading.Lock()
        self._lock = threading.Lock()
        self._last = 0
        self._runs: dict[str, OwnRun] = {}
        self._requests: dict[str, Recorded[WorkflowRequested]] = {}
        self._refused: dict[str, Recorded[WorkflowRefused]] = {}
        self._take_all(entries)

    def all(self) -> tuple[OwnRun, ...]:
        """Every run, in the order in which they began."""
        with self._lock:
            self._read()
            return tuple(self._runs.values())

    def of(self, name: str) -> OwnRun:
        """One run. Raises KeyError for an unknown name."""
        with self._lock:
            self._read()
            return self._runs[name]

    def open_runs(self) -> tuple[OwnRun, ...]:
        """The runs that have not ended, in the order in which they began."""
        return tuple(run for run in self.all() if run.ended is None)

    def refused(self) -> tuple[Recorded[WorkflowRefused], ...]:
        """By workflow: the last request or hour that started nothing, unless one did since."""
        with self._lock:
            self._read()
            return tuple(self._refused.values())

    def requests(self) -> tuple[Recorded[WorkflowRequested], ...]:
        """What people asked for, and nothing has followed yet."""
        with self._lock:
            self._read()
            return tuple(sorted(self._requests.values(), key=attrgetter("seq")))

    def outcome_of(self, request: str) -> JsonDict:
        """What became of the request of this key: `run`, `status` and `message`."""
        if refused := self._ledger.find(f"{REFUSED}{request}"):
            why = as_of(refused, WorkflowRefused).event.why
            return {"run": "", "status": "refused", "message": why}
        started = self._ledger.find(f"{STARTED}{request}")
        if started is None:
            return {"run": "", "status": "requested", "message": ""}
        one = self.of(str(started.run))
        if one.ended is not None:
            return {"run": one.name, "status": one.ended.status.value, "message": one.ended.reason}
        until = f"until {one.waits_until:%Y-%m-%d %H:%M} UTC" if one.waits_until else ""
        return {"run": one.name, "status": "waits", "message": until}

    def tree_of(self, name: str) -> tuple[OwnRun, ...]:
        """The runs that belong together with this one: the first, and all that were called."""
        runs = {run.name: run for run in self.all()}

        def first(one: OwnRun) -> str:
            while one.started.event.parent in runs:
                one = runs[one.started.event.parent]
            return one.name

        root = first(runs[name])
        return tuple(run for run in runs.values() if first(run) == root)

    def due_at(self) -> datetime | None:
        """When a wait or a question of an open run is over first. A moment in the past: now."""
        moments = [run.waits_until for run in self.open_runs()]
        moments += [request.moment for request in self.requests()]
        return min((moment for moment in moments if moment), default=None)

    def _read(self) -> None:
        self._take_all(self._ledger.entries(after=self._last))

    def _take_all(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._last = entry.seq
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        if is_of(entry, WorkflowRequested):
            self._requests[entry.key] = entry
        elif is_of(entry, WorkflowRefused):
            self._refused[entry.event.workflow] = entry
            self._requests.pop(entry.key.removeprefix(REFUSED), None)
        elif is_of(entry, WorkflowStarted):
            self._refused.pop(entry.event.workflow, None)
            self._runs[str(entry.run)] = OwnRun(entry)
            self._requests.pop(entry.key.removeprefix(STARTED), None)
        elif entry.run in self._runs:
            self._note(entry, self._runs[str(entry.run)])

    def _note(self, entry: Entry, run: OwnRun) -> None:
        event = entry.event
        if isinstance(event, NodeEnded):
            run.attempts.append(Attempt(event.node, event.attempt, event.result))
        elif isinstance(event, WaitBegan | ApprovalAsked):
            number = event.number if isinstance(event, ApprovalAsked) else 0
            run.waits.append((event.node, datetime.fromisoformat(event.until), number))
        elif isinstance(event, RunEnded):
            run.ended, run.ended_at = event, entry.at
            parent = self._runs.get(run.started.event.parent)
            if parent is not None:
                parent.children += 1


def under_way(runs: Iterable[OwnRun], workflow: str) -> OwnRun | None:
    """The open run of this workflow that nobody called, if there is one."""
    return next(
        (
            run
            for run in runs
            if run.workflow == workflow and run.ended is None and not run.started.event.parent
        ),
        None,
    )
