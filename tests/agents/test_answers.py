"""An answer, put together from the events of its stream."""

from typing import Any

import pytest

from harness.programs.agent_loop.answers import StreamCut, ToolCall, answer_of
from harness.programs.broker.sse import events_of

THOUGHT = {"type": "thinking", "thinking": "Hm, " * 30, "signature": "c2ln"}
HIDDEN = {"type": "redacted_thinking", "data": "b3BhcXVl"}
CALL = {
    "type": "tool_use",
    "id": "toolu_1",
    "name": "run",
    "input": {"command": "ls " * 40, "seconds": 5},
}


def message(*content: dict[str, Any], stop: str = "tool_use") -> dict[str, Any]:
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 200,
        "cache_creation_input_tokens": 30,
        "output_tokens": 4,
    }
    return {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": list(content),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
    }


def test_what_was_said_goes_back_as_it_came() -> None:
    """Thoughts with their signatures: the provider refuses a conversation without them."""
    content = [THOUGHT, HIDDEN, {"type": "text", "text": "I look. " * 9}, CALL]
    answer = answer_of(events_of(message(*content)))
    assert answer.content == content
    assert answer.calls == (ToolCall("toolu_1", "run", CALL["input"]),)
    assert answer.stop == "tool_use"


def test_its_tokens_are_all_that_the_next_request_will_hold() -> None:
    assert answer_of(events_of(message(CALL))).tokens == 244


def test_what_a_provider_adds_to_a_block_does_not_go_back() -> None:
    theirs = {"type": "server_tool_use", "id": "x", "name": "y"}
    assert answer_of(events_of(message(CALL | {"caller": {"type": "direct"}}, theirs))).content == [
        CALL
    ]


WHOLE = list(events_of(message({"type": "text", "text": "Hello."})))


@pytest.mark.parametrize("events", range(len(WHOLE)))
def test_an_answer_that_is_not_whole_is_none(events: int) -> None:
    with pytest.raises(StreamCut):
        answer_of(WHOLE[:events])


@pytest.mark.parametrize(
    "event",
    [
        {"type": "content_block_delta", "index": 9, "delta": {"type": "text_delta", "text": "x"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "new_delta", "new": "x"}},
        {"type": "new_event"},
        {"type": "message_delta", "delta": {}, "usage": None},
    ],
)
def test_events_that_it_does_not_know_change_nothing(event: dict[str, Any]) -> None:
    whole = list(events_of(message(CALL)))
    assert answer_of([*whole[:-1], event, whole[-1]]) == answer_of(whole)


@pytest.mark.parametrize("stop", ["max_tokens", "model_context_window_exceeded"])
def test_only_the_last_call_of_a_cut_answer_was_cut(stop: str) -> None:
    first, last = answer_of(events_of(message(CALL, CALL | {"id": "toolu_2"}, stop=stop))).calls
    assert (first.fault, "longest length" in last.fault) == ("", True)


def test_a_refused_answer_calls_nothing() -> None:
    answer = answer_of(events_of(message({"type": "text", "text": "No."}, CALL, stop="refusal")))
    assert (answer.calls, answer.content) == ((), [{"type": "text", "text": "No."}])


@pytest.mark.parametrize("words", ["", " \n"])
def test_an_empty_text_does_not_go_back(words: str) -> None:
    """The provider refuses a conversation with one, even where it was its own."""
    assert answer_of(events_of(message({"type": "text", "text": words}, CALL))).content == [CALL]
