"""Every role that is asked a closed question, each from a list of answers; and a world whose
factory.toml names them."""

import re
from typing import Any

from harness.factory.stages.duplicates import PAIR_SCHEMA
from harness.ports.model import Session
from tests.factory.voters import under
from tests.factory.world import ACCEPT, World

NOTHING = {"can_tell": True, "findings": [], "reason": "I read all of it."}
DIAGNOSIS = {
    "cause": "incomplete",
    "what_went_wrong": "It changed nothing.",
    "quotes": ["finished without changing anything"],
    "do_next": "Change the store.",
}
PLAN = {
    "approach": "In the store.",
    "reads": ["tidebook/store.py"],
    "gaps": ["Whose places?"],
    "steps": [
        {
            "does": "Gives places back.",
            "touches": ["tidebook/store.py"],
            "done_when": "tests/test_store.py passes",
        }
    ],
}
ASKS = {"verdict": "triage", "findings": "reviewer", "cause": "diagnoser", "steps": "planner"}
"""The role by a property of the form that it is to answer in."""


class Players:
    """Answers by role, the last answer of a role again and again; an error is raised, what can be
    called is called with the question. Keeps every question by role, and whom it was put to."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, list[Any]] = {
            "triage": [ACCEPT],
            "reviewer": [NOTHING],
            "diagnoser": [DIAGNOSIS],
            "planner": [PLAN],
        }
        self.answers |= {
            role: list(given) if isinstance(given, tuple) else [given]
            for role, given in answers.items()
        }
        self.asked: list[tuple[str, Session, str]] = []

    def answer(
        self, session: Session, *, system: Any, question: str, schema: dict[str, Any]
    ) -> Any:
        if schema == PAIR_SCHEMA:
            return {"answer": "not the same"}
        role = next(role for name, role in ASKS.items() if name in schema["properties"])
        self.asked.append((role, session, question))
        given = self.answers[role]
        answer = given.pop(0) if len(given) > 1 else given[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer(question) if callable(answer) else answer

    def questions(self, role: str) -> list[str]:
        return [question for one, _, question in self.asked if one == role]

    def models(self, role: str) -> list[str]:
        return [session.model for one, session, _ in self.asked if one == role]


def cast_by(world: World, toml: str) -> World:
    """The world with this in its factory.toml; a table that is there already gets these keys
    first."""
    text = world.git.read(world.base, "factory.toml").decode()
    for name, keys in re.findall(r"^\[([\w.]+)\]\n(.*?)(?=^\[|\Z)", toml, re.DOTALL | re.MULTILINE):
        text = (
            text.replace(f"[{name}]\n", f"[{name}]\n{keys}", 1)
            if f"[{name}]\n" in text
            else f"{text}\n[{name}]\n{keys}"
        )
    return under(world, **{"factory.toml": text.encode()})
