"""The loop against the real broker, with the real SDK and real tools; only the model is a script."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic

from harness.agents.loop import agent
from harness.agents.loop.tools import Tools
from harness.domain.errors import BudgetExhausted, ModelError
from harness.ports.model import Session
from tests.agents.conftest import MODEL, Broker, request, text

NUMBERS = count(1000)


def called(name: str, **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "name": name, "input": given}


def exchange(*content: dict[str, Any], **asked: Any) -> dict[str, Any]:
    return {"request": asked, "response": {"content": list(content)}}


Work = Callable[..., tuple[dict[str, Any], list[dict[str, Any]]]]


@pytest.fixture
def work(replaying: Broker, tmp_path: Path, sdk: Callable[[Session], Anthropic]) -> Work:
    """Plays a script against the loop in `tmp_path`; gives its report and its progress."""
    tools = Tools(tmp_path, {"PATH": "/usr/bin:/bin"}, seconds=5, output=1000)

    def run(*exchanges: dict[str, Any], caps: dict[str, Any] | None = None,
            **changes: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        issue, progress = next(NUMBERS), list[dict[str, Any]]()
        replaying.record({"tools": ["run", "read", "edit", "finish", "give_up"], "exchanges": exchanges}, issue=issue)
        assignment = agent.Assignment(system=["The law.", "Your role."], task="Make it work.", model=MODEL,
                                      base_url="unused", **changes)
        with replaying.client.open(request(issue=issue, **caps or {})) as session:
            report = agent.work(assignment, sdk(session), tools, progress.append)
        return report, progress

    return run


def test_it_works_until_it_says_that_it_is_done(work: Work, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("print(1)\n")
    report, progress = work(
        exchange(text("I look."), called("run", command="python3 a.py"), called("read", path="a.py"),
                 contains=["Make it work."]),
        exchange(called("edit", path="a.py", old="1", new="2"), last="tool_result", contains=["1\n\n[exit 0]", "1\tprint(1)"]),
        exchange(called("run", command="python3 a.py"), contains=["changed a.py"]),
        exchange(called("finish", summary="It prints 2."), contains=["2\n\n[exit 0]"]))
    assert report == {"outcome": "finished", "summary": "It prints 2.", "reason": None, "turns": 4, "tool_calls": 5}
    assert (tmp_path / "a.py").read_text() == "print(2)\n"
    assert [(line["turn"], line["tool"], line["error"]) for line in progress] == [
        (1, "run", False), (1, "read", False), (2, "edit", False), (3, "run", False), (4, "finish", False)]


@pytest.mark.parametrize("reason", ["cannot-reproduce", "spec-conflict", "blocked"])
def test_giving_up_is_an_honest_end(work: Work, reason: str) -> None:
    report, _ = work(exchange(called("give_up", reason=reason, explanation="Tried it twice.")))
    assert (report["outcome"], report["reason"], report["summary"]) == ("gave-up", reason, "Tried it twice.")


def test_an_invalid_call_is_told_to_the_model_which_may_go_on(work: Work) -> None:
    report, progress = work(
        exchange(called("grep", pattern="x"), called("give_up", reason="bored", explanation="")),
        exchange(called("finish", summary="ok"), contains=["there is no tool grep", "give_up takes an object"]))
    assert (report["outcome"], [line["error"] for line in progress]) == ("finished", [True, True, False])


def test_an_answer_without_a_tool_is_nudged_once_and_then_it_is_a_stall(work: Work) -> None:
    report, _ = work(exchange(text("I think…")), exchange(text("It is done."), contains=["call finish when the work is done"]))
    assert (report["outcome"], report["turns"], report["tool_calls"]) == ("stalled", 2, 0)


def test_a_nudge_that_helped_is_forgotten(work: Work) -> None:
    report, _ = work(exchange(text("Hm.")), exchange(called("run", command="true")), exchange(text("Hm.")),
                     exchange(called("finish", summary="ok"), contains=["You called no tool"]))
    assert report["outcome"] == "finished"


def test_an_empty_answer_is_survived(work: Work) -> None:
    report, _ = work(exchange(), exchange(called("finish", summary="ok")))
    assert report["outcome"] == "finished"


def test_the_same_call_with_the_same_result_three_times_is_a_stall(work: Work) -> None:
    report, _ = work(*[exchange(called("run", command="echo same"))] * 3)
    assert (report["outcome"], report["turns"]) == ("stalled", 3)
    assert "run was called three times alike" in report["summary"]


def test_going_round_in_a_circle_of_two_is_a_stall(work: Work) -> None:
    there, back = exchange(called("run", command="echo there")), exchange(called("run", command="echo back"))
    report, _ = work(there, back, there, back, there, back)
    assert report["outcome"] == "stalled"


def test_repeating_a_check_after_each_change_is_no_stall(work: Work) -> None:
    check = called("run", command="cat n; true")
    changes = [called("run", command=f"echo {number} > m") for number in range(4)]
    report, _ = work(*[exchange(change, check) for change in changes], exchange(called("finish", summary="ok")))
    assert report["outcome"] == "finished"


def test_it_ends_when_its_turns_are_used_up(work: Work) -> None:
    report, _ = work(exchange(called("run", command="echo 1")), exchange(called("run", command="echo 2")), max_turns=2)
    assert (report["outcome"], report["turns"], report["tool_calls"]) == ("out-of-turns", 2, 2)


def test_a_spent_budget_ends_it_and_the_factory_hears_it_from_the_broker(work: Work) -> None:
    with pytest.raises(BudgetExhausted, match="may make 1 calls"):
        work(exchange(called("run", command="true")), caps={"calls": 1})


def test_a_model_that_fails_ends_it_in_the_providers_words(work: Work) -> None:
    error = {"status": 529, "type": "overloaded_error", "message": "Overloaded"}
    report, _ = work(exchange(called("run", command="true")), {"error": error})
    assert (report["outcome"], report["turns"]) == ("error", 2)
    assert "Overloaded" in report["summary"]


def test_every_answer_is_asked_for_as_a_stream(work: Work, replaying: Broker) -> None:
    work(exchange(called("run", command="true")), exchange(called("finish", summary="ok")))
    newest = max((replaying.options.home / "wire").glob("*.jsonl"), key=lambda file: file.stat().st_mtime)
    asked = [json.loads(line)["request"] for line in newest.read_text().splitlines()]
    assert asked[0]["stream"] is True
    assert "stream" not in asked[1]     # unchanged, so the log leaves it out


def test_a_tools_input_that_is_no_json_ends_it_with_an_error(work: Work) -> None:
    report, _ = work({"response": {"content": [{"type": "tool_use", "name": "run", "input": "{\"command\": ]"}]}})
    assert (report["outcome"], report["turns"]) == ("error", 1)
    assert "JSON" in report["summary"]


def test_an_agent_that_leaves_its_script_is_an_error_that_names_it(work: Work) -> None:
    with pytest.raises(ModelError, match=r"exchange 2: contains: the newest message lacks 'other'"):
        work(exchange(called("run", command="echo this")), exchange(called("finish", summary=""), contains=["other"]))


def test_the_prefix_is_marked_for_the_cache_and_never_changes(work: Work, replaying: Broker) -> None:
    work(exchange(called("run", command="true")), exchange(called("finish", summary="ok")))
    newest = max((replaying.options.home / "wire").glob("*.jsonl"), key=lambda file: file.stat().st_mtime)
    first, second = (json.loads(line)["request"] for line in newest.read_text().splitlines())
    assert first["system"] == [{"type": "text", "text": "The law.", "cache_control": {"type": "ephemeral"}},
                               {"type": "text", "text": "Your role."}]
    assert "system" not in second       # the same as before, so the log leaves it out
    assert "tools" not in second
    marks = [block.get("cache_control") for message in second["messages"] for block in message["content"]]
    assert marks[-1] == {"type": "ephemeral"}
    assert marks.count({"type": "ephemeral"}) == 1
