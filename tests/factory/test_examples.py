"""The examples that docs/workflows.md teaches by, driven from an issue to their ends; their
commands really run."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.domain.lifecycle import Event, State
from harness.factory.settings.workflows import effective_workflows_in
from harness.governance import governance_in, run_cases
from harness.governance import lint as lint_findings
from harness.programs.sandbox.client import SandboxSupervisor
from tests.factory.example_files import EXAMPLES, files_of
from tests.factory.sandboxes import CommandSandbox, really
from tests.factory.world import ACCEPT, World
from tests.fakes.people import KEY, FakeAgent, FakeModel

NAMES = ("docs", "library", "own", "two-services")


def run_issue(tmp_path, name: str, *works, cites: str) -> tuple[World, int]:
    """One issue on an example's repository."""
    model = FakeModel({"": {**ACCEPT, "cites": [cites], "quote": "It is wrong."}})
    world = World(tmp_path, agent=FakeAgent(*works), model=model, sandbox=CommandSandbox(really))
    world.remote["main"] = world.base = world.git.commit(
        world.git.tree(files_of(name)), [], message="base"
    )
    issue = world.file("Something is wrong", "It is wrong.")
    world.tick()
    return world, issue


def appends(path: str, text: str):
    def work(worktree: Path) -> None:
        (worktree / path).write_text((worktree / path).read_text() + text)

    return work


def test_there_are_no_others() -> None:
    assert {path.name for path in EXAMPLES.iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_clean_and_its_rules_hold_their_own_cases(name) -> None:
    governance = governance_in(EXAMPLES / name)
    assert effective_workflows_in(EXAMPLES / name).faults == ()
    assert lint_findings(governance, paths=[path.encode() for path in files_of(name)]) == ()
    assert run_cases(governance)
    assert all(case.held for case in run_cases(governance))


def test_pages_are_checked_twice_and_left_to_a_person(tmp_path) -> None:
    world, issue = run_issue(
        tmp_path,
        "docs",
        appends("pages/moorings.md", "\nSee [entering](entering.md).\n"),
        cites="M-NOTES",
    )
    history = world.history(issue)
    assert history.transitions[-1].data["event"] == Event.HANDED_OVER
    assert history.state is State.NEEDS_HUMAN
    assert "judged by the rules and its own tests only" in history.transitions[-1].data["says"]
    assert "is a person's to merge or to close" in world.forge.comments(issue)[0].body
    assert len(world.sandbox.commands) == 2
    assert world.validator.requests == []
    assert world.remote["main"] == world.base


def test_a_dead_link_is_found_by_the_command_and_the_next_attempt_reads_it(tmp_path) -> None:
    def mends(worktree: Path) -> None:
        appends("pages/moorings.md", "\nSee [entering](entering.md).\n")(worktree)

    world, issue = run_issue(
        tmp_path,
        "docs",
        appends("pages/moorings.md", "\nSee [lights](lights.md).\n"),
        mends,
        cites="M-NOTES",
    )
    history = world.history(issue)
    assert history.runs_of("implement") == 2
    assert "pages/moorings.md: lights.md leads nowhere" in world.agent.assignments[1].task
    assert history.transitions[-1].data["event"] == Event.HANDED_OVER


def test_who_edits_the_check_to_pass_it_meets_the_rules(tmp_path) -> None:
    def cheats(worktree: Path) -> None:
        appends("pages/index.md", "\n[x](nowhere.md)\n")(worktree)
        (worktree / "tools" / "links.py").write_text("print('fine')\n")

    world, issue = run_issue(tmp_path, "docs", cheats, cites="M-NOTES")
    assert world.history(issue).transitions[-1].data["event"] == Event.POLICY_REFUSED
    assert set(world.remote) == {"main"}


def test_a_person_who_merges_what_was_handed_over_is_noticed(tmp_path) -> None:
    world, issue = run_issue(
        tmp_path, "library", appends("tally/__init__.py", "\nEXACT = True\n"), cites="M-EXACT"
    )
    world.remote["main"] = world.remote[f"factory/issue-{issue}"]  # as the forge's button does
    world.tick()
    history = world.history(issue)
    assert (history.state, history.landed) == (State.MERGED, None)
    assert not world.forge.issue(issue).open
    assert "merged by a person" in world.forge.comments(issue)[0].body
    assert "did not judge" in world.forge.comments(issue)[0].body


def test_a_library_is_handed_over_when_its_tests_hold_and_never_when_they_do_not(tmp_path) -> None:
    world, issue = run_issue(
        tmp_path / "good",
        "library",
        appends("tally/__init__.py", "\nEXACT = True\n"),
        cites="M-EXACT",
    )
    assert world.history(issue).transitions[-1].data["event"] == Event.HANDED_OVER
    assert world.remote["main"] == world.base
    world, issue = run_issue(
        tmp_path / "bad",
        "library",
        appends("tally/__init__.py", "\n# FAILS-ITS-TESTS\n"),
        cites="M-EXACT",
    )
    assert Event.HANDED_OVER not in [
        entry.data["event"] for entry in world.history(issue).transitions
    ]
    assert set(world.remote) == {"main"}


def test_two_services_keep_their_contract_before_the_judge_is_asked_and_then_it_lands(
    tmp_path,
) -> None:
    world, issue = run_issue(
        tmp_path, "two-services", appends("parcels/web.py", "\n# plain words\n"), cites="M-ARRIVES"
    )
    assert world.history(issue).state is State.MERGED
    assert [spec.argv for spec in world.sandbox.commands] == [("python", "-m", "parcels.contract")]


def test_a_service_that_breaks_the_contract_is_sent_back_and_no_judge_is_asked(tmp_path) -> None:
    def breaks(worktree: Path) -> None:
        path = worktree / "parcels" / "worker.py"
        path.write_text(path.read_text().replace("'waiting'", "'queued'") + "\n# another try\n")

    world, issue = run_issue(tmp_path, "two-services", breaks, cites="M-ARRIVES")
    history = world.history(issue)
    assert history.state is State.NEEDS_HUMAN
    assert history.verdicts == ()
    sent_back = [
        entry.data["says"]
        for entry in history.transitions
        if entry.data["event"] == Event.CHANGES_REQUESTED
    ]
    assert "the worker does not find what the counter took in" in sent_back[0]


def test_the_library_does_what_its_tests_say(tmp_path) -> None:
    shutil.copytree(EXAMPLES / "library", tmp_path / "library")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path / "library",
        text=True,
        capture_output=True,
        timeout=300,
        env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert "2 passed" in done.stdout


def test_a_repository_without_an_app_learns_what_to_do_about_it(tmp_path) -> None:
    world = World(tmp_path)
    files = {**world.git.trees[world.git.tree_of(world.base)]}
    files["factory.toml"] = f'schema = 1\n[seal]\ntrusted_keys = ["{KEY}"]\n'.encode()
    world.remote["main"] = world.git.commit(world.git.tree(files), [], message="base")
    issue = world.file()
    world.tick()
    last = world.history(issue).transitions[-1].data
    assert last["event"] == Event.CANNOT_DO
    assert "factory.toml names no start command" in last["says"]
    assert "docs/workflows.md" in last["says"]
    assert world.validator.requests == []


def test_a_command_runs_in_a_real_sandbox_where_it_sees_its_tree_and_nothing_leaves(
    tmp_path,
) -> None:
    tries = (
        "import os, pathlib, socket, sys; p = pathlib.Path('pages/index.md');"
        " p.write_text(p.read_text() + 'evil');print(sorted(os.environ),"
        " sorted(os.listdir('/app'))); s = socket.socket(); s.settimeout(1);sys.exit(1 if"
        " s.connect_ex(('192.0.2.1', 80)) == 0 else 0)"
    )
    files = files_of("docs")
    implement = (
        files["workflows/implement.yaml"]
        .decode()
        .replace("[python, tools/links.py]", json.dumps(["python", "-c", tries]))
    )
    world = World(
        tmp_path,
        agent=FakeAgent(appends("pages/index.md", "\nMind the tide.\n")),
        sandbox=SandboxSupervisor(tmp_path / "layers"),
        model=FakeModel({"": {**ACCEPT, "cites": ["M-NOTES"], "quote": "It is wrong."}}),
    )
    tree = world.git.tree({**files, "workflows/implement.yaml": implement.encode()})
    world.remote["main"] = world.base = world.git.commit(tree, [], message="base")
    issue = world.file("Something is wrong", "It is wrong.")
    world.tick()
    history = world.history(issue)
    assert history.transitions[-1].data["event"] == Event.HANDED_OVER, history.transitions[-1].data[
        "says"
    ]
    (command,) = [
        entry.data["result"]["output"]
        for entry in history.entries
        if entry.kind == "node"
        and entry.data["node"] == "links"
        and entry.run.startswith("implement")
    ]
    assert (
        command["printed"] == "['HOME', 'LANG', 'PATH', 'PYTHONDONTWRITEBYTECODE'] ['CLAUDE.md',"
        " 'factory.toml', 'factory_rules.md', 'mission.md', 'pages', 'tools', 'workflows']"
    )
    proposed = world.git.trees[world.git.tree_of(history.pushed_head)]
    assert b"evil" not in proposed["pages/index.md"]
    assert b"Mind the tide." in proposed["pages/index.md"]
