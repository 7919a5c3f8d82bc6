"""Worlds whose operator or whose rules ask for more, and the words for it."""

from harness.domain.lifecycle import State
from tests.factory.world import World

CI = 'required_checks = [{name = "ci", app = 15368}]'


def demanding(tmp_path, merge=CI, *, rules="", **parts):
    """A world whose operator demands something before a merge."""
    world = World(tmp_path, **parts)
    files = dict(world.git.trees[world.git.tree_of(world.base)])
    files["factory.toml"] += f"\n[merge]\n{merge}\n".encode()
    files["factory_rules.md"] += rules.encode()
    world.remote["main"] = world.base = world.git.commit(world.git.tree(files), [], message="base")
    return world


FLOOD_RULE = """
## Nobody floods {#F-FLOOD}

One account gets 2 of its issues looked at within a day.

```yaml rule
id: F-FLOOD
applies: issue
level: enforced
check: {author_rate: {max: 2, per: day}}
on_fail: retry
cases:
  - {given: {author_ages: [60]}, expect: pass}
  - {given: {author_ages: [60, 90]}, expect: fail}
```
"""
LABEL_RULE = """
## Talk goes elsewhere {#F-TALK}

What is labelled a discussion is none of the factory's work.

```yaml rule
id: F-TALK
applies: issue
level: enforced
check: {labels: {deny: [discussion]}}
on_fail: ON_FAIL
cases:
  - {given: {labels: [discussion]}, expect: fail}
  - {given: {labels: []}, expect: pass}
```
"""


def bounded(world, **bounds):
    """The world, with these operator's bounds in its factory.toml, and one hand, so that the order
    is one."""
    toml = world.git.read(world.remote["main"], "factory.toml").replace(
        b"[limits]", b"[limits]\nparallel = 1"
    )
    table = "".join(f"{name} = {value}\n" for name, value in bounds.items())
    world.push_to_main(**{"factory.toml": toml + f"\n[triage]\n{table}".encode()})
    return world


def governed(world, *rules):
    text = world.git.read(world.remote["main"], "factory_rules.md")
    world.push_to_main(**{"factory_rules.md": text + "".join(rules).encode()})
    return world


STORE = "tidebook/store.py"


def asking_a_person(rule_id: str, *, more: str = "", on_fail: str = "needs-human") -> str:
    """A rule that is asked before a merge, and refuses every change of the store."""
    return (
        f"\n## The store is seen by a person {{#{rule_id}}}\n\nIt holds what people trusted us"
        f" with.\n\n```yaml rule\nid: {rule_id}\napplies: merge\nlevel: enforced\n{more}check:"
        f" {{paths: {{deny: [{STORE}]}}}}\non_fail: {on_fail}\ncases:\n  - {{given: {{files:"
        f" [{STORE}]}}, expect: fail}}\n  - {{given: {{files: [README.md]}}, expect: pass}}\n```\n"
    )


def held_back(world) -> int:
    """An issue whose change is proposed, judged, and held back by a rule that asks a person before
    it lands."""
    governed(world, asking_a_person("F-STORE"))
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    return issue
