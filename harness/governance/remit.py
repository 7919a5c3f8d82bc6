"""What a rule looks at: everything, or what is below the folder of a nested file; a rule of the
root that a nested file restates, everything but that folder.

Properties: a path that only looks as if it were below a folder is seen by both sides, so nobody
escapes a rule by a look-alike name; facts that are of no path (attempts, money, journeys) are seen
whole; where the paths are UNKNOWN, every rule is asked."""

from dataclasses import replace

from harness.domain.facts import UNKNOWN, ApiFacts, ChangeFacts, Maybe, TestFacts
from harness.domain.governance import Rule
from harness.governance.paths import skeleton, text_of


def seen_by(rule: Rule, facts: ChangeFacts) -> ChangeFacts | None:
    """The facts as this rule sees them; None where the change touches nothing that it looks at."""
    if not (rule.below or rule.outside):
        return facts
    seen = _narrowed(rule, facts)
    touches_nothing_here = seen.files == () and (rule.below or facts.files != ())
    return None if touches_nothing_here else seen


def looks_at(rule: Rule, path: bytes) -> bool:
    """Whether the rule sees this path."""
    text = text_of(path)
    if rule.below and not (
        text.startswith(rule.below) or skeleton(text).startswith(skeleton(rule.below))
    ):
        return False
    return not text.startswith(rule.outside)


def _narrowed(rule: Rule, facts: ChangeFacts) -> ChangeFacts:
    def mine(path: bytes) -> bool:
        return looks_at(rule, path)

    return replace(
        facts,
        files=UNKNOWN
        if facts.files is UNKNOWN
        else tuple(one for one in facts.files if mine(one.path)),
        dependencies=UNKNOWN
        if facts.dependencies is UNKNOWN
        else tuple(one for one in facts.dependencies if mine(one.manifest)),
        secrets=UNKNOWN
        if facts.secrets is UNKNOWN
        else tuple(one for one in facts.secrets if mine(one.path)),
        added=UNKNOWN
        if facts.added is UNKNOWN
        else tuple(one for one in facts.added if mine(one.path)),
        api=UNKNOWN
        if facts.api is UNKNOWN
        else ApiFacts(
            tuple(one for one in facts.api.lost if mine(one.path)),
            tuple(one for one in facts.api.unread if mine(one)),
        ),
        tests=_tests(rule, facts.tests),
    )


def _tests(rule: Rule, tests: Maybe[TestFacts]) -> Maybe[TestFacts]:
    """Weakened tests are known by their files; the ids of tests are a runner's own words and stay
    whole."""
    if tests is UNKNOWN or tests.weakened is UNKNOWN:
        return tests
    return replace(
        tests,
        weakened=tuple(
            found
            for found in tests.weakened
            if looks_at(rule, found.partition("::")[0].encode("utf-8", "surrogateescape"))
        ),
    )
