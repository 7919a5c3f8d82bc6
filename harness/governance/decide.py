"""The rules' decision about a change: a pure function from governance and facts to one decision.

Properties: forbid wins; unknown is no; a rule whose `when:` cannot be answered is asked; a rule in
shadow is reported and changes nothing; what no rule speaks of falls to the document's default; the
built-in rules are always asked; a person lifts what a rule leaves to a person, word for word as
they saw it, and nothing else."""

from collections.abc import Collection
from dataclasses import replace

from harness.domain.facts import UNKNOWN, ChangeFacts
from harness.domain.governance import (
    Applies,
    ChangeDefault,
    CheckAnswer,
    Decision,
    Finding,
    Governance,
    Level,
    OnFail,
    Rule,
    Status,
)
from harness.governance.checks.trust import Trust
from harness.governance.paths import matches
from harness.governance.remit import looks_at, seen_by

Lifted = Collection[tuple[str, str]]
"""Refusals that a person lifted, each as the rule's id and what it said."""

DEFAULT = "default"
NOT_SPOKEN_OF = "no rule speaks of this change"
NO_AREA = "it touches what no rule of trust names, so a person lands it"
BY_DEFAULT = ((DEFAULT, NOT_SPOKEN_OF), (DEFAULT, NO_AREA))
"""What no rule refuses, and a person decides."""


def decide(
    governance: Governance,
    facts: ChangeFacts,
    *,
    applies: Applies = Applies.PR,
    lifted: Lifted = (),
) -> Decision:
    """Ask every rule that applies here, and say what follows. Never raises, reads nothing."""
    asked = rules_asked(governance, facts, applies=applies)
    findings = tuple(as_lifted(rule, _finding(rule, seen), lifted) for rule, seen in asked)
    refusals = [finding for finding in findings if finding.refuses]
    if refusals:
        # Several rules may refuse; the strictest consequence counts.
        action = max(
            (finding.on_fail for finding in refusals), key=lambda on_fail: on_fail.strictness
        )
        return Decision(
            governance.digest, applies, findings, action, tuple(map(_sentence, refusals))
        )
    if (DEFAULT, NO_AREA) not in lifted and _touches_no_area(governance, asked, applies):
        return Decision(governance.digest, applies, findings, OnFail.NEEDS_HUMAN, (NO_AREA,))
    # Built-in rules look at every change, so they would always count as speaking of it.
    speaking = [rule for rule, _ in asked if rule.status is Status.ENFORCE and not rule.built_in]
    if (
        governance.change_default is ChangeDefault.NEEDS_HUMAN
        and not spoken_of(facts, speaking)
        and (DEFAULT, NOT_SPOKEN_OF) not in lifted
    ):
        return Decision(governance.digest, applies, findings, OnFail.NEEDS_HUMAN, (NOT_SPOKEN_OF,))
    return Decision(governance.digest, applies, findings, None)


def rules_asked(
    governance: Governance, facts: ChangeFacts, *, applies: Applies
) -> list[tuple[Rule, ChangeFacts]]:
    """The rules that are put to this change here, each with the facts as it sees them."""
    return [
        (rule, seen)
        for rule in governance.rules
        if _is_here(rule, applies)
        and (seen := seen_by(rule, facts)) is not None
        # A condition that cannot be answered counts as true: what is unknown is asked about.
        and (rule.when is None or rule.when.holds(seen) is not False)
    ]


def answer_of(rule: Rule, facts: ChangeFacts) -> CheckAnswer:
    """The answer of one rule's check, whatever its status. A rule without one is never satisfied by
    silence."""
    return (
        rule.check.answer(facts) if rule.check else CheckAnswer(UNKNOWN, "nobody checks this rule")
    )


def leaves_to_a_person(rule: Rule, finding: Finding) -> bool:
    """Whether a person may lift this refusal. Nobody lifts what is locked or built in, what a rule
    does otherwise than by asking a person, or a fact that code did not establish."""
    # What code could not establish, a person cannot establish by approving.
    known = finding.passed is False or rule.level is Level.JUDGED
    return (
        finding.refuses
        and known
        and finding.on_fail is OnFail.NEEDS_HUMAN
        and not (rule.locked or rule.built_in)
    )


def as_lifted(rule: Rule, finding: Finding, lifted: Lifted) -> Finding:
    """The finding, marked where a person lifted exactly this and may."""
    # Compared word for word: a refusal for another reason was never shown to the person.
    if (finding.rule, finding.message) in lifted and leaves_to_a_person(rule, finding):
        return replace(finding, lifted=True)
    return finding


def _touches_no_area(
    governance: Governance, asked: list[tuple[Rule, ChangeFacts]], applies: Applies
) -> bool:
    """Whether the owner trusts the factory somewhere, and the change touches anything elsewhere.
    Where no rule speaks of trust, nobody is asked."""
    if not any(_trusts(rule) and rule.applies is applies for rule in governance.rules):
        return False
    areas = [rule.check for rule, _ in asked if isinstance(rule.check, Trust) and _trusts(rule)]
    files = next((facts.files for _, facts in asked), UNKNOWN)
    return files is UNKNOWN or not all(
        any(matches(area.paths, change.path) for area in areas) for change in files
    )


def _trusts(rule: Rule) -> bool:
    return isinstance(rule.check, Trust) and rule.status is Status.ENFORCE


def _is_here(rule: Rule, applies: Applies) -> bool:
    here = rule.applies is applies or (rule.built_in and applies is not Applies.ISSUE)
    # A grant is about a workflow, and asks nothing of a change.
    asks = rule.level is Level.ENFORCED and rule.grant is None
    return here and asks and rule.status is not Status.OFF


def spoken_of(facts: ChangeFacts, speaking: list[Rule]) -> bool:
    """Whether every path of the change is one that an enforced rule looks at. A nested rule speaks
    of its folder only."""
    if not speaking or any(not (rule.below or rule.outside) for rule in speaking):
        return bool(speaking)
    return (
        facts.files is not UNKNOWN
        and facts.files != ()
        and all(any(looks_at(rule, change.path) for rule in speaking) for change in facts.files)
    )


def _finding(rule: Rule, facts: ChangeFacts) -> Finding:
    answer = answer_of(rule, facts)
    return Finding(
        rule=rule.id,
        title=rule.title,
        passed=answer.passed,
        status=rule.status,
        on_fail=answer.follows or rule.on_fail,
        message=answer.message,
        source=rule.source,
        evidence=answer.evidence,
    )


def _sentence(finding: Finding) -> str:
    return f"{finding.rule}: {finding.message}"
