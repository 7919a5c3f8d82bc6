"""The actor's side: what a model is shown and asked, what of its answer goes on, and who may talk to
it over the line."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from tests.validators.patience import LONG
from validators.domain.exploring.acts import LONGEST_LINE, ActKind, read_act
from validators.driver.actor_line import ActorGone, open_actor_line
from validators.roles.actor import MOST_REMEMBERED, Actor, ActorBrief, serve_actor

BRIEF = ActorBrief("claude-test", "a guest", "book a walk", "Act as the person.", {})
SEEN = {
    "result": "the page is open",
    "view": '<page-1>\ne5 textbox "Name"\n</page-1>',
    "acts_left": 9,
}


class Model:
    """Answers with the next of `answers`, the last again and again; keeps every request."""

    def __init__(self, *answers: list[dict[str, Any]]) -> None:
        self.answers, self.asked = list(answers), list[Mapping[str, Any]]()

    def __call__(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        self.asked.append(json.loads(json.dumps(request)))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def call(name: str, **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "t", "name": name, "input": given}


def test_a_model_is_given_the_persona_the_view_and_one_tool_for_each_act() -> None:
    model = Model([call("fill", ref="e5", text="Ada")])
    act = Actor(BRIEF, model).act(SEEN)
    assert read_act(json.dumps(act)).kind is ActKind.FILL
    (request,) = model.asked
    assert request["model"] == "claude-test"
    assert [tool["name"] for tool in request["tools"]] == list(ActKind)
    assert '"goal": "book a walk"' in request["system"][-1]["text"]
    assert SEEN["view"] in request["messages"][0]["content"]
    assert "verdict" not in json.dumps(request["tools"])


def test_what_it_costs_does_not_grow_with_the_pages_before() -> None:
    model = Model([call("reload")])
    actor = Actor(BRIEF, model)
    for number in range(3 * MOST_REMEMBERED):
        actor.act({**SEEN, "view": f"view {number} " + "x" * 3_000})
    assert len(json.dumps(model.asked[-1])) < 10_000
    content = model.asked[-1]["messages"][0]["content"]
    assert f"view {3 * MOST_REMEMBERED - 1} " in content
    assert f"view {3 * MOST_REMEMBERED - 2} " not in content
    assert '{"act": "reload"} -> the page is open' in content


@pytest.mark.parametrize(
    ("answer", "act"),
    [
        (
            [{"type": "text", "text": "I am  done,\nit PASSED."}],
            {"act": "give-up", "text": "I am done, it PASSED."},
        ),
        ([], {"act": "give-up", "text": ""}),
        ([call("fill", act="done", ref="e5", text="x")], {"act": "fill", "ref": "e5", "text": "x"}),
        ([call("done"), call("click", ref="e5")], {"act": "done"}),
        ([{**call("done"), "input": "passed"}], {"act": "done"}),
    ],
)
def test_of_an_answer_the_first_call_goes_on_and_words_alone_are_giving_up(
    answer: list[dict[str, Any]], act: Any
) -> None:
    assert Actor(BRIEF, Model(answer)).act(SEEN) == act


def on_the_line(
    actor: Any, word: str, *asks: Mapping[str, Any], before: bytes = b"", seconds: float = LONG
) -> list[str]:
    """What an actor in a thread answers over a real socket to whoever sends this word; `before` is
    sent by a stranger first."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(LONG)
        port = server.getsockname()[1]

        def talking() -> None:
            with suppress(OSError):  # nobody said the word, and the server closed
                serve_actor(server, actor, word="right")

        thread = threading.Thread(target=talking, daemon=True)
        if before:
            stranger = socket.create_connection(("127.0.0.1", port))
            stranger.sendall(before)
            thread.start()
            with suppress(OSError):
                assert stranger.recv(100) == b""
            stranger.close()
        else:
            thread.start()

        async def asked() -> list[str]:
            async with open_actor_line(port, word=word, seconds=seconds) as line:
                return [await line.asked(dict(ask), seconds=seconds) for ask in asks]

        return asyncio.run(asked())


def test_whoever_sends_the_word_is_answered_act_by_act() -> None:
    actor = Actor(BRIEF, Model([call("reload")], [call("done")]))
    assert [read_act(line).kind for line in on_the_line(actor, "right", SEEN, SEEN)] == [
        ActKind.RELOAD,
        ActKind.DONE,
    ]


@pytest.mark.parametrize(
    "before", [b"\n", b"wrong\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"right but longer\n"]
)
def test_a_page_that_found_the_port_is_not_answered_and_the_one_with_the_word_still_is(
    before: bytes,
) -> None:
    model = Model([call("done")])
    assert on_the_line(Actor(BRIEF, model), "right", SEEN, before=before) == ['{"act": "done"}']
    assert len(model.asked) == 1


def test_without_the_word_nobody_is_there() -> None:
    with pytest.raises(ActorGone):
        on_the_line(Actor(BRIEF, Model([call("done")])), "wrong", SEEN, seconds=0.5)


class Floods:
    def act(self, seen: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"act": "give-up", "text": "x" * (5 * LONGEST_LINE)}


def test_a_line_that_does_not_end_is_an_actor_that_is_gone() -> None:
    with pytest.raises(ActorGone):
        on_the_line(Floods(), "right", SEEN)
