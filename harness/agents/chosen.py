"""The agent that an assignment names, out of those that there are."""

from harness.domain.model_choice.agents import AgentKind
from harness.ports.agent import Agent, AgentReport, Assignment
from harness.ports.model import Session


class Agents:
    """The `Agent` port over two: the built-in agent, and the one that runs CLIs."""

    def __init__(self, built_in: Agent, clis: Agent) -> None:
        self._built_in, self._clis = built_in, clis

    def work(self, assignment: Assignment, session: Session) -> AgentReport:
        """As the chosen one works."""
        chosen = self._built_in if assignment.agent.kind is AgentKind.BUILT_IN else self._clis
        return chosen.work(assignment, session)
