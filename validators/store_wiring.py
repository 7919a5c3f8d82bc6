"""One function for each command that reads or changes the store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from validators.wiring import context_of, now


def store_evidence(store: Path, public_key: Path, verdicts: Sequence[Path]) -> int:
    """Print as JSON, for each verdict, why the store's evidence is not what it binds; an empty text
    where it is."""
    from validators.judging.verify import evidence_faults

    print(json.dumps(evidence_faults(verdicts, public_key=public_key, store=store)))
    return 0


def store_digest(request: Path) -> int:
    """Print facts about the journeys that bind a change for the request's issue: how many were
    written for its very text or are to be made green by it, whether an author declined, how many
    are in the regression suite, and the digest of all, null when there are none."""
    from validators.launcher.own_journeys import up_to_date
    from validators.launcher.regression_suite import declined, mended, regression_digests
    from validators.store.journeys import set_digest

    context = context_of(request)
    own = context.journey_store.journeys(context.request.issue.number)
    regression = regression_digests(context)
    mends = [entry.digest for entry in mended(context)]
    digests = {*(one.entry.digest for one in own), *mends, *regression}
    facts = {
        "journeys": len(up_to_date(context.request, own)) + len(mends),
        "declined": declined(context),
        "standing": len(regression),
        "digest": set_digest(digests) if digests else None,
    }
    print(json.dumps(facts))
    return 0


def store_list(request: Path) -> int:
    """Print the history of every journey, oldest first, one JSON object a line. `stands` marks what
    is in force."""
    from validators.authoring.inventory import listed

    for line in listed(context_of(request)):
        print(json.dumps(line))
    return 0


def store_show(request: Path, digest: str) -> int:
    """Print a sealed journey with its text and its history, as one JSON object."""
    from validators.authoring.inventory import shown

    print(json.dumps(shown(context_of(request), digest), indent=1))
    return 0


def store_add(request: Path, journey: Path, *, actor: str, reason: str) -> int:
    """Prove and seal a maintainer's journey for the request's issue, or for the mission (issue
    0)."""
    from validators.authoring.maintaining import added

    found = added(context_of(request), journey.read_text(), actor=actor, reason=reason)
    print(f"{found.outcome}: {found.reason}")
    return 0 if found.outcome == "sealed" else 1


def retire(request: Path, digest: str, *, actor: str, reason: str) -> int:
    """Retire a journey: it binds no change any more. The store keeps it, its proofs and this
    decision."""
    from validators.judging.predicate import stamp
    from validators.store.entries import Event

    entry = context_of(request).journey_store.close(
        digest, event=Event.RETIRED, actor=actor, reason=reason, at=stamp(now())
    )
    print(f"retired {entry.journey} ({digest}) of issue {entry.issue}")
    return 0


def supersede(request: Path, digest: str, journey: Path, *, actor: str, reason: str) -> int:
    """Prove a maintainer's journey, and seal it in the place of another."""
    from validators.authoring.maintaining import added

    found = added(
        context_of(request), journey.read_text(), actor=actor, reason=reason, replacing=digest
    )
    print(f"{found.outcome}: {found.reason}")
    return 0 if found.outcome == "sealed" else 1
