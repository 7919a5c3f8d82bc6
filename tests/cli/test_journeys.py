"""`factory journeys`: what a maintainer sees and decides. The store behind it is the validators'
own, with what takes a browser left to their own tests."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.domain.errors import ConfigError
from harness.home.document import HomeFile, write_home
from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger
from tests.events import event_of
from tests.validators_launcher import seaside
from tests.validators_launcher.git_repository import Source
from validators.domain.verdict import Purpose
from validators.signing.key import signer_at
from validators.signing.notary import Notary
from validators.store.entries import Entry, Event
from validators.store.journeys import JourneyStore, journey_digest, with_canary
from validators.store.place import opened_place

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "tidebook"
TRIAGED = {
    "event": "triage-accepted",
    "title": "Groups of six",
    "body": "It says no.",
    "kind": "bug",
    "quote": "",
    "cites": [],
}


@pytest.fixture
def there(tmp_path, monkeypatch):
    """A home with one run behind it, and two journeys of issue 2 in its store, one of them
    superseded."""
    home = tmp_path / "home"
    write_home(home, HomeFile("tidehouse", "seaside", "embedded", 0, 1, "token"))
    monkeypatch.setenv("FACTORY_HOME", str(home))
    files = {
        path.name: path.read_text() for path in EXAMPLE.iterdir() if path.suffix in (".md", ".toml")
    }
    base = Source(
        TrustedRepository(
            home / "repositories" / "tidehouse.seaside.git", Remote("file:///nowhere")
        ).git_dir
    ).commit(files)
    ledger = SqliteLedger(home, SystemClock())
    ledger.append(
        event_of("run", {"workflow": "triage", "base": base.commit}),
        "run/triage-2-1",
        issue=2,
        run="triage-2-1",
    )
    ledger.append(event_of("triage", TRIAGED), "triage-2-1/triage", issue=2, run="triage-2-1")
    ledger.close()
    notary = Notary(signer_at(home / "keys" / "validator.key"))
    journey_store = JourneyStore(
        opened_place(home / "sealed" / "tidehouse.seaside", bound=()), notary
    )
    digests = [_sealed(journey_store, name) for name in ("old-words", "new-words")]
    journey_store.close(
        digests[0],
        event=Event.SUPERSEDED,
        actor="grace",
        reason="the words changed",
        at="2026-01-03",
    )
    return SimpleNamespace(home=home, journey_store=journey_store, old=digests[0], new=digests[1])


def _sealed(journey_store, name):
    text = with_canary(seaside.JOURNEY.replace("book-a-large-group", name))
    entry = Entry(
        Event.SEALED,
        2,
        name,
        journey_digest(text),
        Purpose.BUG,
        "sha256:0",
        "author",
        "proved",
        "2026-01-02",
        "t",
    )
    journey_store.seal((text,), (entry,))
    return entry.digest


def factory(*arguments):
    done = CliRunner().invoke(cli, ["journeys", *arguments], standalone_mode=False)
    return done.return_value or 0, done.output, done.exception


def ledger_of(there):
    ledger = SqliteLedger(there.home, SystemClock())
    try:
        return ledger.entries(kind="journey")
    finally:
        ledger.close()


def test_what_stands_is_listed_and_with_all_what_stood_and_who_changed_that(there) -> None:
    code, said, _ = factory("list", "2")
    assert (code, said.splitlines()) == (
        0,
        [f"{there.new[7:19]}  #2       M-BOOK       bug        new-words"],
    )
    _, said, _ = factory("list", "--all")
    assert [line.split()[4] for line in said.splitlines()] == [
        "old-words",
        "new-words",
        "old-words",
    ]
    assert "superseded by grace: the words changed" in said
    assert factory("list", "3")[1] == "No journey is in force for issue 3.\n"


def test_one_is_shown_with_its_text_and_history_by_the_first_letters_of_its_digest(there) -> None:
    code, said, _ = factory("show", there.new[7:15])
    assert code == 0
    assert "journey: new-words\npromise: M-BOOK" in said
    assert "sealed by author: proved" in said
    assert json.loads(factory("show", there.old, "--json")[1])["stands"] is False


@pytest.mark.parametrize("digest", ["3f0", "sha256:", "0" * 64, "../../x"])
def test_a_digest_that_names_no_journey_is_refused_by_name(there, digest) -> None:
    _, _, error = factory("show", digest)
    assert "journeys have a digest that begins with" in str(error)
    assert isinstance(error, ConfigError)


def test_a_retired_journeys_reason_is_signed_in_the_store_and_recorded_without_its_name(
    there,
) -> None:
    code, said, _ = factory("retire", there.new[7:17], "--reason", "walks are free now")
    assert (code, said) == (0, f"retired: {there.new} binds no change any more\n")
    assert there.journey_store.in_force() == ()
    last = there.journey_store.entries()[-1]
    assert (last.event, last.digest, last.reason) == (
        Event.RETIRED,
        there.new,
        "walks are free now",
    )
    (entry,) = ledger_of(there)
    assert (entry.issue, entry.data["action"], entry.data["journey"]) == (2, "retired", there.new)
    assert entry.data["actor"] == last.actor
    assert "new-words" not in json.dumps(entry.data)


def test_one_that_does_not_stand_cannot_be_retired_and_nothing_is_written(there) -> None:
    _, _, error = factory("retire", there.old, "--reason", "again")
    assert "no journey in force has the digest" in str(error)
    assert ledger_of(there) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("journey: [", "not YAML"),
        (seaside.JOURNEY.replace("book-a-large-group", "new-words"), "the same name"),
    ],
)
def test_a_journey_that_does_not_hold_is_refused_with_the_reason_and_seals_nothing(
    there, tmp_path, text, message
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    code, said, error = factory(
        "add", str(file), "--issue", "2", "--reason", "the largest group was left out"
    )
    assert (code, said.startswith("refused: "), message in said) == (1, True, True), (said, error)
    assert [entry.digest for entry in there.journey_store.in_force()] == [there.new]
    assert ledger_of(there) == ()


def test_a_journey_for_the_mission_must_cite_an_entry_of_it(there, tmp_path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(seaside.JOURNEY.replace("M-BOOK", "M-NOTHING"))
    code, said, _ = factory("add", str(file), "--reason", "always")
    assert (code, "is no entry of the mission" in said) == (1, True)


def test_an_issue_that_nobody_has_triaged_has_no_journeys_to_add_to(there, tmp_path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(seaside.JOURNEY)
    _, _, error = factory("add", str(file), "--issue", "7", "--reason", "why not")
    assert "issue #7 was never triaged here" in str(error)


def test_text_of_a_journey_moves_nothing_on_a_terminal(there) -> None:
    text = with_canary(
        seaside.JOURNEY.replace("book-a-large-group", "loud").replace(
            "Booked for 9", "\\e[2J \u202e 9"
        )
    )
    entry = Entry(
        Event.SEALED,
        2,
        "loud",
        journey_digest(text),
        Purpose.BUG,
        "",
        "author",
        "\x1b[2J",
        "2026-01-02",
        "t",
    )
    there.journey_store.seal((text,), (entry,))
    said = factory("show", entry.digest)[1]
    assert "\x1b" not in said
    assert "\u202e" not in said
