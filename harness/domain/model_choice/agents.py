"""Which agent works on an assignment: the built-in one, or an agent CLI of somebody else's in the
same sandbox."""

from dataclasses import dataclass
from enum import StrEnum


class AgentKind(StrEnum):
    """The agents that a role may pick. All but the first are programs that are installed beside the
    factory."""

    BUILT_IN = "built-in"
    CLAUDE_CODE = "claude-code"
    CODEX = "codex"
    OPENCODE = "opencode"


@dataclass(frozen=True, slots=True)
class AgentChoice:
    """An agent, and of a CLI the version: empty for the one that this factory was released with."""

    kind: AgentKind = AgentKind.BUILT_IN
    version: str = ""


BUILT_IN = AgentChoice()
