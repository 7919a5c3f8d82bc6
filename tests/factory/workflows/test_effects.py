"""What a workflow of the project's own does to the world, a rule has granted, by name."""

from datetime import timedelta

import pytest

from harness.domain.errors import ConfigError, Stopped
from harness.domain.events import NoticeBegan, NoticeSent
from harness.domain.notices import NoticeKind
from harness.factory.reporting.notices import outbox
from tests.factory.workflows.own import OwnWorkflowWorld, prints, results, status

LINKS = """
name: links
nodes:
  - {id: look, run: [look], output: {dead: {type: integer}, report: {type: string}}}
  - id: file
    use: issue.file
    needs: [look]
    when: look.dead > 0
    with: {title: Links that lead nowhere, text: {from: look.report}}
"""
SAY = """
name: say
nodes:
  - {id: look, run: [look], output: {number: {type: string}, text: {type: string}}}
  - {id: say, use: issue.comment, needs: [look], with: {issue: {from: look.number}, text: {from: look.text}}}
"""
PINS = """
name: pins
nodes:
  - {id: pin, run: [pin], files: [tidebook/pins.txt]}
  - id: propose
    use: change.propose
    needs: [pin]
    when: pin.changed > 0
    with: {head: {from: pin.head}, title: Update the pins, text: They were old.}
  - {id: tell, use: notice.send, needs: [propose], with: {text: an update waits}}
"""
GRANTS = {"links": "issue.file", "say": "issue.comment", "pins": "change.propose, notice.send"}


def found(report: str, dead: int = 1):
    return {"look": prints(dead=dead, report=report)}


def links(tmp_path, report: str = "a.md: b leads nowhere") -> OwnWorkflowWorld:
    return OwnWorkflowWorld.of(tmp_path, {"links": LINKS}, commands=found(report), grants=GRANTS)


def ours(world: OwnWorkflowWorld) -> list:
    return [one for one in world.forge.issues() if "workflow:links" in one.body]


def test_without_a_grant_it_is_refused_when_it_is_read_with_the_rule_to_write(tmp_path) -> None:
    world = OwnWorkflowWorld.of(tmp_path, {"links": LINKS}, commands=found("x"))
    with pytest.raises(ConfigError) as refused:
        world.tick()
    assert (refused.value.file, refused.value.line) == ("workflows/links.yaml", 6)
    assert "no rule grants `issue.file` to `links`" in str(refused.value)
    assert "`grants: {workflow: links, effects: [issue.file]}`" in str(refused.value)


@pytest.mark.parametrize("weak", ["status: shadow", "status: off"])
def test_a_rule_that_is_not_in_force_grants_nothing(tmp_path, weak) -> None:
    world = links(tmp_path)
    rules = world.git.read(world.remote["main"], "factory_rules.md").decode()
    weaker = rules.replace("grants: {workflow: links", f"{weak}\ngrants: {{workflow: links")
    world.push_to_main(**{"factory_rules.md": weaker.encode()})
    with pytest.raises(ConfigError, match="no rule grants"):
        world.tick()


def test_a_find_is_one_open_issue_however_often_it_is_found(tmp_path) -> None:
    world = links(tmp_path)
    for _ in range(3):
        assert status(world.ask("links")) == "succeeded"
    (issue,) = ours(world)
    assert issue.title == "Links that lead nowhere"
    assert "a.md: b leads nowhere" in issue.body
    world.commands["look"] = prints(dead=1, report="c.md: d leads nowhere")
    world.ask("links")
    (issue,) = ours(world)
    assert "c.md: d leads nowhere" in issue.body


def test_where_nothing_is_found_nothing_is_filed(tmp_path) -> None:
    world = OwnWorkflowWorld.of(
        tmp_path, {"links": LINKS}, commands=found("", dead=0), grants=GRANTS
    )
    assert status(world.ask("links")) == "succeeded"
    assert world.forge.writes == []


def test_a_commands_words_are_data_in_what_is_filed(tmp_path) -> None:
    world = links(tmp_path, "```\n@owner /factory stop\n![x](http://evil)\n<!-- x -->")
    world.ask("links")
    (issue,) = ours(world)
    assert issue.body.splitlines()[3].startswith("````")
    assert issue.body.splitlines()[-1] == "````"


def test_what_looks_like_a_credential_is_not_written(tmp_path) -> None:
    world = links(tmp_path, "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8")
    run = world.ask("links")
    assert (status(run), ours(world)) == ("blocked", [])


def test_a_grant_that_was_taken_back_holds_for_a_run_that_began_before(tmp_path) -> None:
    slow = LINKS.replace("nodes:", "nodes:\n  - {id: rest, wait: 1h}").replace(
        "{id: look, run", "{id: look, needs: [rest], run"
    )
    world = OwnWorkflowWorld.of(tmp_path, {"links": slow}, commands=found("x"), grants=GRANTS)
    run = world.ask("links")
    rules = world.git.read(world.remote["main"], "factory_rules.md").decode()
    without = rules.replace("effects: [issue.file]", "effects: [issue.comment]")
    world.push_to_main(
        **{
            "factory_rules.md": without.encode(),
            "workflows__links.yaml": b"name: links\nnodes:\n  - {id: a, run: [a]}\n",
        }
    )
    world.ledger.clock.at += timedelta(hours=2)
    run = world.again(run)
    assert (status(run), ours(world)) == ("blocked", [])
    assert run.ended is not None
    assert "grants `issue.file` to `links`" in run.ended.reason


def test_a_comment_goes_to_an_issue_by_its_number_and_to_nothing_else(tmp_path) -> None:
    world = OwnWorkflowWorld.of(tmp_path, {"say": SAY}, grants=GRANTS)
    issue = world.file()
    world.commands["look"] = prints(number=str(issue), text="see the notes")
    assert status(world.ask("say")) == "succeeded"
    assert any("see the notes" in one.body for one in world.forge.comments(issue))
    world.commands["look"] = prints(number="7 --force", text="x")
    assert status(world.ask("say")) == "blocked"


def pins(spec, folder):
    (folder / "tidebook/pins.txt").write_text("flask==3.1.0\n")
    (folder / "factory_rules.md").write_text("everything goes\n")
    return prints()(spec, folder)


def test_a_change_is_proposed_for_a_person_and_has_the_named_files_alone(tmp_path) -> None:
    world = OwnWorkflowWorld.of(tmp_path, {"pins": PINS}, commands={"pin": pins}, grants=GRANTS)
    run = world.ask("pins")
    assert status(run) == "succeeded", run.ended
    (pull,) = world.forge.pull_requests()
    assert (pull.branch, pull.title, pull.merged) == (
        "factory/workflow-pins-1-propose",
        "Update the pins",
        False,
    )
    before, after = (
        world.git.trees[world.git.tree_of(one)] for one in (world.remote["main"], pull.head)
    )
    assert {name for name in after if after[name] != before.get(name)} == {"tidebook/pins.txt"}
    assert world.git.landings == []


def test_a_change_that_a_rule_refuses_is_not_proposed(tmp_path) -> None:
    text = PINS.replace("[tidebook/pins.txt]", "[factory_rules.md]")
    world = OwnWorkflowWorld.of(tmp_path, {"pins": text}, commands={"pin": pins}, grants=GRANTS)
    run = world.ask("pins")
    assert (status(run), world.forge.pull_requests()) == ("blocked", ())
    assert run.ended is not None
    assert "LAW-PROTECTED" in run.ended.reason


def test_a_commit_that_no_command_of_the_run_made_is_not_proposed(tmp_path) -> None:
    text = (
        PINS.replace("head: {from: pin.head}", "head: {from: other.head}")
        .replace(
            "  - id: propose",
            "  - {id: other, run: [other], output: {head: {type: string}}}\n  - id: propose",
        )
        .replace("    needs: [pin]", "    needs: [pin, other]")
    )
    world = OwnWorkflowWorld.of(tmp_path, {"pins": text}, commands={"pin": pins}, grants=GRANTS)
    world.commands["other"] = prints(head=world.remote["main"])
    assert (status(world.ask("pins")), world.forge.pull_requests()) == ("blocked", ())


@pytest.mark.parametrize("kind", ["link", "folder link", "folder", "pipe", "giant"])
def test_a_file_that_is_none_is_not_taken(tmp_path, kind) -> None:
    secret = tmp_path / "secret"
    secret.mkdir(parents=True)
    (secret / "pins.txt").write_text("a secret of this machine")

    def trick(spec, folder):
        import os
        import shutil

        place = folder / "deps"
        shutil.rmtree(place, ignore_errors=True)
        if kind == "folder link":
            place.symlink_to(secret)
            return prints()(spec, folder)
        place.mkdir()
        file = place / "pins.txt"
        if kind == "link":
            file.symlink_to(secret / "pins.txt")
        elif kind == "folder":
            file.mkdir()
        elif kind == "pipe":
            os.mkfifo(file)
        else:
            file.write_bytes(b"x" * (1024 * 1024 + 1))
        return prints()(spec, folder)

    text = PINS.replace("[tidebook/pins.txt]", "[deps/pins.txt]")
    world = OwnWorkflowWorld.of(
        tmp_path / "home", {"pins": text}, commands={"pin": trick}, grants=GRANTS
    )
    run = world.ask("pins")
    assert (status(run), world.forge.pull_requests()) == ("failed", ())


def test_a_notice_has_the_documents_words(tmp_path) -> None:
    world = OwnWorkflowWorld.of(tmp_path, {"pins": PINS}, commands={"pin": pins}, grants=GRANTS)
    world.ledger.append(NoticeBegan(0), "notice/1")
    world.ledger.append(NoticeSent("notice/1", taken=1, failed=0), "notice/1/sent")
    world.ask("pins")
    entries = world.ledger.entries()
    kinds = frozenset(NoticeKind)
    (notice,) = outbox(entries, entries[-1].seq, world.ledger.clock.now(), kinds=kinds).notices
    assert notice.words == "workflow pins: an update waits"


def test_after_the_owners_stop_nothing_is_written_and_the_run_goes_on_after_a_resume(
    tmp_path,
) -> None:
    world = links(tmp_path)

    def stops(spec, folder):
        (tmp_path / "STOP").write_text("")
        return found("x")["look"](spec, folder)

    world.commands["look"] = stops
    with pytest.raises(Stopped):
        world.ask("links")
    assert world.forge.writes == []
    (tmp_path / "STOP").unlink()
    world.tick()
    assert (status(world.last("links")), len(ours(world))) == ("succeeded", 1)


def test_so_many_effects_a_day_and_no_more(tmp_path) -> None:
    part = SAY.replace("name: say", "name: say\ninput: {item: {type: string}}")
    many = """
name: many
nodes:
  - {id: list, run: [list], output: {items: {type: array}}}
  - {id: all, each: list.items, do: say, limit: 50, needs: [list]}
"""
    world = OwnWorkflowWorld.of(tmp_path, {"say": part, "many": many}, grants=GRANTS)
    issue = world.file()
    world.commands["look"] = prints(number=str(issue), text="x")
    world.commands["list"] = prints(items=[str(at) for at in range(40)])
    stati = [status(world.ask("many")) for _ in range(3)]
    assert stati == ["succeeded", "succeeded", "failed"]
    assert len(world.ledger.entries(kind="intent")) <= 100 + 20


def test_an_effect_is_made_once_though_its_run_is_looked_at_again(tmp_path) -> None:
    world = links(tmp_path)
    run = world.ask("links")
    writes = list(world.forge.writes)
    world.again(run)
    assert [one for one in world.forge.writes if one[0] == "upsert_issue"] == [
        one for one in writes if one[0] == "upsert_issue"
    ]
    assert results(run)["file"] == "produced"
