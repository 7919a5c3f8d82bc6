"""OpenCode (`opencode run --format json`), on the Messages API or on chat completions.

Its switches leave out the repository's settings and instructions, but not its plugins (seen on
1.18: `.opencode/plugins` was imported all the same). So these paths do not exist in its sandbox.
"""

import json

from harness.domain.model_choice.agents import AgentKind
from harness.domain.plain import JsonDict
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
    part,
)

SETTINGS, INSTRUCTIONS = ".config/opencode/opencode.json", ".config/opencode/AGENTS.md"
HIDDEN = (".opencode", "opencode.json", "opencode.jsonc")
_PROVIDER = "broker"
_CLIENTS = {CliWire.ANTHROPIC: "@ai-sdk/anthropic", CliWire.OPENAI: "@ai-sdk/openai-compatible"}
# OpenCode would add a field of the Messages API that the broker does not forward.
_OPTIONS: dict[CliWire, JsonDict] = {
    CliWire.ANTHROPIC: {"thinking": {"blockBinding": False}},
    CliWire.OPENAI: {},
}
# Tokens. The broker's caps decide.
_CONTEXT = 200_000


def launch(order: CliOrder) -> CliLaunch:
    """One session, with its task on standard input. It gets a title, because it would ask the
    model for one."""
    return CliLaunch(
        words=(
            "run",
            "--format",
            "json",
            "--model",
            f"{_PROVIDER}/{order.model}",
            "--title",
            "assignment",
            "--auto",
        ),
        env={
            **{
                f"XDG_{name}_HOME": f"{order.home}/{folder}"
                for name, folder in (
                    ("CONFIG", ".config"),
                    ("DATA", ".local/share"),
                    ("STATE", ".local/state"),
                    ("CACHE", ".cache"),
                )
            },
            **{
                f"OPENCODE_{name}": "1"
                for name in (
                    "PURE",
                    "DISABLE_PROJECT_CONFIG",
                    "DISABLE_AUTOUPDATE",
                    "DISABLE_MODELS_FETCH",
                    "DISABLE_DEFAULT_PLUGINS",
                    "DISABLE_EXTERNAL_SKILLS",
                    "DISABLE_CLAUDE_CODE",
                    "DISABLE_LSP_DOWNLOAD",
                    "DISABLE_EMBEDDED_WEB_UI",
                    "DISABLE_SHARE",
                    "EXPERIMENTAL_DISABLE_FILEWATCHER",
                )
            },
        },
        files={SETTINGS: json.dumps(settings(order)), INSTRUCTIONS: order.instructions},
        stdin=order.task + CLOSING,
        hidden=HIDDEN,
    )


def settings(order: CliOrder) -> JsonDict:
    """The whole of its opencode.json."""
    model = f"{_PROVIDER}/{order.model}"
    return {
        "autoupdate": False,
        "share": "disabled",
        "snapshot": False,
        "model": model,
        "small_model": model,
        "enabled_providers": [_PROVIDER],
        "permission": {"webfetch": "deny", "websearch": "deny"},
        "agent": {"build": {"steps": order.turns}},
        "provider": {
            _PROVIDER: {
                "npm": _CLIENTS[order.wire],
                "name": _PROVIDER,
                "options": {"baseURL": f"{order.url}/v1", "apiKey": NO_KEY, "timeout": 900_000},
                "models": {
                    order.model: {
                        "name": order.model,
                        "tool_call": True,
                        "options": _OPTIONS[order.wire],
                        "limit": {"context": _CONTEXT, "output": order.max_tokens},
                    }
                },
            }
        },
    }


def read_events(events: Events) -> CliResult | None:
    """The result of its session; None when the model never finished a step."""
    turns = sum(event.get("type") == "step_finish" for event in events)
    calls = sum(event.get("type") == "tool_use" for event in events)
    if errors := [part(event, "error") for event in events if event.get("type") == "error"]:
        message = str(part(errors[-1], "data", "message") or part(errors[-1], "name") or errors[-1])
        return ended_badly(
            message,
            body=str(part(errors[-1], "data", "responseBody")),
            turns=turns,
            tool_calls=calls,
        )
    last = next(
        (part(event, "part") for event in reversed(events) if event.get("type") == "step_finish"),
        None,
    )
    if part(last, "reason") != "stop":
        return None
    texts = [
        str(part(event, "part", "text") or "") for event in events if event.get("type") == "text"
    ]
    return ended_well(texts[-1] if texts else "", turns=turns, tool_calls=calls)


OPENCODE = Cli(AgentKind.OPENCODE, (CliWire.ANTHROPIC, CliWire.OPENAI), launch, read_events)
