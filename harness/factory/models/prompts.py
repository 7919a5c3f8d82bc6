"""What an agent is told: the three files first and byte-identical, then the spec card, then earlier
findings.

A stranger's text reaches a prompt only as a JSON string inside the spec card, which the harness
made; it is never a template, never a heading, and cannot close a delimiter."""

import json
from collections.abc import Mapping
from typing import Any

from harness.domain.essay import Passage
from harness.domain.workflow import AgentNode
from harness.factory.models.briefing import repository_context
from harness.factory.project import commands
from harness.factory.reporting import comments
from harness.factory.run.node import Job
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.governance.context import context
from harness.workflow import rendered, used_values


def system_blocks(policy: PolicySnapshot) -> tuple[str, ...]:
    """The blocks that come first in every context of this base. Byte-identical, so that a provider
    can cache them."""
    return (
        context(policy.governance),
        f"The digest of everything above and of the workflows is {policy.digest}.",
    )


def title(job: Job) -> str:
    """The issue's title as it was triaged."""
    return job.history.triage.title if job.history.triage else ""


def spec_card(job: Job) -> str:
    """What is to be done, as the harness understands it: one JSON object, a stranger's words as
    strings in it."""
    triaged = job.history.triage
    replies = (
        {"replies_of_the_same_stranger": triaged.replies} if triaged and triaged.replies else {}
    )
    return json.dumps(
        {
            "issue": job.issue,
            "kind": triaged.issue_kind if triaged else None,
            "within": [cite.id for cite in triaged.cites] if triaged else [],
            "title": triaged.title if triaged else None,
            "text_of_a_stranger": triaged.body if triaged else None,
            **replies,
        },
        indent=1,
        ensure_ascii=False,
    )


def _reports(job: Job) -> str:
    """What the project's commands printed last time, as one JSON document; empty where none said
    no."""
    told = [
        {
            "command": report.command,
            "says": report.says,
            "output_of_a_program": report.printed,
        }
        for report in commands.reports(job.history)
    ]
    return json.dumps(told, indent=1, ensure_ascii=False) if told else ""


def findings(job: Job) -> list[str]:
    """What the judge saw, or a rule said, of the attempts before, in the fixed words that are let
    out."""
    return list(comments.finding_for_agent(job.history.findings))


def advice(output: Mapping[str, Any], name: str) -> str:
    """What another model advises under this name in a node's output, as one JSON document; empty
    where there is nothing."""
    return json.dumps(output[name], indent=1, ensure_ascii=False) if output.get(name) else ""


def _requested(job: Job) -> str:
    """What reviewers ask for, as one JSON document; empty where they ask for nothing."""
    kept = ("file", "line", "quote", "says", "companion")
    told = [{name: one[name] for name in kept if one.get(name)} for one in job.history.requested]
    return json.dumps(told, indent=1, ensure_ascii=False) if told else ""


def implementer_task(job: Job, *, step: str = "") -> str:
    """The implementer's task, from the prompt that the workflow names. `step` is the part of a
    split task that is to be done now, as JSON; empty where all of it is."""
    assert isinstance(job.node, AgentNode)
    said = findings(job)
    values: dict[str, Any] = {
        "spec_card": spec_card(job),
        "findings": said,
        "round": len(said) + 1,
        "attempt": job.number,
        "reports": _reports(job),
        "reviews": _requested(job),
        "diagnosis": advice(job.outputs.get("diagnose", {}), "diagnosis"),
        "plan": advice(job.outputs.get("plan", {}), "plan"),
        "step": step,
    }
    essay = (
        repository_context(job, _passages(values))
        if "context" in used_values(job.node.prompt, job.policy.prompts)
        else ""
    )
    return rendered(job.node.prompt, {**values, "context": essay}, prompts=job.policy.prompts)


def _passages(values: Mapping[str, Any]) -> tuple[Passage, ...]:
    """What a prompt shows besides the repository, as a manifest lists it."""
    told = {
        name: "\n".join(value) if isinstance(value, list) else value
        for name, value in values.items()
    }
    return tuple(
        Passage(name, name, text) for name, text in told.items() if isinstance(text, str) and text
    )
