"""The three files at the top of this repository: the worked example of the format, and the policy of
this project."""

import ast
import os

import pytest

from harness.domain.facts import UNKNOWN, CheckFact, JourneyFacts
from harness.domain.facts import TestFacts as SuiteFacts
from harness.domain.governance import Applies, Level, OnFail
from harness.governance import decide, lint, run_cases
from tests.governance.ours import OURS, ROOT
from tests.governance.policy_texts import touching


def tracked() -> list[bytes]:
    skipped = {
        ".git",
        ".venv",
        "__pycache__",
        ".hypothesis",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
    }
    found = []
    # passes over a folder that goes away meanwhile
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [name for name in inner if name not in skipped]
        found += [
            os.fsencode(os.path.relpath(os.path.join(folder, name), ROOT))
            for name in names
            if name not in skipped
        ]
    return found


def test_ours_is_clean() -> None:
    workflows = [path.stem for path in (ROOT / "workflows").glob("*.yaml")]
    assert lint(OURS, known_workflows=workflows, paths=tracked()) == ()


@pytest.mark.parametrize(
    "result", run_cases(OURS), ids=lambda result: f"{result.rule}:{result.source.line}"
)
def test_each_of_our_cases_holds(result) -> None:
    assert result.held, result


def test_each_enforced_rule_has_a_case_that_fails_and_one_that_passes() -> None:
    for rule in OURS.rules:
        if rule.level is Level.ENFORCED and not rule.built_in:
            expected = {case.expect for case in rule.cases}
            assert {"pass", "fail"} <= expected, rule.id


def test_an_ordinary_fix_is_allowed_here_and_lands_when_everything_was_shown() -> None:
    suite = SuiteFacts(base=frozenset({"a"}), candidate=frozenset({"a", "b"}), weakened=())
    facts = touching(
        "harness/cli/inspect/look.py",
        "tests/cli/test_cost.py",
        dependencies=(),
        secrets=(),
        tests=suite,
        kind="bug",
        attempts=1,
        spend_usd=1,
        journeys=JourneyFacts(1, 1, 1),
        checks=(CheckFact("ci", "success"),),
    )
    assert decide(OURS, facts).allowed
    assert decide(OURS, facts, applies=Applies.MERGE).allowed


def test_a_change_to_the_policy_itself_is_never_the_factorys_to_make() -> None:
    decision = decide(OURS, touching("factory_rules.md", "harness/governance/built_in.py"))
    assert decision.action is OnFail.REJECT
    assert {"LAW-PROTECTED", "F-BRAKES"} <= {finding.rule for finding in decision.refusals}
    assert any(finding.passed is UNKNOWN for finding in decision.refusals)


def test_every_no_has_words_for_the_person_who_asked() -> None:
    for entry in OURS.scope:
        assert entry.asks_like, entry.id
        if entry.kind != "in":
            assert entry.reply.strip().endswith("."), entry.id


def test_deciding_reads_nothing() -> None:
    """The policy is a pure function: what it is made of opens no file, starts no process, asks no
    clock."""
    room = ROOT / "harness" / "governance"
    impure = {
        "os",
        "subprocess",
        "socket",
        "time",
        "datetime",
        "random",
        "tempfile",
        "shutil",
        "urllib",
    }
    for path in [*room.rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
            )
            # takes addresses apart, and opens none
            pure = {"urllib.parse"}
            assert not {name.split(".")[0] for name in names if name not in pure} & impure, path
