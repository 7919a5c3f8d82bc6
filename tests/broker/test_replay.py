"""Replay, asked with the real SDK over the real socket."""

import json
from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from harness.domain.errors import BudgetExhausted, ModelError
from harness.ports.model import Session
from tests.agents.conftest import MODEL, SECONDS, Broker, request, text
from tests.fakes.sdks import anthropic

if TYPE_CHECKING:
    from anthropic import Anthropic

NUMBERS = count(100)
RUN = {"name": "run", "input_schema": {"type": "object"}}
ASK = {
    "model": MODEL,
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Group of 8 is refused"}],
}


@pytest.fixture
def issue() -> int:
    return next(NUMBERS)


def one(**exchange: Any) -> dict[str, Any]:
    return {"exchanges": [{"response": {"content": [text("Hello.")]}} | exchange]}


def test_a_message_comes_back_as_it_was_recorded(
    replaying: Broker, sdk: Callable[[Session], "Anthropic"], issue: int
) -> None:
    replaying.record(
        {
            "exchanges": [
                {
                    "response": {
                        "content": [
                            text("I look."),
                            {
                                "type": "tool_use",
                                "name": "run",
                                "input": {"command": "ls", "n": [1, "ä"]},
                            },
                        ],
                        "usage": {"input_tokens": 2100, "output_tokens": 85},
                    }
                }
            ]
        },
        issue=issue,
    )
    with replaying.client.open(request(issue=issue)) as session:
        answer = sdk(session).messages.create(**ASK, tools=[RUN])
    assert answer.content[0].text == "I look."
    assert (answer.content[1].id, answer.content[1].input) == (
        "toolu_1_2",
        {"command": "ls", "n": [1, "ä"]},
    )
    assert (answer.stop_reason, answer.model) == ("tool_use", MODEL)
    usage = replaying.client.usage(session)
    assert (usage.calls, usage.input_tokens, usage.output_tokens) == (1, 2100, 85)
    # 2100 × $2 and 85 × $10 a million
    assert usage.cost_usd == Decimal("0.00505")


def test_a_stream_puts_together_to_the_same_message(
    replaying: Broker, sdk: Callable[[Session], "Anthropic"], issue: int
) -> None:
    content = [
        {"type": "thinking", "thinking": "Hm, " * 30, "signature": "c2ln"},
        text("Grüße, \U0001f30a! " * 20),
        {"type": "tool_use", "name": "run", "input": {"command": "x" * 500, "empty": {}}},
        {"type": "tool_use", "name": "run", "input": {}},
    ]
    exchange = {"response": {"content": content, "usage": {"input_tokens": 7, "output_tokens": 9}}}
    replaying.record(
        {"exchanges": [exchange, exchange | {"request": {"messages": 1}}]}, issue=issue
    )
    with replaying.client.open(request(issue=issue)) as session:
        client = sdk(session)
        with client.messages.stream(**ASK, tools=[RUN]) as stream:
            deltas = sum(event.type == "content_block_delta" for event in stream)
            streamed = stream.get_final_message()
        whole = client.messages.create(**ASK, tools=[RUN])
    assert deltas > 30
    kept = {"content", "stop_reason", "usage"}
    assert json.loads(streamed.to_json().replace("toolu_1_", "toolu_2_")).keys() >= kept
    for each in kept:
        assert str(getattr(streamed, each)).replace("toolu_1_", "toolu_2_").replace(
            "ParsedTextBlock", "TextBlock"
        ).replace(", parsed_output=None", "") == str(getattr(whole, each))


MISMATCHES = [
    ({"messages": 3}, "messages: recorded 3, came 1"),
    ({"last": "tool_result"}, "last: recorded tool_result, came text"),
    ({"tools": ["read", "run"]}, "tools: recorded read, run, came run"),
    ({"tools": []}, "tools: recorded , came run"),
    ({"contains": ["Group of 8", "Group of 9"]}, "contains: the newest message lacks 'Group of 9'"),
]


@pytest.mark.parametrize(("recorded", "named"), MISMATCHES, ids=[named for _, named in MISMATCHES])
def test_a_request_that_was_not_recorded_is_refused_naming_the_field(
    replaying: Broker,
    sdk: Callable[[Session], "Anthropic"],
    issue: int,
    recorded: dict[str, Any],
    named: str,
) -> None:
    replaying.record(one(request=recorded), issue=issue)
    where = f"issue-{issue}/implementer-1.json: exchange 1: {named}"
    opened = replaying.client.open(request(issue=issue))
    session = opened.__enter__()
    with pytest.raises(anthropic.UnprocessableEntityError) as refused:
        sdk(session).messages.create(**ASK, tools=[RUN])
    assert where in str(refused.value)
    with pytest.raises(ModelError) as at_close:
        opened.__exit__(None, None, None)
    assert where in str(at_close.value)
    assert replaying.client.usage(session).cost_usd == 0


def test_a_session_that_left_its_script_is_over_even_if_it_comes_back(
    replaying: Broker, sdk: Callable[[Session], "Anthropic"], issue: int
) -> None:
    replaying.record(one(), issue=issue)
    opened = replaying.client.open(request(issue=issue))
    client = sdk(opened.__enter__())
    for messages in (ASK["messages"] * 2, ASK["messages"]):
        with pytest.raises(
            anthropic.UnprocessableEntityError, match="messages: recorded 1, came 2"
        ):
            client.messages.create(**ASK | {"messages": messages})
    with pytest.raises(ModelError, match="messages: recorded 1, came 2"):
        opened.__exit__(None, None, None)


def test_a_session_that_was_denied_for_money_is_over_even_for_less(
    replaying: Broker, sdk: Callable[[Session], "Anthropic"], issue: int
) -> None:
    replaying.record(one(), issue=issue)
    opened = replaying.client.open(request(issue=issue, usd=Decimal("0.01")))
    client = sdk(opened.__enter__())
    for most in (100_000, 1):
        with pytest.raises(anthropic.PermissionDeniedError, match=r"\$1.\d+ more may be needed"):
            client.messages.create(**ASK | {"max_tokens": most}, timeout=SECONDS)
    with pytest.raises(BudgetExhausted, match=r"the cap of \$0.01 for this session"):
        opened.__exit__(None, None, None)


def test_the_messages_expected_by_default_grow_by_two(
    replaying: Broker, sdk: Callable[[Session], "Anthropic"], issue: int
) -> None:
    replaying.record({"exchanges": one()["exchanges"] * 2}, issue=issue)
    longer = [
        *ASK["messages"],
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "And?"},
    ]
    with replaying.client.open(request(issue=issue)) as session:
        sdk(session).messages.create(**ASK)
        sdk(session).messages.create(**ASK | {"messages": longer})


def test_contains_reads_tool_results(
    replaying: Broker, sdk: Callable[[Session], "Anthropic"], issue: int
) -> None:
    replaying.record(
        one(request={"messages": 3, "last": "tool_result", "contains": ["3 passed"]}), issue=issue
    )
    results = [
        {"type": "tool_result", "tool_use_id": "t", "content": [text("=== 3 passed in 0.1s")]}
    ]
    asked = [
        *ASK["messages"],
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t", "name": "run", "input": {}}],
        },
        {"role": "user", "content": results},
    ]
    with replaying.client.open(request(issue=issue)) as session:
        assert sdk(session).messages.create(**ASK | {"messages": asked}, tools=[RUN]).content


def test_running_out_of_script_is_an_error(
    replaying: Broker, sdk: Callable[[Session], "Anthropic"], issue: int
) -> None:
    replaying.record(one(), issue=issue)
    opened = replaying.client.open(request(issue=issue))
    client = sdk(opened.__enter__())
    client.messages.create(**ASK)
    with pytest.raises(anthropic.UnprocessableEntityError, match="exchange 2 was asked for"):
        client.messages.create(**ASK)
    with pytest.raises(ModelError, match="holds 1 exchanges, and exchange 2 was asked for"):
        opened.__exit__(None, None, None)


def test_a_script_that_is_begun_and_not_used_up_is_an_error(
    replaying: Broker, sdk: Callable[[Session], "Anthropic"], issue: int
) -> None:
    replaying.record({"exchanges": one()["exchanges"] * 2}, issue=issue)
    with (
        pytest.raises(ModelError, match="was not used up: 1 exchanges are left"),
        replaying.client.open(request(issue=issue)) as session,
    ):
        sdk(session).messages.create(**ASK)


def test_a_session_that_asks_nothing_as_after_a_kill_has_not_begun_its_script(
    replaying: Broker, issue: int
) -> None:
    """Incident: a demo that was interrupted once its author had answered ended with a person."""
    replaying.record(one(), issue=issue)
    with replaying.client.open(request(issue=issue)) as session:
        assert replaying.client.usage(session).calls == 0


def test_the_callers_own_error_is_not_hidden_by_what_is_left_of_a_script(
    replaying: Broker, issue: int
) -> None:
    replaying.record(one(), issue=issue)
    with pytest.raises(ZeroDivisionError), replaying.client.open(request(issue=issue)):
        raise ZeroDivisionError


def test_a_recorded_error_is_answered_as_the_provider_did(
    replaying: Broker, sdk: Callable[[Session], "Anthropic"], issue: int
) -> None:
    error = {"status": 529, "type": "overloaded_error", "message": "Overloaded"}
    replaying.record(
        {"exchanges": [{"error": error}, one(request={"messages": 1})["exchanges"][0]]}, issue=issue
    )
    with replaying.client.open(request(issue=issue)) as session:
        with pytest.raises(anthropic.APIStatusError) as refused:
            sdk(session).messages.create(**ASK)
        assert (refused.value.status_code, refused.value.type) == (529, "overloaded_error")
        # not final: the script goes on
        assert sdk(session).messages.create(**ASK).content


NOT_PLAYABLE = [
    (
        {"model": "claude-opus-5", "exchanges": []},
        "model: recorded 'claude-opus-5', the session is for 'claude-sonnet-5-5'",
    ),
    ({"exchanges": [], "exchange": []}, "'exchange' was unexpected"),
    ({"exchanges": [{"request": {}}]}, "exchanges\\[0\\]"),
    (
        {
            "exchanges": [
                {"response": {"content": []}, "error": {"status": 500, "type": "x", "message": ""}}
            ]
        },
        "exchanges\\[0\\]",
    ),
    (
        {"exchanges": [{"response": {"content": [{"type": "tool_use", "name": "run"}]}}]},
        "'input' is a required property",
    ),
    (
        {"exchanges": [{"response": {"content": [], "usage": {"input_tokens": -9}}}]},
        "usage.input_tokens",
    ),
    (
        {"exchanges": [{"request": {"message": 1}, "response": {"content": []}}]},
        "'message' was unexpected",
    ),
]


@pytest.mark.parametrize(("document", "named"), NOT_PLAYABLE)
def test_a_recording_that_cannot_be_played_is_refused_at_once(
    replaying: Broker, issue: int, document: dict[str, Any], named: str
) -> None:
    replaying.record(document, issue=issue)
    with (
        pytest.raises(ModelError, match=f"issue-{issue}/implementer-1.json: .*{named}"),
        replaying.client.open(request(issue=issue)),
    ):
        pass


def test_no_recording_is_named_with_the_place_where_it_was_expected(
    replaying: Broker, issue: int
) -> None:
    with pytest.raises(
        ModelError,
        match=f"implementer-3.json: there is no such recording; expected .*/issue-{issue}/",
    ):
        replaying.client.open(request(issue=issue, attempt=3)).__enter__()


def test_judging_roles_are_played_from_the_sealed_folder_only(
    replaying: Broker, sdk: Callable[[Session], "Anthropic"], issue: int
) -> None:
    open_folder = replaying.options.replay / f"issue-{issue}" / "author-1.json"
    open_folder.parent.mkdir(parents=True)
    open_folder.write_text(json.dumps({"model": MODEL} | one()))
    with pytest.raises(ModelError, match="no such recording"):
        replaying.client.open(request(issue=issue, role="author")).__enter__()
    replaying.record(one(), issue=issue, role="author")
    with replaying.client.open(request(issue=issue, role="author")) as session:
        sdk(session).messages.create(**ASK)
    assert not (replaying.options.home / "wire" / f"{session.id}.jsonl").exists()


def test_counting_tokens_needs_no_script(
    replaying: Broker, sdk: Callable[[Session], "Anthropic"], issue: int
) -> None:
    replaying.record({"exchanges": []}, issue=issue)
    with replaying.client.open(request(issue=issue)) as session:
        counted = sdk(session).messages.count_tokens(model=MODEL, messages=ASK["messages"])
    assert 5 < counted.input_tokens < 50
    assert (replaying.client.usage(session).calls, replaying.client.usage(session).cost_usd) == (
        1,
        0,
    )


def test_usage_that_nobody_counted_is_estimated(
    replaying: Broker, sdk: Callable[[Session], "Anthropic"], issue: int
) -> None:
    replaying.record(one(), issue=issue)
    with replaying.client.open(request(issue=issue)) as session:
        answer = sdk(session).messages.create(
            **ASK | {"messages": [{"role": "user", "content": "x" * 4000}]}
        )
    assert 1000 < answer.usage.input_tokens < 1100


def test_the_wire_log_holds_the_conversation_once(
    replaying: Broker, sdk: Callable[[Session], "Anthropic"], issue: int
) -> None:
    replaying.record({"exchanges": one()["exchanges"] * 2}, issue=issue)
    longer = [
        *ASK["messages"],
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "And?"},
    ]
    with replaying.client.open(request(issue=issue)) as session:
        sdk(session).messages.create(**ASK, system="Be kind.")
        sdk(session).messages.create(**ASK | {"messages": longer}, system="Be kind.")
    first, second = replaying.log(session)
    assert first["request"] == ASK | {"system": "Be kind.", "kept": 0}
    assert second["request"] == {"kept": 1, "messages": longer[1:]}
    assert second["response"]["content"] == [text("Hello.")]
