"""What a maintainer's approval of a commit lifts, and when it is refused. Pure.

Properties:
- an approval names the current commit; it lifts only refusals about that commit, word for word, by
  rules that leave the question to a person;
- with another head, other rules or other words it lifts nothing;
- it does not replace the sealed verdict, and the change is judged again after it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.domain.events import NodeEnded
from harness.domain.facts import UNKNOWN
from harness.domain.governance import Finding, Governance, OnFail, Status
from harness.domain.issue import CommitSha
from harness.domain.ledger import Recorded
from harness.domain.lifecycle import Event, State
from harness.domain.plain import JsonObject
from harness.factory.records.history import History
from harness.governance.decide import BY_DEFAULT, Lifted, leaves_to_a_person

SHORTEST = 12
"""How many characters of a commit hash an approval needs at least."""

_SHA = re.compile(rf"[0-9a-f]{{{SHORTEST},64}}")
_AT = frozenset({"validate", "merge"})


@dataclass(frozen=True, slots=True)
class Approval:
    """What an approval of this head would lift: refusals, each as rule and words."""

    head: CommitSha
    lifts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class NotApproved:
    """Why nothing was approved: a sentence that names the next step. It may contain text from
    outside."""

    reason: str


def approval(
    history: History, governance: Governance, *, sha: str, head_now: CommitSha | None, rules: str
) -> Approval | NotApproved:
    """The effect of `/factory approve sha`. `head_now` is the head of the issue's pull request
    (None if none is open), `rules` the digest of the policy in force."""
    if history.state is not State.NEEDS_HUMAN:
        return NotApproved(
            f"it is {history.state.value} now, and only what needs a person can be approved"
        )
    if history.pushed_head is None or head_now is None:
        return NotApproved(
            "there is no open pull request of the factory's for it, so there is no commit to"
            " approve"
        )
    # Somebody else pushed: nothing of that head was judged.
    if head_now != history.pushed_head:
        return NotApproved(
            f"its head is {head_now:.12} now, which the factory did not push; nothing of it can be"
            " approved"
        )
    if wrong := _wrong_name(history, sha.casefold(), head_now):
        return NotApproved(wrong)
    refused = _refused(history)
    if refused is None:
        return NotApproved(
            "nothing that a rule leaves to a person stands against it; `/factory retry` starts"
            " again"
        )
    # What a rule refused under an older text may not be what it refuses now.
    if _rules_of(history, refused) != rules:
        return NotApproved(
            "the texts that govern changed since it was refused; `/factory retry` has it looked at"
            " under them"
        )
    return _lifting(governance, refused, head_now)


def lifts(history: History, *, run: str, rules: str) -> Lifted:
    """The refusals that are lifted while this run looks at the head that the factory pushed last. A
    new proposal has another head, so nothing is lifted while it is made."""
    given = [
        entry.event
        for entry in history.transitions
        if entry.event.event is Event.APPROVED_BY_PERSON
    ]
    last = given[-1] if given else None
    stands = (
        last is not None
        and last.head is not None
        and last.head == history.pushed_head
        and last.rules == rules
    )
    return (
        frozenset(last.lifts)
        if last and stands and history.workflow_of(run) in _AT
        else frozenset()
    )


def _wrong_name(history: History, sha: str, head: CommitSha) -> str:
    """Why `sha` does not name what stands now; empty if it does."""
    if not _SHA.fullmatch(sha):
        return (
            f"`/factory approve` takes the name of a commit, {SHORTEST} characters of it or more;"
            f" the head is now {head:.12}"
        )
    candidates = [str(one) for one in (_candidate(history),) if one]
    return (
        ""
        if any(name.startswith(sha) for name in (head, *candidates))
        else (
            f"{sha:.12} is not what stands here any more; the head is {head:.12} now. Look at that"
            " one first"
        )
    )


def _candidate(history: History) -> str | None:
    """The merge candidate of the run that the issue's state rests on."""
    run = history.transitions[-1].run
    made = [node.event.result.output.get("candidate") for node in history.nodes if node.run == run]
    bound = history.verdict.binds if history.verdict else None
    return next(
        (one for one in made if one),
        bound.candidate if bound and bound.head == history.pushed_head else None,
    )


def _refused(history: History) -> Recorded[NodeEnded] | None:
    """The step that refused the candidate, if a rule or a gate did."""
    last = history.transitions[-1]
    steps = [
        entry
        for entry in history.nodes
        if entry.run == last.run
        and entry.event.result.event == last.event.event
        and tuple(_refusals_in(entry))
    ]
    return steps[-1] if steps and history.workflow_of(last.run) in _AT else None


def _rules_of(history: History, step: Recorded[NodeEnded]) -> str:
    return next(run.event.rules for run in history.runs if run.run == step.run)


def _refusals_in(step: Recorded[NodeEnded]) -> Iterator[tuple[str, str]]:
    """The refusals of a step, as gate and words; the gate of a rule is its id."""
    output = step.event.result.output
    for gate in output.get("gates") or ():
        yield str(gate["gate"]), str(gate["says"])
    for one in () if output.get("gates") else output.get("sent_back") or ():
        yield str(one["words"]), str(one["observed"])


def _lifting(
    governance: Governance, step: Recorded[NodeEnded], head: CommitSha
) -> Approval | NotApproved:
    refusals = tuple(dict.fromkeys(_refusals_in(step)))
    findings = {
        (str(one["rule"]), str(one["says"])): one
        for one in step.event.result.output.get("findings") or ()
    }
    unliftable = [
        gate
        for gate, words in refusals
        if not _is_left_to_a_person(governance, gate, words, findings.get((gate, words)))
    ]
    if unliftable:
        return NotApproved(
            f"{', '.join(dict.fromkeys(unliftable))} stands against it, and no approval lifts that"
        )
    return Approval(head, refusals)


def _is_left_to_a_person(
    governance: Governance, gate: str, words: str, finding: JsonObject | None
) -> bool:
    """Whether a rule that leaves the question to a person gave this refusal. Nobody can lift a gate
    that is no rule."""
    if (gate, words) in BY_DEFAULT:
        return True
    rules = [
        rule
        for rule in governance.rules
        # By file as well, because a file in a folder may state an id again.
        if finding is not None and rule.id == gate and rule.source.file == finding["file"]
    ]
    if finding is None or not rules:
        return False
    finding_now = Finding(
        gate,
        rules[0].title,
        UNKNOWN if finding["passed"] is None else bool(finding["passed"]),
        Status(finding["status"]),
        OnFail(finding["on_fail"]),
        words,
        rules[0].source,
    )
    return leaves_to_a_person(rules[0], finding_now)
