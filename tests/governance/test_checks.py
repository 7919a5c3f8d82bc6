"""Every typed check against a table of cases: yes, no, and unknown, which is never a yes."""

from decimal import Decimal

import pytest

from harness.domain.facts import (
    UNKNOWN,
    ChangeFacts,
    ChangeKind,
    CheckFact,
    DependencyChange,
    DependencyMove,
    JourneyFacts,
    Origin,
    SecretFound,
)
from harness.domain.facts import TestFacts as SuiteFacts
from harness.governance.checks import CHECKS
from harness.governance.checks.conduct import Attempts, AuthorRate, Labels, SpendUsd
from harness.governance.checks.gates import ChecksGreen, JourneysSatisfied
from harness.governance.checks.gates import TestsKept as SuiteKept
from harness.governance.checks.paths import FileModes, PathNames, Paths
from harness.governance.checks.size import ChangedLines, FileBytes, Files
from harness.governance.checks.supply import Dependencies, Secrets
from tests.governance.law import change, touching

DAY = 86_400


def files(*changes) -> ChangeFacts:
    return ChangeFacts(files=changes)


def moves(name: str, move: DependencyMove, origin: Origin = Origin.REGISTRY) -> ChangeFacts:
    return ChangeFacts(dependencies=(DependencyChange(b"requirements.txt", "python", name, move, "", "", origin),))


def suite(base: str, candidate: str, skipped: str = "", base_skipped: str = "") -> ChangeFacts:
    return ChangeFacts(tests=SuiteFacts(*(frozenset(ids.split()) for ids in (base, candidate, base_skipped, skipped))))


def checks(**conclusions: str) -> ChangeFacts:
    return ChangeFacts(checks=tuple(CheckFact(name, conclusion) for name, conclusion in conclusions.items()))


LINES = ChangedLines(max=10, exclude=("*.lock",))
TABLE = [
    (LINES, files(change("a", 6, 4)), True),
    (LINES, files(change("a", 6, 5)), False),
    (LINES, files(change("a", 5), change("b", 6)), False),
    (LINES, files(change("deep/in/uv.lock", 999), change("a", 1)), True),
    (LINES, files(), True),
    (LINES, files(change("a.png", None, None, binary=True)), UNKNOWN),
    (LINES, files(change("too-large.py", None, None)), UNKNOWN),
    (ChangedLines(max=10, binary="ignore"), files(change("a.png", None, None, binary=True)), True),
    (ChangedLines(max=10, binary="ignore"), files(change("too-large.py", None, None)), UNKNOWN),
    (Files(max=2), touching("a", "b"), True),
    (Files(max=2), touching("a", "b", "c"), False),
    (Files(max=2, exclude=("docs/**",)), touching("a", "b", "docs/c"), True),
    (FileBytes(max=9), files(change("a", size=9)), True),
    (FileBytes(max=9), files(change("a", size=10)), False),
    (FileBytes(max=9, exclude=("*.csv",)), files(change("x/a.csv", size=10)), True),
    (Paths(deny=("secret",)), touching("a"), True),
    (Paths(deny=("secret",)), touching("a", "b/SECRET/c"), False),
    (Paths(deny=("secret",)), files(change("secret", kind=ChangeKind.DELETED, new_mode="000000")), False),
    (Paths(deny=("secret",)), touching("s\u0435cret"), False),
    (Paths(allow=("src/**",)), touching("src/a", "src/b/c"), True),
    (Paths(allow=("src/**",)), touching("src/a", "b"), False),
    (Paths(allow=("src/**",)), touching("SRC/a"), False),
    (Paths(allow=("src/**",)), touching("\u0455rc/a"), False),
    (Paths(require=("tests/**",)), touching("src/a", "tests/b"), True),
    (Paths(require=("tests/**",)), touching("src/a"), False),
    (Paths(require=("tests/**",)), files(), False),
    (FileModes(), files(change("a", new_mode="100755")), True),
    (FileModes(), files(change("a", new_mode="120000")), False),
    (FileModes(), files(change("a", new_mode="160000")), False),
    (FileModes(), files(change("a", new_mode="100664")), False),
    (FileModes(), files(change("a", old_mode="120000", new_mode="000000", kind=ChangeKind.DELETED)), True),
    (FileModes(allow=("100644",)), files(change("a", new_mode="100755")), False),
    (PathNames(), touching("src/naïve/naïve.py", "a b.md", ".hidden"), True),
    (PathNames(), touching(b"\xff.py"), False),
    (PathNames(), touching("a\u200b.py"), False),
    (PathNames(), touching("a\u202egpj.py"), False),
    (PathNames(), touching("a\nb"), False),
    (PathNames(), touching("a\\b"), False),
    (PathNames(), touching("cafe\u0301"), False),
    (PathNames(), touching("CLAUDE.md."), False),
    (PathNames(), touching("dir /a"), False),
    (PathNames(), touching("x/.GIT/config"), False),
    (PathNames(), touching("x/.g\u0456t/config"), False),
    (PathNames(), touching("git~1/config"), False),
    (PathNames(), touching("Readme.md", "README.md"), False),
    (PathNames(), files(change(b"\xff", kind=ChangeKind.DELETED, new_mode="000000")), True),
    (Dependencies(), ChangeFacts(dependencies=()), True),
    (Dependencies(), moves("flask", DependencyMove.ADDED), False),
    (Dependencies(), moves("flask", DependencyMove.CHANGED), False),
    (Dependencies(), moves("flask", DependencyMove.REMOVED), True),
    (Dependencies(remove=False), moves("flask", DependencyMove.REMOVED), False),
    (Dependencies(add=True), moves("flask", DependencyMove.ADDED), True),
    (Dependencies(change=True), moves("flask", DependencyMove.CHANGED), True),
    (Dependencies(allow=("types-*",)), moves("types-pyyaml", DependencyMove.ADDED), True),
    (Dependencies(allow=("types-*",)), moves("type-pyyaml", DependencyMove.ADDED), False),
    (Dependencies(add=True, change=True), moves("flask", DependencyMove.ADDED, Origin.GIT), False),
    (Dependencies(add=True, change=True), moves("flask", DependencyMove.CHANGED, Origin.URL), False),
    (Dependencies(add=True, change=True, allow=("*",)), moves("flask", DependencyMove.SWAPPED), False),
    (Dependencies(add=True), moves("--extra-index-url", DependencyMove.ADDED, Origin.OPTION), False),
    (Secrets(), ChangeFacts(secrets=()), True),
    (Secrets(), ChangeFacts(secrets=(SecretFound(b"a", 1, "github-pat", "ghp_…"),)), False),
    (Secrets(exclude=("fakes/**",)), ChangeFacts(secrets=(SecretFound(b"fakes/a", 1, "pat", "ghp_…"),)), True),
    (Labels(require=("Factory:Accepted",)), ChangeFacts(labels=frozenset({"factory:accepted"})), True),
    (Labels(require=("ready",)), ChangeFacts(labels=frozenset()), False),
    (Labels(deny=("hold",)), ChangeFacts(labels=frozenset({"HOLD"})), False),
    (Labels(deny=("hold",)), ChangeFacts(labels=frozenset()), True),
    (AuthorRate(max=2), ChangeFacts(author_ages=()), True),
    (AuthorRate(max=2), ChangeFacts(author_ages=(DAY - 1,)), True),
    (AuthorRate(max=2), ChangeFacts(author_ages=(DAY - 1, 0)), False),
    (AuthorRate(max=2), ChangeFacts(author_ages=(DAY, DAY, DAY)), True),
    (AuthorRate(max=2, per="week"), ChangeFacts(author_ages=(DAY, DAY)), False),
    (AuthorRate(max=2, per="hour"), ChangeFacts(author_ages=(3600, 3600)), True),
    (Attempts(max=3), ChangeFacts(attempts=3), True),
    (Attempts(max=3), ChangeFacts(attempts=4), False),
    (Attempts(max=3), ChangeFacts(attempts=0), True),
    (SpendUsd(max=Decimal(2)), ChangeFacts(spend_usd=Decimal("2.00")), True),
    (SpendUsd(max=Decimal(2)), ChangeFacts(spend_usd=Decimal("2.01")), False),
    (SuiteKept(), suite("a b", "a b c"), True),
    (SuiteKept(), suite("a b", "a c"), False),
    (SuiteKept(), suite("a", "a b", skipped="b"), False),
    (SuiteKept(), suite("a", "a", skipped="a", base_skipped="a"), True),
    (SuiteKept(), suite("", ""), False),
    (SuiteKept(), suite("", "a"), True),
    (ChecksGreen(), checks(ci="success"), True),
    (ChecksGreen(), checks(), False),
    (ChecksGreen(), checks(ci="neutral"), False),
    (ChecksGreen(), checks(ci="skipped"), False),
    (ChecksGreen(), checks(ci="success", docs="failure"), False),
    (ChecksGreen(require=("ci",)), checks(docs="success"), False),
    (ChecksGreen(require=("ci",)), checks(ci="success", docs="success"), True),
    (JourneysSatisfied(), ChangeFacts(journeys=JourneyFacts(1, 1, 1)), True),
    (JourneysSatisfied(), ChangeFacts(journeys=JourneyFacts(0, 0, 0)), False),
    (JourneysSatisfied(min=0), ChangeFacts(journeys=JourneyFacts(0, 0, 0)), False),
    (JourneysSatisfied(), ChangeFacts(journeys=JourneyFacts(2, 1, 1)), False),
    (JourneysSatisfied(), ChangeFacts(journeys=JourneyFacts(2, 2, 1)), False),
    (JourneysSatisfied(min=2), ChangeFacts(journeys=JourneyFacts(1, 1, 1)), False),
]


@pytest.mark.parametrize(("check", "facts", "expected"), TABLE)
def test_a_check_answers_as_its_table_says(check, facts, expected):
    answer = check.answer(facts)
    assert answer.passed is expected, answer
    assert answer.says


@pytest.mark.parametrize("check", sorted({row[0] for row in TABLE}, key=repr), ids=repr)
def test_no_check_takes_the_absence_of_facts_for_a_yes(check):
    assert check.answer(ChangeFacts()).passed is UNKNOWN


def test_every_check_has_rows_with_a_yes_and_a_no():
    for name, kind in CHECKS.items():
        answers = {row[2] for row in TABLE if isinstance(row[0], kind)}
        assert {True, False} <= answers, name


def test_a_refusal_shows_what_it_rests_on():
    answer = Paths(deny=("*.key",)).answer(touching("a", "b/server.key"))
    assert answer.evidence == ("b/server.key",)
    assert "b/server.key" in answer.says


def test_unknown_is_never_true_in_a_condition():
    assert not UNKNOWN
    assert repr(UNKNOWN) == "UNKNOWN"
