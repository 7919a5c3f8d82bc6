"""What an agent is told: the three files first and byte-identical, then the spec card, then earlier findings.

A stranger's text reaches a prompt only as a JSON string inside the spec card, which the harness made; it is never a
template, never a heading, and cannot close a delimiter.
"""

import json
from typing import Any

from harness.domain.workflow import AgentNode
from harness.factory import commands, comments
from harness.factory.job import Job
from harness.factory.steering import Steering
from harness.governance.context import context
from harness.workflow import rendered


def system_blocks(steering: Steering) -> tuple[str, ...]:
    """The blocks that come first in every context of this base. Byte-identical, so that a provider can cache them."""
    return (context(steering.governance), f"The digest of everything above and of the workflows is {steering.digest}.")


def title(job: Job) -> str:
    """The issue's title as it was triaged."""
    return str((job.history.triage or {}).get("title", ""))


def spec_card(job: Job) -> str:
    """What is to be done, as the harness understands it: one JSON object, a stranger's words as strings in it."""
    triaged: dict[str, Any] = dict(job.history.triage or {})
    replies = {"replies_of_the_same_stranger": triaged["replies"]} if triaged.get("replies") else {}
    return json.dumps({
        "issue": job.issue,
        "kind": triaged.get("kind"),
        "within": [cite["id"] for cite in triaged.get("cites", ())],
        "title": triaged.get("title"),
        "text_of_a_stranger": triaged.get("body"),
        **replies,
    }, indent=1, ensure_ascii=False)


def _reports(job: Job) -> str:
    """What the project's commands printed last time, as one JSON document; empty where none said no."""
    told = [{"command": report["command"], "says": report["says"], "output_of_a_program": report["printed"]}
            for report in commands.reports(job.history)]
    return json.dumps(told, indent=1, ensure_ascii=False) if told else ""


def implementer_task(job: Job) -> str:
    """The implementer's task, from the prompt that the workflow names."""
    assert isinstance(job.node, AgentNode)
    findings = list(comments.finding_for_agent(job.history.findings))
    return rendered(job.node.prompt, {"spec_card": spec_card(job), "findings": findings, "round": len(findings) + 1,
                                      "attempt": job.number, "reports": _reports(job)}, prompts=job.steering.prompts)
