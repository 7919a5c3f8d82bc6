"""A reviewer from a list of votes, beside whom somebody still does the triage; and a small law that
asks for votes."""

from textwrap import dedent

from harness.factory.policy_gate import policy
from harness.factory.policy_gate.policy import PolicyDecision
from harness.factory.run.node import Job
from harness.factory.run.policy_snapshot import policy_at
from tests.factory.world import ACCEPT, World

YES = {"answer": "yes", "quotes": [], "reason": "It does."}
ABSTAIN = {"answer": "abstain", "quotes": [], "reason": "I cannot tell."}
SCOPE = """
## A change is about its issue {#F-SCOPE}
Nobody slips something else in.
```yaml rule
id: F-SCOPE
level: judged
question: Does every changed file serve what the issue asks for?
sees: [issue, diff]
on_fail: needs-human
```
"""


def no(text: str, *, file: str = "tidebook/store.py", line: int) -> dict:
    return {
        "answer": "no",
        "quotes": [{"file": file, "line": line, "text": text}],
        "reason": "It is something else.",
    }


class Voters:
    """Answers triage as told, and each vote by the next of `votes`, the last again and again; an
    error is raised, and what can be called is called with the question. Keeps every question and
    every system block that a vote was given."""

    def __init__(self, *votes) -> None:
        self.votes, self.questions, self.systems = list(votes), [], []

    def answer(self, session, *, system, question, schema):
        if "answer" not in schema["properties"]:
            return ACCEPT
        self.questions.append(question)
        self.systems.append("\n".join(system))
        vote = self.votes.pop(0) if len(self.votes) > 1 else self.votes[0]
        if isinstance(vote, BaseException):
            raise vote
        return vote(question) if callable(vote) else vote


def under(world: World, *rules: str, **files: bytes) -> World:
    """The world with these rules added to its law at base."""
    tree = dict(world.git.trees[world.git.tree_of(world.remote["main"])])
    tree["factory_rules.md"] += "".join(dedent(rule) for rule in rules).encode()
    tree |= {name.replace("__", "/"): content for name, content in files.items()}
    world.remote["main"] = world.base = world.git.commit(world.git.tree(tree), [], message="base")
    return world


def asked(
    world: World, changes: dict[str, bytes | None], *, issue: int = 1, asking: bool = True
) -> PolicyDecision:
    """What the law says of these changes of files (None: deleted) on the world's base, asked as its
    gate asks it."""
    tree = {**world.git.trees[world.git.tree_of(world.base)], **changes}
    head = world.git.commit(
        world.git.tree({name: content for name, content in tree.items() if content is not None}),
        [world.base],
        message="change",
    )
    services = world.services()
    snapshot = policy_at(services, world.base)
    node = snapshot.workflows["implement"].node("law")
    job = Job(services, snapshot, issue, f"implement-{issue}-1", 1, node, {})
    return policy.decide_change(job, world.base, head, asking=asking)


def finding(decision: PolicyDecision, rule: str = "F-SCOPE") -> dict:
    return next(found for found in decision.findings if found["rule"] == rule)
