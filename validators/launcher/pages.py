"""From a judgement to the two pages: the sealed one with everything, the public one with what may leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from validators.domain.evidence import Identity, Kind, RunEvidence, RunId
from validators.domain.fold import Result, caught, result
from validators.evidence.page import Bound, Comparison, Control, Figure, Link, Page, Phase, Promise, Run, Shot
from validators.judge.redact import NOTICED
from validators.launcher.judging import Judgement
from validators.launcher.words import promise_words

MISSION, ISSUE = "from the mission", "from the issue"
KINDS = {Kind.BASE: "before", Kind.JOURNEY: "after", Kind.TWIN: "twin"}


@dataclass(frozen=True, slots=True)
class Told:
    """A judgement, the predicate that was signed about it, and when it ended."""

    judgement: Judgement
    predicate: Mapping[str, Any]
    ended: datetime


def sealed_page(told: Told) -> Page:
    """The page for the store: every run, step and file."""
    judgement = told.judgement
    runs = tuple(_run(run) for run in judgement.evidence)
    return replace(_page(told), sealed=True, runs=runs, reason=sentence(judgement.verdict.reason))


def public_page(told: Told, pictures: Mapping[str, str]) -> Page:
    """The page that may leave. `pictures` maps screenshots of the evidence to where they lie beside the page."""
    page = _page(told)
    moved = (replace(pair, before=_moved(pair.before, pictures), after=_moved(pair.after, pictures)) for pair in page.comparisons)
    return replace(page, comparisons=tuple(moved))


def screenshot(judgement: Judgement, journey: str, kind: Kind) -> str | None:
    """The last picture of a journey as itself on base or on the candidate, as a path below the evidence folder."""
    wanted = RunId(journey, Identity.PLAIN, kind)
    pictures = [file for run in judgement.evidence if run.run == wanted for file in run.files if file.endswith(".png")]
    return pictures[-1] if pictures else None


def _page(told: Told) -> Page:
    judgement, said = told.judgement, told.predicate
    request = judgement.desk.request
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
        box_form=said["box"]["form"],
        unheld=tuple(said["box"]["unheld"]),
        signer=said["signer"],
        key_id=judgement.desk.key_id,
        merkle_root=said["evidence"]["merkle_root"],
        files=said["evidence"]["files"],
        seed=said["seed"],
        commitment=said["binds"]["journeys"],
        run=request.run,
        round=request.round,
        began=said["began"],
        ended=said["ended"],
        phases=tuple(_phases(judgement)),
    )


def _figures(told: Told) -> Iterator[Figure]:
    counts, controls = told.predicate["journeys"], told.predicate["controls"]
    yield Figure("Journeys passed", f"{counts['passed']} of {counts['sealed']}", 0 < counts["passed"] == counts["sealed"])
    held, made = controls["twins_failed"] + controls["caught"], controls["twins"] + controls["saboteurs"]
    yield Figure("Controls that held", f"{held} of {made}" if made else "not needed", held == made)
    yield Figure("Red before", "yes" if controls["red_on_base"] else "no", controls["red_on_base"])
    yield Figure("Judged in", f"{(told.ended - told.judgement.began).total_seconds():.1f} s")


def _comparisons(judgement: Judgement) -> Iterator[Comparison]:
    request = judgement.desk.request
    for journey in judgement.journeys.values():
        before, after = (screenshot(judgement, journey.name, kind) for kind in (Kind.BASE, Kind.JOURNEY))
        if after is not None:
            assert request.candidate is not None
            yield Comparison(
                Shot("Before", request.base.commit, f"evidence/{before}") if before else None,
                Shot("After", request.candidate.commit, f"evidence/{after}"),
            )


def _promises(judgement: Judgement) -> Iterator[Promise]:
    """Each promise once, however many journeys protect it: broken if one of them broke, kept only if all held."""
    request = judgement.desk.request
    words = promise_words(request.governance.files, request.issue.title)
    for promise in dict.fromkeys(journey.promise for journey in judgement.journeys.values()):
        names = {journey.name for journey in judgement.journeys.values() if journey.promise == promise}
        findings = [finding for finding in judgement.verdict.findings if finding.journey in names]
        state, tone = ("broken", "no") if findings else _kept(names, judgement)
        seen = " ".join(dict.fromkeys(sentence(NOTICED[finding.symptom]) for finding in findings))
        place = ISSUE if promise == "issue" else f"{promise}, {MISSION}"
        name = f"{place} · {len(names)} journeys" if len(names) > 1 else place
        yield Promise(name, words.get(promise, promise), state, tone, seen)


def _kept(journeys: set[str], judgement: Judgement) -> tuple[str, str]:
    own = [run for run in judgement.evidence if run.run.journey in journeys and run.run.kind is Kind.JOURNEY]
    performed = {run.run.journey for run in own} == journeys
    return ("kept", "yes") if performed and all(result(run) is Result.PASSED for run in own) else ("not shown", "unsure")


def _controls(said: Mapping[str, Any]) -> Iterator[Control]:
    counts = said["controls"]
    state, tone = _held(counts["twins_failed"], counts["twins"], "failed")
    yield Control(
        "Twins",
        state,
        tone,
        "Each journey has a twin that asks a correct app for something false. It must fail, or the check sees nothing.",
    )
    state, tone = _held(counts["caught"], counts["saboteurs"], "caught")
    yield Control(
        "Saboteurs",
        state,
        tone,
        "The same app behind a proxy that drops a row, serves a stale page, answers 500 or swaps a text.",
    )
    yield Control(
        "Red before",
        "yes" if counts["red_on_base"] else "no",
        _tone(counts["red_on_base"]),
        "On the code before the change the journey fails by what it looks for, not by a failure to start.",
    )


def _held(held: int, made: int, word: str) -> tuple[str, str]:
    """Controls are only made for a journey that passed: a red one has shown that it can fail."""
    return (f"{held} of {made} {word}", _tone(held == made)) if made else ("not needed", "")


def _phases(judgement: Judgement) -> Iterator[Phase]:
    spans = judgement.desk.phases.spans()
    whole = sum(span.seconds for span in spans) or 1.0
    for span in spans:
        yield Phase(span.name.capitalize(), span.seconds, 100 * span.began / whole, 100 * span.seconds / whole)


def _run(run: RunEvidence) -> Run:
    state, tone, summary = _ending(run)
    steps = tuple(_line(step.verb, step.passed, step.trouble, step.observed) for step in run.steps)
    looks = tuple(
        _line(f"{look.kind} ({look.vantage}) {look.expected}".strip(), look.passed, look.trouble, look.observed)
        for look in run.expectations
    )
    breaches = tuple(f"never {breach.kind}: {breach.observed}" for breach in run.breaches)
    lines = (*steps, *looks, *breaches, *run.errors, *run.notes)
    files = tuple(Link(_file_name(name), f"evidence/{name}") for name in sorted(run.files, key=_file_name))
    return Run(_run_name(run.run), run.run.journey, state, tone, run.millis / 1000, summary, lines, files)


def _run_name(run: RunId) -> str:
    kind = f"saboteur: {run.saboteur}" if run.saboteur else KINDS[run.kind]
    masked = ", masked" if run.identity is Identity.MASKED else ""
    return f"{kind}{masked}{f', attempt {run.attempt}' if run.attempt > 1 else ''}"


def _file_name(path: str) -> str:
    """`page` for page.png, `server log` for the app's own output."""
    name = path.rsplit("/", 1)[-1]
    return "server log" if name.endswith(".log") else name.rsplit(".", 1)[0]


def _ending(run: RunEvidence) -> tuple[str, str, str]:
    found = result(run)
    failed = _failures(run)
    seen = f"{failed} of {len(run.steps) + len(run.expectations)} did not hold" if failed else "everything held"
    if run.skipped:
        return "not run", "", run.skipped
    if run.run.kind is Kind.SABOTAGE:
        if run.sabotage is None or not run.sabotage.changed:
            return "did not apply", "unsure", "this saboteur found nothing to change"
        return ("caught", "yes", seen) if caught(run) else ("unnoticed", "no", seen)
    if found is Result.NOTHING:
        return "says nothing", "unsure", "; ".join(run.errors) or seen
    wanted = Result.FAILED if run.run.kind in (Kind.TWIN, Kind.BASE) else Result.PASSED
    return ("red" if found is Result.FAILED else "green"), _tone(found is wanted), seen


def _failures(run: RunEvidence) -> int:
    steps, looks = (sum(not part.passed for part in parts) for parts in (run.steps, run.expectations))
    return steps + looks + len(run.breaches)


def _line(what: str, passed: bool, trouble: object, observed: str) -> str:
    end = "done" if passed else f"no{f' ({trouble})' if trouble else ''}"
    return f"{what}: {end}{f' · saw: {observed}' if observed else ''}"


def _moved(shot: Shot | None, pictures: Mapping[str, str]) -> Shot | None:
    return replace(shot, path=pictures[shot.path.removeprefix("evidence/")]) if shot else None


def _tone(good: bool) -> str:
    return "yes" if good else "no"


def sentence(text: str) -> str:
    """Capitalised, with a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", "…")) else ".")
