"""A person edits the law: the check says what the edit would have done, and nothing that the
proposal says binds."""

from pathlib import Path
from typing import Never

import pytest

from harness.domain.errors import GitError
from harness.domain.facts import ChangeFacts
from harness.domain.issue import Actor
from harness.domain.lifecycle import State
from harness.domain.verdict import VerdictOutcome
from harness.factory.pipeline.tick import current_policy
from harness.factory.policy_gate.edit_trial import evaluate_edit
from harness.factory.policy_gate.policy_edits import CHECK, MOST, show_edit_effects
from harness.factory.reporting.comments import edit_effect_text
from harness.factory.reporting.report import policy_edit_effect
from harness.governance import read_governance
from harness.governance.past.edit_effects import CONSEQUENCE, edit_effect
from harness.governance.past.factsjson import facts_as_json
from tests.events import event_of
from tests.factory.kills import Killed
from tests.factory.proposals import (
    NEW_RULE,
    TIGHTER,
    check,
    edited,
    given_lines,
    look,
    propose,
    record,
    rules,
)
from tests.factory.world import World
from tests.fakes.people import FakeValidator

GOLDEN = Path(__file__).parents[2] / "golden"


def past(world, **lines: int) -> None:
    """Changes that the law was asked about, by the number of their issue, and that landed."""
    for name, changed in lines.items():
        issue = int(name.removeprefix("i"))
        facts = ChangeFacts(files=given_lines(changed))
        world.ledger.append(
            event_of(
                "facts",
                {
                    "base": "b" * 40,
                    "head": f"{issue:040}",
                    "applies": "pr",
                    "rules": "x",
                    "facts": facts_as_json(facts),
                    "action": None,
                    "findings": [],
                },
            ),
            f"facts/{issue}",
            issue=issue,
            run=None,
        )


def test_an_edit_shows_which_recorded_changes_it_would_decide_otherwise(world) -> None:
    past(world, i31=40, i32=150, i33=299)
    propose(world, {"factory_rules.md": edited(rules(world))})
    look(world)
    found = check(world)
    assert found.conclusion == "success", found.summary
    assert found.title == "2 of 3 recorded changes would be decided differently; edits F-SIZE"
    row = (
        "| [#32](http://forge/pull/32) | F-SIZE | holds | refuses | 150 changed lines, and at most"
        " 100 are allowed |"
    )
    assert row in found.summary
    assert "#31" not in found.summary
    assert "tightened | would refuse 2 of 3" in found.summary


MISSION = b"""---
schema: 1
default: in
---
# Mission

## Tides {#M-TIDES}

Tides.

```yaml scope
id: M-TIDES
kind: in
```
"""
RULES = b"""---
schema: 1
default: allow
---
# Rules

## Changes stay small {#F-SIZE}

A change has at most 300 lines.

```yaml rule
id: F-SIZE
level: enforced
check: {changed_lines: {max: 300}}
cases:
  - {given: {changed_lines: 300}, expect: pass}
  - {given: {changed_lines: 301}, expect: fail}
```

## Words {#F-WORDS}

Be kind.

```yaml rule
id: F-WORDS
level: advisory
```
"""


def law(rules, mission=MISSION):
    return read_governance(
        {"mission.md": mission, "factory_rules.md": rules, "CLAUDE.md": b"# Code\n"}
    )


def words(new, *changes, mission=MISSION) -> str:
    found = edit_effect(
        law(RULES),
        law(new, mission),
        changes,
        paths=[b"a.py"],
        workflows=("triage",),
        labels=("x",),
    )
    title, summary = edit_effect_text(
        found, lambda path: f"http://forge/{path}", base="b" * 40, head="a" * 40
    )
    return f"{'success' if found.holds else 'failure'}: {title}\n\n{summary}"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "flips",
            lambda: words(
                edited(RULES) + NEW_RULE,
                record(31, 40),
                record(32, 150, url="https://forge.example/pull/32"),
                mission=MISSION.replace(b"Tides.", b"Tides, and the moon."),
            ),
        ),
        ("faults", lambda: words(edited(RULES, (b"max: 300", b"max: 100")))),
    ],
)
def test_the_check_in_words(name, told) -> None:
    assert told() == (GOLDEN / f"consequence-{name}.md").read_text("utf-8")


def test_what_cannot_be_read_is_named_with_its_file_and_line(world) -> None:
    text = edited(rules(world), (b"check: {changed_lines", b"chekc: {changed_lines"))
    line = 1 + text.split(b"chekc")[0].count(b"\n")
    propose(world, {"factory_rules.md": text})
    look(world)
    found = check(world)
    assert found.conclusion == "failure"
    assert f"factory_rules.md:{line}" in found.summary
    assert "would not start on it" in found.summary


@pytest.mark.parametrize(
    "files",
    [
        {"factory_rules.md": None},
        {"FACTORY_RULES.md": b"# other\n"},
        {"mission.md": b""},
        {"CLAUDE.md": b"\xff\xfe"},
        {"factory_rules.md": b"a\0b"},
    ],
    ids=["deleted", "twice", "empty", "not text", "nul"],
)
def test_a_law_on_which_the_factory_would_not_start_is_a_failure(world, files) -> None:
    propose(world, files)
    look(world)
    assert check(world).conclusion == "failure"
    assert "cannot be read" in check(world).title


@pytest.mark.parametrize("path", ["tidebook/factory_rules.md", "tidebook/FACTORY_RULES.md"])
def test_a_nested_file_of_rules_is_the_law_too_in_any_case(world, path) -> None:
    propose(world, {path: b"---\nschema: 1\n---\n" + NEW_RULE})
    look(world)
    assert check(world).conclusion == "success", check(world).summary
    assert f"[{path.replace('_', chr(92) + '_')}:" in check(world).summary
    assert "F-DELETES" in check(world).summary


def test_a_case_that_does_not_hold_is_named_with_its_line(world) -> None:
    text = edited(rules(world), (b"max: 300", b"max: 100"), (b"at most 300", b"at most 100"))
    propose(world, {"factory_rules.md": text})
    look(world)
    line = 1 + text.split(b"{given: {changed_lines: 300}")[0].count(b"\n")
    assert check(world).conclusion == "failure"
    assert f"factory_rules.md:{line}: F-SIZE: expected pass, got fail" in check(world).summary


@pytest.mark.parametrize(
    ("edit", "notes"),
    [
        (
            ((b"check: {changed_lines", b"chekc: {changed_lines"),),
            [("chekc", "failure", "Cannot be read")],
        ),
        (
            ((b"max: 300", b"max: 100"), (b"at most 300", b"at most 100")),
            [
                ("{given: {changed_lines: 300}", "failure", "F-SIZE: a case"),
                ("{#F-SIZE}", "notice", "F-SIZE: tightened"),
            ],
        ),
    ],
    ids=["unreadable", "a case"],
)
def test_each_thing_is_shown_at_its_line(world, edit, notes) -> None:
    text = edited(rules(world), *edit)
    propose(world, {"factory_rules.md": text})
    look(world)
    lines = {at: 1 + text.split(at.encode())[0].count(b"\n") for at, _, _ in notes}
    assert [(one.path, one.line, one.level, one.title) for one in check(world).annotations] == [
        ("factory_rules.md", lines[at], level, title) for at, level, title in notes
    ]


def test_what_lint_finds_only_now_is_a_fault_and_what_it_found_before_is_none(world) -> None:
    promise = b"\n## Manners\n\nThe factory MUST be polite.\n"
    propose(world, {"factory_rules.md": rules(world) + promise})
    look(world)
    assert (check(world).conclusion, "unenforced" in check(world).summary) == ("failure", True)
    world.push_to_main(**{"factory_rules.md": rules(world) + promise})
    propose(world, {"factory_rules.md": edited(rules(world))}, branch="later")
    look(world)
    assert check(world, "later").conclusion == "success"
    assert "not held against this edit" in check(world, "later").summary


@pytest.mark.parametrize(
    "how",
    [
        {"author": Actor(77, "dependabot[bot]", bot=True)},
        {"author": "stranger", "same_repository": False},
    ],
    ids=["a bot", "a fork"],
)
def test_whoever_proposes_it_gets_words_and_no_authority(world, how) -> None:
    propose(world, {"factory_rules.md": edited(rules(world))}, **how)
    issue = world.file()
    world.tick()
    assert check(world).conclusion == "success"
    assert world.history(issue).state is State.MERGED
    assert world.git.read(world.remote["main"], "factory_rules.md") == world.git.read(
        world.base, "factory_rules.md"
    )
    assert {entry.data["rules"] for entry in world.ledger.entries(kind="run")} == {
        current_policy(world.services()).digest
    }


def test_each_head_is_looked_at_once_on_each_base(world) -> None:
    propose(world, {"factory_rules.md": edited(rules(world))})
    look(world)
    said, written = list(world.forge.writes), len(world.ledger.written)
    look(world)
    assert (world.forge.writes, len(world.ledger.written)) == (said, written)


def test_a_base_that_moved_is_looked_at_again_and_the_same_words_are_not_said_twice(world) -> None:
    propose(world, {"factory_rules.md": edited(rules(world), *TIGHTER)})
    look(world)
    world.push_to_main(**{"README.md": b"by hand"})
    look(world)
    assert len(world.ledger.entries(kind=CONSEQUENCE)) == 2
    past(world, i40=200)
    world.push_to_main(**{"README.md": b"by hand again"})
    look(world)
    assert check(world).title.startswith("1 of 1 recorded change would")


def test_a_branch_that_is_behind_is_read_as_it_would_be_merged(world) -> None:
    propose(world, {"factory_rules.md": rules(world) + NEW_RULE})
    world.push_to_main(
        **{"mission.md": world.git.read(world.base, "mission.md") + b"\nMore words.\n"}
    )
    look(world)
    assert check(world).title.endswith("edits F-DELETES"), (
        "the base's own newer words are not the branch's doing"
    )


@pytest.mark.parametrize(
    "files",
    [{"README.md": b"# Other\n"}, {"examples/shop/mission.md": b"# Another project\n"}],
    ids=["no law", "another project's"],
)
def test_what_edits_no_law_gets_no_check_and_is_not_looked_at_again(world, files) -> None:
    propose(world, files)
    look(world)
    assert check(world) is None
    world.push_to_main(**{"app.md": b"by hand"})
    written = len(world.ledger.written)
    look(world)
    assert len(world.ledger.written) == written


def test_the_factorys_own_pull_requests_are_not_looked_at(tmp_path) -> None:
    world = World(tmp_path, validator=FakeValidator(VerdictOutcome.INCONCLUSIVE))
    world.file()
    world.tick()
    assert [pull.open for pull in world.forge.pull_requests()] == [True]
    look(world)
    assert world.ledger.entries(kind=CONSEQUENCE) == ()


def test_a_branch_that_conflicts_with_the_base_is_read_as_it_is_and_says_so(world) -> None:
    propose(world, {"factory_rules.md": edited(rules(world))})
    world.push_to_main(**{"factory_rules.md": rules(world) + b"\nMore words.\n"})
    look(world)
    assert "because it conflicts with the base" in check(world).summary


def test_a_flood_of_pull_requests_is_looked_at_in_turns(world) -> None:
    for number in range(MOST + 3):
        propose(world, {"README.md": b"%d" % number}, branch=f"b{number}")
    look(world)
    assert len(world.ledger.entries(kind=CONSEQUENCE)) == MOST
    look(world)
    assert len(world.ledger.entries(kind=CONSEQUENCE)) == MOST + 3


def test_killed_between_the_check_and_the_ledger_it_is_said_once(world) -> None:
    propose(world, {"factory_rules.md": edited(rules(world))})
    forge = world.forge
    world.decorate("forge", set_check=dying(forge.set_check))
    services = world.services()
    with pytest.raises(Killed):
        show_edit_effects(services, current_policy(services), evaluate=evaluate_edit)
    world.forge = forge
    look(world)
    assert [what for what, _ in world.forge.writes].count("set_check") == 1
    assert len(world.ledger.entries(kind=CONSEQUENCE)) == 1


def dying(act):
    def call(*args, **kwargs) -> Never:
        act(*args, **kwargs)
        raise Killed

    return call


def test_a_pull_request_into_another_branch_governs_nothing(world) -> None:
    world.remote["release"] = world.base
    world.forge.main = "release"
    propose(world, {"factory_rules.md": edited(rules(world))})
    world.forge.main = "main"
    look(world)
    assert check(world) is None


@pytest.mark.parametrize("trouble", ["fetch", "check"])
def test_a_pull_request_that_cannot_be_looked_at_stops_nothing_else(world, trouble) -> None:
    propose(world, {"factory_rules.md": edited(rules(world))})
    issue = world.file()
    if trouble == "check":
        world.forge.fail("set_check", retryable=False, count=99, message="403")
    else:
        world.decorate("git", fetch=refusing(world.git.fetch))
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert any(CHECK in entry.message for entry in world.log.of("check-failed"))


def refusing(fetch):
    def fetched(*refs) -> None:
        if any(ref.startswith("refs/pull/") for ref in refs):
            raise GitError("fsck: this object is not what it says")
        fetch(*refs)

    return fetched


def test_what_was_said_is_in_the_ledger_for_who_asks_later(world) -> None:
    number = propose(world, {"factory_rules.md": edited(rules(world))})
    assert policy_edit_effect(world.ledger, number) is None
    look(world)
    told = policy_edit_effect(world.ledger, number)
    assert (told["conclusion"], told["login"], told["title"]) == (
        "success",
        "mara",
        check(world).title,
    )


def test_hostile_words_in_a_proposal_act_nowhere(world) -> None:
    rule = NEW_RULE.replace(b"Nothing is deleted", b"[x](http://x.example) <img src=x> @everyone |")
    propose(world, {"factory_rules.md": rules(world) + rule})
    look(world)
    summary = check(world).summary
    assert "[x](" not in summary
    assert "<img" not in summary.replace("\\<img", "")
    assert "@everyone" not in summary


def test_the_past_is_that_of_the_base_and_not_of_the_proposal(tmp_path) -> None:
    world = World(tmp_path)
    record = (
        b'{"pull_requests": [{"pr": 5, "files": [{"path": "a.py", "added": 200, "deleted": 0}]}]}'
    )
    world.push_to_main(**{"history.json": record})
    propose(
        world, {"factory_rules.md": edited(rules(world)), "history.json": b'{"pull_requests": []}'}
    )
    look(world)
    assert "#5" in check(world).summary
