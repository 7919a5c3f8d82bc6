"""Show the HTTP calls of a journey with their answers, and its commands with their terminals,
before the change and after it. For the sealed page only.

The files were written by a process that looked at an untrusted page: they are parsed strictly, cut,
and left out when they are not what they should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from validators.domain.errors import DocumentInvalid
from validators.domain.evidence import RunEvidence, RunId, RunKind
from validators.domain.journeys.wording import visible
from validators.domain.shapes import Shape
from validators.domain.shortened import cut
from validators.evidence.page import Call, CallRow, Calls, Screen, Terminals
from validators.evidence.terminal import drawn
from validators.judging.runs import RunView, shortened

CALLS, SCREENS = "calls.json", "screens.json"
MOST_CALLS, MOST_SCREENS, MOST_HEADERS = 30, 30, 20
LONGEST_BODY, LONGEST_PRINTED = 2_000, 16_000
WIDEST = 240


@dataclass(frozen=True, slots=True)
class Pair:
    """The plain visitor's run of a journey on base and on the candidate; None: there was none."""

    journey: str
    before: RunView | None
    after: RunView | None


def pairs(
    runs: Iterable[RunEvidence],
    *,
    journeys: Iterable[str],
    evidence: Path,
    beside: Mapping[str, RunId],
) -> tuple[Pair, ...]:
    """The runs to compare, for each journey. `beside` has the runs on base with the same data;
    where it has none, a proof of the store with other data stands beside the candidate."""
    views = {run.run: RunView(run, None, evidence) for run in runs}
    return tuple(
        Pair(
            name,
            views.get(beside.get(name, RunId(name, kind=RunKind.BASE))),
            views.get(RunId(name)),
        )
        for name in journeys
    )


def shown_calls(found: Iterable[Pair]) -> Iterator[Calls]:
    """The calls of each journey in rows: the n-th of each side beside each other."""
    for pair in found:
        before, after = (_calls(view) if view else () for view in (pair.before, pair.after))
        if before or after:
            rows = tuple(CallRow(*row) for row in zip_longest(before, after))
            yield Calls(pair.journey, rows)


def shown_terminals(found: Iterable[Pair]) -> Iterator[Terminals]:
    """What each journey's commands printed, as text and as it looked."""
    for pair in found:
        before, after = (view.terminal() if view else "" for view in (pair.before, pair.after))
        if before or after:
            pictures = (_screens(view) if view else () for view in (pair.before, pair.after))
            yield Terminals(pair.journey, before, after, *pictures)


def _calls(view: RunView) -> tuple[Call, ...]:
    try:
        return tuple(_call(row) for row in list(view.rows(CALLS))[:MOST_CALLS])
    except DocumentInvalid:
        return ()


def _call(row: Shape) -> Call:
    status = row.at("status").whole()
    return Call(
        request=_line(f"{row.at('method').text()} {row.at('path').text()}"),
        headers=_headers(row, "headers"),
        body=_body(row, "body"),
        status=str(status),
        tone="no" if status >= 500 else "",
        answer_headers=_headers(row, "answer_headers"),
        answer=_body(row, "answer"),
        octets=row.at("bytes").whole(),
        millis=row.at("millis").whole(),
    )


def _headers(row: Shape, key: str) -> tuple[str, ...]:
    rows = (Shape({"header": one.value}, one.path) for one in row.list(key)[:MOST_HEADERS])
    both = (one.list("header", exactly=2) for one in rows)
    return tuple(_line(f"{name.text()}: {value.text()}") for name, value in both)


def _body(row: Shape, key: str) -> str:
    return cut(visible(row.at(key).text()), LONGEST_BODY)


def _screens(view: RunView) -> tuple[Screen, ...]:
    try:
        return tuple(_screen(row) for row in list(view.rows(SCREENS))[:MOST_SCREENS])
    except DocumentInvalid:
        return ()


def _screen(row: Shape) -> Screen:
    columns = row.at("columns").whole()
    return Screen(
        command=_line(row.at("command").text()),
        lines=drawn(row.at("output").text()[:LONGEST_PRINTED]),
        errors=drawn(row.at("errors").text()[:LONGEST_PRINTED]),
        ended=_line(row.at("ended").text()),
        size=f"{columns} columns" if 0 < columns <= WIDEST else "",
    )


def _line(text: str) -> str:
    return shortened(visible(text))
