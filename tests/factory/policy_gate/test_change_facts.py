"""What rules may ask about is established for a real change in the pipeline: a rule on each fact
holds or refuses there."""

import dataclasses
from pathlib import Path

import pytest

from harness.domain.errors import SandboxError
from harness.domain.facts import UNKNOWN, CheckFact, JourneyFacts
from harness.domain.lifecycle import State
from harness.factory.policy_gate.policy import change_facts, decide_change, in_sight
from harness.factory.project.tests import compared
from harness.factory.run.node import Job
from harness.factory.run.policy_snapshot import policy_at
from tests.factory.world import EXAMPLE, World
from tests.fakes.people import FakeAgent, FakeSandbox, FakeValidator, leave_signed

MODULE = (
    b"def cancel(booking, reason=''):\n    return booking\n\n\ndef keep(booking):\n    return"
    b" booking\n"
)


def change(worktree: Path) -> None:
    """Adds lines and a migration, and takes a parameter from callers."""
    (worktree / "tidebook" / "api.py").write_text(
        "def cancel(booking):\n    return booking  # FIXME\n\n\n"
        "def keep(booking):\n    return booking\n"
    )
    (worktree / "tidebook" / "migrations" / "0002_places.sql").write_text("SELECT 1;\n")


class Photographer(FakeValidator):
    """A judge whose evidence has pictures: of the base, of the change, and one that it only tells
    of."""

    def judge(self, request, out):
        judged = super().judge(request, out)
        pictures = ["evidence/before-1.png", "evidence/after-1.png", "evidence/after-2.png"]
        (out / "evidence").mkdir(exist_ok=True)
        for name in pictures[:2]:
            (out / name).write_bytes(b"png")
        return dataclasses.replace(judged, public={**judged.public, "screenshots": pictures})


class EndsBasesTests(FakeSandbox):
    """A sandbox in which the base's tests tell this, or leave these bytes or nothing, and end like
    this."""

    def __init__(self, said: list | bytes | None = None, **ends) -> None:
        super().__init__()
        self.said, self.ends = said, ends

    def run(self, spec, *, stdin=b""):
        result = super().run(spec, stdin=stdin)
        folder, out = (Path(bind.source) for bind in spec.binds[:2])
        if folder.name != "base":
            return result
        report = out / "report.signed"
        report.unlink()
        if isinstance(self.said, bytes):
            report.write_bytes(self.said)
        elif self.said is not None:
            leave_signed(out, self.said)
        return dataclasses.replace(result, **self.ends)


def ending(
    tmp_path,
    check: str,
    *,
    applies: str = "pr",
    there: str = "0001_first.sql",
    validator=None,
    when: str = "attempts > 0",
    sandbox=None,
    meanwhile=lambda world: None,
) -> tuple[State, str]:
    """The state in which an issue ends under one more rule, and what was said on the way.
    `meanwhile` happens to the world while the agent works."""
    rule = (
        f"\n## New {{#F-NEW}}\n```yaml rule\nid: F-NEW\nlevel: enforced\napplies: {applies}\ncheck:"
        f" {{{check}}}\nwhen: {when}\n```\n"
    )
    agent = FakeAgent(lambda worktree: (meanwhile(world), change(worktree))[1])
    world = World(
        tmp_path,
        agent=agent,
        validator=validator or FakeValidator(),
        sandbox=sandbox or FakeSandbox(),
    )
    rules = (EXAMPLE / "factory_rules.md").read_bytes() + rule.encode()
    tree = {
        **world.git.trees[world.git.tree_of(world.base)],
        "factory_rules.md": rules,
        "tidebook/api.py": MODULE,
        f"tidebook/migrations/{there}": b"SELECT 0;\n",
    }
    world.remote["main"] = world.git.commit(world.git.tree(tree), [world.base], message="a rule")
    issue = world.file()
    world.tick()
    history = world.history(issue)
    return history.state, " ".join(entry.data["says"] for entry in history.transitions)


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        ("added_text: {deny: [FIXME]}", "added text that must not be: tidebook/api.py (`FIXME`)"),
        ("api_surface: {}", "public names lost: tidebook/api.py: cancel lost `reason`"),
        ("added_lines: {max: 0}", "added lines, and at most 0 are allowed"),
        (
            "companions: {of: [tidebook], touch: [docs]}",
            "changes without one to docs: tidebook/api.py",
        ),
        ("labels: {require: [good first issue]}", "labels missing: good first issue"),
    ],
)
def test_a_rule_refuses_by_a_fact_of_the_change(tmp_path, check, reason) -> None:
    state, reasons = ending(tmp_path, check)
    assert state is State.NEEDS_HUMAN
    assert reason in reasons


@pytest.mark.parametrize(
    "check",
    [
        "labels: {deny: [on hold]}",
        "added_text: {deny: [XXX]}",
        "api_surface: {exclude: [tidebook/api.py]}",
        "added_lines: {max: 50}",
        "deleted_files: {max: 0}",
        "deleted_lines: {max: 50}",
        "binary_files: {max: 0}",
        'migrations: {paths: ["tidebook/migrations/*.sql"]}',
        "companions: {of: [tidebook/api.py], touch: [tidebook/migrations]}",
    ],
)
def test_a_rule_holds_by_a_fact_of_the_change(tmp_path, check) -> None:
    state, reasons = ending(tmp_path, check)
    assert state is State.MERGED, reasons


def test_a_migration_that_does_not_come_last_is_refused_by_what_is_there_at_base(tmp_path) -> None:
    state, reasons = ending(
        tmp_path, 'migrations: {paths: ["tidebook/migrations/*.sql"]}', there="0003_later.sql"
    )
    assert state is State.NEEDS_HUMAN
    assert (
        "tidebook/migrations/0002_places.sql (after tidebook/migrations/0003_later.sql)" in reasons
    )


@pytest.mark.parametrize(
    ("minimum", "validator", "reason"),
    [
        (1, Photographer, None),
        (2, Photographer, "pictures in the evidence: 1, at least 2 needed"),
        (1, FakeValidator, "pictures in the evidence: 0, at least 1 needed"),
    ],
)
def test_pictures_of_the_change_that_are_there_are_counted(
    tmp_path, minimum, validator, reason
) -> None:
    state, reasons = ending(
        tmp_path,
        f"screenshots: {{paths: [tidebook/**], min: {minimum}}}",
        applies="merge",
        validator=validator(),
    )
    assert state is (State.MERGED if reason is None else State.NEEDS_HUMAN), reasons
    assert (reason or "") in reasons


@pytest.mark.parametrize(("author", "state"), [("kim", State.NEEDS_HUMAN), ("robin", State.MERGED)])
def test_a_rule_may_be_for_the_issues_of_one_author(tmp_path, author, state) -> None:
    assert ending(tmp_path, "files: {max: 0}", when=f'author == "{author}"')[0] is state


def test_labels_that_cannot_be_read_are_not_taken_for_none(tmp_path) -> None:
    def forge_fails(world) -> None:
        world.forge.fail("issue", retryable=False, count=99)

    state, reasons = ending(tmp_path, "labels: {deny: [on hold]}", meanwhile=forge_fails)
    assert state is State.NEEDS_HUMAN
    assert "F-NEW" in reasons


def test_tests_of_the_base_that_a_limit_stopped_say_nothing_of_the_change(tmp_path) -> None:
    """What they had reported by then would otherwise be all that the change must keep: nothing."""
    state, reasons = ending(
        tmp_path, "added_lines: {max: 50}", sandbox=EndsBasesTests(killed_by="wall-clock")
    )
    assert state is not State.MERGED
    assert "the project's tests were stopped by their wall-clock limit" in reasons


UNFINISHED = [["collected", 2], ["test", "tests/test_a.py::test_a", "failed"]]


def ends(code: int) -> list:
    return [["unit", "tests/test_b.py", "failed"], ["collected", 0], ["end", code]]


def job_of(world) -> Job:
    """A node of an implement run of the first issue."""
    services = world.services()
    policy = policy_at(services, world.base)
    return Job(services, policy, 1, "implement-1-1", 1, policy.workflows["implement"].nodes[0], {})


def compared_on(world, report, code):
    """What is said of an empty change, where the base's tests report this and end so."""
    world.sandbox = EndsBasesTests(report, exit_code=code)
    return compared(job_of(world), base=world.base, head=world.base)


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (None, 0),
        (None, 1),
        (b"", 0),
        (b'0 ["end", 0]\n', 0),
        ([["collected", 0], ["end", 1]], 1),
        ([["collected", 0], ["end", 5]], 5),
        (ends(2), 2),
        (ends(0), 137),
        (ends(1), 0),
        (UNFINISHED, 1),
        ([*UNFINISHED, ["end", 1]], 1),
    ],
)
def test_tests_of_the_base_without_an_end_prove_nothing_of_the_change(world, report, code) -> None:
    """An import that fails on base left no test that a change could have lost."""
    with pytest.raises(SandboxError, match="the project's tests did not come to an end on base"):
        compared_on(world, report, code)


@pytest.mark.parametrize(("report", "code"), [([["collected", 0], ["end", 0]], 0), (ends(1), 1)])
def test_tests_of_the_base_that_fail_and_say_so_are_a_base(world, report, code) -> None:
    assert compared_on(world, report, code).green


HALF_RED = [
    ["collected", 2],
    ["test", "tests::test_kept", "passed"],
    ["test", "tests::test_red", "failed"],
    ["end", 1],
]


def test_the_bases_tests_run_once_for_all_changes_of_that_base(world) -> None:
    """What is kept of them is what they had shown, the red ones apart."""
    world.sandbox = EndsBasesTests(HALF_RED, exit_code=1)
    lost = []
    for text in (b"One.\n", b"Two.\n"):
        tree = {**world.git.trees[world.git.tree_of(world.base)], "docs/paper.md": text}
        head = world.git.commit(world.git.tree(tree), [world.base], message="a paper")
        lost.append(compared(job_of(world), base=world.base, head=head).summary)
    ran = [Path(spec.binds[0].source).name for spec in world.sandbox.ran]
    assert sorted(ran) == ["base", "head", "head"]
    assert lost == ["1 tests that passed on base no longer do: tests::test_kept"] * 2


class Skips(FakeSandbox):
    """A sandbox in which each side's tests skip one of their own."""

    def run(self, spec, *, stdin=b""):
        result = super().run(spec, stdin=stdin)
        folder, out = (Path(bind.source) for bind in spec.binds[:2])
        kept, own = ("tests::test_kept", "passed"), (f"tests::test_{folder.name}", "skipped")
        leave_signed(out, [["collected", 2], ["test", *kept], ["test", *own], ["end", 0]])
        return result


def changed(world, before: dict[str, bytes], after: dict[str, bytes]) -> tuple:
    """A base of these files beside the world's own, and a change of them: base and head."""
    tree = {**world.git.trees[world.git.tree_of(world.base)], **before}
    base = world.git.commit(world.git.tree(tree), [], message="base")
    head = world.git.commit(world.git.tree({**tree, **after}), [base], message="change")
    return base, head


def test_each_fact_is_read_from_its_own_side_of_the_change(world) -> None:
    world.sandbox = Skips()
    before = b"def test_total():\n    assert total() == 3\n"
    after = b"def test_total():\n    assert total()\n"
    files = {
        "tests/test_shop.py": before,
        "tests/cases.py": before,
        "app/a/1.sql": b"",
        "app/2.sql": b"",
    }
    base, head = changed(
        world,
        {**files, "requirements-new.txt": b"requests==2.0.0\n"},
        {
            "tests/test_shop.py": after,
            "tests/cases.py": after,
            "tests/\udcff.txt": b"new",
            "app/a/3.sql": b"",
            "requirements-new.txt": b"requests==2.1.0\n",
        },
    )
    facts = change_facts(job_of(world), base, head)
    (dependency,) = facts.dependencies
    assert "2.0.0" in str(dependency)
    assert "2.1.0" in str(dependency)
    assert set(facts.neighbours) >= {b"app/a/1.sql"}
    assert b"app/2.sql" not in facts.neighbours
    assert facts.tests.base_skipped == {"tests::test_base"}
    assert facts.tests.candidate_skipped == {"tests::test_head", "tests::test_crossed"}
    assert facts.tests.weakened is UNKNOWN, "one of them has a name that is no text"
    assert (facts.kind, facts.journeys) == (UNKNOWN, UNKNOWN)
    assert in_sight(job_of(world), base, head) == ("app/a/3.sql",)
    # The app may find it by itself, whatever it is called.
    base, head = changed(world, files, {"app/test_banner.py": b"BANNER = '<h1>Buy now</h1>'\n"})
    assert in_sight(job_of(world), base, head) == ("app/test_banner.py",)
    base, head = changed(world, files, {"tests/test_shop.py": after, "tests/cases.py": after})
    assert change_facts(job_of(world), base, head).tests.weakened == (
        "tests/cases.py::test_total: `==` became `assert`: `total()`",
        "tests/test_shop.py::test_total: `==` became `assert`: `total()`",
    )


class Reads(FakeSandbox):
    """A sandbox in which a plugin of the tests says whose it is."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, str] = {}

    def run(self, spec, *, stdin=b""):
        folder = Path(spec.binds[0].source)
        self.said[folder.name] = (folder / "tools" / "plugin.py").read_text("utf-8")
        return super().run(spec, stdin=stdin)


def test_a_plugin_that_the_bases_configuration_names_is_the_bases(world) -> None:
    """Nobody had listed it as a test, so the change's own made every failure a pass."""
    world.sandbox = Reads()
    old, new = (b"def test_all():\n    assert %s\n" % one for one in (b"a == 1", b"a"))
    base, head = changed(
        world,
        {"pytest.ini": b"[pytest]\naddopts = -p tools.plugin\n", "tools/plugin.py": old},
        {"tools/plugin.py": new},
    )
    facts = change_facts(job_of(world), base, head)
    assert world.sandbox.said == {
        "base": old.decode(),
        "head": new.decode(),
        "crossed": old.decode(),
    }
    assert facts.tests.weakened == ("tools/plugin.py::test_all: `==` became `assert`: `a`",)


def test_what_runs_the_tests_may_be_the_apps_own_so_it_is_in_sight(world) -> None:
    """A chore wrote `<h1>Buy now</h1>` into the `manage.py` that also starts the app."""
    config = world.git.read(world.base, "factory.toml")
    command = b'[tests]\ncommand = ["python", "./manage.py", "test"] # '
    base, head = changed(
        world,
        {"factory.toml": config.replace(b"[tests]\ncommand = ", command), "manage.py": b"main()\n"},
        {"manage.py": b"print('<h1>Buy now</h1>')\n"},
    )
    world.remote["main"] = world.base = base
    assert job_of(world).policy.config.tests.command[1] == "./manage.py"
    assert in_sight(job_of(world), base, head) == ("manage.py",)


def test_the_forges_checks_are_facts_for_who_asks_with_them(world) -> None:
    law = b"\n## Green {#F-GREEN}\n```yaml rule\nid: F-GREEN\nlevel: enforced\ncheck: {checks_green: {}}\n```\n"
    base, head = changed(
        world,
        {"factory_rules.md": world.git.read(world.base, "factory_rules.md") + law},
        {"tidebook/extra.py": b"FIXED = True\n"},
    )
    world.remote["main"] = world.base = base
    for checks, names in (
        (UNKNOWN, ["F-GREEN"]),
        ((CheckFact("ci", "failure"),), ["F-GREEN"]),
        ((CheckFact("ci", "success"),), []),
    ):
        decision = decide_change(job_of(world), base, head, checks=checks)
        assert [one.gate for one in decision.refusals] == names


def test_what_was_judged_and_triaged_are_facts_as_well(world) -> None:
    issue = world.file()
    world.tick()
    counts = world.history(issue).verdict.journeys
    facts = change_facts(job_of(world), world.base, world.base)
    assert facts.journeys == JourneyFacts(counts.sealed, counts.executed, counts.passed)
    assert facts.kind == "bug"


def test_of_a_change_that_is_too_large_to_read_nothing_is_known(world) -> None:
    """What was read of it is harmless: a paper. It is not taken for all of it."""
    tree = {**world.git.trees[world.git.tree_of(world.base)], "docs/one.md": b"One.\n"}
    head = world.git.commit(world.git.tree(tree), [world.base], message="a paper")
    job, diff = job_of(world), world.git.diff(world.base, head)
    assert (change_facts(job, world.base, head).secrets, in_sight(job, world.base, head)) == (
        (),
        (),
    )
    world.decorate("git", diff=lambda base, head: dataclasses.replace(diff, too_large=True))
    job = job_of(world)
    facts = change_facts(job, world.base, head)
    assert {
        facts.files,
        facts.dependencies,
        facts.secrets,
        facts.added,
        facts.api,
        facts.tests.weakened,
    } == {UNKNOWN}
    assert in_sight(job, world.base, head) is None
