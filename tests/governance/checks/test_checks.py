"""Every typed check against a table of cases: yes, no, and unknown, which is never a yes."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from harness.domain.facts import (
    UNKNOWN,
    AddedContent,
    AddedTest,
    ApiFacts,
    ApiLoss,
    AreaTrust,
    ChangeFacts,
    ChangeKind,
    CheckFact,
    DependencyChange,
    DependencyMove,
    JourneyFacts,
    OnBase,
    Origin,
    ScriptFact,
    SecretFound,
)
from harness.domain.facts import TestFacts as SuiteFacts
from harness.governance.checks import CHECKS
from harness.governance.checks.conduct import Attempts, AuthorRate, Labels, SpendUsd
from harness.governance.checks.content import AddedText, ApiSurface
from harness.governance.checks.filing import IssueRate
from harness.governance.checks.gates import ChecksGreen, JourneysSatisfied, Screenshots
from harness.governance.checks.gates import TestsKept as SuiteKept
from harness.governance.checks.gates import TestsRedOnBase as RedOnBase
from harness.governance.checks.gates import TestsWeakened as SuiteWeakened
from harness.governance.checks.paths import FileModes, PathNames, Paths
from harness.governance.checks.scripts import Exec
from harness.governance.checks.size import (
    AddedLines,
    BinaryFiles,
    ChangedLines,
    DeletedFiles,
    DeletedLines,
    FileBytes,
    Files,
)
from harness.governance.checks.supply import Dependencies, Secrets
from harness.governance.checks.together import Companions, Migrations
from harness.governance.checks.trust import Trust
from tests.governance.policy_texts import change, touching

DAY = 86_400
WORDS = (
    (Path(__file__).parents[2] / "golden" / "answers_of_checks.txt").read_text("ascii").splitlines()
)


def files(*changes) -> ChangeFacts:
    return ChangeFacts(files=changes)


def moves(name: str, move: DependencyMove, origin: Origin = Origin.REGISTRY) -> ChangeFacts:
    return ChangeFacts(
        dependencies=(DependencyChange(b"requirements.txt", "python", name, move, "", "", origin),)
    )


def suite(base: str, candidate: str, skipped: str = "", base_skipped: str = "") -> ChangeFacts:
    return ChangeFacts(
        tests=SuiteFacts(
            *(frozenset(ids.split()) for ids in (base, candidate, base_skipped, skipped))
        )
    )


def on_base(**outcomes: str) -> ChangeFacts:
    """A change that adds these tests, and what became of each on the base."""
    tests = tuple(AddedTest(name, OnBase(outcome)) for name, outcome in outcomes.items())
    return ChangeFacts(tests=SuiteFacts(frozenset(), frozenset(outcomes), added=tests))


def checks(**conclusions: str) -> ChangeFacts:
    return ChangeFacts(
        checks=tuple(CheckFact(name, conclusion) for name, conclusion in conclusions.items())
    )


def gone(path: str):
    return change(path, 0, 9, kind=ChangeKind.DELETED, old_mode="100644", new_mode="000000")


def edited(path: str):
    return change(path, kind=ChangeKind.MODIFIED, old_mode="100644")


def added(path: str, content: str | bytes, *others) -> ChangeFacts:
    raw = content if isinstance(content, bytes) else content.encode()
    return ChangeFacts(files=(change(path), *others), added=(AddedContent(path.encode(), raw),))


def migrating(*changes, there: str = "m/0001_a.py m/0002_b.py other/0009_z.py") -> ChangeFacts:
    return ChangeFacts(files=changes, neighbours=tuple(path.encode() for path in there.split()))


def api(*lost: str, unread: str = "") -> ChangeFacts:
    return ChangeFacts(
        api=ApiFacts(
            tuple(
                ApiLoss(path.encode("utf-8", "surrogateescape"), "f", "is gone") for path in lost
            ),
            tuple(path.encode() for path in unread.split()),
        )
    )


def ran(exit_code: int | None, script: str = "a.py", *arguments: str) -> ChangeFacts:
    return ChangeFacts(
        scripts=(ScriptFact("b.py", (), 1), ScriptFact(script, arguments, exit_code, ("said",)))
    )


def weakened(*found: str) -> ChangeFacts:
    return ChangeFacts(tests=SuiteFacts(frozenset("a"), frozenset("a"), weakened=found))


LINES = ChangedLines(max=10, exclude=("*.lock",))
AREA = Trust(("app/**",), "full", Decimal("0.95"), Decimal("0.70"), Decimal("0.40"))


def trusted(value="0.96", *, rule=AREA, lines=1, paths=("app/a",), **found) -> ChangeFacts:
    """A change of `lines` lines to these paths, and what is known of the rule's area."""
    one = AreaTrust(
        **{
            "paths": rule.paths,
            "level": rule.level,
            "granted": rule.granted,
            "value": Decimal(value),
            "basis": "counts",
            "outcomes": 40,
            "low": Decimal("0.9"),
            "high": Decimal("0.99"),
            **found,
        }
    )
    return ChangeFacts(
        files=tuple(change(path, lines if at == 0 else 0) for at, path in enumerate(paths)),
        trust=(one,),
    )


SMALL = replace(AREA, level="small", lines=10, files=2)
EARNED = replace(AREA, level="earned")
ALONE = Trust(("app/**", "b", "c", "d"), "full")


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
    (
        Paths(deny=("secret",)),
        files(change("secret", kind=ChangeKind.DELETED, new_mode="000000")),
        False,
    ),
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
    (
        FileModes(),
        files(change("a", old_mode="120000", new_mode="000000", kind=ChangeKind.DELETED)),
        True,
    ),
    (FileModes(allow=("100644",)), files(change("a", new_mode="100755")), False),
    (PathNames(), touching("src/naïve/naïve.py", "a b.md", ".hidden", "X/aX"), True),
    (PathNames(), touching(b"\xff.py"), False),
    (PathNames(), touching("a\u200b.py"), False),
    (PathNames(), touching("a\u202egpj.py"), False),
    (PathNames(), touching("\ta\nb"), False),
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
    (
        Dependencies(add=True, change=True),
        moves("flask", DependencyMove.ADDED, Origin.GIT),
        False,
    ),
    (
        Dependencies(add=True, change=True),
        moves("flask", DependencyMove.CHANGED, Origin.URL),
        False,
    ),
    (
        Dependencies(add=True, change=True, allow=("*",)),
        moves("flask", DependencyMove.SWAPPED),
        False,
    ),
    (
        Dependencies(add=True),
        moves("--extra-index-url", DependencyMove.ADDED, Origin.OPTION),
        False,
    ),
    (Secrets(), ChangeFacts(secrets=()), True),
    (Secrets(), ChangeFacts(secrets=(SecretFound(b"a", 1, "github-pat", "ghp_…"),)), False),
    (
        Secrets(exclude=("fakes/**",)),
        ChangeFacts(secrets=(SecretFound(b"fakes/a", 1, "pat", "ghp_…"),)),
        True,
    ),
    (
        Labels(require=("Factory:Accepted",)),
        ChangeFacts(labels=frozenset({"factory:accepted"})),
        True,
    ),
    (Labels(require=("ready",)), ChangeFacts(labels=frozenset()), False),
    (Labels(deny=("hold",)), ChangeFacts(labels=frozenset({"HOLD"})), False),
    (Labels(deny=("hold",)), ChangeFacts(labels=frozenset()), True),
    (AuthorRate(max=2), ChangeFacts(author_ages=()), True),
    (AuthorRate(max=2), ChangeFacts(author_ages=(DAY - 1,)), True),
    (AuthorRate(max=2), ChangeFacts(author_ages=(DAY - 1, 0)), False),
    (AuthorRate(max=2), ChangeFacts(author_ages=(DAY, DAY, DAY)), True),
    (AuthorRate(max=2, per="week"), ChangeFacts(author_ages=(DAY, DAY)), False),
    (AuthorRate(max=2, per="hour"), ChangeFacts(author_ages=(3600, 3600)), True),
    (IssueRate(max=2), ChangeFacts(issue_ages=(DAY - 1, DAY)), True),
    (IssueRate(max=2), ChangeFacts(issue_ages=(DAY - 1, 0)), False),
    (IssueRate(max=2, per="week"), ChangeFacts(issue_ages=(DAY, DAY)), False),
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
    (AddedLines(max=5, exclude=("*.lock",)), files(change("a", 5, 900)), True),
    (AddedLines(max=5), files(change("a", 3), change("b", 3)), False),
    (AddedLines(max=5, exclude=("*.lock",)), files(change("a.lock", 6)), True),
    (AddedLines(max=5), files(change("a.png", None, None, binary=True)), UNKNOWN),
    (AddedLines(max=5, binary="ignore"), files(change("a.png", None, None, binary=True)), True),
    (DeletedLines(max=5), files(change("a", 900, 5)), True),
    (DeletedLines(max=5), files(change("a", 0, 6)), False),
    (DeletedLines(max=5, binary="ignore"), files(change("too-large.py", None, None)), UNKNOWN),
    (DeletedFiles(max=0), files(edited("a")), True),
    (DeletedFiles(max=0), files(gone("a")), False),
    (DeletedFiles(max=0, exclude=("docs/**",)), files(gone("docs/a")), True),
    (DeletedFiles(max=1), files(change("new/a"), gone("old/a")), True),
    (DeletedFiles(max=0), files(change("a", kind=UNKNOWN)), UNKNOWN),
    (DeletedFiles(max=0), files(change("a", kind=UNKNOWN), gone("b")), False),
    (BinaryFiles(max=0), files(change("a.txt")), True),
    (BinaryFiles(max=0), files(change("a.png", None, None, binary=True)), False),
    (BinaryFiles(max=1), files(change("a.png", None, None, binary=True)), True),
    (
        BinaryFiles(max=0, exclude=("docs/**",)),
        files(change("docs/a.png", None, None, binary=True)),
        True,
    ),
    (
        BinaryFiles(max=0),
        files(change("a.png", None, None, binary=True, kind=ChangeKind.DELETED)),
        True,
    ),
    (BinaryFiles(max=0), files(change("too-large.dat", None, None)), UNKNOWN),
    (Companions(of=("src/**",), touch=("docs/**",)), touching("src/a", "docs/b"), True),
    (Companions(of=("src/**",), touch=("docs/**",)), touching("src/a"), False),
    (
        Companions(of=("src/**",), touch=("docs/**",)),
        touching("SRC/a", "src/b", "src/c", "src/d"),
        False,
    ),
    (Companions(of=("src/**",), touch=("docs/**",)), touching("src/a", "DOCS/b"), False),
    (Companions(of=("src/**",), touch=("docs/**",)), touching("other"), True),
    (Companions(of=("src/**",), touch=("docs/**",)), files(edited("src/a"), gone("docs/b")), False),
    (Companions(of=("src/**",), touch=("docs/**",)), files(gone("src/a"), gone("docs/b")), True),
    (Companions(of=("src/**",), touch=("src/**",)), touching("src/a"), False),
    (
        Companions(of=("src/**",), touch=("docs/**",)),
        files(change("src/a", kind=UNKNOWN), change("docs/b")),
        UNKNOWN,
    ),
    (AddedText(deny=("TODO",)), added("a", "x = 1\n"), True),
    (AddedText(deny=("TODO",)), added("a", "x = 1  # TODO\n"), False),
    (AddedText(deny=("^eval",)), added("a", "x\reval(y)"), False),
    (AddedText(deny=("^eval",)), added("a", "x\u2028eval(y)"), False),
    (AddedText(deny=("(?i)todo",)), added("a", b"\xff ToDo"), False),
    (AddedText(deny=("a.c",)), added("x", "a\nc"), True),
    (AddedText(deny=("TODO",), paths=("src/**",)), added("docs/a", "TODO"), True),
    (AddedText(deny=("TODO",), exclude=("docs/**",)), added("docs/a", "TODO"), True),
    (AddedText(deny=("TODO",)), added("a", "x", change("b.png", None, None, binary=True)), UNKNOWN),
    (
        AddedText(deny=("TODO",)),
        added("a", "TODO", change("b.png", None, None, binary=True)),
        False,
    ),
    (
        AddedText(deny=("TODO",), binary="ignore"),
        added("a", "x", change("b.png", None, None, binary=True)),
        True,
    ),
    (
        AddedText(deny=("TODO",), exclude=("*.png",)),
        added("a", "x", change("b.png", None, None, binary=True)),
        True,
    ),
    (AddedText(deny=("TODO",)), touching("a"), UNKNOWN),
    (ApiSurface(), api(), True),
    (ApiSurface(), api("lib/a.py"), False),
    (ApiSurface(exclude=("tests/**",)), api("tests/a.py"), True),
    (ApiSurface(paths=("lib/**",)), api("bin/a.py", unread="bin/b.py"), True),
    (ApiSurface(), api(unread="lib/a.py"), UNKNOWN),
    (ApiSurface(exclude=("lib/**",)), api(unread="lib/a.py"), True),
    (ApiSurface(), api("lib/b.py", unread="lib/a.py"), False),
    (Migrations(paths=("m/*.py",)), migrating(change("m/0003_c.py")), True),
    (Migrations(paths=("m/*.py",)), migrating(change("m/10_c.py"), change("m/9_d.py")), True),
    (Migrations(paths=("m/*.py",)), migrating(change("m/0002_c.py")), False),
    (Migrations(paths=("m/*.py",)), migrating(change("m/0001b.py")), False),
    (Migrations(paths=("m/*.py",)), migrating(change("m/0003_c.py"), change("m/0003_d.py")), False),
    (Migrations(paths=("m/*.py",)), migrating(edited("m/0001_a.py")), False),
    (Migrations(paths=("m/*.py",)), migrating(edited("M/0001_a.py")), False),
    (Migrations(paths=("m/*.py",)), migrating(gone("m/0001_a.py")), False),
    (
        Migrations(paths=("m/*.py",), exclude=("m/__init__.py",)),
        migrating(edited("m/__init__.py")),
        True,
    ),
    (Migrations(paths=("m/*.sql",)), migrating(change("m/b.sql"), there="m/a.sql"), True),
    (Migrations(paths=("m/*.sql",)), migrating(change("m/a.sql"), there="m/b.sql"), False),
    (Migrations(paths=("m/*.py",)), touching("src/a.py"), True),
    (Migrations(paths=("m/*.py",)), touching("m/0003_c.py"), UNKNOWN),
    (Screenshots(paths=("web/**",)), touching("web/a.css", pictures=1), True),
    (Screenshots(paths=("web/**",)), touching("web/a.css", pictures=0), False),
    (Screenshots(paths=("web/**",), min=2), touching("WEB/a.css", pictures=1), False),
    (Screenshots(paths=("web/**",)), touching("src/a.py"), True),
    (Screenshots(paths=("web/**",)), touching("web/a.css"), UNKNOWN),
    (SuiteWeakened(), weakened(), True),
    (SuiteWeakened(), weakened("tests/test_a.py::test_x: `==` became `in`"), False),
    (
        SuiteWeakened(exclude=("tests/slow/**",)),
        weakened("tests/slow/test_a.py::test_x: emptied"),
        True,
    ),
    (SuiteWeakened(), ChangeFacts(tests=SuiteFacts(frozenset(), frozenset())), UNKNOWN),
    (Exec("a.py"), ran(0), True),
    (Exec("a.py"), ran(1), False),
    (Exec("a.py"), ran(2), UNKNOWN),
    (Exec("a.py"), ran(137), UNKNOWN),
    (Exec("a.py"), ran(None), UNKNOWN),
    (Exec("a.py", ("--strict",)), ran(0), UNKNOWN),
    (Exec("a.py", ("--strict",)), ran(0, "a.py", "--strict"), True),
    (Exec("b.py"), ran(0), False),
    (Exec("a.py"), ChangeFacts(scripts=(ScriptFact("a.py", (), 1, ("first", "last")),)), False),
    (FileBytes(max=0), files(), True),
    (FileBytes(max=9), files(change("a", size=9), change("b", size=10)), False),
    (FileBytes(max=9), files(change("a", size=9), change("b", size=UNKNOWN)), UNKNOWN),
    (
        AddedText(deny=("TODO",), paths=("src/**",)),
        added("a", "x", change("b.png", None, None, binary=True)),
        True,
    ),
    (
        AddedText(deny=("TODO",)),
        added("a", "x", *(change(f"{name}.png", None, None, binary=True) for name in "bcde")),
        UNKNOWN,
    ),
    (
        AddedText(deny=("TODO",)),
        ChangeFacts(files=(), added=(AddedContent(b"\xff.py", b"TODO"),)),
        False,
    ),
    (
        Companions(of=("src/**",), touch=("docs/**", "CHANGES")),
        touching("src/a", "src/b", "src/c"),
        False,
    ),
    (Migrations(paths=("m/*.py",)), migrating(change("m/0_b.py"), there="m/0_a.py"), False),
    (Migrations(paths=("m/*.py",)), migrating(change("m/b.py"), there="m/1_a.py"), True),
    (Migrations(paths=("m/*.sql",)), migrating(change("m/a.sql"), there="m/a.sql"), False),
    (Migrations(paths=("m/**",)), migrating(change("m/x/1_a.py"), there="m/y/2_a.py"), True),
    (Migrations(paths=("m/*.py",)), migrating(change(b"m/\xff1.py")), False),
    (Migrations(paths=("m/**",)), migrating(change("m/9/2_b.py"), there="m/9/1_a.py"), True),
    (
        SuiteWeakened(exclude=("tests/slow/*.py",)),
        weakened("tests/slow/test_a.py::TestA::test_x: emptied"),
        True,
    ),
    (
        SuiteWeakened(exclude=("tests/slow/**",)),
        weakened("tests/slow/\udcff.py::test_x: emptied"),
        True,
    ),
    (
        Exec("a.py"),
        ChangeFacts(scripts=(ScriptFact("a.py", (), None, ("first", "last")),)),
        UNKNOWN,
    ),
    (LINES, files(change("a", None, 1)), UNKNOWN),
    (LINES, files(change("a", 1, None)), UNKNOWN),
    (Secrets(), ChangeFacts(secrets=(SecretFound(b"\xff", 1, "pat", "ghp_…"),)), False),
    (AddedText(deny=("TODO",), paths=("src/**",)), added("src/a", "TODO"), False),
    (ApiSurface(paths=("lib/**",)), api("lib/a\udcff.py"), False),
    (ApiSurface(), api(unread="a.py b.py c.py d.py"), UNKNOWN),
    (LINES, files(*(change(f"{name}.png", None, None, binary=True) for name in "abcd")), UNKNOWN),
    (FileModes(), files(change("a", new_mode=UNKNOWN)), UNKNOWN),
    (FileModes(), files(change("a", new_mode=UNKNOWN), change("b", new_mode="120000")), False),
    (PathNames(), files(change(b"\xff", new_mode=UNKNOWN)), UNKNOWN),
    (PathNames(), touching(" dir/a"), False),
    (Dependencies(change=True), moves("flask", DependencyMove.SWAPPED), False),
    (Dependencies(allow=("types-*",)), moves("types-pyyaml", DependencyMove.CHANGED), True),
    (
        Dependencies(),
        ChangeFacts(
            dependencies=(
                DependencyChange(
                    b"\xff.txt",
                    "python",
                    "flasks",
                    DependencyMove.ADDED,
                    "",
                    "",
                    Origin.GIT,
                    "flask",
                ),
            )
        ),
        False,
    ),
    (Migrations(paths=("m/*.py",)), migrating(change("m/1_a.py", kind=UNKNOWN)), UNKNOWN),
    (Migrations(paths=("m/*.py",)), migrating(change("m/2_b.py"), there="m/3_c.txt"), True),
    (
        Migrations(paths=("m/*.py",), exclude=("m/3*",)),
        migrating(change("m/2_b.py"), there="m/3_c.py"),
        True,
    ),
    (
        Migrations(paths=("m/*.py",)),
        migrating(change("m/2_b.py"), there="m/9_c.py m/10_d.py"),
        False,
    ),
    (
        Screenshots(paths=("web/**",)),
        touching(*(f"web/{number}" for number in range(21)), pictures=0),
        False,
    ),
    (RedOnBase(), on_base(a="failed", b="failed"), True),
    (RedOnBase(), on_base(a="failed", b="passed"), False),
    (RedOnBase(), on_base(a="skipped"), False),
    (RedOnBase(), on_base(a="not-run"), False),
    (RedOnBase(), on_base(), True),
    (RedOnBase(min=1), on_base(), False),
    (RedOnBase(min=1), on_base(a="failed"), True),
    (RedOnBase(min=2), on_base(a="failed"), False),
    (RedOnBase(min=1), on_base(a="passed"), False),
    (RedOnBase(), ChangeFacts(tests=SuiteFacts(frozenset("a"), frozenset("ab"))), UNKNOWN),
    (AREA, trusted("0.95"), True),
    (AREA, trusted("0.9499"), False),
    (AREA, trusted("0.70"), False),
    (AREA, trusted("0.6999"), False),
    (AREA, trusted("0.6999", returned=1), False),
    (AREA, trusted("0.6999", returned=2), False),
    (AREA, trusted("0.40", returned=3), False),
    (AREA, trusted("0.3999"), False),
    (AREA, trusted("0.3999", returned=9), False),
    (AREA, trusted("0.99", basis="prior"), False),
    (AREA, trusted("0.5", basis="prior"), False),
    (AREA, trusted("0", basis="unknown", missing=("kind", "tier")), False),
    (AREA, trusted("0.99", basis="unknown"), False),
    (AREA, trusted("0.99", basis="somebody's word"), False),
    (AREA, trusted("0.95", basis="model"), True),
    (AREA, trusted("1.0001"), False),
    (AREA, trusted("0.1", paths=("docs/a",)), True),
    (AREA, trusted("0.96", paths=("docs/a", "APP/a"), level="shadow"), False),
    (AREA, trusted("0.96", level="shadow"), False),
    (AREA, trusted("0.5", level="shadow"), False),
    (AREA, trusted("0.96", level="small", lines=50), True),
    (AREA, trusted("0.96", level="small", lines=51), False),
    (AREA, trusted("0.96", level="shadow", granted="full 2026-11-24"), True),
    (AREA, trusted("0.96", level="none such"), False),
    (AREA, trusted("0.96", paths=("app/a",), rule=ALONE), UNKNOWN),
    (AREA, ChangeFacts(files=(change("app/a"),), trust=()), UNKNOWN),
    (AREA, touching("app/a"), UNKNOWN),
    (SMALL, trusted(rule=SMALL, lines=10, paths=("app/a", "docs/b")), True),
    (SMALL, trusted(rule=SMALL, lines=11), False),
    (SMALL, trusted(rule=SMALL, paths=("app/a", "app/b", "docs/c")), False),
    (SMALL, trusted("0.8", rule=SMALL, lines=11), False),
    (SMALL, trusted("0.5", rule=SMALL, lines=11), False),
    (SMALL, replace(trusted(rule=SMALL), files=(change("app/a", None),)), False),
    (SMALL, replace(trusted(rule=SMALL), files=(change("app/a", 1, None),)), False),
    (EARNED, trusted(rule=EARNED, level="full"), True),
    (EARNED, trusted(rule=EARNED, level="none such"), False),
    (ALONE, trusted("0.75", basis="prior", rule=ALONE), True),
    (ALONE, trusted("0.75", basis="prior", rule=ALONE, level="shadow"), False),
    (ALONE, trusted(level="small", rule=ALONE, lines=51), False),
    (Trust(("app/**",)), trusted(rule=Trust(("app/**",)), level="shadow"), False),
]


@pytest.mark.parametrize(("row", "words"), list(zip(TABLE, WORDS[: len(TABLE)], strict=True)))
def test_a_check_answers_as_its_table_has_it_and_in_the_words_that_are_written_down(
    row, words
) -> None:
    check, facts, expected = row
    assert check.answer(facts).passed is expected
    assert ascii((check, check.answer(facts))) == words


@pytest.mark.parametrize("check", sorted({row[0] for row in TABLE}, key=repr), ids=repr)
def test_no_check_takes_the_absence_of_facts_for_a_yes(check) -> None:
    assert check.answer(ChangeFacts()).passed is UNKNOWN


def test_each_kind_of_check_names_the_fact_that_is_absent() -> None:
    kinds = {type(check): check for check, _, _ in TABLE}
    assert [ascii((check, check.answer(ChangeFacts()))) for check in kinds.values()] == WORDS[
        len(TABLE) :
    ]


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (lambda: Labels(), "states nothing; give `require` or `deny`"),
        (lambda: AddedText(deny=()), "states nothing; give `deny`"),
        (lambda: Paths(), "states nothing; give `deny`, `allow` or `require`"),
        (
            lambda: Screenshots(paths=()),
            "states nothing; give `paths` of what people see, and a `min` of at least 1",
        ),
        (
            lambda: Screenshots(paths=("a",), min=0),
            "states nothing; give `paths` of what people see, and a `min` of at least 1",
        ),
        (lambda: Companions(of=(), touch=("a",)), "states nothing; give `of` and `touch`"),
        (lambda: Companions(of=("a",), touch=()), "states nothing; give `of` and `touch`"),
        (lambda: Migrations(paths=()), "states nothing; give `paths`"),
        (lambda: Trust(()), "states nothing; give the `paths` of an area"),
        (
            lambda: Trust(("a",), merge=Decimal("0.95")),
            "expected 0 < retry <= review <= merge < 1, found retry 0.0, review 0.0, merge 0.95",
        ),
        (
            lambda: Trust(("a",), review=Decimal("0.5")),
            "expected 0 < retry <= review <= merge < 1, found retry 0.0, review 0.5, merge 0.0",
        ),
        (
            lambda: Trust(("a",), retry=Decimal("0.5")),
            "expected 0 < retry <= review <= merge < 1, found retry 0.5, review 0.0, merge 0.0",
        ),
        (lambda: Exec("a.py", seconds=0), "`seconds` is from 1 to 900, and not 0"),
        (lambda: Exec("a.py", seconds=901), "`seconds` is from 1 to 900, and not 901"),
    ],
)
def test_a_check_that_could_never_fail_or_never_hold_is_refused(check, sentence) -> None:
    with pytest.raises(ValueError) as refused:
        check()
    assert str(refused.value) == sentence


@pytest.mark.parametrize("seconds", [1, 900])
def test_a_script_may_take_from_a_second_to_a_quarter_of_an_hour(seconds) -> None:
    assert Exec("a.py", seconds=seconds).seconds == seconds


def test_every_check_has_rows_with_a_yes_and_a_no() -> None:
    for name, kind in CHECKS.items():
        answers = {row[2] for row in TABLE if isinstance(row[0], kind)}
        assert {True, False} <= answers, name


DEVICE = "is a device on Windows"
SHORT = "is a short name, which Windows gives to another file"


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("src/NUL", DEVICE),
        ("nul.tar.gz", DEVICE),
        ("con .txt", DEVICE),
        ("a/LPT\u00b9.md", DEVICE),
        ("CLAUDE~1.MD", SHORT),
        ("GI7EBA~1", SHORT),
        ("console", ""),
        ("NULX", ""),
        (" con2", "has a component with a trailing dot or an outer space"),
        ("CLAUDE~1.text", ""),
    ],
)
def test_a_name_that_windows_reads_otherwise_is_refused_for_that(path, fault) -> None:
    found = PathNames().answer(touching(path))
    assert found.message == (
        f"misleading file names: {path} ({fault})" if fault else "no misleading file names"
    )


def test_a_refusal_shows_what_it_rests_on() -> None:
    answer = Paths(deny=("*.key",)).answer(touching("a", "b/server.key"))
    assert answer.evidence == ("b/server.key",)
    assert "b/server.key" in answer.message


def test_a_script_that_refuses_is_quoted_by_its_last_line() -> None:
    answer = Exec("a.py").answer(ran(1))
    assert answer.message == "a.py refuses the change: said"
    assert answer.evidence == ("said",)


def test_what_stands_in_an_added_line_is_not_repeated_to_anybody() -> None:
    answer = AddedText(deny=("secret-[a-z]+",)).answer(added("a", "x = 'secret-word'"))
    assert answer.evidence == ("a (`secret-[a-z]+`)",)


def test_an_expression_that_explodes_elsewhere_is_searched_in_linear_time() -> None:
    hostile = ("a" * 200_000 + "b\n") * 5
    assert (
        AddedText(deny=("(a+)+$", "(a|aa)+$", "(.*a){12}x")).answer(added("a", hostile)).passed
        is True
    )


def test_unknown_is_never_true_in_a_condition() -> None:
    assert not UNKNOWN
    assert repr(UNKNOWN) == "UNKNOWN"


@pytest.mark.parametrize(
    ("check", "facts", "sentence"),
    [
        (
            Paths(deny=("secret/**",)),
            files(change("a.py"), change("b.py")),
            "touches 2 paths, none of them protected",
        ),
        (
            Paths(allow=("src/**",)),
            files(change("src/a.py")),
            "touches 1 path, all of them where changes are allowed",
        ),
        (
            Paths(require=("tests/**",)),
            files(change("tests/a.py")),
            "touches 1 path, and all that are required",
        ),
        (
            Paths(require=("tests/**",)),
            files(change("a.py")),
            "leaves required paths untouched: tests/**",
        ),
        (Attempts(max=3), ChangeFacts(attempts=1), "1 attempt, at most 3"),
        (Attempts(max=3), ChangeFacts(attempts=2), "2 attempts, at most 3"),
        (SuiteKept(), suite("a b", "a b c"), "2 tests of the base are kept, none newly skipped"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_holds_is_reported_with_what_was_measured(check, facts, sentence) -> None:
    assert check.answer(facts).message == sentence
