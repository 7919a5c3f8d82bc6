"""Planning: a model names where to look and the steps to work in, before an agent is paid; code
checks each step.

Properties:
- a plan names paths that exist, or that may be made beside existing ones, and none that only a
  person may edit; what does not hold is dropped and counted;
- it is advice: the rules are asked about the change, never about the plan;
- the steps of a split are parts of one change for one issue, made in one worktree, proposed and
  judged as one."""

import json
from collections.abc import Iterable
from pathlib import PurePosixPath

from harness.domain.errors import AnswerError, BudgetExhausted
from harness.domain.events import Plan, PlanMade, PlanStep
from harness.domain.ledger import Entry, as_of
from harness.domain.lifecycle import Event
from harness.domain.plain import JsonDict, JsonObject, plain
from harness.domain.schema import closed_object
from harness.domain.workflow import AgentNode, NodeResult
from harness.factory.models import prompts
from harness.factory.models.selection import first_answer
from harness.factory.run.node import Job, idle, produced, refused
from harness.governance.built_in import PROTECTED
from harness.governance.paths import resembles, text_of
from harness.ports.model import Session
from harness.workflow import rendered

ROLE = "planner"
MOST_STEPS, MOST_PATHS, MOST_SHOWN = 6, 10, 2000
"""The most steps of a plan, paths of a step, and paths of the repository that a planner is
shown."""
_WORDS = 500


def plan(job: Job) -> NodeResult:
    """Plan this attempt, where the configuration names a planner. Without an answer the attempt
    goes on."""
    fallbacks = job.policy.config.models.planner
    if not fallbacks:
        return idle("`models.planner` is not set, so nobody plans")
    # A killed factory has paid for this plan already.
    if done := job.services.ledger.find(job.key(PlanMade.kind)):
        return _result_of(done)
    paths = [text_of(path) for path in job.services.repository.files(job.base)]
    try:
        answer, tier = first_answer(job, ROLE, fallbacks, lambda line: _ask(job, line, paths))
    except AnswerError as error:
        return produced(f"no plan: {error}", plan=None)
    except BudgetExhausted as stop:
        return refused(str(stop), event=Event.BUDGET_EXHAUSTED)
    entry = job.services.ledger.append(
        PlanMade(tier.model, plan_in(answer, paths=paths), rules=job.policy.digest),
        job.key(PlanMade.kind),
        issue=job.issue,
        run=job.run,
    )
    return _result_of(entry)


def plan_schema() -> JsonDict:
    """The JSON schema of the one answer."""
    words, path = {"type": "string", "maxLength": _WORDS}, {"type": "string", "maxLength": 400}
    paths = {"type": "array", "maxItems": MOST_PATHS, "items": path}
    step = closed_object(
        {
            "does": {**words, "description": "What this step makes true."},
            "touches": {
                **paths,
                "description": "The files that it changes or makes, by their paths from the root.",
            },
            "done_when": {
                **words,
                "description": (
                    "How one can see that it is done: a test by name, a command, what it prints."
                ),
            },
        }
    )
    return closed_object(
        {
            "approach": {
                "type": "string",
                "maxLength": 2 * _WORDS,
                "description": "How to go about it, in plain sentences.",
            },
            "reads": {
                **paths,
                "description": "Files to read before anything is changed, the most useful first.",
            },
            "steps": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_STEPS,
                "items": step,
                "description": "The work in order; each step leaves the project's tests green.",
            },
            "gaps": {
                "type": "array",
                "maxItems": 5,
                "items": words,
                "description": (
                    "What the issue leaves open, and what you assumed; empty where nothing."
                ),
            },
        }
    )


def plan_in(answer: JsonObject, *, paths: Iterable[str]) -> Plan:
    """The plan in an answer that is valid against the schema, as far as it holds in a repository
    with these paths."""
    existing, dropped, steps = frozenset(paths), list[str](), list[PlanStep]()
    folders = {str(folder) for path in existing for folder in PurePosixPath(path).parents}
    for number, step in enumerate(answer["steps"], start=1):
        faults = {
            path: fault for path in step["touches"] if (fault := _fault(path, existing, folders))
        }
        dropped += [f"step {number}: {path[:80]!r} {fault}" for path, fault in faults.items()]
        touches = tuple(dict.fromkeys(path for path in step["touches"] if path not in faults))
        # A step that may touch nothing would send an agent to work for nothing.
        if touches and step["does"].strip():
            steps.append(PlanStep(step["does"].strip(), touches, step["done_when"].strip()))
        else:
            dropped.append(f"step {number} touches nothing that it may")
    reads = tuple(dict.fromkeys(path for path in answer["reads"] if path in existing))
    dropped += [
        f"{path[:80]!r} cannot be read: it is not there"
        for path in answer["reads"]
        if path not in existing
    ]
    return Plan(
        answer["approach"].strip(), reads, tuple(steps), tuple(answer["gaps"]), tuple(dropped)
    )


def _fault(path: str, existing: frozenset[str], folders: set[str]) -> str:
    """Why a step may not touch this path; empty where it may."""
    plain = PurePosixPath(path)
    if not path or path != str(plain) or plain.is_absolute() or ".." in plain.parts or "\\" in path:
        return "is no path from the root of the repository"
    # `resembles` also finds a path that only looks like a protected one, as with other letters.
    if resembles(PROTECTED, path.encode("utf-8", "surrogateescape")):
        return "is for a person to edit"
    if path in existing or (path not in folders and str(plain.parent) in folders):
        return ""
    return "is in no folder that is there"


def _ask(job: Job, line: Session, paths: list[str]) -> JsonObject:
    assert isinstance(job.node, AgentNode)
    values = {
        "spec_card": prompts.spec_card(job),
        "paths": json.dumps(sorted(paths)[:MOST_SHOWN], indent=0),
        "left_out": max(0, len(paths) - MOST_SHOWN),
        "findings": prompts.findings(job),
        "diagnosis": prompts.advice(job.outputs.get("diagnose", {}), "diagnosis"),
    }
    question = rendered(job.node.prompt, values, prompts=job.policy.prompts)
    return job.services.model.answer(
        line, system=prompts.system_blocks(job.policy), question=question, schema=plan_schema()
    )


def _result_of(entry: Entry) -> NodeResult:
    made = as_of(entry, PlanMade).event
    dropped = f", {len(made.plan.dropped)} things dropped" if made.plan.dropped else ""
    message = f"{len(made.plan.steps)} steps, by {made.model}{dropped}"
    return produced(message, plan=plain(made.plan))
