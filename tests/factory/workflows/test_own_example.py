"""The three workflows that docs/workflows.md writes, each with its real commands, to its end."""

from datetime import timedelta

from tests.factory.example_files import files_of
from tests.factory.sandboxes import CommandSandbox, really
from tests.factory.workflows.own import OwnWorkflowWorld, status


def example(tmp_path, **changed: str) -> OwnWorkflowWorld:
    world = OwnWorkflowWorld(tmp_path, sandbox=CommandSandbox(really))
    files = files_of("own")
    files |= {name.replace("__", "/"): text.encode() for name, text in changed.items()}
    world.remote["main"] = world.base = world.git.commit(world.git.tree(files), [], message="base")
    return world


def file_in(world: OwnWorkflowWorld, commit: str, path: str) -> str:
    return world.git.read(commit, path).decode()


def filed(world: OwnWorkflowWorld, workflow: str) -> list:
    return [one for one in world.forge.issues() if f"workflow:{workflow}/" in one.body]


def test_the_nightly_link_checker_files_a_dead_link_once(tmp_path) -> None:
    dead = "# Lines\n\nSee [knots](knots.md).\n"
    world = example(tmp_path, **{"pages__lines.md": dead})
    assert status(world.ask("nightly-links")) == "succeeded"
    assert status(world.ask("nightly-links")) == "succeeded"
    (issue,) = filed(world, "nightly-links")
    assert "lines.md: knots.md leads nowhere" in issue.body


def test_a_night_without_a_dead_link_files_nothing(tmp_path) -> None:
    world = example(tmp_path)
    assert status(world.ask("nightly-links")) == "succeeded"
    assert world.forge.writes == []


def test_the_weekly_update_proposes_the_approved_pins_and_a_person_merges(tmp_path) -> None:
    world = example(tmp_path)
    run = world.ask("weekly-dependencies")
    assert status(run) == "succeeded"
    (pull,) = world.forge.pull_requests()
    assert file_in(world, pull.head, "requirements.txt") == "markdown==3.10\npygments==2.19.1\n"
    assert (pull.merged, world.git.landings) == (False, [])
    assert len(world.ledger.entries(kind="workflow-notice")) == 1


def test_a_week_without_news_proposes_nothing(tmp_path) -> None:
    world = example(tmp_path, **{"approved.txt": "markdown==3.9\n"})
    assert status(world.ask("weekly-dependencies")) == "succeeded"
    assert world.forge.writes == []


def test_the_release_train_checks_rests_asks_and_proposes(tmp_path) -> None:
    world = example(tmp_path)
    run = world.ask("release-train")
    assert [spec.argv[1] for spec in world.sandbox.commands] == [
        "tools/train.py",
        "tools/change.py",
        "tools/change.py",
    ]
    assert status(run) == "open"
    world.ledger.clock.at += timedelta(hours=2)
    world.again(run)
    assert "- Mooring is done from the bow." in world.forge.issue(world.question()).body
    world.answer("/factory revise The summer release.")
    world.again(run)
    assert "The summer release." in world.forge.issue(world.question()).body
    assert world.forge.pull_requests() == ()
    world.answer("/factory approve")
    assert status(world.again(run)) == "succeeded"
    (pull,) = world.forge.pull_requests()
    assert "The summer release." in file_in(world, pull.head, "NOTES.md")
    assert "The summer release." in filed(world, "announce")[0].body
    assert world.git.landings == []


def test_a_change_that_is_not_told_in_a_line_holds_the_train(tmp_path) -> None:
    world = example(tmp_path, **{"changes__lines.md": "one\ntwo\n"})
    run = world.ask("release-train")
    assert status(run) == "failed"
    assert run.ended is not None
    assert "lines.md has 2 lines" in run.ended.reason
