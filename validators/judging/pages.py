"""From a judgement to the two pages: the sealed one with everything, the public one with what may
leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from validators.domain.evidence import Identity, Kind, RunId
from validators.domain.fold import Result, result
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
from validators.judging.judging import Judgement
from validators.judging.promise import promise_words
from validators.judging.runs import shown_runs
from validators.performance.redact import NOTICED

FORMS = {
    "bwrap-root": "which is bubblewrap, started as root, with a user of the box's own",
    "bwrap-userns": "which is bubblewrap in a user namespace, without root",
    "landlock": "which is Landlock with a filter on system calls, without root",
    "unsealed": "which is no wall at all: what was judged in it is shown, and never merged",
}
MISSION, ISSUE, LANDED = "from the mission", "from the issue", "which has landed"


@dataclass(frozen=True, slots=True)
class JudgementReport:
    """A judgement, the predicate that was signed about it, and when it ended."""

    judgement: Judgement
    predicate: Mapping[str, Any]
    ended: datetime


def sealed_page(told: JudgementReport, *, evidence: Path) -> Page:
    """The page for the store: every run, step, look and file; `evidence` is the folder that holds
    the files now."""
    judgement = told.judgement
    runs = shown_runs(
        judgement.evidence,
        journeys={one.name: one for one in judgement.performed},
        evidence=evidence,
    )
    return replace(_page(told), sealed=True, runs=runs, reason=sentence(judgement.verdict.reason))


def public_page(told: JudgementReport, pictures: Mapping[str, str]) -> Page:
    """The page that may leave. `pictures` maps screenshots of the evidence to where they lie beside
    the page."""
    page = _page(told)
    moved = (
        replace(pair, before=_moved(pair.before, pictures), after=_moved(pair.after, pictures))
        for pair in page.comparisons
    )
    return replace(page, comparisons=tuple(moved))


def screenshot(judgement: Judgement, journey: str, kind: Kind) -> str | None:
    """The last picture of a journey as itself on base or on the candidate, as a path below the
    evidence folder."""
    wanted = RunId(journey, Identity.PLAIN, kind)
    pictures = [
        file
        for run in judgement.evidence
        if run.run == wanted
        for file in run.files
        if file.endswith(".png")
    ]
    return pictures[-1] if pictures else None


def _page(told: JudgementReport) -> Page:
    judgement, said = told.judgement, told.predicate
    request = judgement.context.request
    return Page(
        sealed=False,
        repository=request.repository,
        issue=request.issue.number,
        title=request.issue.title,
        kind=request.issue.kind,
        outcome=said["outcome"],
        reason=sentence(said["reason"]),
        figures=tuple(_figures(told)),
        comparisons=tuple(_comparisons(judgement)),
        promises=tuple(_promises(judgement)),
        controls=tuple(_controls(said)),
        bound=tuple(Bound(name.capitalize(), value) for name, value in said["binds"].items()),
        sandbox_form=said["box"]["form"],
        sandbox_words=FORMS.get(said["box"]["form"], ""),
        unheld=tuple(map(_limit, said["box"]["unheld"])),
        signer=said["signer"],
        key_id=judgement.context.key_id,
        merkle_root=said["evidence"]["merkle_root"],
        files=said["evidence"]["files"],
        seed=said["seed"],
        commitment=said["binds"]["journeys"],
        run=request.run,
        round=request.round,
        began=said["began"],
        ended=said["ended"],
        beside=tuple(beside(said)),
        phases=tuple(_phases(judgement)),
    )


def _limit(unheld: str) -> Limit:
    """`disk: growth of …` taken apart; a limit without a kind is all words."""
    kind, colon, words = unheld.partition(": ")
    return (
        Limit(kind[:1].upper() + kind[1:], sentence(words))
        if colon
        else Limit("", sentence(unheld))
    )


def _figures(told: JudgementReport) -> Iterator[Figure]:
    counts, controls = told.predicate["journeys"], told.predicate["controls"]
    yield Figure(
        "Journeys passed",
        f"{counts['passed']} of {counts['sealed']}",
        0 < counts["passed"] == counts["sealed"],
    )
    held, made = (
        controls["twins_failed"] + controls["caught"],
        controls["twins"] + controls["saboteurs"],
    )
    yield Figure("Controls that held", f"{held} of {made}" if made else "not needed", held == made)
    yield Figure("Red before", "yes" if controls["red_on_base"] else "no", controls["red_on_base"])
    yield Figure("Judged in", f"{(told.ended - told.judgement.began).total_seconds():.1f} s")


def _comparisons(judgement: Judgement) -> Iterator[Comparison]:
    request = judgement.context.request
    for journey in judgement.journeys.values():
        before, after = (
            screenshot(judgement, journey.name, kind) for kind in (Kind.BASE, Kind.JOURNEY)
        )
        if after is not None:
            assert request.candidate is not None
            yield Comparison(
                Shot("Before", request.base.commit, f"evidence/{before}") if before else None,
                Shot("After", request.candidate.commit, f"evidence/{after}"),
            )


def _promises(judgement: Judgement) -> Iterator[Promise]:
    """Each promise once, however many journeys protect it: broken if one of them broke, kept only
    if all held."""
    request = judgement.context.request
    words = (
        promise_words(request.governance.files, request.issue.title) | judgement.regression_promises
    )
    for promise, names in _by_promise(judgement).items():
        findings = [finding for finding in judgement.verdict.findings if finding.journey in names]
        state, tone = ("broken", "no") if findings else _kept(names, judgement)
        seen = " ".join(dict.fromkeys(sentence(NOTICED[finding.symptom]) for finding in findings))
        place = (
            ISSUE
            if promise == "issue"
            else f"{promise}, {LANDED if promise.startswith('issue #') else MISSION}"
        )
        name = f"{place} · {len(names)} journeys" if len(names) > 1 else place
        yield Promise(name, words.get(promise, promise), state, tone, seen)


def _by_promise(judgement: Judgement) -> dict[str, set[str]]:
    """The names of the journeys that protect each promise, the issue's own first, without those
    that base breaks already."""
    guarding = [guard for guard in judgement.suite.chosen if guard not in judgement.broken]
    told = [(journey.promise, journey.name) for journey in judgement.journeys.values()]
    found: dict[str, set[str]] = {}
    for promise, name in (*told, *((guard.promised, guard.journey.name) for guard in guarding)):
        found.setdefault(promise, set()).add(name)
    return found


def _kept(journeys: set[str], judgement: Judgement) -> tuple[str, str]:
    own = [
        run
        for run in judgement.evidence
        if run.run.journey in journeys and run.run.kind is Kind.JOURNEY
    ]
    performed = {run.run.journey for run in own} == journeys
    return (
        ("kept", "yes")
        if performed and all(result(run) is Result.PASSED for run in own)
        else ("not shown", "unsure")
    )


def _controls(said: Mapping[str, Any]) -> Iterator[Control]:
    counts = said["controls"]
    state, tone = _held(counts["twins_failed"], counts["twins"], "failed")
    yield Control(
        "SimilarIssues",
        state,
        tone,
        "Each journey has a twin that asks a correct app for something false. It must fail, or the"
        " check sees nothing.",
    )
    state, tone = _held(counts["caught"], counts["saboteurs"], "caught")
    yield Control(
        "Saboteurs",
        state,
        tone,
        "The same app behind a proxy that drops a row, serves a stale page, answers 500 or swaps a"
        " text.",
    )
    yield Control(
        "Red before",
        "yes" if counts["red_on_base"] else "no",
        _tone(counts["red_on_base"]),
        "On the code before the change the journey fails by what it looks for, not by a failure to"
        " start.",
    )


def beside(said: Mapping[str, Any]) -> Iterator[Control]:
    """What the predicate tells of journeys that guard what has landed, and of exploring; nothing
    where there was none."""
    guards, explored = said.get("regression", {}), said.get("exploration")
    if guards.get("standing"):
        yield Control(
            "Journeys of what has landed",
            f"{guards['performed']} of {guards['standing']} performed",
            "unsure" if guards["broken_on_base"] else "",
            " ".join(_guarding(guards)),
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


def _guarding(guards: Mapping[str, int]) -> Iterator[str]:
    if not guards["own"]:
        yield "No journey could be written for this change, so these alone judge it."
    yield f"They guard {_count(guards['promises'], 'promise')} that earlier changes kept."
    if guards["left_out"]:
        yield f"{guards['left_out']} were left out by the limit; the verdict's seed says which."
    if guards["broken_on_base"]:
        yield (
            f"{guards['broken_on_base']} fail on the code before the change as well, and bind"
            " nobody until they are mended."
        )


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _held(held: int, made: int, word: str) -> tuple[str, str]:
    """Controls are only made for a journey that passed: a red one has shown that it can fail."""
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


def _moved(shot: Shot | None, pictures: Mapping[str, str]) -> Shot | None:
    return replace(shot, path=pictures[shot.path.removeprefix("evidence/")]) if shot else None


def _tone(good: bool) -> str:
    return "yes" if good else "no"


def sentence(text: str) -> str:
    """Capitalised, with a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", "…")) else ".")
