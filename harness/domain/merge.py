"""Whether a change may land: a pure function from facts to named refusals.

The facts are read again, from their sources, right before the merge; a refusal names the one that
was stale. Properties: no path to a merge without a passed, signed verdict on exactly these commits;
unknown is no."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from harness.domain.checks import ChecksStatus, NotGreen, checks_status
from harness.domain.issue import MOST_REVIEWS, CommitSha, TreeSha
from harness.domain.lifecycle import Event
from harness.domain.sandbox import Form
from harness.domain.verdict import Verdict, VerdictOutcome

CHECKS = "checks"
FINAL = frozenset(
    {"stop", "freeze", "identity", "signer", "seal", "verdict", "controls", "reviews"}
)
"""Gates whose refusal a new candidate and a new verdict would not lift. The rules are asked again
about the new candidate."""

EDITED = "the issue's text is not the text that was triaged"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why not: the gate's name, and a sentence for a person."""

    gate: str
    message: str


@dataclass(frozen=True, slots=True)
class MergeFacts:
    """What is true at the moment of merging, each read from its own source."""

    verdict: Verdict | None
    trusted_key_ids: frozenset[str]
    issue: int
    # of the issue, as it was triaged: bug, feature, chore
    kind: str | None
    # paths of the change that a user could see something of; None: not known
    in_sight: tuple[str, ...] | None
    # the tip of the default branch now
    base: CommitSha
    # the pull request's head now
    head: CommitSha
    # the head that the factory itself pushed, by the ledger
    pushed_head: CommitSha | None
    # its pull request is open, of this repository, and asks for the default branch
    proposed: bool | None
    candidate: CommitSha | None
    # of the candidate, computed by us
    tree: TreeSha | None
    # digest of the store now
    journeys: str | None
    # digest at base now
    governance: str
    # what the rules refuse of base..candidate; None: not asked
    policy: tuple[Refusal, ...] | None
    # required checks on the candidate that are not green; None: unknown
    checks: tuple[NotGreen, ...] | None
    sandbox_sealed: bool
    issue_body_unchanged: bool | None
    # all reviews that ask for changes were taken in
    reviews_read: bool | None
    stopped: bool | None
    frozen: bool | None


def refusals(facts: MergeFacts) -> Iterator[Refusal]:
    """Every reason why this change may not land now; none means it may."""
    yield from _stale(facts)
    yield from _judged(facts)
    yield from _allowed(facts)


def _stale(facts: MergeFacts) -> Iterator[Refusal]:
    verdict = facts.verdict
    if verdict is None:
        yield Refusal("verdict", "the sealed validator has not judged this change")
        return
    now = {
        # each read anew, right before the merge; a verdict about anything else is void
        "base": facts.base,
        "head": facts.head,
        "candidate": facts.candidate,
        "tree": facts.tree,
        "journeys": facts.journeys,
        "governance": facts.governance,
    }
    for name, value in now.items():
        judged = getattr(verdict.binds, name)
        if judged != value:
            yield Refusal(
                "freshness",
                f"{name} was {judged:.14} when judged and is {value or 'unknown':.14} now",
            )
    # A stranger with write access may push to the branch after the factory did.
    if facts.pushed_head != facts.head:
        yield Refusal("identity", f"head {facts.head:.7} was not pushed by the factory")
    if facts.proposed is not True:
        yield Refusal(
            "identity",
            "its pull request is closed, of another repository, or asks for another branch",
        )
    if verdict.issue != facts.issue:
        yield Refusal(
            "identity", f"the verdict speaks of issue #{verdict.issue}, not of #{facts.issue}"
        )


def _judged(facts: MergeFacts) -> Iterator[Refusal]:
    verdict = facts.verdict
    if verdict is None:
        return
    if verdict.outcome is not VerdictOutcome.PASSED:
        yield Refusal(
            "verdict", f"the sealed validator answers {verdict.outcome}: {verdict.reason}"
        )
    # Zero of zero passed is not a pass: somebody deleted the journeys.
    if not 0 < verdict.journeys_sealed == verdict.journeys_executed == verdict.journeys_passed:
        yield Refusal(
            "verdict",
            f"{verdict.journeys_passed} of {verdict.journeys_sealed} sealed journeys passed",
        )
    # A judge that cannot fail anything passes everything.
    if not verdict.controls.held:
        yield Refusal("controls", "the verdict carries no proof that this gate could have failed")
    # Without a journey that failed before, the change shows nothing; a chore has none to show.
    elif not verdict.controls.red_on_base and facts.kind != "chore":
        yield Refusal(
            "controls",
            "no journey was red on the base, so none shows the change; only a chore can do without",
        )
    # A feature that is filed as a chore must not get past the journeys that way.
    elif not verdict.controls.red_on_base and facts.in_sight is None:
        yield Refusal(
            "controls",
            "nothing was red on the base, and whether a user could see this chore is not known",
        )
    elif not verdict.controls.red_on_base and facts.in_sight:
        yield Refusal(
            "controls",
            "no journey shows it, and what a user can see is no chore: it touches"
            f" {facts.in_sight[0]}",
        )
    elif not verdict.controls.red_on_base and not verdict.regression.guarded:
        yield Refusal(
            "controls",
            "nothing was red on the base, and no journey that guards what works was performed",
        )
    if verdict.key_id not in facts.trusted_key_ids:
        yield Refusal(
            "signer",
            f"the verdict is signed by key {verdict.key_id:.12}, which is not trusted here",
        )
    # The verdict names the sandbox it was made in; this machine's own must hold as well.
    if not facts.sandbox_sealed or not _sealed(verdict.sandbox_form):
        yield Refusal(
            "seal", "no sandbox held on this machine; an unsealed verdict shows, and never merges"
        )


def _sealed(forms: str) -> bool:
    """Whether every sandbox of a judgement was of a form that seals; several are joined by `+`. An
    unknown form is none."""
    return set(forms.split("+")) <= {form.value for form in Form if form.sealed}


def _allowed(facts: MergeFacts) -> Iterator[Refusal]:
    if facts.policy is None:
        yield Refusal("law", "the rules were not asked about this candidate")
    # Refusals of the rules keep the rule's id as their gate.
    yield from facts.policy or ()
    if facts.checks is None:
        yield Refusal(CHECKS, "required checks are not known to be green")
    yield from (Refusal(CHECKS, fault.message) for fault in facts.checks or ())
    if facts.issue_body_unchanged is not True:
        yield Refusal("freshness", EDITED)
    # Among the many that strangers wrote there may be a maintainer's.
    if facts.reviews_read is not True:
        yield Refusal(
            "reviews",
            f"more than {MOST_REVIEWS:,} reviews ask for changes, and no more are read: dismiss"
            " those that do not count, or merge it yourself",
        )
    # `is not False`: a stop that could not be read counts as set.
    if facts.stopped is not False:
        yield Refusal("stop", "the owner's stop is set, or could not be read")
    if facts.frozen is not False:
        yield Refusal("freeze", "merging is frozen until a person has looked at the last landing")


def gate_event(
    found: Collection[Refusal],
    *,
    waits: Collection[NotGreen],
    about_checks: Collection[str] = (),
) -> Event:
    """What follows from the refusals of a gate.

    Where only checks speak against it (`about_checks` are the rules that ask for them) and `waits`
    names some that may still become green, and none that is red, they are waited for. Where a fact
    has moved, the change is judged again; anything else is a person's."""
    gates = {refusal.gate for refusal in found}
    if not found:
        return Event.GATES_OPEN
    if gates <= {CHECKS, *about_checks} and checks_status(waits) is ChecksStatus.WAITING:
        return Event.CHECKS_AWAITED
    # An edited issue is not judged again: the verdict was about another wish.
    moved = any(refusal.gate == "freshness" and refusal.message != EDITED for refusal in found)
    return Event.HEAD_OR_BASE_MOVED if moved and not gates & FINAL else Event.GATE_REFUSED
