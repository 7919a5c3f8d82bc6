"""What the rules that `factory init` leaves would have stopped of a repository's own changes."""

import shutil
from pathlib import Path

import pytest

from harness.operations.setup.rules_on_history import rules_on_history
from tests.fakes.original import git, repository_of

ROOT = Path(__file__).resolve().parents[2]
RULES = """---
schema: 1
default: allow
---
# How the factory may act

## Small {#F-SIZE}

```yaml rule
id: F-SIZE
level: enforced
check: {changed_lines: {max: 10}}
on_fail: split
```

## Few files {#F-FILES}

```yaml rule
id: F-FILES
level: enforced
status: shadow
check: {files: {max: 1}}
on_fail: split
```
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("mission.md", "CLAUDE.md"):
        shutil.copy(ROOT / "examples" / "public-factory" / name, tmp_path / name)
    (tmp_path / "factory_rules.md").write_text(RULES)
    repository_of(tmp_path)
    return tmp_path


def commit(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "More")


def test_rules_in_force_and_in_shadow_are_counted_apart(clone: Path) -> None:
    commit(clone, {"a.py": "x = 1\n" * 11})
    commit(clone, {"a.py": "x = 1\n", "b.py": "x = 1\n"})
    commit(clone, {"a.py": "", "b.py": ""})
    found = rules_on_history(clone)
    assert str(found) == (
        "of your last 3 changes these rules would have stopped 2: F-SIZE 2;"
        " rules in shadow would refuse 1 more"
    )


def test_a_rule_that_cannot_be_read_leaves_the_sentence_out(clone: Path) -> None:
    (clone / "factory_rules.md").write_text(RULES.replace("changed_lines", "changed_lies"))
    assert rules_on_history(clone) is None
