"""What `make mutants` asks of a room: enough of its mutants die, and each survivor is listed."""

import tomllib

import pytest

from tests import mutants
from tests.mutants import Outcome, Room, Survivor

ROOM = Room("merge", ("harness/domain/merge.py",), ("tests/domain/test_merge.py",))
ONE = Survivor("harness.domain.merge.refusals", "if a < b:", "if a <= b:")
OTHER = Survivor("harness.domain.merge.refusals", "return a", "return b")


@pytest.mark.parametrize(
    ("died", "survivors", "listed", "least", "words"),
    [
        (9, [ONE], [ONE], 90, []),
        (9, [ONE], [], 90, ["has to notice"]),
        (8, [ONE], [ONE], 90, ["88.9 % of its mutants died, and 90 % have to"]),
        (9, [ONE], [ONE, OTHER], 90, ["does not survive: harness.domain.merge.refusals return b"]),
        (0, [], [], 90, ["0.0 %"]),
        (0, [ONE], [ONE, OTHER], None, []),
        (9, [ONE], [OTHER], None, ["has to notice"]),
    ],
)
def test_too_few_dead_an_unlisted_survivor_and_a_listed_one_that_is_none_are_faults(
    died, survivors, listed, least, words
) -> None:
    found = list(mutants.faults(Outcome(ROOM, died, 0, tuple(survivors)), listed, least=least))
    assert len(found) == len(words)
    assert all(word in told for word, told in zip(words, found, strict=True))


def test_a_listed_survivor_belongs_to_the_room_of_its_module_alone() -> None:
    names = (ONE.function, "harness.domain.mergers.x", "harness.domain.plain.plain")
    listed = [
        {"in": name, "why": "the same", "mutants": [[ONE.line, ONE.mutant]]} for name in names
    ]
    assert mutants.explained({"survivors": listed}, ROOM) == {ONE: "the same"}


def test_the_same_seed_draws_the_same_mutants(tmp_path) -> None:
    room = Room(str(tmp_path / "room"), ("harness/domain/plain.py",), ())
    mutants.prepare(room)
    first, again, other = (mutants.sample([room], 5, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


def test_each_pattern_finds_files_and_each_listed_survivor_has_a_room_and_a_why() -> None:
    rules = tomllib.loads(mutants.LIST.read_text("utf-8"))
    rooms = [
        Room(name, tuple(room["files"]), tuple(room["tests"]))
        for name, room in rules["rooms"].items()
    ]
    assert all(list(mutants.ROOT.glob(pattern)) for room in rooms for pattern in room.files)
    why = {
        (entry["in"], *pair): entry["why"]
        for entry in rules.get("survivors", ())
        for pair in entry["mutants"]
    }
    assert sum(len(mutants.explained(rules, room)) for room in rooms) == len(why)
    assert all(why.values())


def test_each_listed_line_is_still_a_line_of_its_room() -> None:
    """A line that was rewritten is known at once, not after hours of mutants. Its spaces are
    mutmut's."""
    rules = tomllib.loads(mutants.LIST.read_text("utf-8"))
    files = {
        path
        for room in rules["rooms"].values()
        for pattern in room["files"]
        for path in mutants.ROOT.glob(pattern)
    }
    known = "\n".join("".join(path.read_text("utf-8").split()) for path in files)
    gone = [
        (entry["in"], line)
        for entry in rules["survivors"]
        for line, _ in entry["mutants"]
        if "".join(line.split()) not in known
    ]
    assert gone == []
