"""The drafted rules: basic ones for every repository, and those from its own prose, in shadow and
with the quote.

The basic rules forbid what a factory must not do anywhere. A number or a path from prose was
written for people and read by a program. So such a rule reports and blocks nothing, until a person
checks it and writes `status: enforce`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.onboarding.survey import Clause, ClauseKind, Survey
from harness.onboarding.words import is_citable, quoted

MOST_CLAUSES = 40
_LIMITS = (
    (
        ClauseKind.LINES,
        "F-SIZE",
        "Changes stay small",
        "lines",
        400,
        "split",
        (
            "A change should be readable in ten minutes, so it changes at most {n} lines, added and"
            " deleted together."
        ),
    ),
    (
        ClauseKind.FILES,
        "F-FILES",
        "A change is about one thing",
        "files",
        20,
        "split",
        "What touches more than {n} files is seldom one thing.",
    ),
    (
        ClauseKind.ATTEMPTS,
        "F-TRIES",
        "Some tries, then a person",
        "attempts",
        3,
        "needs-human",
        "The factory tries an issue at most {n} times. Then it asks.",
    ),
    (
        ClauseKind.DOLLARS,
        "F-COST",
        "What an issue may cost",
        "dollars",
        2,
        "needs-human",
        "An issue costs at most {n} dollars in model calls, in all its attempts.",
    ),
)


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """One rule as the template writes it. `check` and each case are one line of YAML;
    `clauses` are the sentences behind it."""

    id: str
    title: str
    prose: str
    check: str
    cases: tuple[str, ...]
    on_fail: str = "needs-human"
    status: str = "enforce"
    when: str = ""
    clauses: tuple[Clause, ...] = ()

    @property
    def quotes(self) -> tuple[str, ...]:
        """The sentences with their places, one per line."""
        return tuple(
            f"{quoted(clause.quote)} ({clause.place})"
            if is_citable(clause.quote)
            else f"It is stated at {clause.place}."
            for clause in self.clauses
        )


def rules_of(survey: Survey) -> tuple[RuleDraft, ...]:
    """Every drafted rule, each with a case that passes and one that fails."""
    return tuple(_rules(survey))


def unchecked_in(survey: Survey) -> tuple[Clause, ...]:
    """Binding sentences that no drafted rule covers. They are shown, so that a person
    sees that they were not forgotten."""
    held = {clause for rule in rules_of(survey) for clause in rule.clauses}
    return tuple(
        clause
        for clause in survey.clauses
        if clause not in held and clause.kind is not ClauseKind.NEVER
    )


def _rules(survey: Survey) -> Iterator[RuleDraft]:
    for kind, rule_id, title, what, usual, on_fail, prose in _LIMITS:
        yield _limit(
            kind,
            rule_id,
            title,
            usual=usual,
            on_fail=on_fail,
            prose=prose,
            what=what,
            survey=survey,
        )
    yield _places(survey)
    yield from _protected(survey)
    yield RuleDraft(
        "F-DEPS",
        "No new dependencies",
        "Each dependency is somebody else's commit right. A person adds one.",
        "{dependencies: {}}",
        (
            "{given: {dependencies: {}}, expect: pass}",
            "{given: {dependencies: {left-pad: added}}, expect: fail}",
        ),
        clauses=_of(survey, ClauseKind.DEPENDENCIES),
    )
    yield RuleDraft(
        "F-SECRETS",
        "No secrets",
        "A change adds nothing that looks like a credential.",
        "{secrets: {}}",
        ("{given: {secrets: []}, expect: pass}", '{given: {secrets: ["config.py"]}, expect: fail}'),
        clauses=_of(survey, ClauseKind.SECRETS),
    )
    yield _tests(survey)
    yield from _tests_added(survey)


def _limit(
    kind: ClauseKind,
    rule_id: str,
    title: str,
    *,
    usual: int,
    on_fail: str,
    prose: str,
    what: str,
    survey: Survey,
) -> RuleDraft:
    """A limit: the strictest number in the prose, in shadow, or else the usual number."""
    clauses = sorted(_of(survey, kind), key=lambda clause: int(clause.values[0]))[:1]
    number = int(clauses[0].values[0]) if clauses else usual
    text = f"Read as a limit: at most {number} {what}." if clauses else prose.format(n=number)
    return RuleDraft(
        rule_id,
        title,
        text,
        f"{{{kind}: {{max: {number}}}}}",
        (
            f"{{given: {{{kind}: {number}}}, expect: pass}}",
            f"{{given: {{{kind}: {number + 1}}}, expect: fail}}",
        ),
        on_fail=on_fail,
        status="shadow" if clauses else "enforce",
        clauses=tuple(clauses),
    )


def _places(survey: Survey) -> RuleDraft:
    prose = (
        "The factory works on what the product is made of. What steers it, builds it and decides"
        " which code is installed\nis for people."
    )
    if not survey.places:
        return RuleDraft(
            "F-PATHS",
            "Not what steers it",
            prose,
            '{paths: {deny: ["factory.toml"]}}',
            (
                '{given: {files: ["a.txt"]}, expect: pass}',
                '{given: {files: ["factory.toml"]}, expect: fail}',
            ),
        )
    return RuleDraft(
        "F-PATHS",
        "Only the product and its tests",
        prose,
        f"{{paths: {{allow: {_list(survey.places)}}}}}",
        (
            f"{{given: {{files: {_list((_within(survey.places[0]),))}}}, expect: pass}}",
            '{given: {files: ["factory.toml"]}, expect: fail}',
        ),
    )


def _protected(survey: Survey) -> Iterator[RuleDraft]:
    seen = set[tuple[str, ...]]()
    for clause in _of(survey, ClauseKind.PROTECTED):
        # Several sentences may name the same paths; one rule is enough.
        if clause.values not in seen:
            seen.add(clause.values)
            touched = _within(clause.values[0])
            yield RuleDraft(
                f"F-KEEP-{len(seen)}",
                "Left alone",
                "Read as paths that no change of the factory touches.",
                f"{{paths: {{deny: {_list(clause.values)}}}}}",
                (
                    f"{{given: {{files: {_list((touched,))}}}, expect: fail}}",
                    '{given: {files: ["zz/zz.zz"]}, expect: pass}',
                ),
                status="shadow",
                clauses=(clause,),
            )


def _tests(survey: Survey) -> RuleDraft:
    there = survey.suite is not None and bool(survey.suite.command)
    text = (
        "A test that passed before a change passes after it, as it was written: a promise is not"
        " rewritten to fit the code."
    )
    # Without a test command there are no results, and an enforced rule would refuse every change.
    if not there:
        text += (
            " There is no test command yet, so this is in shadow: where nothing runs, it would"
            " refuse every change."
        )
    return RuleDraft(
        "F-TESTS",
        "Tests are kept",
        text,
        "{tests_kept: {}}",
        (
            "{given: {tests: {base: [a], candidate: [a, b]}}, expect: pass}",
            "{given: {tests: {base: [a], candidate: [b]}}, expect: fail}",
        ),
        on_fail="retry",
        status="enforce" if there else "shadow",
        clauses=_of(survey, ClauseKind.TESTS_KEPT),
    )


def _tests_added(survey: Survey) -> Iterator[RuleDraft]:
    clauses = _of(survey, ClauseKind.TESTS_ADDED)
    paths = [path for path in survey.suite.paths if path.endswith("/**")] if survey.suite else []
    if clauses and paths:
        only_bugs = all(clause.values == ("bug",) for clause in clauses)
        test = paths[0].replace("**", "test_a.py")
        yield RuleDraft(
            "F-REGRESSION",
            "A fix brings its test" if only_bugs else "A change brings its test",
            f"Read as: {'a fix' if only_bugs else 'a change'} touches the tests.",
            f"{{paths: {{require: {_list(paths[:1])}}}}}",
            (
                f"{{given: {{kind: bug, files: {_list((test,))}}}, expect: pass}}",
                '{given: {kind: bug, files: ["zz.zz"]}, expect: fail}',
            ),
            on_fail="retry",
            status="shadow",
            when='kind == "bug"' if only_bugs else "",
            clauses=clauses,
        )


def _of(survey: Survey, kind: ClauseKind) -> tuple[Clause, ...]:
    return tuple(clause for clause in survey.clauses if clause.kind is kind)[:MOST_CLAUSES]


def _within(glob: str) -> str:
    """A path that the glob matches, for a case."""
    return glob.strip("/").replace("**", "a.txt").replace("*", "a").replace("?", "a")


def _list(items: Any) -> str:
    return json.dumps(list(items), ensure_ascii=False)
