"""Make the two pages of a judgement: the sealed one with everything, the public one with what may
leave the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from validators.domain.evidence import RunKind
from validators.domain.journeys.journey import Journey
from validators.domain.run_result import Result, result
from validators.domain.shortened import count
from validators.domain.verdict import Outcome
from validators.evidence.page import (
    Bound,
    Comparison,
    Control,
    Figure,
    Limit,
    Page,
    Phase,
    Promise,
    Shot,
)
from validators.judging.exchanges import pairs, shown_calls, shown_terminals
from validators.judging.judging import Judgement
from validators.judging.moments import deeds, pictures
from validators.judging.promise import promise_words
from validators.judging.runs import shortened, shown_runs
from validators.performance.redact import NOTICED

FORMS = {
    "bwrap-root": "which is bubblewrap, started as root, with a user of the sandbox's own",
    "bwrap-userns": "which is bubblewrap in a user namespace, without root",
    "landlock": "which is Landlock with a filter on system calls, without root",
    "unsealed": "which isolates nothing: what was judged in it is shown, and never merged",
}
MISSION, ISSUE, LANDED = "from the mission", "from the issue", "which has landed"
# The promise of a journey that names no entry of the mission: the issue's title.
ISSUE_ID = "issue"


@dataclass(frozen=True, slots=True)
class JudgementReport:
    """A judgement, the predicate that was signed about it, and when it ended."""

    judgement: Judgement
    predicate: Mapping[str, Any]
    ended: datetime


def sealed_page(report: JudgementReport, *, evidence: Path) -> Page:
    """The page for the store, with every run, step, look and file. `evidence` is the folder that
    holds the files now."""
    judgement = report.judgement
    runs = shown_runs(
        judgement.evidence,
        journeys={one.name: one for one in judgement.performed},
        evidence=evidence,
    )
    names = (journey.name for journey in judgement.journeys.values())
    compared = pairs(judgement.evidence, journeys=names, evidence=evidence, beside=judgement.beside)
    return replace(
        _page(report),
        sealed=True,
        runs=runs,
        calls=tuple(shown_calls(compared)),
        terminals=tuple(shown_terminals(compared)),
        reason=sentence(judgement.verdict.reason),
    )


def public_page(report: JudgementReport, beside: Mapping[str, str]) -> Page:
    """The page that may leave. `beside` maps a screenshot of the evidence to its path beside the
    page."""
    page = _page(report)
    moved = (
        replace(
            pair,
            before=_moved(pair.before, beside) if pair.before else None,
            after=_moved(pair.after, beside),
            end=_moved(pair.end, beside) if pair.end else None,
            # Words of a journey stay sealed, after the landing as well: it guards what landed.
            words="",
        )
        for pair in page.comparisons
    )
    return replace(page, comparisons=tuple(moved))


def _page(report: JudgementReport) -> Page:
    judgement, predicate = report.judgement, report.predicate
    request = judgement.context.request
    return Page(
        sealed=False,
        repository=request.repository,
        issue=request.issue.number,
        title=request.issue.title,
        kind=request.issue.kind,
        outcome=predicate["outcome"],
        reason=sentence(predicate["reason"]),
        figures=tuple(_figures(report)),
        comparisons=tuple(_comparisons(judgement)),
        promises=tuple(promises(judgement)),
        controls=tuple(_controls(predicate)),
        bound=tuple(Bound(name.capitalize(), value) for name, value in predicate["binds"].items()),
        sandbox_form=predicate["box"]["form"],
        sandbox_words=FORMS.get(predicate["box"]["form"], ""),
        unheld=tuple(map(_limit, predicate["box"]["unheld"])),
        signer=predicate["signer"],
        key_id=judgement.context.key_id,
        merkle_root=predicate["evidence"]["merkle_root"],
        files=predicate["evidence"]["files"],
        seed=predicate["seed"],
        commitment=predicate["binds"]["journeys"],
        run=request.run,
        round=request.round,
        began=predicate["began"],
        ended=predicate["ended"],
        further_checks=tuple(further_checks(predicate)),
        phases=tuple(_phases(judgement)),
    )


def _limit(unheld: str) -> Limit:
    """`disk: growth of …` in its two parts. A limit may have no kind."""
    kind, colon, words = unheld.partition(": ")
    if not colon:
        return Limit("", sentence(unheld))
    return Limit(kind[:1].upper() + kind[1:], sentence(words))


def _figures(report: JudgementReport) -> Iterator[Figure]:
    counts, controls = report.predicate["journeys"], report.predicate["controls"]
    passed, sealed = counts["passed"], counts["sealed"]
    yield Figure("Journeys passed", f"{passed} of {sealed}", 0 < passed == sealed)
    held = controls["twins_failed"] + controls["caught"]
    made = controls["twins"] + controls["saboteurs"]
    yield Figure("Controls that held", f"{held} of {made}" if made else "not needed", held == made)
    yield Figure("Red before", "yes" if controls["red_on_base"] else "no", controls["red_on_base"])
    yield Figure("Judged in", f"{(report.ended - report.judgement.began).total_seconds():.1f} s")


def _comparisons(judgement: Judgement) -> Iterator[Comparison]:
    request = judgement.context.request
    words = promise_words(request.governance.files, request.issue.title)
    for journey in judgement.journeys.values():
        found = pictures(judgement, journey)
        if found is None:
            continue
        assert request.candidate is not None
        base, candidate = request.base.commit, request.candidate.commit
        yield Comparison(
            Shot("Before", base, f"evidence/{found.before}") if found.before else None,
            Shot("After", candidate, f"evidence/{found.after}"),
            found.moment,
            Shot("At the end", candidate, f"evidence/{found.end}") if found.end else None,
            _line(journey, found.line),
            words.get(journey.promise, words[ISSUE_ID]),
            # Of what failed nothing leaves but its symptom: an implementer may come to read it.
            deeds(journey, found.line) if judgement.verdict.outcome is Outcome.PASSED else (),
        )


def _line(journey: Journey, number: int) -> str:
    """A line of a journey as its author wrote it; empty for 0."""
    lines = ("", *journey.source.splitlines())
    return shortened(lines[number].strip().removeprefix("- ")) if number < len(lines) else ""


def promises(judgement: Judgement) -> Iterator[Promise]:
    """Each promise once, the issue's own sentence first. Journeys look at some ways of using a
    promise and can break it; they cannot show that all of it is kept."""
    request = judgement.context.request
    words = (
        promise_words(request.governance.files, request.issue.title) | judgement.regression_promises
    )
    for promise, names in _by_promise(judgement).items():
        findings = [finding for finding in judgement.verdict.findings if finding.journey in names]
        state, tone = ("broken", "no") if findings else _looked_at(names, judgement)
        noticed = dict.fromkeys(sentence(NOTICED[finding.symptom]) for finding in findings)
        yield Promise(_source(promise), words.get(promise, promise), state, tone, " ".join(noticed))


def _source(promise: str) -> str:
    """Where a promise comes from."""
    if promise == ISSUE_ID:
        return ISSUE
    return f"{promise}, {LANDED if promise.startswith('issue #') else MISSION}"


def _by_promise(judgement: Judgement) -> dict[str, set[str]]:
    """The names of the journeys that look at each promise, without those that are red on base
    already. All journeys of the change's own issue look at that issue."""
    own = list(judgement.journeys.values())
    binding = [one for one in judgement.suite.chosen if one not in judgement.broken]
    found: dict[str, set[str]] = {ISSUE_ID: {journey.name for journey in own}} if own else {}
    named = [(journey.promise, journey.name) for journey in own]
    for promise, name in (*named, *((one.promised, one.journey.name) for one in binding)):
        found.setdefault(promise, set()).add(name)
    return found


def _looked_at(journeys: set[str], judgement: Judgement) -> tuple[str, str]:
    """In how many ways a promise was looked at: by journeys whose every run passed."""
    own = [
        run
        for run in judgement.evidence
        if run.run.journey in journeys and run.run.kind is RunKind.JOURNEY
    ]
    red = {run.run.journey for run in own if result(run) is not Result.PASSED}
    ways = len({run.run.journey for run in own} - red)
    if not ways:
        return "not looked at", "unsure"
    return f"looked at in {count(ways, 'way')}", ""


def _controls(predicate: Mapping[str, Any]) -> Iterator[Control]:
    counts = predicate["controls"]
    state, tone = _held(counts["twins_failed"], counts["twins"], "noticed")
    yield Control(
        "Negative controls",
        state,
        tone,
        "Each journey has a variant that asks a correct app for something false. It must fail, or"
        " the check sees nothing.",
    )
    state, tone = _held(counts["caught"], counts["saboteurs"], "caught")
    yield Control(
        "Injected faults",
        state,
        tone,
        "The same app, but rows or lines are lost, texts swapped, answers stale or wrong, or it is"
        " given another input. Only faults where a journey looks are counted.",
    )
    yield Control(
        "Red before",
        "yes" if counts["red_on_base"] else "no",
        _tone(counts["red_on_base"]),
        "On the code before the change the journey fails by what it looks for, not by a failure to"
        " start.",
    )


def further_checks(predicate: Mapping[str, Any]) -> Iterator[Control]:
    """The regression suite and exploring, as far as the predicate has them."""
    regression, explored = predicate.get("regression", {}), predicate.get("exploration")
    if regression.get("standing"):
        yield Control(
            "Journeys of what has landed",
            f"{regression['performed']} of {regression['standing']} performed",
            "unsure" if regression["broken_on_base"] else "",
            " ".join(_regression_words(regression)),
        )
    if explored:
        yield Control(
            "Explored by personas",
            f"{explored['satisfied']} of {explored['personas']} satisfied",
            _tone(not explored["failed"]),
            "A model used the app as somebody with a goal. It has no vote: what failed was"
            f" performed again without a model, and {explored['failed'] or 'none'} failed again. So"
            f" few prove that at least {explored['proves']:.0%} would be satisfied, at 95 %"
            " confidence.",
        )


def _regression_words(counts: Mapping[str, int]) -> Iterator[str]:
    if not counts["own"]:
        yield "No journey could be written for this change, so these alone judge it."
    yield f"They protect {count(counts['promises'], 'promise')} that earlier changes kept."
    if counts["left_out"]:
        yield f"{counts['left_out']} were left out by the limit; the verdict's seed decides which."
    if counts["broken_on_base"]:
        yield (
            f"{counts['broken_on_base']} fail on the code before the change as well, and bind"
            " nobody until they are mended."
        )


def _held(held: int, made: int, word: str) -> tuple[str, str]:
    # Controls are made only for a journey that passed: a red one has shown that it can fail.
    return (f"{held} of {made} {word}", _tone(held == made)) if made else ("not needed", "")


def _phases(judgement: Judgement) -> Iterator[Phase]:
    spans = judgement.context.phases.spans()
    whole = sum(span.seconds for span in spans) or 1.0
    for span in spans:
        yield Phase(
            span.name.capitalize(),
            span.seconds,
            100 * span.began / whole,
            100 * span.seconds / whole,
        )


def _moved(shot: Shot, beside: Mapping[str, str]) -> Shot:
    return replace(shot, path=beside[shot.path.removeprefix("evidence/")])


def _tone(good: bool) -> str:
    return "yes" if good else "no"


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", "…")) else ".")
