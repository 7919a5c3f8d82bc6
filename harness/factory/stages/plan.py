"""Planning: a model says where to look and in which steps to work, before an agent is paid to; code
checks each step.

Properties: a plan names paths that are there, or that may be made beside ones that are, and none
that only a person may edit; what does not hold is dropped and counted; it is advice: the law is
asked of the change, never of the plan; the steps of a split are parts of one change for one issue,
on one worktree, proposed and judged as one."""

import json
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from harness.domain.errors import AnswerError, BudgetExhausted
from harness.domain.events import Plan, PlanMade, PlanStep
from harness.domain.ledger import Entry, as_of
from harness.domain.lifecycle import Event
from harness.domain.plain import plain
from harness.domain.workflow import AgentNode, NodeResult
from harness.factory.models import prompts
from harness.factory.models.selection import first_answer
from harness.factory.run.node import Job, idle, produced, refused
from harness.governance.law import PROTECTED
from harness.governance.paths import resembles, text_of
from harness.ports.model import Session
from harness.workflow import rendered

ROLE, PLAN = "planner", "plan"
MOST_STEPS, MOST_PATHS, MOST_SHOWN = 6, 10, 2000
"""Steps of a plan, paths of a step, and paths of the repository that a planner is shown."""
_WORDS = 500


def plan(job: Job) -> NodeResult:
    """The plan of this attempt, where somebody plans. Without an answer the attempt goes on
    without."""
    fallbacks = job.policy.config.models.planner
    if not fallbacks:
        return idle("`models.planner` is not set, so nobody plans")
    if done := job.services.ledger.find(job.key(PlanMade.kind)):
        return _result(done)
    paths = [text_of(path) for path in job.services.repository.files(job.base)]
    try:
        answer, tier = first_answer(job, ROLE, fallbacks, lambda line: _ask(job, line, paths))
    except AnswerError as error:
        return produced(f"no plan: {error}", plan=None)
    except BudgetExhausted as stop:
        return refused(str(stop), event=Event.BUDGET_EXHAUSTED)
    entry = job.services.ledger.append(
        PlanMade(tier.name, plan_in(answer, paths=paths), rules=job.policy.digest),
        job.key(PlanMade.kind),
        issue=job.issue,
        run=job.run,
    )
    return _result(entry)


def plan_schema() -> dict[str, Any]:
    """The JSON schema of the one answer."""
    words, path = {"type": "string", "maxLength": _WORDS}, {"type": "string", "maxLength": 400}
    paths = {"type": "array", "maxItems": MOST_PATHS, "items": path}
    step = _closed(
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
    return _closed(
        {
            "approach": {
                "type": "string",
                "maxLength": 2 * _WORDS,
                "description": "How to go about it, in plain sentences.",
            },
            "reads": {
                **paths,
                "description": "Files to read before anything is changed, the most telling first.",
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


def _closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def plan_in(answer: Mapping[str, Any], *, paths: Iterable[str]) -> Plan:
    """What of an answer, valid against the schema, holds in a repository of these paths."""
    there, dropped, steps = frozenset(paths), list[str](), list[PlanStep]()
    folders = {str(folder) for path in there for folder in PurePosixPath(path).parents}
    for number, told in enumerate(answer["steps"], start=1):
        faults = {
            path: fault for path in told["touches"] if (fault := _fault(path, there, folders))
        }
        dropped += [f"step {number}: {path[:80]!r} {fault}" for path, fault in faults.items()]
        touches = tuple(dict.fromkeys(path for path in told["touches"] if path not in faults))
        if touches and told["does"].strip():
            steps.append(PlanStep(told["does"].strip(), touches, told["done_when"].strip()))
        else:
            dropped.append(f"step {number} touches nothing that it may")
    reads = tuple(dict.fromkeys(path for path in answer["reads"] if path in there))
    dropped += [
        f"{path[:80]!r} cannot be read: it is not there"
        for path in answer["reads"]
        if path not in there
    ]
    return Plan(
        answer["approach"].strip(), reads, tuple(steps), tuple(answer["gaps"]), tuple(dropped)
    )


def _fault(path: str, there: frozenset[str], folders: set[str]) -> str:
    """Why a step may not touch this path; empty where it may."""
    plain = PurePosixPath(path)
    if not path or path != str(plain) or plain.is_absolute() or ".." in plain.parts or "\\" in path:
        return "is no path from the root of the repository"
    if resembles(PROTECTED, path.encode("utf-8", "surrogateescape")):
        return "is for a person to edit"
    return (
        ""
        if path in there or (path not in folders and str(plain.parent) in folders)
        else "is in no folder that is there"
    )


def _ask(job: Job, line: Session, paths: list[str]) -> Mapping[str, Any]:
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


def _result(entry: Entry) -> NodeResult:
    made = as_of(entry, PlanMade).event
    dropped = f", {len(made.plan.dropped)} things dropped" if made.plan.dropped else ""
    says = f"{len(made.plan.steps)} steps, says {made.model}{dropped}"
    return produced(says, plan=plain(made.plan))
