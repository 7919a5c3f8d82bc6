"""Pull requests that edit the law, for the tests of what the factory says of them."""

from datetime import timedelta

from harness.domain.facts import ChangeFacts, ChangeKind, FileChange
from harness.factory.pipeline.tick import current_policy
from harness.factory.policy_gate.edit_trial import evaluate_edit
from harness.factory.policy_gate.policy_edits import CHECK, show_edit_effects
from harness.governance.past.history import RecordedChange

TIGHTER = [
    (b"max: 300", b"max: 100"),
    (b"at most 300", b"at most 100"),
    (b"changed_lines: 300", b"changed_lines: 100"),
    (b"changed_lines: 301", b"changed_lines: 101"),
]
NEW_RULE = b"""
## Nothing is deleted in bulk {#F-DELETES}

A change deletes at most 3 files.

```yaml rule
id: F-DELETES
level: enforced
check: {files: {max: 3}}
cases:
  - {given: {files: 3}, expect: pass}
```
"""


def edited(text: bytes, *changes: tuple[bytes, bytes]) -> bytes:
    for old, new in changes or TIGHTER:
        assert old in text
        text = text.replace(old, new)
    return text


def given_lines(lines):
    return (
        FileChange(
            b"tidebook/store.py",
            ChangeKind.MODIFIED,
            "100644",
            "100644",
            "1" * 40,
            "2" * 40,
            lines,
            0,
            size=9,
        ),
    )


def propose(world, files, *, author="mara", branch="edit", **more):
    """Somebody's pull request, on today's base."""
    tree = dict(world.git.trees[world.git.tree_of(world.remote["main"])])
    for name, content in files.items():
        if content is None:
            tree.pop(name)
        else:
            tree[name] = content
    world.remote[branch] = world.git.commit(
        world.git.tree(tree), [world.remote["main"]], message=branch
    )
    return world.forge.propose(branch, author=author, **more)


def rules(world):
    return world.git.read(world.remote["main"], "factory_rules.md")


def look(world, *, within=timedelta(days=1)) -> None:
    services = world.services()
    show_edit_effects(services, current_policy(services), evaluate=evaluate_edit, within=within)


def check(world, branch="edit"):
    return world.forge.checks.get((world.remote[branch], CHECK))


def record(number, lines, **more):
    return RecordedChange(number, ChangeFacts(files=given_lines(lines)), **more)
