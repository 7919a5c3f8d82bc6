"""One question, one closed answer."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from harness.agents.model import BrokeredModel
from harness.domain.errors import BudgetExhausted, ModelError
from harness.ports.model import Session
from tests.agents.conftest import Broker, request, text

NUMBERS = count(3000)
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["verdict"],
    "properties": {"verdict": {"enum": ["in", "out"]}, "cites": {"type": "array"}},
}
Asked = Callable[..., Any]


@pytest.fixture
def asked(replaying: Broker) -> Asked:
    """Asks one question of a model that answers with these blocks."""

    def ask(*content: dict[str, Any], error: dict[str, Any] | None = None, **caps: Any) -> Any:
        answer = {"error": error} if error else {"response": {"content": list(content)}}
        expected = {
            "messages": 1,
            "tools": ["answer"],
            "contains": ["Is it in scope?", "calling the tool `answer`"],
        }
        issue = next(NUMBERS)
        replaying.record(
            {"exchanges": [{"request": expected} | answer]}, issue=issue, role="triage"
        )
        with replaying.client.open(request(issue=issue, role="triage", **caps)) as session:
            return BrokeredModel().answer(
                session,
                system=["The rules.", "Your role."],
                question="Is it in scope?",
                schema=SCHEMA,
            )

    return ask


def answer(name: str = "answer", **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "name": name, "input": given}


def test_the_answer_is_the_input_of_the_one_tool(asked: Asked) -> None:
    assert asked(text("Clearly."), answer(verdict="in", cites=["M-BOOK"])) == {
        "verdict": "in",
        "cites": ["M-BOOK"],
    }


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ([text("It is in.")], "did not call `answer`; it ended with end_turn"),
        ([], "did not call `answer`"),
        ([answer(verdict="in"), answer(verdict="out")], "it called answer, answer"),
        ([answer("merge", verdict="in")], "it called merge"),
        ([answer(verdict="perhaps")], r"does not fit its schema: \$.verdict"),
        ([answer()], "'verdict' is a required property"),
        ([answer(verdict="in", merge=True)], "'merge' was unexpected"),
        ([answer() | {"input": "in"}], "not an object"),
    ],
)
def test_anything_else_is_an_error(asked: Asked, content: list[dict[str, Any]], named: str) -> None:
    with pytest.raises(ModelError, match=named):
        asked(*content)


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (401, False), (413, False), (429, True), (500, True), (529, True)],
)
def test_a_failure_of_the_provider_shows_whether_to_try_later(
    asked: Asked, status: int, retryable: bool
) -> None:
    with pytest.raises(ModelError, match="no_luck: Sorry") as error:
        asked(error={"status": status, "type": "no_luck", "message": "Sorry"})
    assert error.value.retryable is retryable


def test_a_cap_is_a_stop_and_not_an_error(asked: Asked) -> None:
    with pytest.raises(BudgetExhausted, match="may make 0 calls"):
        asked(answer(verdict="in"), calls=0)


def test_a_socket_that_is_gone_is_named() -> None:
    with pytest.raises(ModelError, match=r"does not answer at /nowhere/model\.sock") as error:
        BrokeredModel().answer(
            Session("s", Path("/nowhere/model.sock"), "m"), system=[], question="?", schema=SCHEMA
        )
    assert error.value.retryable
