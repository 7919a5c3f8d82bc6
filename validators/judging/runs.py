"""Make the runs of a sealed page: each step with its picture, each look, the console, the network
and the server's log.

The files were written by a process that looked at an untrusted page. They are parsed strictly and
cut to a length that a person can read. An invalid file is named as unreadable and not shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from validators.domain.errors import DocumentInvalid
from validators.domain.evidence import (
    ON_BASE,
    ExpectationOutcome,
    FaultInjector,
    Identity,
    RunEvidence,
    RunId,
    RunKind,
    StepOutcome,
)
from validators.domain.journeys.journey import Journey
from validators.domain.journeys.wording import visible
from validators.domain.run_result import PRINTED, Result, caught, result
from validators.domain.shapes import Shape
from validators.domain.shortened import cut
from validators.evidence.page import Frame, Link, LookRow, NetworkRow, Run

KINDS = {
    RunKind.BASE: "before",
    RunKind.COMPARISON: "before, with the data of this judgement",
    RunKind.JOURNEY: "after",
    RunKind.NEGATIVE_CONTROL: "negative control",
}
HERE, ANSWER = "here", "answer"
VANTAGES = {
    HERE: "on the page",
    "after_reload": "after reloading",
    "other_session": "in another session",
}
FROM_ANSWER, FROM_COMMAND = "in the answer", "after the command"
UNTOUCHED = "it altered nothing that the journey looks for"
MOST_LINES = 60
# Of one file. Longer ones are for other tools.
MOST_BYTES = 4 << 20
LONGEST_WORDS = 160
# Of the server's log.
LAST_BYTES = 4_000
TERMINAL = "terminal.txt"
LONGEST_TERMINAL = 16_000


@dataclass(frozen=True, slots=True)
class RunView:
    """One run and its files, whose names are paths below `evidence`. `messages` collects what was
    wrong with the files."""

    run: RunEvidence
    journey: Journey | None
    evidence: Path
    messages: list[str] = field(default_factory=list)

    def page(self) -> Run:
        """The run as a page shows it."""
        run = self.run
        state, tone, summary = ending(run)
        # These two come first: they add to `messages`.
        console, network = tuple(self._console()), tuple(self._network())
        return Run(
            name=run_name(run.run),
            journey=run.run.journey,
            state=state,
            tone=tone,
            seconds=run.millis / 1000,
            summary=summary,
            frames=(
                *map(self._step, run.steps),
                *map(self._looked, _looks_by_place(run.expectations)),
            ),
            looks=tuple(map(_look_row, run.expectations)),
            messages=(
                *(f"never {one.kind}: {one.observed}" for one in run.breaches),
                *run.errors,
                *run.notes,
                *self.messages,
            ),
            console=console,
            network=network,
            terminal=self.terminal(),
            server=self._server(),
            trace=self._file("trace.zip"),
            files=tuple(
                Link(_file_name(name), f"evidence/{name}")
                for name in sorted(run.files, key=_file_name)
            ),
        )

    def _step(self, step: StepOutcome) -> Frame:
        state = "done" if step.passed else str(step.trouble or "not done")
        return Frame(
            name=f"{step.index + 1}",
            what=self._written(step),
            state=state if step.passed or not step.observed else f"{state}: {step.observed}",
            tone="" if step.passed else "no",
            seconds=step.millis / 1000,
            picture=self._file(f"step-{step.index + 1:02}.jpg"),
        )

    def _looked(self, looks: tuple[ExpectationOutcome, ...]) -> Frame:
        held = sum(look.passed for look in looks)
        return Frame(
            name="Look",
            what=_vantage(looks[0]),
            state=f"{held} of {len(looks)} held",
            tone=_tone(held == len(looks)),
            seconds=max(look.millis for look in looks) / 1000,
            picture=self._file(f"look-{looks[0].index + 1:02}.jpg"),
        )

    def _written(self, step: StepOutcome) -> str:
        """The step as its author wrote it; its verb where the journey is not given."""
        lines = self.journey.source.splitlines()[max(0, step.line - 1) :] if self.journey else []
        if not lines or not step.line:
            return shortened(step.verb)
        own = len(lines[0]) - len(lines[0].lstrip())
        # What is indented below it is of the same step.
        below = takewhile(lambda line: len(line) - len(line.lstrip()) > own, lines[1:])
        words = (line.strip() for line in (lines[0], *below))
        return shortened(" ".join(words).removeprefix("- ") or step.verb)

    def _file(self, name: str) -> str:
        """The path of a file of this run, relative to the page; empty when there is none."""
        found = (path for path in self.run.files if path.endswith(f"/{name}"))
        return next((f"evidence/{path}" for path in found), "")

    def rows(self, name: str) -> Iterator[Shape]:
        """The entries of a JSON file of this run, the first MOST_LINES; none where it cannot be
        read."""
        path = self._file(name).removeprefix("evidence/")
        if not path:
            return
        try:
            document = json.loads((self.evidence / path).read_bytes()[:MOST_BYTES])
            rows = Shape({"rows": document}, name).list("rows")
        except (OSError, ValueError, RecursionError, DocumentInvalid):
            self.messages.append(f"{name} cannot be read")
            return
        yield from rows[:MOST_LINES]
        if len(rows) > MOST_LINES:
            self.messages.append(f"{len(rows) - MOST_LINES} more in {name}")

    def _console(self) -> Iterator[str]:
        for row in self.rows("console.json"):
            try:
                yield shortened(
                    " ".join(map(str, row.value)) if isinstance(row.value, list) else row.text()
                )
            except DocumentInvalid:
                yield "a line that cannot be read"

    def _network(self) -> Iterator[NetworkRow]:
        for row in self.rows("network.json"):
            try:
                yield _exchange(row)
            except DocumentInvalid:
                self.messages.append("a line of network.json cannot be read")

    def terminal(self) -> str:
        """What the commands of this run printed, cut to what a person can read."""
        path = self._file(TERMINAL).removeprefix("evidence/")
        try:
            text = (self.evidence / path).read_bytes()[:LONGEST_TERMINAL] if path else b""
        except OSError:
            return ""
        return visible(text.decode("utf-8", "replace")).rstrip()

    def _server(self) -> str:
        """The last lines of the app's output."""
        path = next((path for path in self.run.files if path.endswith(".log")), "")
        try:
            log = (self.evidence / path).read_bytes()[-LAST_BYTES:] if path else b""
        except OSError:
            return ""
        return "\n".join(log.decode("utf-8", "replace").splitlines()[-MOST_LINES:])


def shown_runs(
    runs: Iterable[RunEvidence], *, journeys: Mapping[str, Journey], evidence: Path
) -> tuple[Run, ...]:
    """Every run as the sealed page shows it; `journeys` by name."""
    return tuple(RunView(run, journeys.get(run.run.journey), evidence).page() for run in runs)


def run_name(run: RunId) -> str:
    """The name of a run for people."""
    kind = f"injected fault: {run.injector}" if run.injector else KINDS.get(run.kind, str(run.kind))
    masked = ", masked" if run.identity is Identity.MASKED else ""
    return f"{kind}{masked}{f', attempt {run.attempt}' if run.attempt > 1 else ''}"


def ending(run: RunEvidence) -> tuple[str, str, str]:
    """How a run ended: one word, its tone (yes when it is as it should be, else no, unsure or
    empty), and a sentence."""
    found, failed = result(run), _failures(run)
    parts = len(run.steps) + len(run.expectations)
    summary = f"{failed} of {parts} did not hold" if failed else "everything held"
    if run.skipped:
        return "not run", "", run.skipped
    if run.run.kind is RunKind.FAULT_INJECTION:
        if run.fault is None or not run.fault.changed:
            return "did not apply", "unsure", "there was nothing to change"
        if caught(run):
            return "caught", "yes", summary
        if run.run.injector is FaultInjector.FROZEN:
            # Whether it has to be noticed stands in the verdict's reason.
            return "unnoticed", "unsure", summary
        # One that alters nothing that the journey looks for need not be noticed.
        return ("unnoticed", "no", summary) if run.fault.touched else ("not counted", "", UNTOUCHED)
    if found is Result.INCONCLUSIVE:
        return "no result", "unsure", "; ".join(run.errors) or summary
    red = run.run.kind is RunKind.NEGATIVE_CONTROL or run.run.kind in ON_BASE
    wanted = Result.FAILED if red else Result.PASSED
    return ("red" if found is Result.FAILED else "green"), _tone(found is wanted), summary


def shortened(text: str) -> str:
    """At most LONGEST_WORDS characters."""
    return cut(text, LONGEST_WORDS)


def _failures(run: RunEvidence) -> int:
    steps = sum(not step.passed for step in run.steps)
    looks = sum(not look.passed for look in run.expectations)
    return steps + looks + len(run.breaches)


def _looks_by_place(
    looks: Iterable[ExpectationOutcome],
) -> Iterator[tuple[ExpectationOutcome, ...]]:
    """The looks in groups: those that follow one another and were taken from one place."""
    together: list[ExpectationOutcome] = []
    for look in looks:
        if together and look.vantage != together[0].vantage:
            yield tuple(together)
            together = []
        together.append(look)
    if together:
        yield tuple(together)


def _look_row(look: ExpectationOutcome) -> LookRow:
    state = "held" if look.passed else str(look.trouble or "did not hold")
    return LookRow(
        _vantage(look), look.kind, look.expected, look.observed, state, _tone(look.passed)
    )


def _vantage(look: ExpectationOutcome) -> str:
    """From where a look was taken. A call and a command have no page."""
    if look.vantage == HERE and look.kind in PRINTED:
        return FROM_COMMAND
    if look.vantage == HERE and look.kind == ANSWER:
        return FROM_ANSWER
    return VANTAGES.get(look.vantage, look.vantage)


def _exchange(row: Shape) -> NetworkRow:
    status = row.at("status").value
    refused, broken = row.at("refused").text(), row.at("broken").text()
    number = status if isinstance(status, int) and not isinstance(status, bool) else 0
    return NetworkRow(
        method=shortened(row.at("method").text()),
        path=shortened(row.at("path").text()),
        status="refused" if refused else shortened(broken) or f"{number or 'no answer'}",
        kind=shortened(row.at("type").text()),
        octets=row.at("bytes").whole(),
        millis=row.at("millis").whole(),
        good=not refused and not broken and 0 < number < 400,
    )


def _file_name(path: str) -> str:
    """The name that is shown: `page` for page.png, `server log` for the app's output."""
    name = path.rsplit("/", 1)[-1]
    return "server log" if name.endswith(".log") else name.rsplit(".", 1)[0]


def _tone(good: bool) -> str:
    return "yes" if good else "no"
