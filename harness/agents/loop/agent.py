"""The loop: ask the model, do what it asks for, tell it what came of it, until it is done."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .tools import ENDINGS, TOOLS, Tools

CACHED = {"type": "ephemeral"}
NUDGE = "You called no tool. Go on with one; call finish when the work is done, and give_up when it cannot be done."


@dataclass(frozen=True)
class Assignment:
    """What to do, whom to ask, and how much to use. `system` is the same from run to run, so it can be cached."""

    system: list[str]
    task: str
    model: str
    base_url: str
    max_turns: int = 40
    max_tokens: int = 16_000
    run_seconds: int = 120
    output_bytes: int = 16_000


def work(assignment: Assignment, client: Any, tools: Tools, say: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Work to an end, and report it: {outcome, summary, reason, turns, tool_calls}."""
    from anthropic import AnthropicError

    messages: list[dict[str, Any]] = [{"role": "user", "content": [text(assignment.task)]}]
    turn, nudged, history = 0, False, list[str]()

    def report(outcome: str, summary: str, reason: str | None = None) -> dict[str, Any]:
        return {"outcome": outcome, "summary": summary, "reason": reason, "turns": turn, "tool_calls": len(history)}

    while turn < assignment.max_turns:
        turn += 1
        try:
            answer = streamed(client, request(assignment, messages))
        except (AnthropicError, ValueError) as error:     # the SDK's word for a tool's input that is not JSON
            spent = getattr(error, "type", None) == "budget_exhausted"
            return report("budget" if spent else "error", str(error))
        messages.append({"role": "assistant", "content": answer.content or [text("(nothing)")]})
        calls = [block for block in answer.content if block.type == "tool_use"]
        if not calls and nudged:
            return report("stalled", "two answers in a row called no tool")
        nudged, results = not calls, []
        for call in calls:
            said, wrong = tools.use(call.name, call.input)
            history.append(json.dumps([call.name, call.input, said], sort_keys=True))
            say({"turn": turn, "tool": call.name, "input": json.dumps(call.input)[:300], "error": wrong})
            if call.name in ENDINGS and not wrong:
                return report(ENDINGS[call.name], said, call.input.get("reason"))
            if stuck(history):
                return report("stalled", f"{call.name} was called three times alike, with the same result")
            results.append({"type": "tool_result", "tool_use_id": call.id, "content": said, "is_error": wrong})
        messages.append({"role": "user", "content": results or [text(NUDGE)]})
    return report("out-of-turns", f"not done after {turn} turns")


def streamed(client: Any, asked: dict[str, Any]) -> Any:
    """The whole answer, read as it is written: a long one is never silent for as long as a connection may be."""
    with client.messages.stream(**asked) as stream:
        return stream.get_final_message()


def request(assignment: Assignment, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """One call. What does not change comes first and is marked for the provider's cache, and so is all up to now."""
    first, *others = (text(block) for block in assignment.system)
    *before, newest = messages
    *parts, last = newest["content"]
    return {"model": assignment.model, "max_tokens": assignment.max_tokens, "timeout": 900, "tools": TOOLS,
            "system": [first | {"cache_control": CACHED}, *others],
            "messages": [*before, newest | {"content": [*parts, last | {"cache_control": CACHED}]}]}


def stuck(history: list[str]) -> bool:
    """Whether the newest call has had this result three times since anything new came up."""
    newest = max(index for index, step in enumerate(history) if step not in history[:index])
    return history[newest:].count(history[-1]) >= 3


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}
