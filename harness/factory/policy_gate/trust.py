"""How far a change is trusted before it lands: the facts for the rules of trust, and the record of
what was decided on them.

Properties:
- everything is from the ledger and the change's own files, read anew each time: a landing that was
  taken back a moment ago counts at the step that cannot be undone;
- no words of an issue are read, and no model is asked;
- a grant in the future is none."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256

from harness.domain.events import TrustDecided
from harness.domain.facts import UNKNOWN, AreaTrust, ChangeFacts, Maybe
from harness.domain.governance import Decision, Governance, Rule, Status
from harness.domain.issue import CommitSha
from harness.domain.lifecycle import Event
from harness.domain.plain import plain
from harness.domain.trust import Followed, Grant, in_area, learned, level_of
from harness.factory.run.node import Job
from harness.factory.trust.outcomes import followed, traits
from harness.governance.checks.trust import Trust
from harness.governance.paths import resembles


def trust_facts(job: Job, facts: ChangeFacts) -> Maybe[tuple[AreaTrust, ...]]:
    """What is known of each area that a rule of trust names; UNKNOWN where none does."""
    areas = tuple(dict.fromkeys(check for _, check in _rules_of_trust(job.policy.governance)))
    if not areas:
        return UNKNOWN
    past = followed(job.services.ledger.entries())
    return tuple(_known_of(job, facts, area, past) for area in areas)


def _known_of(job: Job, facts: ChangeFacts, area: Trust, past: Iterable[Followed]) -> AreaTrust:
    name, history = _name(area), job.history
    own = in_area(past, name, lambda path: resembles(area.paths, path.encode()))
    found = learned(own).confidence(traits(history, facts.files, area=name))
    return AreaTrust(
        area.paths,
        level_of(name, own, _grant(job, area)).word,
        area.granted,
        Decimal(str(found.value)),
        found.basis.value,
        found.outcomes,
        Decimal(str(found.low)),
        Decimal(str(found.high)),
        found.missing,
        history.rounds_by(Event.LOW_CONFIDENCE),
    )


def _grant(job: Job, area: Trust) -> Grant | None:
    grant = area.grant
    if grant is None or grant.since is None or grant.since <= job.services.clock.now():
        return grant
    # The owner cannot have seen what has not happened yet.
    return replace(grant, since=None)


def record_trust(job: Job, facts: ChangeFacts, decision: Decision, *, head: CommitSha) -> None:
    """Record what each rule of trust decided about `head`, once for each different decision."""
    for event in _decided(job, facts, decision, head):
        content = sha256(json.dumps(plain(event), sort_keys=True).encode()).hexdigest()[:16]
        job.services.ledger.append(
            event,
            f"{TrustDecided.kind}/{job.issue}/{event.rule}/{head}/{content}",
            issue=job.issue,
            run=job.run,
        )


def _decided(
    job: Job, facts: ChangeFacts, decision: Decision, head: CommitSha
) -> Iterator[TrustDecided]:
    answers = {finding.rule: finding for finding in decision.findings}
    for rule, check in _rules_of_trust(job.policy.governance):
        found = None if facts.trust is UNKNOWN else check.standing(facts.trust)
        finding = answers.get(rule.id)
        # A change that touches nothing of the area was not decided there.
        if found is None or finding is None or not check.touched_by(facts):
            continue
        yield TrustDecided(
            head=head,
            rule=rule.id,
            paths=check.paths,
            level=check.level_in(found).word,
            granted=check.granted,
            alone=check.decision(found)[0].value,
            follows="merge" if finding.passed is True else finding.on_fail.value,
            lifted=finding.lifted,
            shadow=rule.status is Status.SHADOW,
            value=str(found.value),
            low=str(found.low),
            high=str(found.high),
            basis=found.basis,
            outcomes=found.outcomes,
            missing=found.missing,
            traits=plain(traits(job.history, facts.files, area=_name(check))),
        )


def goes_back(governance: Governance, refused: Iterable[tuple[str, str]]) -> bool:
    """Whether nothing but a want of confidence speaks against a change, and a rule of trust sends
    it back. `refused` has each refusal's gate, and what follows from it."""
    trusting = {rule.id for rule, _ in _rules_of_trust(governance)}
    found = tuple(refused)
    return bool(found) and all(gate in trusting and follows == "retry" for gate, follows in found)


def _rules_of_trust(governance: Governance) -> Iterator[tuple[Rule, Trust]]:
    for rule in governance.rules:
        if isinstance(rule.check, Trust) and rule.status is not Status.OFF:
            yield rule, rule.check


def _name(area: Trust) -> str:
    return ", ".join(area.paths)
