"""Governance that cannot be obeyed: each fault is named with its file and line, and a factory does
nothing on it, least of all go on with an older policy."""

from textwrap import dedent

import pytest

from harness.domain.errors import GovernanceError
from harness.domain.lifecycle import State
from tests.factory.world import EXAMPLE

RULES = (EXAMPLE / "factory_rules.md").read_text("utf-8")
MISSION = (EXAMPLE / "mission.md").read_text("utf-8")
FRONT = "---\nschema: 1\n---\n"
LINES = RULES.count("\n")


def stated(block: str, rule_id: str = "F-NEW") -> str:
    return (
        f"\n## A rule {{#{rule_id}}}\nBecause.\n```yaml rule\nid:"
        f" {rule_id}\n{dedent(block).strip()}\n```\n"
    )


def pattern(expression: str) -> str:
    return RULES + stated(f"level: enforced\ncheck: {{added_text: {{deny: ['{expression}']}}}}")


RULES_FILE, NESTED = "factory_rules.md", "tidebook/factory_rules.md"
LOCKED = RULES + stated("level: enforced\ncheck: {files: {max: 9}}\nlocked: true", "F-LOCK")
BAD = {
    "no YAML": (
        {RULES_FILE: RULES + stated("level: [enforced")},
        RULES_FILE,
        LINES + 7,
        "not YAML that can be read",
    ),
    "an unknown key": (
        {RULES_FILE: RULES + stated("levle: enforced")},
        RULES_FILE,
        LINES + 6,
        "did you mean `level`?",
    ),
    "an id twice": (
        {RULES_FILE: RULES + stated("level: advisory") * 2},
        RULES_FILE,
        LINES + 9,
        "already stated at",
    ),
    "an id that no heading has": (
        {RULES_FILE: (RULES + stated("level: advisory")).replace("{#F-NEW}", "{#F-GONE}")},
        RULES_FILE,
        LINES + 5,
        "the heading names {#F-GONE} and the block names F-NEW",
    ),
    "a block that is none": (
        {RULES_FILE: RULES + stated("level: advisory").replace("yaml rule", "yaml rules")},
        RULES_FILE,
        LINES + 4,
        "did you mean `yaml rule`?",
    ),
    "a locked rule loosened": (
        {
            RULES_FILE: LOCKED,
            NESTED: FRONT + stated("level: enforced\ncheck: {files: {max: 99}}", "F-LOCK"),
        },
        NESTED,
        5,
        "F-LOCK is locked at factory_rules.md",
    ),
    "a built-in rule loosened": (
        {NESTED: FRONT + stated("level: advisory", "LAW-PROTECTED")},
        NESTED,
        8,
        "the factory's own",
    ),
    "an expression that explodes": (
        {RULES_FILE: pattern("((a{1,99}){1,99}){1,99}$")},
        RULES_FILE,
        LINES + 7,
        "exceeds size limit",
    ),
    "an expression that looks back": (
        {RULES_FILE: pattern(r"(a+)\1+$")},
        RULES_FILE,
        LINES + 7,
        "backreferences are not supported",
    ),
    "a glob that is none": (
        {RULES_FILE: RULES + stated("level: enforced\ncheck: {paths: {deny: [a**]}}")},
        RULES_FILE,
        LINES + 7,
        "whole folders",
    ),
    "a condition that is none": (
        {RULES_FILE: RULES + stated("level: enforced\ncheck: {secrets: {}}\nwhen: kynd == 1")},
        RULES_FILE,
        LINES + 8,
        "did you mean `kind`?",
    ),
    "ten megabytes": ({RULES_FILE: RULES + "word " * 2_000_000}, RULES_FILE, None, "are read"),
    "ten megabytes in a folder": ({NESTED: "x" * 10_000_000}, NESTED, None, "are read"),
    "Latin-1": (
        {"mission.md": (MISSION + "na\u00efve\n").encode("latin-1")},
        "mission.md",
        MISSION.count("\n") + 1,
        "is not UTF-8",
    ),
    "UTF-16": ({"mission.md": MISSION.encode("utf-16")}, "mission.md", 1, "byte order mark"),
    "UTF-16 without a mark": ({"mission.md": MISSION.encode("utf-16-be")}, "mission.md", 1, "NUL"),
    "nothing": ({"CLAUDE.md": ""}, "CLAUDE.md", None, "is empty"),
    "two that differ by case": ({"MISSION.md": MISSION}, "MISSION.md", None, "differ only by case"),
    "a look-alike": (
        {"m\u0456ssion.md": MISSION},
        "m\\u0456ssion.md",
        None,
        "looks like mission.md and is not",
    ),
    "a nested look-alike": (
        {"tidebook/FACTORY_RULES.md.": "x"},
        "tidebook/FACTORY_RULES.md.",
        None,
        "looks like factory_rules.md",
    ),
    "a link": ({}, "mission.md", None, "must be a plain file, and has git mode 120000"),
    "a nested link": ({NESTED: "../factory_rules.md"}, NESTED, None, "git mode 120000"),
}
LINKS = {"a link": "mission.md", "a nested link": "tidebook/factory_rules.md"}


@pytest.mark.parametrize("name", BAD)
def test_nothing_is_done_on_a_policy_that_cannot_be_read(world, name) -> None:
    files, file, line, message = BAD[name]
    assert world.tick() == ()  # under the policy as it was, which is read now
    world.push_to_main(
        **{
            path.replace("/", "__"): text if isinstance(text, bytes) else text.encode()
            for path, text in files.items()
        }
    )
    world.git.links |= {LINKS[name]} if name in LINKS else set()
    issue, entries, tip = world.file(), len(world.ledger.written), world.remote["main"]
    for _ in range(2):
        with pytest.raises(GovernanceError) as error:
            world.tick()
        assert message in error.value.message
        assert (error.value.file, error.value.line) == (file, line)
    assert (len(world.ledger.written), world.remote["main"]) == (entries, tip)
    assert world.forge.comments(issue) == ()


def test_a_nested_rules_file_binds_below_its_folder_at_the_next_tick(world) -> None:
    tree = dict(world.git.trees[world.git.tree_of(world.base)])
    tree["tidebook/factory_rules.md"] = (
        FRONT + stated("level: enforced\ncheck: {files: {max: 0}}", "F-NONE")
    ).encode()
    world.remote["main"] = world.git.commit(
        world.git.tree(tree), [world.base], message="nested rules"
    )
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.NEEDS_HUMAN
    assert (
        "F-NONE: 1 changed file, and at most 0 are allowed" in history.transitions[-1].data["says"]
    )
    assert any(
        '<document name="tidebook/factory_rules.md">' in block
        for system, _ in world.model.asked
        for block in system
    )
