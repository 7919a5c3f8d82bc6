"""The store: where it may lie, what it keeps for ever, and that a leak of a journey stops
everything."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.validators_launcher.git_repository import Source
from validators.app.git import OVERLAP, PIECE, Repository
from validators.domain.errors import ValidatorsError
from validators.domain.stops import UsageError
from validators.domain.verdict import Purpose
from validators.signing.key import signer_at
from validators.signing.notary import Notary
from validators.store.entries import Entry, Event
from validators.store.journeys import JourneyStore, SealedJourney, journey_digest, with_canary
from validators.store.leaks import AT_ONCE, refuse_leaked
from validators.store.place import opened_place

TEXT = "journey: a-walk\nsteps: []\n"


@pytest.fixture
def journey_store(tmp_path: Path) -> JourneyStore:
    return JourneyStore(
        opened_place(tmp_path / "sealed" / "seaside", bound=()),
        Notary(signer_at(tmp_path / "validator.key")),
    )


def sealed(journey_store: JourneyStore, *, issue: int = 2, text: str = TEXT) -> SealedJourney:
    whole = with_canary(text)
    entry = Entry(
        Event.SEALED,
        issue,
        "a-walk",
        journey_digest(whole),
        Purpose.BUG,
        "sha256:0",
        "author",
        "",
        "2026-01-02",
    )
    journey_store.seal((whole,), (entry,))
    return SealedJourney(entry, whole)


def test_what_was_sealed_stands_for_its_issue(journey_store: JourneyStore) -> None:
    journey = sealed(journey_store)
    assert journey_store.journeys(2) == (journey,)
    assert journey_store.journeys(3) == ()
    assert journey_store.canaries() == (journey.canary,)


def test_a_retired_journey_stands_no_more_and_is_kept(journey_store: JourneyStore) -> None:
    first, second = sealed(journey_store), sealed(journey_store)
    journey_store.close(
        first.entry.digest,
        event=Event.RETIRED,
        actor="greta",
        reason="the walk ended",
        at="2026-01-03",
    )
    assert [journey.entry.digest for journey in journey_store.journeys(2)] == [second.entry.digest]
    assert set(journey_store.canaries()) == {first.canary, second.canary}
    assert [(entry.event, entry.actor) for entry in journey_store.entries()] == [
        (Event.SEALED, "author"),
        (Event.SEALED, "author"),
        (Event.RETIRED, "greta"),
    ]


def test_what_is_sealed_together_is_one_page_and_so_is_what_it_supersedes(
    journey_store: JourneyStore,
) -> None:
    old = sealed(journey_store).entry
    texts = tuple(with_canary(f"journey: walk-{number}\n") for number in (1, 2))
    new = [
        replace(old, journey=f"walk-{number}", digest=journey_digest(text))
        for number, text in enumerate(texts, 1)
    ]
    journey_store.seal(texts, [replace(old, event=Event.SUPERSEDED), *new])
    assert [journey.entry for journey in journey_store.journeys(2)] == new
    pages = sorted((journey_store.folder / "entries").iterdir())
    pages[-1].unlink()  # as if killed before the page was there: the texts are, and bind nobody
    assert [journey.entry for journey in journey_store.journeys(2)] == [old]
    assert len(pages) == 2


def test_an_entry_without_its_text_is_not_written(journey_store: JourneyStore) -> None:
    with pytest.raises(UsageError, match="no text of journey 'a-walk' hashes to sha256:0"):
        journey_store.seal(
            (), (Entry(Event.SEALED, 2, "a-walk", "sha256:0", Purpose.BUG, "", "author", "", ""),)
        )
    assert journey_store.entries() == ()


def test_retiring_what_does_not_stand_is_refused_by_name(journey_store: JourneyStore) -> None:
    with pytest.raises(UsageError, match="no journey in force has the digest sha256:abc"):
        journey_store.close("sha256:abc", event=Event.RETIRED, actor="greta", reason="", at="")


def test_a_changed_journey_is_not_judged_with(journey_store: JourneyStore) -> None:
    sealed(journey_store)
    file = next((journey_store.folder / "journeys").iterdir())
    file.write_text(file.read_text().replace("[]", "[{open: /}]"))
    with pytest.raises(UsageError, match="changed after sealing"):
        journey_store.journeys(2)


@pytest.mark.parametrize("harm", ["edit", "remove the first", "swap"])
def test_a_history_that_was_touched_is_refused(journey_store: JourneyStore, harm: str) -> None:
    sealed(journey_store)
    sealed(journey_store)
    first, second = sorted((journey_store.folder / "entries").iterdir())
    if harm == "edit":
        first.write_bytes(first.read_bytes().replace(b'"payload": "e', b'"payload": "f'))
    elif harm == "remove the first":
        first.unlink()
    else:
        one, two = first.read_bytes(), second.read_bytes()
        first.write_bytes(two)
        second.write_bytes(one)
    with pytest.raises(ValidatorsError):
        journey_store.journeys(2)


def test_an_author_cannot_choose_the_canary() -> None:
    with pytest.raises(UsageError, match="only the store may"):
        with_canary(TEXT + "canary: 00000000000000000000000000000000\n")


@pytest.mark.parametrize(
    "inside", ["a checkout", "a bare repository", "a bound prefix", "around a bound prefix"]
)
def test_a_store_in_reach_of_others_is_refused(source: Source, tmp_path: Path, inside: str) -> None:
    (tmp_path / "checkout" / ".git").mkdir(parents=True)
    layers = tmp_path / "layers"
    store, bound = {
        "a checkout": (tmp_path / "checkout" / "state" / "sealed", ()),
        "a bare repository": (source.git_dir / "sealed", ()),
        "a bound prefix": (layers / "sealed", (layers,)),
        "around a bound prefix": (tmp_path, (layers,)),
    }[inside]
    with pytest.raises(UsageError, match="may not"):
        opened_place(store, bound=bound)
    assert store == tmp_path or not store.exists()


@pytest.mark.parametrize("name", [".git", "HEAD"])
def test_a_store_is_refused_where_nobody_can_tell_of_a_checkout(tmp_path: Path, name: str) -> None:
    for part in {"HEAD": ("HEAD", "objects", "refs")}.get(name, (name,)):
        (tmp_path / part).symlink_to(part)
    with pytest.raises(UsageError, match="may not lie in a git repository"):
        opened_place(tmp_path / "sealed", bound=())
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be looked at"):
        opened_place(tmp_path / "file", bound=())


def test_a_store_reached_through_a_link_is_judged_by_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "layers").mkdir()
    (tmp_path / "sealed").symlink_to(tmp_path / "layers")
    with pytest.raises(UsageError, match="share a prefix"):
        opened_place(tmp_path / "sealed", bound=(tmp_path / "layers",))


def test_a_store_that_others_can_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sealed").mkdir(mode=0o755)
    with pytest.raises(UsageError, match="mode 0700"):
        opened_place(tmp_path / "sealed", bound=())


def test_a_store_that_another_account_owns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sealed").mkdir(mode=0o700)
    with pytest.raises(UsageError, match="this account's own"):
        opened_place(tmp_path / "sealed", bound=(), account=lambda: os.geteuid() + 1)


@pytest.mark.parametrize(
    "where", ["a file", "a file name", "a commit message", "an unreachable blob"]
)
def test_a_canary_in_any_object_of_the_repository_stops_everything(
    journey_store: JourneyStore, source: Source, where: str
) -> None:
    objects = Repository(source.git_dir)
    source.commit({"a.txt": "before"})
    refuse_leaked(journey_store.folder, objects, canaries=journey_store.canaries())
    canary = sealed(journey_store).canary
    refuse_leaked(journey_store.folder, objects, canaries=journey_store.canaries())
    match where:
        case "a file":
            source.commit({"deep/down/notes.md": f"words {canary} words"})
        case "a file name":
            source.commit({canary: ""})
        case "a commit message":
            source.git("commit-tree", source.commit({"a": "b"}).tree, "-m", f"see {canary}")
        case _:
            source.blob(f"x{canary}x")
    with pytest.raises(UsageError, match="canary"):
        refuse_leaked(journey_store.folder, objects, canaries=journey_store.canaries())
    with pytest.raises(UsageError, match="canary"):
        refuse_leaked(journey_store.folder, objects, canaries=journey_store.canaries())


# The header of the object comes before it.
@pytest.mark.parametrize("before", range(PIECE - OVERLAP - 96, PIECE - OVERLAP - 32, 16))
def test_a_large_object_is_searched_in_pieces_and_across_them(
    journey_store: JourneyStore, source: Source, before: int
) -> None:
    canary = sealed(journey_store).canary
    objects = Repository(source.git_dir)
    name = source.blob("0" * before + canary + "0" * 3 * PIECE)
    assert max(map(len, objects.chunks([name]))) <= PIECE
    with pytest.raises(UsageError, match="canary"):
        refuse_leaked(journey_store.folder, objects, canaries=journey_store.canaries())


def test_a_search_that_is_ended_goes_on_where_it_was(tmp_path: Path) -> None:
    class Slow:
        def __init__(self) -> None:
            self.asked: list[str] = []

        def names(self) -> frozenset[str]:
            return frozenset(f"{number:040}" for number in range(3 * AT_ONCE))

        def chunks(self, names: Iterable[str]) -> Iterator[bytes]:
            self.asked += names
            if len(self.asked) == 2 * AT_ONCE:
                raise KeyboardInterrupt
            yield b"innocent"

    slow = Slow()
    with pytest.raises(KeyboardInterrupt):
        refuse_leaked(tmp_path, slow, canaries=["canary"])
    refuse_leaked(tmp_path, slow, canaries=["canary"])
    assert len(slow.asked) == 4 * AT_ONCE
    refuse_leaked(tmp_path, slow, canaries=["canary"])
    assert len(slow.asked) == 4 * AT_ONCE


def test_launchers_that_seal_at_once_each_get_an_entry_of_their_own(
    journey_store: JourneyStore,
) -> None:
    with ThreadPoolExecutor(8) as pool:
        digests = {
            journey.entry.digest
            for journey in pool.map(lambda issue: sealed(journey_store, issue=issue), range(1, 9))
        }
    assert {entry.digest for entry in journey_store.entries()} == digests
    assert sorted(entry.issue for entry in journey_store.entries()) == list(range(1, 9))
