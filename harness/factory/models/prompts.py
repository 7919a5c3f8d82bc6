"""The prompts of agents: first the governance files, byte for byte the same; then the spec card;
then earlier findings.

A stranger's text reaches a prompt only as a JSON string in the spec card, which the harness writes.
So it is never a template or a heading, and cannot close a delimiter."""

import json

from harness.domain.plain import JsonDict, JsonObject
from harness.domain.repository_context import Passage
from harness.domain.workflow import AgentNode
from harness.factory.models.briefing import repository_context
from harness.factory.project import commands
from harness.factory.reporting import comments
from harness.factory.run.node import Job
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.governance.context import context
from harness.workflow import rendered, used_values

MOST_WISHES = 5
"""How many of the changes that maintainers asked for an implementer reads: the last ones."""


def document(value: object) -> str:
    """A value as the prompts have it: one JSON document."""
    return json.dumps(value, indent=1, ensure_ascii=False)


def system_blocks(policy: PolicySnapshot) -> tuple[str, ...]:
    """The first blocks of every prompt at this base. They are identical byte for byte, so that a
    provider can cache them."""
    return (
        context(policy.governance),
        f"The digest of everything above and of the workflows is {policy.digest}.",
    )


def title(job: Job) -> str:
    """The issue's title as it was triaged."""
    return job.history.triage.title if job.history.triage else ""


def spec_card(job: Job) -> str:
    """The task as the harness understands it: one JSON object, in which a stranger's words are
    strings."""
    triaged = job.history.triage
    replies = (
        {"replies_of_the_same_stranger": triaged.replies} if triaged and triaged.replies else {}
    )
    return document(
        {
            "issue": job.issue,
            "kind": triaged.issue_kind if triaged else None,
            "within": [cite.id for cite in triaged.cites] if triaged else [],
            "title": triaged.title if triaged else None,
            "text_of_a_stranger": triaged.body if triaged else None,
            **replies,
        }
    )


def _reports(job: Job) -> str:
    """The last output of the project's commands that failed, as one JSON document; empty if none
    did."""
    documents = [
        {
            "command": report.command,
            "says": report.message,
            "output_of_a_program": report.printed,
        }
        for report in commands.reports(job.history)
    ]
    return document(documents) if documents else ""


def findings(job: Job) -> list[str]:
    """What the judge saw, or a rule answered, about earlier attempts, in the fixed words that may
    leave the judge."""
    return list(comments.finding_for_agent(job.history.findings))


def advice(output: JsonObject, name: str) -> str:
    """What another model advised under this name in a node's output, as one JSON document; empty if
    nothing."""
    return document(output[name]) if output.get(name) else ""


def _requested(job: Job) -> str:
    """What reviewers and maintainers ask for, as one JSON document; empty if nothing."""
    kept = ("file", "line", "quote", "says", "companion")
    history = job.history
    documents = [
        *({name: one[name] for name in kept if one.get(name)} for one in history.requested),
        *({"maintainer": one.login, "says": one.words} for one in history.wishes[-MOST_WISHES:]),
    ]
    return document(documents) if documents else ""


def implementer_task(job: Job, *, step: str) -> str:
    """The implementer's task, by the prompt that the workflow names. `step` is the part of a split
    task to do now, as JSON; empty for all of it."""
    assert isinstance(job.node, AgentNode)
    earlier = findings(job)
    values: JsonDict = {
        "spec_card": spec_card(job),
        "findings": earlier,
        "round": len(earlier) + 1,
        "attempt": job.number,
        "reports": _reports(job),
        "reviews": _requested(job),
        "diagnosis": advice(job.outputs.get("diagnose", {}), "diagnosis"),
        "plan": advice(job.outputs.get("plan", {}), "plan"),
        "step": step,
    }
    # Not made unless used: its manifest must list only what the agent was shown.
    shown = (
        repository_context(job, _passages(values))
        if "context" in used_values(job.node.prompt, job.policy.prompts)
        else ""
    )
    return rendered(job.node.prompt, {**values, "context": shown}, prompts=job.policy.prompts)


def _passages(values: JsonObject) -> tuple[Passage, ...]:
    """The rest of the prompt, as a manifest lists it."""
    documents = {
        name: "\n".join(value) if isinstance(value, list) else value
        for name, value in values.items()
    }
    return tuple(
        Passage(name, name, text)
        for name, text in documents.items()
        if isinstance(text, str) and text
    )
