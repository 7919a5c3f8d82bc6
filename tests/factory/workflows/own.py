"""A world whose repository has workflows of its own, and the words that people answer with."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.domain.events import WorkflowRequested
from harness.domain.issue import Permission
from harness.factory.records.own_runs import OwnRun, OwnRunIndex
from tests.factory.sandboxes import CommandSandbox, ended
from tests.factory.world import World

RULE = """
## What the workflow may do {{#W-{number}}}

Granted by a test.

```yaml rule
id: W-{number}
level: enforced
grants: {{workflow: {workflow}, effects: [{effects}]}}
```
"""
Answer = Callable[[Any, Path], Any]


def prints(**output: object) -> Answer:
    """A command that prints this object."""
    return lambda spec, folder: ended(stdout=json.dumps(output).encode())


def fails(spec: Any, folder: Path) -> Any:
    return ended(1, stdout=b"it broke")


class OwnWorkflowWorld(World):
    """`commands` answers each command by its first word."""

    commands: Mapping[str, Answer]

    @classmethod
    def of(
        cls,
        work: Path,
        documents: Mapping[str, str],
        *,
        commands: Mapping[str, Answer] | None = None,
        grants: Mapping[str, str] | None = None,
    ) -> "OwnWorkflowWorld":
        answers = dict(commands or {})
        sandbox = CommandSandbox(
            lambda spec, folder: answers.get(spec.argv[0], prints())(spec, folder)
        )
        world = cls(work, sandbox=sandbox)
        world.commands = answers
        world.write(documents, grants or {})
        return world

    def write(self, documents: Mapping[str, str], grants: Mapping[str, str]) -> None:
        """A person pushes these workflows, and a rule for each grant."""
        rules = self.git.read(self.remote["main"], "factory_rules.md").decode()
        for number, (workflow, effects) in enumerate(grants.items()):
            rules += RULE.format(number=f"T{number}", workflow=workflow, effects=effects)
        files = {f"workflows__{name}.yaml": text.encode() for name, text in documents.items()}
        self.push_to_main(**files, **{"factory_rules.md": rules.encode()})

    def ask(self, workflow: str, **given: object) -> OwnRun:
        """A person asks for a run at the factory; it goes as far as it can."""
        number = len(self.ledger.entries(kind=WorkflowRequested.kind))
        self.ledger.append(WorkflowRequested(workflow, given), f"workflow-requested/{number}")
        self.tick()
        return self.last(workflow)

    def last(self, workflow: str) -> OwnRun:
        return [run for run in OwnRunIndex(self.ledger).all() if run.workflow == workflow][-1]

    def again(self, run: OwnRun) -> OwnRun:
        """The run after another tick of a factory that starts anew."""
        self.tick()
        return OwnRunIndex(self.ledger).of(run.name)

    def question(self) -> int:
        """The number of the last issue on which a workflow asks."""
        return max(issue.number for issue in self.forge.issues() if ":question:" in issue.body)

    def answer(self, words: str, *, by: str = "ana", can: Permission = Permission.WRITE) -> None:
        """Somebody answers the last question."""
        self.forge.say(self.question(), words, author=self.forge.person(by, can))


def results(run: OwnRun) -> dict[str, str]:
    return {one.node: one.result.outcome.value for one in run.attempts}


def status(run: OwnRun) -> str:
    return run.ended.status.value if run.ended else "open"
