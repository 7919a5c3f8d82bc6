"""Scripts that rules ask about a change: the base's, over the change's files, in a sandbox;
and what their answers do."""

from pathlib import Path

import pytest

from harness.domain.errors import SandboxError
from harness.domain.lifecycle import Event, State
from harness.programs.sandbox.client import SandboxSupervisor
from tests.factory.sandboxes import ended
from tests.factory.world import EXAMPLE, World, fixes
from tests.fakes.people import FakeAgent, FakeSandbox

RULE = """
## The store stays small {#F-SCRIPT}
A script looks.
```yaml rule
id: F-SCRIPT
level: enforced
check: {exec: {script: tools/small.py, arguments: [--most, "9"], seconds: 20}}
on_fail: retry
cases:
  - {given: {scripts: {"tools/small.py --most 9": 1}}, expect: fail}
```
"""
SCRIPT = """import pathlib, sys
lines = pathlib.Path("tidebook/store.py").read_text().count("MORE")
print("counting what", sys.stdin.read().replace(chr(0), " "), "does")
print("the store has grown by", lines, "of", sys.argv[2])
sys.exit(lines > int(sys.argv[2]))
"""


class ScriptSandbox(FakeSandbox):
    """Answers a script by a function of its spec; the project's tests are faked as everywhere."""

    def __init__(self, answer) -> None:
        super().__init__()
        self.answer, self.scripts, self.fed = answer, [], []

    def run(self, spec, *, stdin=b""):
        if spec.name != "script":
            return super().run(spec, stdin=stdin)
        self.scripts.append(spec)
        self.fed.append(stdin)
        return self.answer(spec)


def world_with(tmp_path, sandbox, *works, rule: str = RULE, script: str | None = SCRIPT) -> World:
    world = World(tmp_path, agent=FakeAgent(*(works or (fixes,))), sandbox=sandbox)
    rules = (EXAMPLE / "factory_rules.md").read_bytes() + rule.encode()
    world.push_to_main(
        **{"factory_rules.md": rules, **({"tools__small.py": script.encode()} if script else {})}
    )
    world.base = world.remote["main"]
    return world


def ending(world: World) -> tuple[State, str]:
    issue = world.file()
    world.tick()
    history = world.history(issue)
    return history.state, " ".join(entry.data["says"] for entry in history.transitions)


def test_a_change_that_the_script_holds_lands_and_the_script_is_asked_once_of_each_tree(
    tmp_path,
) -> None:
    world = world_with(tmp_path, ScriptSandbox(lambda spec: ended(0)))
    assert ending(world)[0] is State.MERGED
    assert [spec.argv for spec in world.sandbox.scripts] == [
        ("python", "/base/tools/small.py", "--most", "9")
    ]
    assert {bind.target: bind.mode for bind in world.sandbox.scripts[0].binds} == {
        "/base": "ro",
        "/app": "ro",
        "/layer": "ro",
    }
    assert world.sandbox.scripts[0].limits.wall_seconds == 20
    assert world.sandbox.fed == [b"tidebook/store.py\0"]


def test_a_script_that_refuses_sends_the_change_back_in_its_last_words(tmp_path) -> None:
    world = world_with(
        tmp_path, ScriptSandbox(lambda spec: ended(1, stdout=b"line one\nthe store is too large\n"))
    )
    state, expected = ending(world)
    assert state is not State.MERGED
    assert "F-SCRIPT: tools/small.py refuses the change: the store is too large" in expected
    assert set(world.remote) == {"main"}


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (ended(2), "ended with exit code 2"),
        (ended(137, killed_by="wall"), "gave no answer (was stopped by its wall limit)"),
        (
            SandboxError("no sandbox could be made"),
            "gave no answer (was not run: no sandbox could be made)",
        ),
    ],
)
def test_a_script_that_gives_no_answer_is_no_yes_and_is_asked_again_the_next_time(
    tmp_path, end, expected
) -> None:
    def answer(spec):
        if isinstance(end, Exception):
            raise end
        return end

    world = world_with(tmp_path, ScriptSandbox(answer))
    assert expected in ending(world)[1]
    assert world.remote["main"] == world.base
    assert len(world.sandbox.scripts) > 1


def test_a_script_that_is_not_there_is_no_yes(tmp_path) -> None:
    world = world_with(tmp_path, ScriptSandbox(lambda spec: ended(0)), script=None)
    assert "tools/small.py gave no answer (is no file of the base)" in ending(world)[1]
    assert world.sandbox.scripts == []


def test_what_is_neither_executable_nor_a_python_script_is_not_run(tmp_path) -> None:
    world = world_with(
        tmp_path,
        ScriptSandbox(lambda spec: ended(0)),
        rule=RULE.replace("small.py", "small.sh"),
        script=None,
    )
    world.push_to_main(**{"tools__small.sh": b"exit 0\n"})
    world.base = world.remote["main"]
    assert (
        "tools/small.sh gave no answer (is neither executable nor a Python script)"
        in ending(world)[1]
    )
    assert world.sandbox.scripts == []


def test_a_rule_that_is_not_asked_runs_nothing(tmp_path) -> None:
    world = world_with(
        tmp_path,
        ScriptSandbox(lambda spec: ended(1)),
        rule=RULE.replace("on_fail", 'when: kind == "chore"\non_fail'),
    )
    assert ending(world)[0] is State.MERGED
    assert world.sandbox.scripts == []


def grows(worktree: Path) -> None:
    path = worktree / "tidebook" / "store.py"
    path.write_text(path.read_text() + "\nMORE = 1\n" * 12)


def test_in_a_real_sandbox_the_bases_script_reads_the_change_and_cannot_be_talked_out_of_it(
    tmp_path,
) -> None:
    def cheats(worktree: Path) -> None:
        grows(worktree)
        (worktree / "tools" / "small.py").write_text("print('all is well')\n")
        (worktree / "pathlib.py").write_text("raise SystemExit(0)\n")

    class Sandboxes(ScriptSandbox):
        def __init__(self) -> None:
            super().__init__(
                lambda spec: (
                    self.ends.append(
                        SandboxSupervisor(tmp_path / "layers").run(
                            self._without_layer(spec), stdin=self.fed[-1]
                        )
                    )
                    or self.ends[-1]
                )
            )
            self.ends = []

        def _without_layer(self, spec):
            from dataclasses import replace

            return replace(spec, binds=spec.binds[:2])

    script = SCRIPT.replace(
        "import pathlib, sys\n",
        "import pathlib, sys\nfor tree in ('/app', '/base'):\n"
        "    try:\n        (pathlib.Path(tree) / 'evil').write_text('x')\n        print('WROTE')\n"
        "    except OSError:\n        pass\n",
    )
    patient = RULE.replace("seconds: 20", "seconds: 600")  # a sandbox on a busy machine may be slow
    world = world_with(tmp_path, Sandboxes(), cheats, rule=patient, script=script)
    issue = world.file()
    world.tick()
    last = world.history(issue).transitions[-1].data
    assert last["event"] in (Event.RUN_FAILED, Event.POLICY_REFUSED), last
    assert "tools/small.py refuses the change: the store has grown by 12 of 9" in last["says"]
    assert b"WROTE" not in b"".join(end.stdout for end in world.sandbox.ends)
    assert (
        b"counting what pathlib.py tidebook/store.py tools/small.py  does"
        in world.sandbox.ends[0].stdout
    )
