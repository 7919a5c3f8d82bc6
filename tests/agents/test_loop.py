"""The loop against the real broker, with the real SDK and real tools; only the model is a
script."""

import json
from collections.abc import Callable, Sequence
from itertools import count, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.agents.sessions import BrokerClient
from harness.agents.start import start
from harness.domain.errors import BudgetExhausted, ModelError, ModelsPaused
from harness.ports.model import Session
from harness.programs.agent_loop import agent
from harness.programs.agent_loop.shell import Shell
from harness.programs.agent_loop.tools import Tools
from harness.programs.broker.options import Options
from harness.programs.broker.sse import encoded, events_of
from tests import warm
from tests.agents.conftest import (
    KEY,
    MODEL,
    SECONDS,
    Answer,
    Broker,
    Provider,
    message,
    request,
    text,
)

if TYPE_CHECKING:
    from anthropic import Anthropic

NUMBERS = count(1000)
NAMES = ["run", "read", "search", "edit", "finish", "give_up"]
DONE = {"type": "tool_use", "name": "finish", "input": {"summary": "ok"}}


def called(name: str, **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "name": name, "input": given}


def exchange(
    *content: dict[str, Any], stop: str = "", usage: dict[str, int] | None = None, **asked: Any
) -> dict[str, Any]:
    response = (
        {"content": list(content)}
        | ({"stop_reason": stop} if stop else {})
        | ({"usage": usage} if usage else {})
    )
    return {"request": asked, "response": response}


Work = Callable[..., tuple[dict[str, Any], list[dict[str, Any]]]]


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    (tmp_path / "work").mkdir()
    shell = Shell(
        tmp_path / "work", {"PATH": "/usr/bin:/bin"}, outputs=tmp_path / "outputs", seconds=300
    )
    return Tools(
        shell, output=1000, given_text="The rules.\nMake it work, in the way that the mission asks."
    )


@pytest.fixture
def work(replaying: Broker, tools: Tools, sdk: Callable[[Session], "Anthropic"]) -> Work:
    """Plays a script against the loop in a folder; gives its report and its progress."""

    def run(
        *exchanges: dict[str, Any], caps: dict[str, Any] | None = None, **changes: Any
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        issue, progress = next(NUMBERS), list[dict[str, Any]]()
        replaying.record({"tools": NAMES, "exchanges": exchanges}, issue=issue)
        with replaying.client.open(request(issue=issue, **caps or {})) as session:
            report = agent.work(assigned(**changes), sdk(session), tools, progress.append)
        return report, progress

    return run


def assigned(**changes: Any) -> agent.Assignment:
    return agent.Assignment(
        system=["The rules.", "Your role."],
        task="Make it work.",
        model=MODEL,
        base_url="unused",
        **changes,
    )


def test_it_works_until_it_calls_finish(work: Work, tools: Tools) -> None:
    (tools.folder / "a.py").write_text("print(1)\n")
    report, progress = work(
        exchange(
            text("I look."),
            called("run", command="python3 a.py"),
            called("read", path="a.py"),
            contains=["Make it work."],
        ),
        exchange(
            called("edit", path="a.py", old="1", new="2"),
            last="tool_result",
            contains=["1\n[exit 0]", "1\tprint(1)"],
        ),
        exchange(called("run", command="python3 a.py"), contains=["changed a.py"]),
        exchange(called("finish", summary="It prints 2."), contains=["2\n[exit 0]"]),
    )
    assert report == {
        "outcome": "finished",
        "summary": "It prints 2.",
        "reason": None,
        "evidence": [],
        "turns": 4,
        "tool_calls": 5,
        "compactions": 0,
    }
    assert (tools.folder / "a.py").read_text() == "print(2)\n"
    assert [(line["turn"], line["tool"], line["error"]) for line in progress] == [
        (1, "run", False),
        (1, "read", False),
        (2, "edit", False),
        (3, "run", False),
        (4, "finish", False),
    ]


@pytest.mark.parametrize(
    ("reason", "evidence"),
    [
        ("cannot-reproduce", ["echo fine"]),
        ("blocked", ["cat nothing"]),
        ("spec-conflict", ["in the way that", "that the mission asks"]),
    ],
)
def test_giving_up_is_an_honest_end_with_what_shows_it(
    work: Work, reason: str, evidence: list[str]
) -> None:
    report, _ = work(
        exchange(called("run", command="echo fine"), called("run", command="cat nothing")),
        exchange(
            called("give_up", reason=reason, explanation="Tried it twice.", evidence=evidence)
        ),
    )
    assert (report["outcome"], report["reason"], report["summary"]) == (
        "gave-up",
        reason,
        "Tried it twice.",
    )
    assert report["evidence"] == evidence


def test_giving_up_without_evidence_is_an_error_and_the_model_may_look_again(work: Work) -> None:
    given_up = called(
        "give_up", reason="cannot-reproduce", explanation="It works.", evidence=["echo fine"]
    )
    report, _ = work(
        exchange(given_up),
        exchange(called("run", command="echo fine"), contains=["names no command that was run"]),
        exchange(given_up),
    )
    assert (report["outcome"], report["tool_calls"]) == ("gave-up", 3)


def test_an_invalid_call_is_an_error_for_the_model_which_may_go_on(work: Work) -> None:
    report, progress = work(
        exchange(
            called("grep", pattern="x"),
            called("read"),
            called("give_up", reason="bored", explanation="", evidence=["x"]),
        ),
        exchange(DONE, contains=["there is no tool grep", "path is missing"]),
    )
    assert (report["outcome"], [line["error"] for line in progress]) == (
        "finished",
        [True, True, True, False],
    )


def test_an_end_beside_other_calls_is_taken_only_after_they_went_well(work: Work) -> None:
    fine, failed = called("run", command="true"), called("read", path="nothing")
    report, _ = work(
        exchange(DONE, fine),
        exchange(failed, DONE, contains=["`finish` ends the run", "[exit 0]"]),
        exchange(fine, DONE, contains=["No such file", "`finish` ends the run"]),
    )
    assert (report["outcome"], report["turns"]) == ("finished", 3)


BROKEN = [
    '{"command": "ls',
    "[]",
    "7",
    '"ls"',
    "not json",
    '{"command": NaN}',
    '{"command": 1e999}',
    "[" * 5000,
    '{"a": ' * 20 + "1" + "}" * 20,
]


@pytest.mark.parametrize("written", BROKEN, ids=lambda written: written[:20])
def test_an_input_that_is_no_json_object_is_an_error_for_the_model_which_may_go_on(
    work: Work, written: str
) -> None:
    broken = {"type": "tool_use", "name": "run", "input": written}
    report, progress = work(
        exchange(text("I try."), broken),
        exchange(DONE, contains=["is no JSON object", "nothing was done"]),
    )
    assert (report["outcome"], progress[0]["error"]) == ("finished", True)


def test_broken_input_is_given_back_as_the_provider_advises(work: Work, replaying: Broker) -> None:
    work(exchange({"type": "tool_use", "name": "run", "input": '{"command": "ls'}), exchange(DONE))
    said = newest_log(replaying)[1]["request"]["messages"][0]["content"]
    assert said == [
        {
            "type": "tool_use",
            "id": "toolu_1_1",
            "name": "run",
            "input": {"INVALID_JSON": '{"command": "ls'},
        }
    ]


def test_broken_input_for_ever_comes_to_an_end(work: Work) -> None:
    report, _ = work(*[exchange({"type": "tool_use", "name": "run", "input": "{"})] * 3)
    assert (report["outcome"], report["turns"]) == ("stalled", 3)
    assert "made only calls that could not be read" in report["summary"]


def test_half_a_letter_in_a_call_does_not_end_the_run(work: Work) -> None:
    report, _ = work(
        exchange(text("\ud83c"), called("run", command="echo '\ud83c'")),
        exchange(DONE, contains=["\ufffd"]),
    )
    assert report["outcome"] == "finished"


def test_a_call_that_was_cut_by_the_longest_length_is_not_carried_out(
    work: Work, tools: Tools
) -> None:
    half = called("edit", path="a.txt", new="half of wha")
    report, _ = work(
        exchange(called("edit", path="b.txt", new="whole"), half, stop="max_tokens"),
        exchange(DONE, contains=["created b.txt", "reached its longest length inside this call"]),
    )
    assert report["outcome"] == "finished"
    assert sorted(file.name for file in tools.folder.iterdir()) == ["b.txt"]


def test_an_answer_that_is_too_long_before_it_calls_anything_gets_a_note(work: Work) -> None:
    report, _ = work(
        exchange(text("Well, " * 9), stop="max_tokens"),
        exchange(DONE, contains=["reached its longest length before"]),
    )
    assert report["outcome"] == "finished"


def test_a_refusal_is_answered_once_and_then_it_is_the_end(work: Work, tools: Tools) -> None:
    declined = exchange(text("I will not."), called("run", command="touch done"), stop="refusal")
    report, _ = work(declined, exchange(DONE, contains=["You declined to answer"]))
    assert report["outcome"] == "finished"
    report, _ = work(declined, declined)
    assert (report["outcome"], report["turns"]) == ("stalled", 2)
    assert "declined to answer" in report["summary"]
    assert not (tools.folder / "done").exists()


def test_an_answer_without_a_tool_is_nudged_once_and_then_it_is_a_stall(work: Work) -> None:
    report, _ = work(
        exchange(text("I think…")),
        exchange(text("It is done."), contains=["call finish when the work is done"]),
    )
    assert (report["outcome"], report["turns"], report["tool_calls"]) == ("stalled", 2, 0)
    assert report["summary"] == "2 answers in a row led to nothing; the last one called no tool"


def test_a_nudge_that_helped_is_forgotten(work: Work) -> None:
    report, _ = work(
        exchange(text("Hm.")),
        exchange(called("run", command="true")),
        exchange(text("Hm.")),
        exchange(DONE, contains=["You called no tool"]),
    )
    assert report["outcome"] == "finished"


@pytest.mark.parametrize(
    "content", [(), ({"type": "text", "text": ""},), ({"type": "text", "text": " \n"},)], ids=repr
)
def test_an_empty_answer_is_survived(work: Work, content: Sequence[dict[str, Any]]) -> None:
    report, _ = work(exchange(*content), exchange(DONE))
    assert report["outcome"] == "finished"


def test_the_same_call_three_times_is_nudged_once_and_then_it_is_a_stall(work: Work) -> None:
    same = exchange(called("run", command="echo same"))
    nudged = same | {
        "request": {"contains": ["`run` was called 3 times alike", "this run is ended"]}
    }
    report, _ = work(same, same, same, nudged, same, same)
    assert (report["outcome"], report["turns"]) == ("stalled", 6)
    assert report["summary"] == "`run` was called 3 times alike, with the same result."


def test_long_output_of_the_same_call_is_the_same_although_it_lies_elsewhere(work: Work) -> None:
    same = exchange(called("run", command="seq 5000"))
    report, _ = work(same, same, same, exchange(DONE, contains=["3 times alike"]))
    assert report["outcome"] == "finished"


def test_repeating_a_check_after_each_change_is_no_stall(work: Work) -> None:
    check = called("run", command="cat n; true")
    changes = [called("run", command=f"echo {number} > m") for number in range(4)]
    report, _ = work(*[exchange(change, check) for change in changes], exchange(DONE))
    assert report["outcome"] == "finished"


def test_edits_that_undo_each_other_are_nudged(work: Work, tools: Tools) -> None:
    (tools.folder / "a.txt").write_text("1")
    there, back = (
        called("edit", path="a.txt", old="1", new="2"),
        called("edit", path="a.txt", old="2", new="1"),
    )
    looks = [called("run", command=f"echo {number}") for number in range(4)]
    report, _ = work(
        exchange(there, looks[0]),
        exchange(back, looks[1]),
        exchange(there, looks[2]),
        exchange(back, looks[3]),
        exchange(
            DONE, contains=["3 edits have put back what was there before, the last one in a.txt"]
        ),
    )
    assert report["outcome"] == "finished"


def test_it_ends_when_its_turns_are_used_up(work: Work) -> None:
    report, _ = work(
        exchange(called("run", command="echo 1")),
        exchange(called("run", command="echo 2")),
        max_turns=2,
    )
    assert (report["outcome"], report["turns"], report["tool_calls"]) == ("out-of-turns", 2, 2)


def test_a_spent_budget_ends_it_and_the_factory_hears_it_from_the_broker(work: Work) -> None:
    with pytest.raises(BudgetExhausted, match="may make 1 calls"):
        work(exchange(called("run", command="true")), caps={"calls": 1})


def test_a_model_that_fails_ends_it_in_the_providers_words(work: Work) -> None:
    error = {"status": 529, "type": "overloaded_error", "message": "Overloaded"}
    report, _ = work(exchange(called("run", command="true")), {"error": error})
    assert (report["outcome"], report["turns"]) == ("error", 2)
    assert "Overloaded" in report["summary"]


def test_a_cut_stream_is_replayed_as_it_was_recorded(work: Work) -> None:
    cut = {
        "status": 502,
        "type": "api_error",
        "message": "the provider's stream ended before the message did",
    }
    report, _ = work(
        {"error": cut}, {"error": cut, "request": {"messages": 1}}, exchange(DONE, messages=1)
    )
    assert (report["outcome"], report["turns"]) == ("finished", 1)


def test_every_answer_is_asked_for_as_a_stream_and_with_the_wanted_effort(
    work: Work, replaying: Broker
) -> None:
    work(exchange(called("run", command="true")), exchange(DONE), effort="high")
    first = newest_log(replaying)[0]["request"]
    assert (first["stream"], first["output_config"]) == (True, {"effort": "high"})


def test_leaving_the_recording_is_an_error_that_names_it(work: Work) -> None:
    with pytest.raises(ModelError, match="contains: the newest message lacks 'nowhere'"):
        work(exchange(called("run", command="true"), contains=["nowhere"]))


READS = [called("run", command=f"seq {number} 900") for number in range(1, 13)]


def test_old_results_are_reduced_when_there_is_no_more_room(
    work: Work, replaying: Broker, tools: Tools
) -> None:
    """Never the rules, the task, what was called, or the newest turns; and it names the path of the
    whole."""
    small, crowded = (
        {"input_tokens": 90, "output_tokens": 10},
        {"input_tokens": 2800, "output_tokens": 200},
    )
    report, _ = work(
        *[exchange(READS[number], usage=small) for number in range(10)],
        exchange(READS[10], usage=crowded),
        exchange(DONE),
        context_tokens=1000,
    )
    assert (report["outcome"], report["compactions"]) == ("finished", 1)
    *_, before, last = newest_log(replaying)
    assert before["request"]["kept"] == 19
    assert (last["request"]["kept"], len(last["request"]["messages"])) == (2, 21)
    # as it was
    assert "system" not in last["request"]
    results = [part["content"] for part in parts_of(last) if part["type"] == "tool_result"]
    assert [said.startswith("[left out to make room: run ") for said in results] == [True] * 9 + [
        False
    ] * 2
    place = Path(results[0].partition("what it printed is in ")[2].removesuffix("]"))
    assert place.read_text().splitlines()[-1] == "900"
    assert [part["input"]["command"] for part in parts_of(last) if part["type"] == "tool_use"] == [
        given["input"]["command"] for given in READS[1:11]
    ]


def test_there_is_no_compaction_while_there_is_room(work: Work) -> None:
    report, _ = work(
        *[exchange(read, usage={"input_tokens": 700, "output_tokens": 50}) for read in READS],
        exchange(DONE),
        context_tokens=2000,
    )
    assert report["compactions"] == 0


def parts_of(call: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for said in call["request"]["messages"] for part in said["content"]]


def newest_log(broker: Broker) -> list[dict[str, Any]]:
    newest = max(
        (broker.options.home / "wire").glob("*.jsonl"), key=lambda file: file.stat().st_mtime_ns
    )
    return [json.loads(line) for line in newest.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def live(
    forwarding: Broker, tools: Tools, sdk: Callable[[Session], "Anthropic"]
) -> Callable[..., dict[str, Any]]:
    """The loop against a broker that forwards, and an endpoint that answers as a test planned."""

    def run(**changes: Any) -> dict[str, Any]:
        with forwarding.client.open(request(issue=next(NUMBERS))) as session:
            return agent.work(assigned(**changes), sdk(session), tools, lambda line: None)

    return run


def tool(name: str, number: int, **given: Any) -> dict[str, Any]:
    return called(name, **given) | {"id": f"toolu_{number}"}


def test_each_request_begins_with_the_bytes_of_the_one_before(
    live: Callable[..., dict[str, Any]], provider: Provider
) -> None:
    provider.plan(
        message(
            text("I look."),
            tool("run", 1, command="echo 1"),
            tool("read", 2, path="none"),
            stop_reason="tool_use",
        ),
        message(text("Thinking.")),
        message(
            {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
            *(tool("run", 10 + number, command=f"echo {number}") for number in range(30)),
            stop_reason="tool_use",
        ),
        message(tool("run", 3, command="echo 3"), stop_reason="tool_use"),
        message(tool("finish", 4, summary="ok"), stop_reason="tool_use"),
    )
    assert live()["outcome"] == "finished"
    bodies = [seen["body"] for seen in provider.seen]
    assert len(bodies) == 5
    for before, after in pairwise(bodies):
        assert prefix(after).startswith(prefix(before))
        assert len(prefix(after)) > len(prefix(before))


def test_the_cache_is_marked_where_the_next_request_will_look(
    live: Callable[..., dict[str, Any]], provider: Provider
) -> None:
    """At most four marks, and the place that the newest request ends at is marked in the next one,
    too."""
    provider.plan(
        *(
            message(tool("run", number, command=f"echo {number}"), stop_reason="tool_use")
            for number in range(4)
        ),
        message(tool("finish", 9, summary="ok"), stop_reason="tool_use"),
    )
    live()
    marks = [marked(seen["body"]) for seen in provider.seen]
    assert marks == [
        ["system", "0"],
        ["system", "0", "2"],
        ["system", "0", "2", "4"],
        ["system", "0", "4", "6"],
        ["system", "0", "6", "8"],
    ]


def prefix(body: dict[str, Any]) -> str:
    """What a provider's cache compares: tools, system and messages, in this order, without the
    marks."""
    whole = json.dumps([body["tools"], body["system"], body["messages"]])
    return whole.replace(', "cache_control": {"type": "ephemeral"}', "").rstrip("]")


def marked(body: dict[str, Any]) -> list[str]:
    system = ["system" for block in body["system"] if "cache_control" in block]
    return system + [
        str(number)
        for number, said in enumerate(body["messages"])
        for block in said["content"]
        if "cache_control" in block
    ]


def cut_short(*content: dict[str, Any]) -> Answer:
    """A stream that ends inside its last block."""
    pieces = [encoded(event) for event in events_of(message(*content, stop_reason="tool_use"))]
    return Answer(pieces=pieces[:-4])


def test_a_stream_that_is_cut_inside_a_call_is_asked_for_again(
    live: Callable[..., dict[str, Any]], provider: Provider, tools: Tools
) -> None:
    provider.plan(
        cut_short(tool("run", 1, command="touch half; " + "x" * 200)),
        message(tool("finish", 2, summary="ok"), stop_reason="tool_use"),
    )
    report = live()
    assert (report["outcome"], report["turns"]) == ("finished", 1)
    first, second = provider.seen
    assert first["body"] == second["body"]
    assert not (tools.folder / "half").exists()


def test_streams_that_are_always_cut_come_to_an_end_and_the_factory_waits(
    tmp_path: Path, provider: Provider, tools: Tools, sdk: Callable[[Session], "Anthropic"]
) -> None:
    provider.plan(*[cut_short(tool("run", 1, command="true" + "x" * 200)) for _ in range(3)])
    with start(
        Options(home=tmp_path / "home", control=tmp_path / "c", upstream=provider.url),
        key=KEY,
        seconds=SECONDS,
        popen=warm.Server,
    ) as broker:
        opened = BrokerClient(broker.control).open(request(issue=next(NUMBERS)))
        report = agent.work(assigned(), sdk(opened.__enter__()), tools, lambda line: None)
        assert (report["outcome"], report["turns"], len(provider.seen)) == ("error", 1, 3)
        with pytest.raises(ModelsPaused):
            opened.__exit__(None, None, None)


def test_a_conversation_that_is_too_long_is_shortened_and_asked_again(
    live: Callable[..., dict[str, Any]], provider: Provider
) -> None:
    error = {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens"}
    too_long = Answer({"type": "error", "error": error}, 400)
    provider.plan(
        *(
            message(tool("run", number, command=f"seq {number} 900"), stop_reason="tool_use")
            for number in range(1, 5)
        ),
        too_long,
        message(tool("finish", 9, summary="ok"), stop_reason="tool_use"),
    )
    report = live()
    assert (report["outcome"], report["compactions"]) == ("finished", 1)
    assert "left out to make room" in json.dumps(provider.seen[-1]["body"]["messages"][2])
