"""Claude Code (`claude --print`), on the Messages API.

`--bare` leaves out hooks, plugins, skills, memory and every CLAUDE.md, its own updates and its
telemetry. With no setting sources it reads no settings of the repository either. The sandbox
decides what it may do, so its permission prompts are off.
"""

from harness.domain.model_choice.agents import AgentKind
from harness.programs.agent_clis.cli import (
    CLOSING,
    NO_KEY,
    Cli,
    CliLaunch,
    CliOrder,
    CliResult,
    CliWire,
    Events,
    ended_badly,
    ended_well,
    listed,
    part,
)

INSTRUCTIONS = "instructions.md"
_OUT_OF_TURNS = "error_max_turns"


def launch(order: CliOrder) -> CliLaunch:
    """One session, with its task on standard input."""
    return CliLaunch(
        words=(
            "--print",
            "--output-format",
            "stream-json",
            # Claude Code refuses stream-json without this.
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
            f"{order.home}/{INSTRUCTIONS}",
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
            # The broker retries; a second layer would multiply the calls.
            "CLAUDE_CODE_MAX_RETRIES": "0",
            "API_TIMEOUT_MS": "900000",
            # As root it would otherwise refuse to go without its prompts.
            "IS_SANDBOX": "1",
        },
        files={INSTRUCTIONS: order.instructions},
        stdin=order.task + CLOSING,
    )


def read_events(events: Events) -> CliResult | None:
    """The result of its last event; None when there is none."""
    calls = sum(
        part(block, "type") == "tool_use"
        for event in events
        if event.get("type") == "assistant"
        for block in listed(event, "message", "content")
    )
    result = next((event for event in reversed(events) if event.get("type") == "result"), None)
    if result is None:
        return None
    turns, summary = _count(result.get("num_turns")), str(result.get("result") or "")
    if result.get("subtype") == _OUT_OF_TURNS:
        return CliResult(
            "out-of-turns", f"not done after {turns} turns", turns=turns, tool_calls=calls
        )
    if result.get("subtype") == "success" and result.get("is_error") is False:
        return ended_well(summary, turns=turns, tool_calls=calls)
    return ended_badly(
        summary or "; ".join(map(str, listed(result, "errors"))),
        body=str(result.get("api_error_type")),
        turns=turns,
        tool_calls=calls,
    )


def _count(value: object) -> int:
    return value if type(value) is int and 0 <= value < 1_000_000 else 0


CLAUDE_CODE = Cli(AgentKind.CLAUDE_CODE, (CliWire.ANTHROPIC,), launch, read_events)
