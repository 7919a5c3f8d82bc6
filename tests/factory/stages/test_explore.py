"""Personas of a repository's own: read from factory.toml, and asked for of the judge with a session
for each role."""

import pytest

from harness.domain.errors import ConfigError
from harness.domain.lifecycle import State
from harness.factory.settings.config import Persona, read_config
from tests.factory.world import World
from tests.fakes.people import FakeBroker

GUEST = """
[[personas]]
name = "guest"
who = "somebody who has never been here"
goal = "book a walk for two"
promise = "M-BOOK"
shown = ["Name"]
kept_at = "/"
"""
CLAIMS = (
    GUEST.replace('"guest"', '"doubter"')
    + 'claims = ["The page says for how many the booking is."]\n'
)


class Frugal(FakeBroker):
    """Has something left for everybody but an actor."""

    def open(self, request):
        self.exhausted = request.role == "actor"
        return super().open(request)


def explored(tmp_path, personas: str, **parts) -> World:
    world = World(tmp_path, **parts)
    tree = dict(world.git.trees[world.git.tree_of(world.remote["main"])])
    tree["factory.toml"] += personas.encode()
    world.remote["main"] = world.base = world.git.commit(world.git.tree(tree), [], message="base")
    world.file()
    world.tick()
    return world


def asked(world: World) -> dict:
    (request,) = [request for request in world.validator.requests if request.get("candidate")]
    return request


def test_without_personas_nobody_is_asked_to_explore_and_no_session_is_opened(tmp_path) -> None:
    world = explored(tmp_path, "")
    assert "exploring" not in asked(world)
    assert {request.role for request in world.broker.opened}.isdisjoint({"actor", "judge"})


def test_personas_are_asked_for_with_a_session_of_the_actors(tmp_path) -> None:
    request = asked(explored(tmp_path, GUEST))["exploring"]
    assert set(request) == {"personas", "actor"}
    assert request["personas"][0] == {
        "name": "guest",
        "who": "somebody who has never been here",
        "goal": "book a walk for two",
        "promise": "M-BOOK",
        "shown": ["Name"],
        "kept_at": "/",
        "starts_at": "/",
        "claims": [],
        "acts": 25,
        "seconds": 120,
        "tokens": 40_000,
    }
    assert request["actor"] == {"socket": "/nowhere.sock", "model": "claude-haiku-5-5"}


def test_claims_have_a_judge_of_another_model_and_every_session_is_written_down(tmp_path) -> None:
    world = explored(tmp_path, GUEST + CLAIMS)
    request = asked(world)["exploring"]
    assert [persona["name"] for persona in request["personas"]] == ["guest", "doubter"]
    assert request["contrast"]["model"] != request["actor"]["model"]
    assert {"actor", "judge"} <= {
        entry.data["role"] for entry in world.ledger.entries(kind="usage")
    }


def test_a_cap_that_exploring_would_cross_stops_the_change_before_it_is_judged(tmp_path) -> None:
    world = explored(tmp_path, GUEST, broker=Frugal())
    assert world.history(1).state is State.NEEDS_HUMAN
    assert not any(request.get("candidate") for request in world.validator.requests)


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ('[personas]\nname = "guest"\n', "personas", "expected tables `[[personas]]`"),
        (GUEST + GUEST, "personas", "two personas have the same name"),
        (GUEST.replace("who", "whom"), "personas.1.whom", "did you mean `personas.1.who`?"),
        (GUEST.replace('goal = "book a walk for two"\n', ""), "personas.1", "needs `goal`"),
        (
            '[[personas]]\nname = "guest"\nwho = "x"\n',
            "personas.1",
            "`goal`, `promise` and `shown`",
        ),
        (GUEST.replace('["Name"]', '"Name"'), "personas.1.shown", "expected a list of texts"),
        (GUEST + 'acts = "many"\n', "personas.1.acts", "expected a whole number, such as"),
    ],
)
def test_a_persona_that_cannot_be_read_is_named_by_its_key(text, key, message) -> None:
    with pytest.raises(ConfigError) as refused:
        read_config("schema = 1\n" + text)
    assert key in str(refused.value)
    assert message in str(refused.value)


def test_a_persona_has_defaults_for_all_but_who_wants_what_and_how_it_shows() -> None:
    (persona,) = read_config("schema = 1\n" + GUEST.replace('kept_at = "/"\n', "")).personas
    assert persona == Persona(
        "guest", "somebody who has never been here", "book a walk for two", "M-BOOK", ("Name",)
    )
