"""A project's own command: in a box, on a copy of the tree, able to say no and to change
nothing."""

import json
from typing import Never

import pytest

from harness.domain.errors import SandboxError
from harness.domain.lifecycle import Event, State
from harness.factory.project.commands import excerpt
from harness.factory.settings.workflows import BUILT_IN
from tests.factory.sandboxes import CommandSandbox, ended
from tests.factory.world import World, fixes
from tests.fakes.people import FakeAgent

IMPLEMENT = (
    (BUILT_IN / "implement.yaml")
    .read_text("utf-8")
    .replace(
        "  - {id: law, gate: law, needs: [tests]}",
        "  - {id: lint, run: [python, -m, lint, --all], needs: [tests], timeout: 100s, env: {MODE:"
        " strict}}\n  - {id: law, gate: law, needs: [lint]}",
    )
)
VALIDATE = (
    (BUILT_IN / "validate.yaml")
    .read_text("utf-8")
    .replace(
        "  - {id: law, gate: candidate-law, needs: [candidate]}",
        "  - {id: lint, run: [python, -m, lint], needs: [candidate]}\n"
        "  - {id: law, gate: candidate-law, needs: [lint]}",
    )
)


def again(worktree) -> None:
    path = worktree / "tidebook" / "store.py"
    path.write_text(path.read_text() + "\nMORE = True\n")


def run_issue(tmp_path, answer, workflow=("implement", IMPLEMENT)) -> tuple[World, int]:
    world = World(tmp_path, sandbox=CommandSandbox(answer), agent=FakeAgent(fixes, again))
    world.push_to_main(**{f"workflows/{workflow[0]}.yaml": workflow[1].encode()})
    issue = world.file()
    world.tick()
    return world, issue


def events(world: World, issue: int) -> list[str]:
    return [entry.data["event"] for entry in world.history(issue).transitions]


def test_a_command_that_passes_lets_the_change_go_on_and_leaves_nothing(tmp_path) -> None:
    def writes(spec, folder):
        assert b"FIXED" in (folder / "tidebook" / "store.py").read_bytes()
        (folder / "dist").mkdir()
        (folder / "tidebook" / "store.py").write_text("evil")
        return ended(0, stdout=b"fine\n")

    world, issue = run_issue(tmp_path, writes)
    assert world.history(issue).state is State.MERGED
    landed = world.git.trees[world.git.tree_of(world.remote["main"])]
    assert b"FIXED" in landed["tidebook/store.py"]
    assert not [path for path in landed if path.startswith("dist")]
    assert not list((world.work / "runs").glob("*/commands/*"))


def test_its_sandbox_holds_the_copy_the_layer_and_what_the_workflow_names_and_nothing_else(
    tmp_path,
) -> None:
    world, _ = run_issue(tmp_path, lambda spec, folder: ended())
    (spec,) = world.sandbox.commands
    assert spec.argv == ("python", "-m", "lint", "--all")
    assert [(bind.target, bind.mode) for bind in spec.binds] == [("/app", "rw"), ("/layer", "ro")]
    assert spec.env == {"PYTHONPATH": "/layer", "PYTHONDONTWRITEBYTECODE": "1", "MODE": "strict"}
    assert (spec.dial, spec.serve, spec.browser, spec.distributions) == ((), (), False, ())
    assert spec.limits.wall_seconds == 90


def test_packages_for_node_lie_in_the_tree_of_its_commands_and_its_tests(tmp_path) -> None:
    sandbox = CommandSandbox(lambda spec, folder: ended())
    world = World(tmp_path, sandbox=sandbox, agent=FakeAgent(fixes, again))
    toml = world.git.read(world.remote["main"], "factory.toml")
    changed = toml.replace(b'tests = "requirements-dev.txt"', b'tests = "package-lock.json"')
    assert changed != toml
    files = {"factory.toml": changed, "package-lock.json": b"{}"}
    world.push_to_main(**{"workflows/implement.yaml": IMPLEMENT.encode(), **files})
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert {spec.name for spec in (*sandbox.commands, *sandbox.ran)} == {"command", "tests"}
    for spec in (*sandbox.commands, *sandbox.ran):
        assert "/app/node_modules" in {bind.target for bind in spec.binds}
        assert "PYTHONPATH" not in spec.env


def test_a_value_of_an_earlier_node_reaches_it_as_its_environment(tmp_path) -> None:
    text = IMPLEMENT.replace(
        "use: implement.snapshot,",
        "use: implement.snapshot, output: {head: {type: string}, tree: {}},",
    ).replace(
        "needs: [tests], timeout: 100s, env: {MODE: strict}",
        "needs: [tests, snapshot], env: {HEAD: {from: snapshot.head}}",
    )
    world, issue = run_issue(tmp_path, lambda spec, folder: ended(), ("implement", text))
    (spec,) = world.sandbox.commands
    assert spec.env["HEAD"] == world.history(issue).pushed_head


def test_a_failure_while_building_is_an_attempt_and_the_next_one_reads_it(tmp_path) -> None:
    answers = [ended(3, stdout=b"\x1b[31mstore.py:7: \x1b[0munused\n"), ended()]
    world, issue = run_issue(tmp_path, lambda spec, folder: answers.pop(0))
    assert events(world, issue).count(Event.RUN_FAILED) == 1
    assert world.history(issue).state is State.MERGED
    first, second = (assignment.task for assignment in world.agent.assignments)
    assert "did not get past a command" not in first
    said = json.loads(second[second.index("\n[\n") : second.index("\n]\n") + 2])
    assert said == [
        {
            "command": "python -m lint --all",
            "says": "`python -m lint --all` ended with exit code 3",
            "output_of_a_program": "store.py:7: unused",
        }
    ]


def test_one_that_never_passes_ends_with_a_person(tmp_path) -> None:
    world, issue = run_issue(tmp_path, lambda spec, folder: ended(1, stdout=b"no"))
    assert (world.history(issue).state, world.history(issue).attempts) == (State.NEEDS_HUMAN, 3)
    assert set(world.remote) == {"main"}


def test_a_failure_on_the_candidate_sends_it_back_before_any_judge_is_asked(
    tmp_path,
) -> None:
    answers = [ended(1, stdout=b"two pages link nowhere"), ended()]
    world, issue = run_issue(tmp_path, lambda spec, folder: answers.pop(0), ("validate", VALIDATE))
    history = world.history(issue)
    assert events(world, issue).count(Event.CHANGES_REQUESTED) == 1
    assert [entry.run for entry in history.verdicts] == [f"validate-{issue}-2"]
    assert "two pages link nowhere" in world.agent.assignments[1].task
    assert history.state is State.MERGED


def test_a_limit_is_a_no_with_its_name(tmp_path) -> None:
    world, issue = run_issue(tmp_path, lambda spec, folder: ended(137, killed_by="wall"))
    assert "was stopped by its wall limit" in world.history(issue).transitions[-2].data["says"]


@pytest.mark.parametrize(
    ("workflow", "event"),
    [(("implement", IMPLEMENT), Event.RUN_FAILED), (("validate", VALIDATE), Event.INCONCLUSIVE)],
)
def test_without_a_sandbox_nothing_is_run_and_nothing_passes(tmp_path, workflow, event) -> None:
    def no_sandbox(spec, folder) -> Never:
        raise SandboxError("no sandbox could be made")

    world, issue = run_issue(tmp_path, no_sandbox, workflow)
    assert event in events(world, issue)
    assert world.history(issue).state is State.NEEDS_HUMAN


def test_what_it_printed_is_shown_without_what_nobody_should_see() -> None:
    printed = b"\x1b[1;31mred\x1b[0m\x1b]0;title\x07 text\r\nzero\xe2\x80\x8bwidth\x00\xff\n\n"
    assert excerpt(printed) == "red text\nzerowidth\ufffd"
    assert excerpt(b"a" * 90_000) == "a" * 2000
    token = b"ghp_" + b"R7d9Kq2Lw8Zx4Vb6Nm3Tc5Yp1Hs0Gj8FaQ3e"
    shown = excerpt(b'before\ntoken = "' + token + b'"\nafter')
    assert token.decode() not in shown
    assert shown.startswith("before\n")
    assert shown.endswith("\nafter")
