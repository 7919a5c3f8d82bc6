"""Write a judgement: everything into the sealed store, what may leave it into the caller's folder,
and the verdict last."""

from __future__ import annotations

import errno
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from validators.domain.errors import ValidatorsError
from validators.domain.journeys.journey import Journey
from validators.domain.stops import UsageError
from validators.evidence.merkle import evidence_in
from validators.evidence.page import html, source
from validators.judging.judging import Judgement
from validators.judging.moments import pictures
from validators.judging.pages import JudgementReport, public_page, sealed_page
from validators.judging.predicate import predicate
from validators.judging.promise import promise_words
from validators.launcher.context import Context
from validators.launcher.regression_suite import RegressionJourney
from validators.performance.redact import NOTICED, leaks, public_findings
from validators.signing.statement import signed_verdict
from validators.store.files import place_file

EVIDENCE = "evidence"
OPEN = 0o644
MOST_TIMES = 100


def publish(judgement: Judgement, *, kept: Path, out: Path, ended: datetime) -> Path:
    """Write the judgement whose evidence lies in `kept`/evidence, and return the path of its
    verdict in `out`."""
    facts = predicate(judgement, evidence_in(kept / EVIDENCE), ended=ended)
    envelope = signed_verdict(facts, judgement.context.notary)
    report = JudgementReport(judgement, facts, ended)
    shots = dict(_pictures(judgement))
    page = html(public_page(report, shots))
    document = public_facts(judgement, facts, tuple(shots.values()))
    public = json.dumps(document, indent=1, ensure_ascii=False)
    # All that leaves is searched before anything is written.
    refuse_leaks(
        (page, public, json.dumps(facts, ensure_ascii=False)),
        journeys=judgement.performed,
        known=_public_words(judgement),
        canaries=judgement.context.journey_store.canaries(),
    )
    (kept / "index.html").write_text(html(sealed_page(report, evidence=kept / EVIDENCE)))
    place_file(kept / "verdict.json", envelope, replace=True)
    home = moved_to_store(judgement.context, kept)
    for name, beside in shots.items():
        place_file(out / beside, (home / EVIDENCE / name).read_bytes(), replace=True, mode=OPEN)
    place_file(out / "index.html", page.encode(), replace=True, mode=OPEN)
    place_file(out / "public.json", public.encode(), replace=True, mode=OPEN)
    return place_file(out / "verdict.json", envelope, replace=True, mode=OPEN)


def public_facts(
    judgement: Judgement, facts: dict[str, Any], shots: tuple[str, ...]
) -> dict[str, Any]:
    """public.json: the outcome, and the findings in the words of the issue or the mission. It names
    no journey."""
    request, verdict = judgement.context.request, judgement.verdict
    words = (
        promise_words(request.governance.files, request.issue.title) | judgement.regression_promises
    )
    return {
        "outcome": facts["outcome"],
        "reason": facts["reason"],
        "findings": [asdict(finding) for finding in public_findings(verdict.findings, words)],
        "checks_passed": verdict.journeys.passed,
        "checks": verdict.journeys.sealed,
        "commitment": facts["binds"]["journeys"],
        "regression": facts["regression"],
        **({"exploration": facts["exploration"]} if judgement.exploration else {}),
        "broken_on_base": [_broken(one, words) for one in judgement.broken],
        "screenshots": list(shots),
    }


def _broken(one: RegressionJourney, words: Mapping[str, str]) -> dict[str, Any]:
    """The facts for a maintainer, who finds the journey in the store by its digest."""
    return {
        "journey": one.entry.digest,
        "issue": one.entry.issue,
        "promise": one.promised,
        "words": words.get(one.promised, one.promised),
    }


def _pictures(judgement: Judgement) -> Iterator[tuple[str, str]]:
    """The screenshots that may leave: the path below the evidence folder, and the path below the
    caller's folder."""
    for number, journey in enumerate(judgement.journeys.values(), start=1):
        found = pictures(judgement, journey)
        if found is None:
            continue
        for name, file in (("before", found.before), ("after", found.after), ("end", found.end)):
            if file:
                yield file, f"{EVIDENCE}/{name}-{number}{PurePosixPath(file).suffix}"


def refuse_leaks(
    texts: Iterable[str],
    *,
    journeys: Collection[Journey],
    known: Iterable[str],
    canaries: Iterable[str],
) -> None:
    """Raises ValidatorsError when a text that leaves holds a canary, or words of a journey that are
    not in `known`."""
    public, secret = tuple(known), tuple(canaries)
    for text in texts:
        if leaks(text, journeys, known=public) or any(canary in text for canary in secret):
            raise ValidatorsError(
                "the public rendering would carry words of a sealed journey; nothing was written"
            )


def _public_words(judgement: Judgement) -> Iterator[str]:
    """What everybody may read: the issue, the governance files, and the words that every judgement
    shares."""
    request = judgement.context.request
    yield from (
        request.issue.title,
        request.issue.body,
        source(),
        *request.governance.files.values(),
        *NOTICED.values(),
    )
    yield from judgement.regression_promises.values()


def moved_to_store(context: Context, kept: Path) -> Path:
    """Move the finished judgement to its place in the store, and return that place. A repeated
    judgement goes beside the first."""
    request = context.request
    first = context.journey_store.judged_folder(run=request.run, round_number=request.round)
    others = (first.with_name(f"{first.name}.{number}") for number in range(2, MOST_TIMES))
    for home in (first, *others):
        try:
            return kept.rename(home)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    raise UsageError(f"{first}: judged {MOST_TIMES} times already; give the request another run")
