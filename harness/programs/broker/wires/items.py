"""The output items of the Responses API: a message split into items, and a response into events."""

from collections.abc import Iterator

from harness.domain.plain import JsonDict, JsonObject
from harness.programs.broker.wires.accounting import pieces
from harness.programs.broker.wires.dialect import Event
from harness.programs.broker.wires.turns import written

_WORDS = {
    "function_call": ("arguments", "response.function_call_arguments"),
    "custom_tool_call": ("input", "response.custom_tool_call_input"),
}


def output(message: JsonObject, body: JsonObject) -> list[JsonDict]:
    """The items with the content of a message's blocks."""
    custom = {offered["name"] for offered in body.get("tools") or () if offered["type"] == "custom"}
    return [
        _item(block, f"{message['id']}_{index}", is_custom=block.get("name") in custom)
        for index, block in enumerate(message["content"], 1)
    ]


def _item(block: JsonObject, id: str, *, is_custom: bool) -> JsonDict:
    match block["type"]:
        case "tool_use" if is_custom:
            call = {"name": block["name"], "input": written(block["input"])}
            return {
                "type": "custom_tool_call",
                "id": f"ctc_{id}",
                "call_id": block["id"],
                "status": "completed",
                **call,
            }
        case "tool_use":
            call = {"name": block["name"], "arguments": written(block["input"])}
            return {
                "type": "function_call",
                "id": f"fc_{id}",
                "call_id": block["id"],
                "status": "completed",
                **call,
            }
        case "thinking":
            summary = [{"type": "summary_text", "text": block["thinking"]}]
            return {
                "type": "reasoning",
                "id": f"rs_{id}",
                "summary": summary,
                "encrypted_content": None,
            }
    text_part = {
        "type": "output_text",
        "text": block.get("text", ""),
        "annotations": [],
        "logprobs": [],
    }
    return {
        "type": "message",
        "id": f"msg_{id}",
        "role": "assistant",
        "status": "completed",
        "content": [text_part],
    }


def events(response: JsonObject) -> Iterator[Event]:
    """The events of a whole response, numbered."""
    return ({**event, "sequence_number": number} for number, event in enumerate(_events(response)))


def _events(response: JsonObject) -> Iterator[JsonDict]:
    begun = {
        **response,
        "status": "in_progress",
        "output": [],
        "usage": None,
        "incomplete_details": None,
    }
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(response["output"]):
        yield from _streamed(item, {"output_index": index, "item_id": item["id"]})
    yield {"type": f"response.{response['status']}", "response": dict(response)}


def _streamed(item: JsonObject, where: JsonObject) -> Iterator[JsonDict]:
    place = {"output_index": where["output_index"]}
    match item["type"]:
        case "message":
            yield {
                "type": "response.output_item.added",
                **place,
                "item": {**item, "status": "in_progress", "content": []},
            }
            yield from _streamed_text(item["content"][0], {**where, "content_index": 0})
        case "function_call" | "custom_tool_call" as kind:
            field, name = _WORDS[kind]
            yield {
                "type": "response.output_item.added",
                **place,
                "item": {**item, "status": "in_progress", field: ""},
            }
            for piece in pieces(item[field]):
                yield {"type": f"{name}.delta", **where, "delta": piece}
            yield {"type": f"{name}.done", **where, "name": item["name"], field: item[field]}
        case _:
            yield {"type": "response.output_item.added", **place, "item": {**item, "summary": []}}
    yield {"type": "response.output_item.done", **place, "item": dict(item)}


def _streamed_text(part: JsonObject, where: JsonObject) -> Iterator[JsonDict]:
    yield {"type": "response.content_part.added", **where, "part": {**part, "text": ""}}
    for piece in pieces(part["text"]):
        yield {"type": "response.output_text.delta", **where, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **where, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **where, "part": dict(part)}
