"""Merge: re-read every fact, ask the one pure question, land by compare-and-swap, compare again afterwards."""

from typing import Any

from harness.domain.errors import FactoryError, PortError
from harness.domain.governance import Applies
from harness.domain.issue import CommitSha, TreeSha
from harness.domain.lifecycle import Event
from harness.domain.merge import MergeFacts, Refusal, refusals
from harness.domain.workflow import NodeResult
from harness.factory import law, triage
from harness.factory.effects import effect, stop_if_told
from harness.factory.history import FREEZE, is_frozen
from harness.factory.job import Job, produced, refused
from harness.factory.requests import validator_request


def gates(job: Job) -> NodeResult:
    """Whether this change may land now, by facts read now. On a base that has moved nothing else needs to be asked."""
    if says := _base_moved(job):
        return refused(says, event=Event.HEAD_OR_BASE_MOVED)
    facts, findings = merge_facts(job)
    found = tuple(refusals(facts))
    if not found:
        return produced("every gate is open", event=Event.GATES_OPEN, findings=findings)
    says = "; ".join(f"{refusal.gate}: {refusal.says}" for refusal in found)
    stale = any(_moved(refusal) for refusal in found) and not any(refusal.gate in FINAL for refusal in found)
    return refused(says, event=Event.HEAD_OR_BASE_MOVED if stale else Event.GATE_REFUSED, findings=findings,
                   gates=[{"gate": refusal.gate, "says": refusal.says} for refusal in found])


def _base_moved(job: Job) -> str | None:
    judged = (job.history.verdict or {}).get("binds", {}).get("base")
    tip = job.plant.repository.tip(job.plant.forge.default_branch())
    return f"freshness: base was {judged:.7} when judged and is {tip:.7} now" if judged and judged != tip else None


FINAL = frozenset({"stop", "freeze", "identity", "signer", "seal", "verdict", "controls"})
"""Refusals that a new candidate and a new verdict would not lift. The law is asked again about the new candidate."""


def _moved(refusal: Refusal) -> bool:
    return refusal.gate == "freshness" and not refusal.says.startswith("the issue's text")


def merge_facts(job: Job) -> tuple[MergeFacts, list[dict[str, Any]]]:
    """Each fact from its own source, at this moment, and what each rule says. What cannot be read is None, and None is a
    no."""
    plant, told = job.plant, job.history
    binds = (told.verdict or {}).get("binds", {})
    base = plant.repository.tip(plant.forge.default_branch())
    candidate = CommitSha(binds["candidate"]) if binds else None
    request = validator_request(job)
    head = plant.forge.pull_request(told.proposal["number"]).head if told.proposal else CommitSha("")
    asked = _law(job, base, candidate)
    facts = MergeFacts(
        verdict=plant.validator.verified(plant.places.home / told.verdict["envelope"]) if told.verdict else None,
        trusted_key_ids=plant.trusted_keys & frozenset(job.steering.config.seal.trusted_keys),
        issue=job.issue, base=base, head=head, pushed_head=told.pushed_head, candidate=candidate,
        tree=plant.repository.tree_of(candidate) if candidate else None,
        journeys=plant.validator.journeys(request).digest, governance=job.steering.digest,
        kind=(told.triage or {}).get("kind"),
        law=None if asked is None else tuple(refusal for decided in asked for refusal in decided.refusals), checks_green=True,
        box_sealed=plant.sandbox.form() != "unsealed",
        issue_body_unchanged=triage.is_unchanged(job), stopped=_stopped(job), frozen=is_frozen(plant.ledger),
    )
    return facts, [finding for decided in asked or () for finding in decided.findings]


def _law(job: Job, base: CommitSha, candidate: CommitSha | None) -> tuple[law.LawDecision, ...] | None:
    """Both halves of the law: what binds a proposal, and what binds a merge. No model is asked at this step: the votes
    that were recorded on exactly this change are counted again."""
    if candidate is None:
        return None
    return tuple(law.decide_change(job, base, candidate, applies=applies, asking=False)
                 for applies in (Applies.PR, Applies.MERGE))


def _stopped(job: Job) -> bool | None:
    try:
        return job.plant.places.stop_flag.exists()
    except OSError:
        return None


def land(job: Job) -> NodeResult:
    """The judged candidate itself, by a fast-forward that git refuses when anything moved.

    Every fact is read again here, whatever a gate before this said: the step cannot be taken back."""
    plant, verdict = job.plant, job.history.verdict
    if verdict is None:
        return refused("there is no verdict to land on", event=Event.REFUSED)
    binds = verdict["binds"]
    stop_if_told(plant)
    try:
        if found := _still_against(job, CommitSha(binds["candidate"])):
            return refused("; ".join(f"{refusal.gate}: {refusal.says}" for refusal in found), event=Event.REFUSED)
        landed = effect(plant, "land", job.key("land"), lambda: _land(job, binds), issue=job.issue, run=job.run)
    except (PortError, _NotLanded) as error:
        return refused(str(error), event=Event.REFUSED)
    return produced(f"landed as {landed['commit']:.7}", **landed)


def _still_against(job: Job, candidate: CommitSha) -> tuple[Refusal, ...]:
    """What speaks against landing now. Of a candidate that a killed factory has already landed nothing is asked."""
    repository, branch = job.plant.repository, job.plant.forge.default_branch()
    repository.fetch(branch)
    landed = repository.contains(repository.tip(branch), candidate)
    return () if landed else tuple(refusals(merge_facts(job)[0]))


class _NotLanded(FactoryError):
    """The branch moved, or the candidate is not what it must be."""


def _land(job: Job, binds: dict[str, Any]) -> dict[str, Any]:
    branch = job.plant.forge.default_branch()
    landing = job.plant.candidates.land(
        CommitSha(binds["candidate"]), branch, base=CommitSha(binds["base"]), head=CommitSha(binds["head"]),
        tree=TreeSha(binds["tree"]))
    if landing.outcome != "landed":
        raise _NotLanded(f"not landed ({landing.outcome}): {landing.says}")
    return {"commit": binds["candidate"], "tree": binds["tree"], "branch": branch, "base": binds["base"],
            "verdict": job.history.verdicts[-1].key}


def confirm(job: Job) -> NodeResult:
    """Compare what is there now with what was judged. A difference freezes all merging."""
    plant, landed = job.plant, job.outputs["land"]
    plant.repository.fetch(landed["branch"])
    found = plant.repository.tree_of(CommitSha(landed["commit"]))
    contains = plant.repository.contains(plant.repository.tip(landed["branch"]), CommitSha(landed["commit"]))
    if found == landed["tree"] and contains:
        return produced(f"tree {found:.7} landed as judged", event=Event.LANDED)
    plant.ledger.append("command", job.key("freeze"), issue=job.issue, run=job.run, data={"command": FREEZE})
    return refused(f"tree {landed['tree']:.7} was judged, {found:.7} landed: merging is frozen",
                   event=Event.LANDED_TREE_DIFFERS)


def close(job: Job) -> NodeResult:
    """Close the issue as done; the sticky comment says the rest."""
    effect(job.plant, "close", job.key("close"), lambda: _close(job), issue=job.issue, run=job.run)
    return produced("issue closed")


def _close(job: Job) -> dict[str, Any]:
    job.plant.writer.close_issue(job.issue, completed=True)
    return {"issue": job.issue}

