"""docs/workflows.md names what there is, and nothing else: the language, the parts, the roles, the
examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.domain.governance import GRANTABLE
from harness.factory.pipeline.actions import AGENTS, COMMANDS, GATES, USES
from harness.factory.settings.own_workflows import EFFECTS, LONGEST_WAIT, MOST_CALLS_DEEP
from harness.factory.settings.workflow_promises import PARTS, ROLES, TESTS, names
from harness.factory.settings.workflows import WORKFLOWS
from harness.factory.workflows.approvals import MOST_REVISIONS
from harness.factory.workflows.effects import MOST_A_DAY
from harness.factory.workflows.waiting import MOST_RUNS
from harness.governance.built_in import PROTECTED
from harness.workflow.language import COMMON, JOURNEYS, KEYS, KINDS, MOST_ITEMS, PERMISSIONS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "workflows.md").read_text("utf-8")
EXAMPLES = ROOT / "examples" / "workflows"


def rows(heading: str) -> dict[str, str]:
    """The table under a heading: what is in code in its first column, and the rest of the row."""
    section = re.split(r"^#", PAGE.split(f"\n{heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]
    return {
        match[1]: match[2] for match in re.finditer(r"^\| `([^`]+)` \|(.*)$", section, re.MULTILINE)
    }


def named(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


def test_the_page_has_every_kind_of_node_and_no_other() -> None:
    assert list(rows("### A node is of one kind")) == list(KINDS)
    assert set(PERMISSIONS) <= named(rows("### A node is of one kind")["approve"])
    assert set(JOURNEYS) <= named(rows("### A node is of one kind")["validate"])


def test_the_page_has_every_key_on_the_kinds_that_it_has() -> None:
    found = rows("### Keys")
    assert set(found) == set(KEYS) - set(KINDS)
    for key, row in found.items():
        where = row.split("|")[0]
        assert ("every node" in where) is (key in COMMON)
        assert key in COMMON or named(where) == {kind for kind, own in KINDS.items() if key in own}


def test_the_page_has_every_action_gate_role_tool_and_value_and_the_code_has_them_too() -> None:
    assert list(rows("### Actions")) == list(names("use")) == list(USES)
    assert list(rows("### Gates")) == list(names("gate")) == list(GATES)
    assert list(rows("### Roles")) == list(ROLES) == list(names("agent")) == list(AGENTS)
    for role, row in rows("### Roles").items():
        tools, values = row.split("|")[:2]
        assert named(tools) == set(ROLES[role].tools)
        assert named(values) == set(ROLES[role].values)
    assert {TESTS} == set(COMMANDS)
    assert f"`run: {TESTS}`" in PAGE


def test_the_page_lists_what_an_action_gives_and_to_whom() -> None:
    """Only parts whose output a later part reads are named in the code; each of those names on the
    page what it gives."""
    gives = {
        part.name
        for parts in PARTS.values()
        for part in parts
        if part.output and part.kind == "use"
    }
    described = {name for name, row in rows("### Actions").items() if row.split("|")[1].strip()}
    assert gives <= described


def test_the_page_names_the_four_workflows_and_they_are_protected() -> None:
    assert all(f"`{name}`" in PAGE for name in WORKFLOWS)
    assert "/workflows" in PROTECTED


def test_every_example_is_taught_and_every_lesson_is_an_example() -> None:
    assert set(re.findall(r"^### .*`examples/workflows/([\w-]+)`$", PAGE, re.MULTILINE)) == {
        path.name for path in EXAMPLES.iterdir()
    }


BLOCKS = re.findall(r"```yaml\n(name: .*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(6))
def test_what_is_shown_is_in_an_examples_file(block) -> None:
    texts = [path.read_text("utf-8") for path in EXAMPLES.glob("*/workflows/*.yaml")]
    assert sum(block in text for text in texts) == 1


def test_the_page_has_every_effect_with_what_it_is_given() -> None:
    found = rows("## Workflows of your own")
    assert list(found) == list(EFFECTS)
    assert set(found) == set(GRANTABLE)
    for effect, row in found.items():
        assert named(row.split("|")[0]) == set(EFFECTS[effect].needs)


def test_the_page_has_the_bounds_of_own_workflows() -> None:
    text = " ".join(PAGE.split())
    for words in (
        f"at most {LONGEST_WAIT // 3600} hours",
        f"A chain of calls has at most {MOST_CALLS_DEEP} workflows",
        f"one call tree at most {MOST_RUNS} runs",
        f"{MOST_A_DAY} effects a day",
        f"(at most {MOST_ITEMS})",
        "three times at most",
    ):
        assert words in text, words
    assert MOST_REVISIONS == 3
