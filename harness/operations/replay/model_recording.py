"""Turns a session's wire log into a recording that the broker can play. The requests stay in the
log, for comparison."""

from collections.abc import Iterable

from harness.domain.errors import ConfigError
from harness.domain.plain import JsonDict, JsonObject

_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "cache_creation",
)
_LEFT_OUT = frozenset({"caller", "toolset_name", "citations"})


def script_of(calls: Iterable[JsonObject]) -> JsonDict:
    """The recording of a session, in the form of `harness.programs.broker.recording`. Raises
    ConfigError for a session without a call, and for an answer that is not a message."""
    listed = tuple(calls)
    model = next((call["request"]["model"] for call in listed if "model" in call["request"]), None)
    if model is None:
        raise ConfigError("a recorded session names no model; its wire log is incomplete")
    return {
        "model": model,
        "exchanges": [_exchange(call, number) for number, call in enumerate(listed, start=1)],
    }


def _exchange(call: JsonObject, number: int) -> JsonDict:
    request = {"messages": call["request"]["kept"] + len(call["request"]["messages"])}
    if refusal := call.get("refusal"):
        return {"request": request, "error": refusal}
    response = call.get("response") or {}
    if not isinstance(response.get("content"), list):
        raise ConfigError(
            f"call {number} of a recorded session has no message for an answer; its wire log is"
            " incomplete"
        )
    stop = {
        name: response[name]
        for name in ("stop_reason", "stop_sequence")
        if response.get(name) is not None
    }
    usage = response.get("usage") or {}
    return {
        "request": request,
        "response": {
            "content": [
                {
                    name: part
                    for name, part in block.items()
                    if name not in _LEFT_OUT and part is not None
                }
                for block in response["content"]
            ],
            **stop,
            "usage": {name: usage[name] for name in _COUNTS if usage.get(name) is not None},
        },
    }
