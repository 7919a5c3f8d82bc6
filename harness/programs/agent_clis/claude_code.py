"""Claude Code (`claude --print`), on the Messages API.

`--bare` leaves out hooks, plugins, skills, memory and every CLAUDE.md, its own updates and what it
would tell its makers; with no setting sources it reads no settings of the repository either. The
permissions that it asks for are the box's to give."""

from harness.domain.model_choice.agents import AgentKind
from harness.programs.agent_clis.cli import (
    CLOSING,
    NO_KEY,
    Cli,
    Events,
    Heard,
    Launch,
    Order,
    Wire,
    ended_badly,
    ended_well,
    listed,
    part,
)

LAW = "law.md"
_OUT_OF_TURNS = "error_max_turns"


def launch(order: Order) -> Launch:
    """One session, its task on standard input."""
    return Launch(
        words=(
            "--print",
            "--output-format",
            "stream-json",
            "--verbose",
            "--bare",
            "--setting-sources",
            "",
            "--strict-mcp-config",
            "--disable-slash-commands",
            "--no-session-persistence",
            "--permission-mode",
            "bypassPermissions",
            "--max-turns",
            str(order.turns),
            "--model",
            order.model,
            *(("--effort", order.effort) if order.effort else ()),
            "--append-system-prompt-file",
            f"{order.home}/{LAW}",
        ),
        env={
            "ANTHROPIC_BASE_URL": order.url,
            "ANTHROPIC_API_KEY": NO_KEY,
            "CLAUDE_CONFIG_DIR": f"{order.home}/.claude",
            # The session is for one model: whatever it would ask a smaller one, it asks this one.
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": order.model,
            "CLAUDE_CODE_SUBAGENT_MODEL": order.model,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS": "1",
            "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",
            "CLAUDE_CODE_MAX_OUTPUT_TOKENS": str(order.max_tokens),
            "CLAUDE_CODE_MAX_RETRIES": "0",
            "API_TIMEOUT_MS": "900000",
            "IS_SANDBOX": "1",
        },
        files={LAW: order.law},
        stdin=order.task + CLOSING,
    )


def heard(events: Events) -> Heard | None:
    """What its result says; None when it never came to one."""
    calls = sum(
        part(block, "type") == "tool_use"
        for event in events
        if event.get("type") == "assistant"
        for block in listed(event, "message", "content")
    )
    result = next((event for event in reversed(events) if event.get("type") == "result"), None)
    if result is None:
        return None
    turns, says = _count(result.get("num_turns")), str(result.get("result") or "")
    if result.get("subtype") == _OUT_OF_TURNS:
        return Heard("out-of-turns", f"not done after {turns} turns", turns=turns, tool_calls=calls)
    if result.get("subtype") == "success" and result.get("is_error") is False:
        return ended_well(says, turns=turns, tool_calls=calls)
    return ended_badly(
        says or "; ".join(map(str, listed(result, "errors"))),
        body=str(result.get("api_error_type")),
        turns=turns,
        tool_calls=calls,
    )


def _count(value: object) -> int:
    return value if type(value) is int and 0 <= value < 1_000_000 else 0


CLAUDE_CODE = Cli(AgentKind.CLAUDE_CODE, (Wire.ANTHROPIC,), launch, heard)
