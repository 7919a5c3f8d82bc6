"""Which agent works on an assignment: the built-in one, or an agent CLI of somebody else's in the
same sandbox."""

from dataclasses import dataclass
from enum import StrEnum

from harness.domain.setting import setting


class AgentKind(StrEnum):
    """The agents that a role may pick. All but the first are programs that are installed beside the
    factory."""

    BUILT_IN = "built-in"
    CLAUDE_CODE = "claude-code"
    CODEX = "codex"
    OPENCODE = "opencode"

    @property
    def api(self) -> str:
        """The one API that it asks a model by, as a path below `/v1`; empty: one of those that the
        model's provider has."""
        match self:
            case AgentKind.BUILT_IN | AgentKind.CLAUDE_CODE:
                return "/messages"
            case AgentKind.CODEX:
                return "/responses"
            case AgentKind.OPENCODE:
                return ""


@dataclass(frozen=True, slots=True)
class AgentChoice:
    """An agent, and of a CLI the version: empty for the one that this factory was released with."""

    # fmt: off
    kind: AgentKind = setting(
        AgentKind.BUILT_IN, "Which agent.",
        example='"codex"', choices=tuple(AgentKind), required=True,
    )
    version: str = setting(
        "", "Which version of a CLI; empty: the one that this factory was released with.",
        example='"0.169.0"',
    )
    # fmt: on


BUILT_IN = AgentChoice()
