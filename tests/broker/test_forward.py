"""Forwarding and recording, with the real SDK in front and a provider of our own behind."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from harness.agents.unix_http import unix_http_client
from harness.domain.errors import BudgetExhausted
from harness.ports.model import Session
from harness.programs.broker.sse import encoded, events_of
from tests.agents.conftest import (
    KEY,
    MODEL,
    SECONDS,
    Answer,
    Broker,
    Provider,
    eventually,
    message,
    request,
    text,
)
from tests.broker.conftest import Bench, OpenedSession
from tests.fakes.sdks import anthropic

if TYPE_CHECKING:
    from anthropic import Anthropic

NUMBERS = count(100)
ASK = {
    "model": MODEL,
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Good morning, \U0001f30a"}],
}
OVERLOADED = Answer(
    {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, status=529
)


@pytest.fixture
def issue() -> int:
    return next(NUMBERS)


@pytest.fixture
def session(forwarding: Broker, issue: int) -> Iterator[Session]:
    with forwarding.client.open(request(issue=issue)) as opened:
        yield opened


def recorded(broker: Broker, issue: int, role: str = "implementer") -> dict[str, Any]:
    folder = broker.options.record_sealed if role == "author" else broker.options.record
    return json.loads((folder / f"issue-{issue}" / f"{role}-1.json").read_text(encoding="utf-8"))


def test_the_provider_sees_the_body_and_the_key_and_nothing_of_the_sandboxs_headers(
    forwarding: Broker, provider: Provider, session: Session, sdk: Callable[[Session], "Anthropic"]
) -> None:
    provider.plan(message(text("Hello.")))
    answer = (
        sdk(session)
        .with_options(default_headers={"anthropic-beta": "files", "x-mine": "1"})
        .messages.create(**ASK)
    )
    [seen] = provider.seen
    assert answer.content[0].text == "Hello."
    assert (seen["path"], seen["body"]) == ("/v1/messages", ASK)
    headers = {name.lower(): value for name, value in seen["headers"].items()}
    assert headers["x-api-key"] == KEY
    assert headers.keys() <= {
        "host",
        "accept",
        "accept-encoding",
        "connection",
        "user-agent",
        "x-api-key",
        "anthropic-version",
        "content-type",
        "content-length",
    }


def test_what_was_reserved_is_settled_at_the_true_cost(
    forwarding: Broker, provider: Provider, session: Session, sdk: Callable[[Session], "Anthropic"]
) -> None:
    provider.plan(
        message(
            text("."),
            input_tokens=1000,
            output_tokens=100,
            cache_creation_input_tokens=2000,
            cache_read_input_tokens=4000,
        )
    )
    sdk(session).messages.create(**ASK)
    usage = forwarding.client.usage(session)
    assert (usage.calls, usage.input_tokens, usage.output_tokens) == (1, 7000, 100)
    # 1000 × 2, 2000 × 2.50, 4000 × 0.10, 100 × 10 a million
    assert usage.cost_usd == Decimal("0.0084")


def test_a_stream_is_passed_on_as_it_comes_and_settled(
    forwarding: Broker, provider: Provider, session: Session, sdk: Callable[[Session], "Anthropic"]
) -> None:
    held = threading.Event()
    pieces = [
        encoded(event)
        for event in events_of(message(text("Hello, sea."), input_tokens=1000, output_tokens=100))
    ]
    provider.plan(Answer(pieces=[b"".join(pieces[:4]), *pieces[4:]], pause=held))
    with sdk(session).messages.stream(**ASK) as stream:
        words = iter(stream.text_stream)
        # while the provider still waits
        assert next(words) == "Hello, sea."
        held.set()
        assert stream.get_final_message().usage.output_tokens == 100
    assert forwarding.client.usage(session).cost_usd == Decimal("0.003")


@pytest.mark.parametrize("cut_at", [0, 1, 4])
def test_a_stream_cut_by_the_provider_costs_what_was_reserved_and_is_an_error(
    bench: Bench, provider: Provider, sdk: Callable[[OpenedSession], "Anthropic"], cut_at: int
) -> None:
    pieces = [encoded(event) for event in events_of(message(text("Hello, sea.")))]
    provider.plan(Answer(pieces=pieces[:cut_at]))
    served = bench.open()
    with (
        pytest.raises(anthropic.APIStatusError, match="ended before the message did"),
        sdk(served).messages.stream(**ASK) as stream,
    ):
        stream.get_final_message()
    # 100 × 10 + more than 2000 × 2 a million; in full it were 0.0004
    assert served.cost > Decimal("0.005")
    assert served.usage["output_tokens"] <= 1


def test_a_stream_that_the_sandbox_leaves_costs_what_was_reserved(
    forwarding: Broker, provider: Provider, session: Session, sdk: Callable[[Session], "Anthropic"]
) -> None:
    held = threading.Event()
    provider.plan(Answer(message(text("Hello, sea.")), pause=held))
    with sdk(session).messages.stream(**ASK) as stream:
        next(iter(stream))
    assert eventually(lambda: forwarding.client.usage(session).cost_usd > Decimal("0.005"))
    assert eventually(lambda: "hung up" in str(forwarding.log(session)))
    held.set()


def test_rubbish_in_a_stream_is_an_error_and_not_an_answer(
    bench: Bench, provider: Provider, sdk: Callable[[OpenedSession], "Anthropic"]
) -> None:
    for pieces in (
        [b"data: [1]\n\n"],
        [b"data: {\n\n"],
        [encoded({"type": "content_block_stop", "index": 3})],
        [b"data: {}\n\n"],
        [b"data: [DONE]\n\n"],
    ):
        provider.plan(Answer(pieces=pieces))
        with (
            pytest.raises(anthropic.APIStatusError),
            sdk(bench.open()).messages.stream(**ASK) as stream,
        ):
            stream.get_final_message()


def test_a_provider_that_uses_more_than_was_reserved_is_cut_where_the_cap_is_crossed(
    forwarding: Broker, provider: Provider, issue: int, sdk: Callable[[Session], "Anthropic"]
) -> None:
    # $0.80, far over any estimate
    provider.plan(message(text("x" * 100), input_tokens=400_000, output_tokens=9))
    session = forwarding.client.open(request(issue=issue, usd=Decimal("0.5")))
    opened = session.__enter__()
    with (
        pytest.raises(anthropic.APIStatusError) as cut,
        sdk(opened).messages.stream(**ASK) as stream,
    ):
        stream.get_final_message()
    assert cut.value.type == "budget_exhausted"
    # and what was spent is not denied
    assert forwarding.client.usage(opened).cost_usd >= Decimal("0.8")
    with pytest.raises(BudgetExhausted, match=r"cap of \$0.5 for this session"):
        session.__exit__(None, None, None)


def test_an_error_that_retrying_cannot_help_comes_back_as_it_is_and_costs_nothing(
    forwarding: Broker, provider: Provider, session: Session, sdk: Callable[[Session], "Anthropic"]
) -> None:
    error = {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": f"key {KEY} means no"},
    }
    provider.plan(Answer(error, status=400))
    with pytest.raises(anthropic.BadRequestError, match=r"key \[redacted\] means no"):
        sdk(session).messages.create(**ASK)
    assert forwarding.client.usage(session).cost_usd == 0


def test_an_overload_is_asked_again_after_a_pause_of_at_least_a_second(
    provider: Provider, session: Session, sdk: Callable[[Session], "Anthropic"]
) -> None:
    provider.plan(
        Answer(OVERLOADED.body, status=529, headers={"retry-after": "0"}), message(text("Now."))
    )
    began = time.monotonic()
    assert sdk(session).messages.create(**ASK).content[0].text == "Now."
    assert 1 <= time.monotonic() - began < 60


def test_an_overload_that_comes_as_the_first_event_of_a_stream_is_asked_again_and_costs_nothing(
    forwarding: Broker, provider: Provider, session: Session, sdk: Callable[[Session], "Anthropic"]
) -> None:
    assert OVERLOADED.body is not None
    provider.plan(
        Answer(pieces=[encoded(OVERLOADED.body)]),
        message(text("Now."), input_tokens=1000, output_tokens=100),
    )
    with sdk(session).messages.stream(**ASK) as stream:
        assert stream.get_final_message().content[0].text == "Now."
    assert len(provider.seen) == 2
    assert forwarding.client.usage(session).cost_usd == Decimal("0.003")


def test_an_overload_in_the_middle_of_a_stream_is_passed_on_and_not_asked_again(
    forwarding: Broker, provider: Provider, session: Session, sdk: Callable[[Session], "Anthropic"]
) -> None:
    assert OVERLOADED.body is not None
    begun = [encoded(event) for event in events_of(message(text("Hello, sea.")))][:3]
    provider.plan(Answer(pieces=[*begun, encoded(OVERLOADED.body)]))
    with (
        pytest.raises(anthropic.APIStatusError) as refused,
        sdk(session).messages.stream(**ASK) as stream,
    ):
        stream.get_final_message()
    assert refused.value.type == "overloaded_error"
    assert len(provider.seen) == 1
    # what was held: nobody knows what it cost
    assert forwarding.client.usage(session).cost_usd > Decimal("0.005")


@pytest.mark.parametrize(
    "answer",
    [
        {"content": []},
        {"usage": {}},
        message("words"),
        message(text("x"), input_tokens=-1_000_000),
        message(text("x")) | {"usage": []},
    ],
)
def test_an_answer_that_is_no_message_is_an_error_and_costs_what_was_reserved(
    forwarding: Broker,
    provider: Provider,
    session: Session,
    sdk: Callable[[Session], "Anthropic"],
    answer: dict[str, Any],
) -> None:
    # The broker's own call is answered, so the fault is this one answer's.
    provider.plan(Answer(answer), message(text(".")))
    with pytest.raises(
        anthropic.InternalServerError,
        match=r"not a message with content|not made of blocks|usage: ",
    ):
        sdk(session).messages.create(**ASK)
    assert forwarding.client.usage(session).cost_usd > Decimal("0.005")


def test_a_redirect_is_not_followed(
    provider: Provider, session: Session, sdk: Callable[[Session], "Anthropic"]
) -> None:
    provider.plan(Answer({}, status=307, headers={"location": "http://127.0.0.1:9/steal"}))
    with pytest.raises(anthropic.APIStatusError) as refused:
        sdk(session).messages.create(**ASK)
    assert refused.value.status_code == 502
    assert len(provider.seen) == 1


def test_tokens_are_counted_by_the_provider(
    provider: Provider, session: Session, sdk: Callable[[Session], "Anthropic"]
) -> None:
    provider.plan(Answer({"input_tokens": 14}))
    assert (
        sdk(session).messages.count_tokens(model=MODEL, messages=ASK["messages"]).input_tokens == 14
    )
    assert provider.seen[0]["path"] == "/v1/messages/count_tokens"


def test_a_recorded_session_plays_again(
    forwarding: Broker,
    provider: Provider,
    brokers: Callable[..., Broker],
    issue: int,
    sdk: Callable[[Session], "Anthropic"],
) -> None:
    tool = {
        "type": "tool_use",
        "id": "toolu_abc",
        "name": "run",
        "input": {"command": "ls"},
        "caller": {"type": "direct"},
    }
    provider.plan(
        message(
            {"type": "text", "text": "I look.", "citations": None}, tool, stop_reason="tool_use"
        ),
        message(text("Fin \U0001f30a.")),
    )

    def talk(session: Session) -> str:
        client, messages = sdk(session), list(ASK["messages"])
        tools = [{"name": "run", "input_schema": {"type": "object"}}]
        with client.messages.stream(**ASK | {"messages": messages}, tools=tools) as stream:
            first = stream.get_final_message()
        results = [{"type": "tool_result", "tool_use_id": first.content[-1].id, "content": "a.py"}]
        messages += [
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": results},
        ]
        second = client.messages.create(**ASK | {"messages": messages}, tools=tools)
        return (
            f"{first.content[0].text} {first.content[1].input} {second.content[0].text}"
            f" {second.usage.input_tokens}"
        )

    with forwarding.client.open(request(issue=issue)) as opened:
        live = talk(opened)
    again = brokers(replay=forwarding.options.record)
    with again.client.open(request(issue=issue)) as opened:
        assert talk(opened) == live
    document = recorded(forwarding, issue)
    assert document["exchanges"][0]["request"] == {"messages": 1, "last": "text", "tools": ["run"]}
    assert document["exchanges"][1]["request"] == {
        "messages": 3,
        "last": "tool_result",
        "tools": ["run"],
    }
    assert "toolu_abc" not in json.dumps(document)


def test_a_judging_role_is_recorded_in_the_sealed_folder_only(
    forwarding: Broker, provider: Provider, issue: int, sdk: Callable[[Session], "Anthropic"]
) -> None:
    provider.plan(message(text("A sealed word.")))
    with forwarding.client.open(request(issue=issue, role="author")) as opened:
        sdk(opened).messages.create(**ASK)
    assert "A sealed word." in json.dumps(recorded(forwarding, issue, "author"))
    elsewhere = [
        file
        for folder in (forwarding.options.home, forwarding.options.record)
        for file in folder.rglob("*")
        if file.is_file() and b"A sealed word." in file.read_bytes()
    ]
    assert elsewhere == []


def test_the_key_is_in_no_file_and_no_argument(
    forwarding: Broker,
    provider: Provider,
    issue: int,
    session: Session,
    sdk: Callable[[Session], "Anthropic"],
) -> None:
    """Also where the provider echoes it. The log is written after the answer: wait for it."""
    provider.plan(message(text(f"Your key is {KEY}, isn't it?")))
    sdk(session).messages.create(**ASK)
    assert eventually(lambda: len(forwarding.log(session)) == 1)
    blotted = [text("Your key is [redacted], isn't it?")]
    assert forwarding.log(session)[0]["response"]["content"] == blotted
    assert recorded(forwarding, issue)["exchanges"][0]["response"]["content"] == blotted
    files = [file for file in forwarding.options.home.parent.rglob("*") if file.is_file()]
    assert [file for file in files if KEY.encode() in file.read_bytes()] == []
    with open(f"/proc/{forwarding.process.pid}/cmdline", "rb") as arguments:
        assert KEY.encode() not in arguments.read()


def test_health_reveals_nothing(session: Session) -> None:
    with unix_http_client(session.socket, seconds=SECONDS) as http:
        assert (http.get("/").json(), http.head("/").status_code) == ({}, 200)
        for method, path in (
            ("GET", "/v1/models"),
            ("POST", "/v1/files"),
            ("POST", "/v1/messages/batches"),
            ("GET", "/v1/messages"),
            ("POST", "/v1/messages/"),
            ("POST", "/"),
            ("DELETE", "/sessions/x"),
        ):
            refused = http.request(method, path, json={})
            assert (refused.status_code, refused.json()["error"]["type"]) == (
                404,
                "not_found_error",
            )
            assert f"{method} {path} is not forwarded" in refused.text


def test_a_body_that_is_too_large_or_no_json_is_refused(
    provider: Provider, session: Session
) -> None:
    with unix_http_client(session.socket, seconds=SECONDS) as http:
        large = http.post("/v1/messages", content=json.dumps(ASK | {"system": "x" * (8 << 20)}))
        assert (large.status_code, large.json()["error"]["type"]) == (413, "request_too_large")
        for rubbish in (
            b"",
            b"{",
            b"\xff\xfe",
            b'{"max_tokens": NaN}',
            b"[" * 100_000,
            b"9" * 5000,
        ):
            refused = http.post("/v1/messages", content=rubbish)
            assert (refused.status_code, refused.json()["error"]["type"]) == (
                400,
                "invalid_request_error",
            ), rubbish[:20]
    assert provider.seen == []


def test_a_body_that_is_nested_too_deeply_is_refused(provider: Provider, session: Session) -> None:
    provider.plan(message(text("Fine.")))
    with unix_http_client(session.socket, seconds=SECONDS) as http:
        for depth, status in ((50, 200), (101, 400), (950, 400), (100_000, 400)):
            tools = (
                '[{"name": "run", "input_schema": ' + '{"x": ' * depth + "1" + "}" * depth + "}]"
            )
            answer = http.post(
                "/v1/messages",
                content=json.dumps(ASK).removesuffix("}") + f', "tools": {tools}' + "}",
            )
            assert answer.status_code == status, answer.text
