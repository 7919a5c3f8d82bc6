"""The built-in agent without its sandbox: the real loop on a session's own socket, for tests that
are not about isolation."""

import os

from harness.agents.unix_http import unix_http_client
from harness.ports.agent import AgentReport
from harness.programs.agent_loop.agent import Assignment as LoopAssignment
from harness.programs.agent_loop.agent import work
from harness.programs.agent_loop.shell import Shell
from harness.programs.agent_loop.tools import Tools
from tests.fakes.sdks import anthropic

PATIENCE = 300
"""Seconds that bound a command, or an answer: far more than either takes, however busy the machine
is."""


class PatientShell(Shell):
    """Waits long for whatever ends, and one second for a command that would sleep all that time."""

    def run(self, argv, *, seconds=0):
        self.seconds = 1 if argv[-1].startswith("sleep ") else PATIENCE
        return super().run(argv, seconds=seconds)


class UnsandboxedAgent:
    """Works with the real loop and its real tools, in the worktree."""

    def __init__(self, outputs) -> None:
        self.outputs, self.reports = outputs, []

    def work(self, assignment, session):
        order = LoopAssignment(
            system=list(assignment.system),
            task=assignment.task,
            model=session.model,
            base_url="http://broker",
            max_turns=assignment.max_turns,
            run_seconds=PATIENCE,
        )
        shell = PatientShell(
            assignment.worktree,
            {"PATH": os.environ["PATH"]},
            outputs=self.outputs,
            seconds=PATIENCE,
        )
        tools = Tools(
            shell, output=order.output_characters, given_text="\n".join([*order.system, order.task])
        )
        with unix_http_client(session.socket, seconds=PATIENCE) as http:
            client = anthropic.Anthropic(
                base_url=order.base_url, api_key="unused", max_retries=0, http_client=http
            )
            said = work(order, client, tools, lambda line: None)
        self.reports.append(said)
        return AgentReport(
            outcome=said["outcome"],
            summary=said["summary"],
            reason=said["reason"],
            turns=said["turns"],
            tool_calls=said["tool_calls"],
            sandbox_form="bwrap-root",
        )
