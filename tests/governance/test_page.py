"""docs/maintainer.md fails the build when it lies: every check, key, code and name in it exists,
and back."""

import re
from dataclasses import fields
from pathlib import Path

import harness.governance
from harness.governance.built_in import BUILT_IN, PROTECTED
from harness.governance.checks import CHECKS
from harness.governance.language.entries import _RULE, _SCOPE
from harness.governance.language.when import NAMES
from harness.governance.tool_configs import TOOL_CONFIGS

PAGE = (Path(__file__).parents[2] / "docs" / "maintainer.md").read_text()


def rows(heading: str) -> dict[str, str]:
    """The table or the list under a heading: what is in code at the beginning of each row, and the
    row."""
    section = PAGE.split(f"{heading}\n", 1)[1].split("\n## ", 1)[0].split("\n### ", 1)[0]
    return {row[1]: row[0] for row in re.finditer(r"^[|-] `([\w-]+)`.*$", section, re.MULTILINE)}


def test_the_page_has_every_check_with_its_arguments() -> None:
    found = rows("## The checks")
    assert set(found) == set(CHECKS)
    for name, kind in CHECKS.items():
        documented = set(re.findall(r"`(\w+)`", found[name].split("|")[2]))
        assert {field.name for field in fields(kind)} <= documented, name


def test_the_page_has_every_key_of_a_rule_and_of_a_scope_entry() -> None:
    assert set(rows("### A rule")) == set(_RULE)
    scope = PAGE.split("### A scope entry\n")[1].split("\n## ")[0]
    assert all(f"`{key}`" in scope for key in _SCOPE)


def test_the_page_has_every_lint_code() -> None:
    code = (Path(harness.governance.__file__).parent / "lint.py").read_text()
    written = set(re.findall(r"""(?:LintFinding\([^"]*?|_at\([^"]*?)"([a-z-]+)",""", code))
    assert set(rows("## Lint")) == written


def test_the_page_has_every_built_in_rule_and_every_protected_name() -> None:
    assert set(rows("## How rules compose")) == {rule.id for rule in BUILT_IN}
    assert all(name in PAGE for name in PROTECTED if name not in TOOL_CONFIGS)
    assert "(../harness/governance/tool_configs.py)" in PAGE


def test_the_page_has_every_name_a_condition_may_use() -> None:
    assert all(f"`{name}`" in PAGE.split("`when:` knows")[1] for name in NAMES)
