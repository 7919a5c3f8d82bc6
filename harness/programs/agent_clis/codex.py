"""Codex (`codex exec --json`), on OpenAI's Responses API.

Its settings are one file in its own home, and it refuses to start when it does not know one of
them. It asks for no key when none is named. It would trust the worktree that it works in, so the
settings name that as untrusted. This leaves out the hooks, servers and rules of the repository, but
not its skills (seen on 0.169), so neither path exists in its sandbox.
"""

import tomlkit

from harness.domain.model_choice.agents import AgentKind
from harness.domain.plain import JsonDict
from harness.programs.agent_clis.cli import (
    CLOSING,
    Cli,
    CliLaunch,
    CliOrder,
    CliResult,
    CliWire,
    Events,
    ended_badly,
    ended_well,
    part,
)

SETTINGS = ".codex/config.toml"
HIDDEN = (".codex", ".agents")
_PROVIDER = "broker"
# Features that connect to others, run what a repository has, or ask a person, who is not there.
# Goals would keep it at work after its end.
OFF = (
    "apps",
    "plugins",
    "remote_plugin",
    "hooks",
    "goals",
    "image_generation",
    "browser_use",
    "computer_use",
    "tool_suggest",
    "skill_search",
    "shell_snapshot",
    "api_key_model_discovery",
    "realtime_conversation",
)
_WORK = ("command_execution", "file_change", "mcp_tool_call", "web_search", "collab_tool_call")


def launch(order: CliOrder) -> CliLaunch:
    """One session, with its task on standard input."""
    return CliLaunch(
        words=(
            "exec",
            "--json",
            "--strict-config",
            "--ephemeral",
            "--skip-git-repo-check",
            "--ignore-rules",
            "--color",
            "never",
            "--dangerously-bypass-approvals-and-sandbox",
            "-",
        ),
        env={"CODEX_HOME": f"{order.home}/.codex"},
        files={SETTINGS: tomlkit.dumps(settings(order))},
        stdin=order.task + CLOSING,
        hidden=HIDDEN,
    )


def settings(order: CliOrder) -> JsonDict:
    """The whole of its config.toml."""
    return {
        "model": order.model,
        "model_provider": _PROVIDER,
        "developer_instructions": order.instructions,
        "approval_policy": "never",
        "sandbox_mode": "danger-full-access",
        "web_search": "disabled",
        "check_for_update_on_startup": False,
        # None of AGENTS.md: it would be read as instructions, and a change can edit it.
        "project_doc_max_bytes": 0,
        "analytics": {"enabled": False},
        "feedback": {"enabled": False},
        "history": {"persistence": "none"},
        "otel": {"exporter": "none", "trace_exporter": "none", "metrics_exporter": "none"},
        "features": dict.fromkeys(OFF, False),
        "agents": {"enabled": False},
        "skills": {"include_instructions": False, "bundled": {"enabled": False}},
        **({"model_reasoning_effort": order.effort} if order.effort else {}),
        "model_providers": {
            _PROVIDER: {
                "name": _PROVIDER,
                "base_url": f"{order.url}/v1",
                "wire_api": "responses",
                "request_max_retries": 0,
                "stream_max_retries": 0,
                "stream_idle_timeout_ms": 900_000,
                "supports_websockets": False,
            }
        },
        "projects": {order.worktree: {"trust_level": "untrusted"}},
    }


def read_events(events: Events) -> CliResult | None:
    """The result of its last turn; None when it never came to an end."""
    done = [part(event, "item") for event in events if event.get("type") == "item.completed"]
    calls = sum(part(item, "type") in _WORK for item in done)
    end = next(
        (
            event
            for event in reversed(events)
            if event.get("type") in ("turn.completed", "turn.failed", "error")
        ),
        None,
    )
    if end is None:
        return None
    if end["type"] == "turn.completed":
        messages = [
            str(part(item, "text") or "") for item in done if part(item, "type") == "agent_message"
        ]
        # Its events count no turns: each tool call takes one, and the answer another.
        return ended_well(messages[-1] if messages else "", turns=calls + 1, tool_calls=calls)
    return ended_badly(
        str(part(end, "error", "message") or end.get("message") or ""),
        turns=calls + 1,
        tool_calls=calls,
    )


CODEX = Cli(AgentKind.CODEX, (CliWire.OPENAI,), launch, read_events)
