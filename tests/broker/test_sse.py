"""Events of a stream: cut, sent in any pieces, and put together again."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.programs.broker.sse import Assembly, _input, encoded, events, events_of, loads, objects
from tests.agents.conftest import message, text

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
BLOCK = (
    ANY_TEXT.map(text)
    | st.builds(
        lambda words, signed: {"type": "thinking", "thinking": words, "signature": signed},
        ANY_TEXT,
        ANY_TEXT,
    )
    | st.builds(lambda data: {"type": "redacted_thinking", "data": data}, ANY_TEXT)
    | st.builds(
        lambda given: {"type": "tool_use", "id": "t", "name": "run", "input": given},
        st.dictionaries(ANY_TEXT, JSON),
    )
)


# one for all examples: making one takes longer than reading a message
LOOP = asyncio.new_event_loop()


@pytest.fixture(autouse=True, scope="module")
def _close_loop() -> Iterator[None]:
    yield
    LOOP.close()


def read(pieces: Sequence[bytes]) -> list[dict[str, Any]]:
    async def chunks() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def whole() -> list[dict[str, Any]]:
        return [event async for event in events(chunks())]

    return LOOP.run_until_complete(whole())


@given(st.lists(BLOCK, max_size=4), st.integers(1, 40), st.booleans())
def test_any_message_survives_the_wire_whatever_its_pieces(
    content: list[dict[str, Any]], size: int, crlf: bool
) -> None:
    sent = message(*content, stop_reason="tool_use", output_tokens=7)
    wire = b"".join(encoded(event) for event in events_of(sent))
    wire = wire.replace(b"\n", b"\r\n") if crlf else wire
    together = Assembly()
    for event in read([wire[start : start + size] for start in range(0, len(wire), size)]):
        together.add(event)
    assert together.whole
    assert together.message == sent


def test_a_message_that_was_cut_is_not_whole() -> None:
    for length in range(len(list(events_of(message(text("Hello"))))) - 1):
        together = Assembly()
        for event in list(events_of(message(text("Hello"))))[:length]:
            together.add(event)
        assert not together.whole


def test_counts_of_the_end_replace_those_of_the_beginning_and_absent_ones_stay() -> None:
    together = Assembly()
    together.add(
        {"type": "message_start", "message": message(input_tokens=5, cache_read_input_tokens=9)}
    )
    together.add(
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 42, "input_tokens": 6, "cache_read_input_tokens": None},
        }
    )
    assert (together.usage["input_tokens"], together.usage["output_tokens"]) == (6, 42)
    assert together.usage["cache_read_input_tokens"] == 9


def test_broken_json_of_a_tool_is_kept_as_text_and_streamed_as_it_stands() -> None:
    broken = message({"type": "tool_use", "id": "t", "name": "run", "input": '{"command": "ls'})
    together = Assembly()
    for event in events_of(broken):
        together.add(event)
    assert together.message == broken


def test_comments_names_and_several_data_lines_are_read_by_the_standard() -> None:
    assert read(
        [
            b': hi\n\nevent: x\ndata: {"type":\ndata:"ping"}\nid: 3\n\n',
            b'data: {"type": "unended"}\n',
        ]
    ) == [{"type": "ping"}]


@pytest.mark.parametrize(
    "wire",
    [
        b"data: {\n\n",
        b"data: 3\n\n",
        b"data: {}\n\n",
        b"data: \xff\n\n",
        b"data: " + b"x" * (5 << 20),
    ],
    ids=["half", "number", "no type", "no text", "endless"],
)
def test_what_is_no_event_is_an_error(wire: bytes) -> None:
    with pytest.raises(ValueError):
        read([wire])


@pytest.mark.parametrize(
    "event",
    [
        {"type": "content_block_start", "index": 0, "content_block": text("")},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "x"}},
        {"type": "content_block_delta", "index": 0},
        {"type": "message_start"},
        {"type": "message_delta"},
        {"type": "message_start", "message": message(input_tokens=-5)},
        {"type": "message_start", "message": {"usage": {}} | {"usage": {"output_tokens": "9"}}},
    ],
)
def test_an_event_that_fits_no_message_is_an_error(event: dict[str, Any]) -> None:
    together = Assembly()
    with pytest.raises(ValueError, match=event["type"] + "|usage"):
        together.add(event)


def test_a_lone_surrogate_goes_over_the_wire_as_its_escape() -> None:
    wire = encoded({"type": "x", "text": "a\ud800b"})
    assert json.loads(wire.split(b"data: ")[1])["text"] == "a\ud800b"


@pytest.mark.parametrize(
    "wire", ["NaN", "-Infinity", "1e999", "[" * 200_000, "[" * 101 + "]" * 101, '{"a":' * 1_000]
)
def test_what_could_not_be_written_again_is_not_read(wire: str) -> None:
    with pytest.raises(ValueError):
        loads(wire)
    assert loads("[" * 100 + "]" * 100)
    assert _input(wire) == wire


def test_an_event_in_single_bytes_costs_about_as_much_as_it_is_long() -> None:
    """Processor seconds of this thread. A reader that joined all that it had for each piece took
    many."""
    began = time.thread_time()
    with pytest.raises(ValueError):
        read([b"x"] * 64_000 + [b"\n\ndata: 3\n\n"])
    assert time.thread_time() - began < 1


def test_a_stream_has_so_many_bytes_and_no_more() -> None:
    """Each of its events may be kept until its end."""
    piece = b"data: {}\n\n"

    async def whole(count: int) -> int:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(count):
                yield piece

        return len([event async for event in objects(chunks(), most=10 * len(piece))])

    assert LOOP.run_until_complete(whole(10)) == 10
    with pytest.raises(ValueError, match="a stream of more bytes"):
        LOOP.run_until_complete(whole(11))
