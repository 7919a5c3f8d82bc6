"""What the law says of a change: a pure function from governance and facts to one decision.

Properties: forbid wins; unknown is no; a rule whose `when:` cannot be answered is asked; a rule in shadow is reported
and changes nothing; what no rule speaks of falls to the document's default; the built-in rules are always asked.
"""

from harness.domain.facts import UNKNOWN, ChangeFacts
from harness.domain.governance import (
    Answer,
    Applies,
    ChangeDefault,
    Decision,
    Finding,
    Governance,
    Level,
    OnFail,
    Rule,
    Status,
)


def decide(governance: Governance, facts: ChangeFacts, *, applies: Applies = Applies.PR) -> Decision:
    """Ask every rule that applies here, and say what follows. Never raises, reads nothing."""
    asked = [rule for rule in governance.rules if _is_asked(rule, applies, facts)]
    findings = tuple(_finding(rule, facts) for rule in asked)
    refusals = [finding for finding in findings if finding.refuses]
    if refusals:
        action = max((finding.on_fail for finding in refusals), key=lambda on_fail: on_fail.strictness)
        return Decision(governance.digest, applies, findings, action, tuple(map(_sentence, refusals)))
    spoken = any(rule.status is Status.ENFORCE and not rule.built_in for rule in asked)
    if governance.change_default is ChangeDefault.NEEDS_HUMAN and not spoken:
        return Decision(governance.digest, applies, findings, OnFail.NEEDS_HUMAN, ("no rule speaks of this change",))
    return Decision(governance.digest, applies, findings, None)


def answer_of(rule: Rule, facts: ChangeFacts) -> Answer:
    """What one rule's check says, whatever its status. A rule without one is never satisfied by silence."""
    return rule.check.answer(facts) if rule.check else Answer(UNKNOWN, "nobody checks this rule")


def _is_asked(rule: Rule, applies: Applies, facts: ChangeFacts) -> bool:
    here = rule.applies is applies or (rule.built_in and applies is not Applies.ISSUE)
    if not here or rule.level is not Level.ENFORCED or rule.status is Status.OFF:
        return False
    return rule.when is None or rule.when.holds(facts) is not False


def _finding(rule: Rule, facts: ChangeFacts) -> Finding:
    answer = answer_of(rule, facts)
    return Finding(rule=rule.id, title=rule.title, passed=answer.passed, status=rule.status, on_fail=rule.on_fail,
                   says=answer.says, source=rule.source, evidence=answer.evidence)


def _sentence(finding: Finding) -> str:
    return f"{finding.rule}: {finding.says}"
