"""`factory cost`: totals that agree with the meter and the ledger, by whatever one asks for."""

import json
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.domain.errors import GitError
from harness.home.document import HomeFile, write_home
from harness.programs.broker.caps import SessionCaps, SessionIdentity
from harness.programs.broker.meter import Meter
from harness.programs.broker.prices import Tokens, prices
from harness.repository.remote import Remote
from harness.repository.trusted import FETCHED, TrustedRepository
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger
from tests.events import event_of
from tests.fakes import hours
from tests.validators_launcher.git_repository import Source

NOVEMBER = 1_795_262_400.0  # 2026-11-21, noon UTC
DAY = 86_400.0
MODEL = "claude-opus-5"  # 5 and 25 dollars a million tokens, a tenth of the first from the cache
ROOM = SessionCaps(100, Decimal(100))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Two issues, three sessions: one that is written down, one of another day that is not, and a
    replay."""
    folder = tmp_path / "home"
    write_home(folder, HomeFile("tidehouse", "seaside", "embedded", 0, 1, "token"))
    monkeypatch.setenv("FACTORY_HOME", str(folder))
    (folder / "broker").mkdir()
    counted(
        folder,
        "a",
        1,
        "implementer",
        Tokens(input=1000, output=200, cache_read=3000),
        at=NOVEMBER,
        written=True,
    )
    counted(folder, "b", 2, "triage", Tokens(input=400, output=8), at=NOVEMBER + DAY)
    counted(folder, "c", 2, "author", Tokens(output=1000), at=NOVEMBER + DAY, replays=True)
    return folder


def counted(home, session, issue, role, tokens, *, at, replays=False, written=False) -> None:
    with closing(
        Meter(home / "broker" / "broker.sqlite", prices(), replays=replays, clock=lambda: at)
    ) as meter:
        identity = SessionIdentity(session, f"{role}-{issue}-1", role, issue, 1, MODEL)
        meter.open(identity, ROOM)
        meter.reserve(identity, ROOM, tokens).settle(tokens)
        cost = meter.spent_by_session(session).document()["cost_usd"]
    if written:
        with closing(SqliteLedger(home, SystemClock())) as ledger:
            ledger.append(event_of("usage", {"cost_usd": cost}), f"usage/{session}", issue=issue)


def output(*arguments):
    found = CliRunner().invoke(cli, ["cost", *arguments])
    assert found.exit_code == 0, found.output
    return found.stdout


def document(*arguments):
    return json.loads(output("--json", *arguments))


A, B = Decimal("0.0115"), Decimal("0.0022")


def test_by_issue_with_what_came_from_the_cache_and_what_a_replay_did_not_spend(home) -> None:
    found = document()
    first, second = found["groups"]
    assert (
        first["issue"],
        Decimal(first["spent"]),
        first["input_tokens"],
        first["cache_read_tokens"],
    ) == (1, A, 4000, 3000)
    assert (second["issue"], Decimal(second["spent"]), Decimal(second["replayed"])) == (
        2,
        B,
        Decimal("0.025"),
    )
    assert Decimal(found["total"]["spent"]) == A + B
    assert all(
        isinstance(found["total"][name], str) for name in ("spent", "held", "open", "replayed")
    )


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        (["role"], [["author"], ["implementer"], ["triage"]]),
        (["model"], [[MODEL]]),
        (["day"], [["2026-11-21"], ["2026-11-22"]]),
        (["run"], [["author-2-1"], ["implementer-1-1"], ["triage-2-1"]]),
        (["day", "issue"], [["2026-11-21", 1], ["2026-11-22", 2]]),
    ],
)
def test_by_anything_the_groups_come_to_the_total(home, by, keys) -> None:
    found = document(*(word for name in by for word in ("--by", name)))
    assert [[group[name] for name in by] for group in found["groups"]] == keys
    assert (
        sum(Decimal(group["spent"]) for group in found["groups"])
        == Decimal(found["total"]["spent"])
        == A + B
    )


def test_the_ledger_agrees_to_the_cent_and_unwritten_amounts_are_printed(home) -> None:
    ledger = document()["ledger"]
    assert (
        ledger["sessions"],
        Decimal(ledger["written"]),
        Decimal(ledger["counted"]),
        ledger["agrees"],
    ) == (1, A, A, True)
    assert Decimal(ledger["unwritten"]) == B + Decimal("0.025")
    assert "The ledger has written down $0.0115 for 1 session, the same to the cent." in output()


def test_since_a_day_counts_from_its_beginning(home) -> None:
    found = document("--since", "2026-11-22")
    assert (Decimal(found["total"]["spent"]), found["total"]["calls"], "ledger" in found) == (
        B,
        2,
        False,
    )
    assert document("--since", "2026-11-23")["groups"] == []


@pytest.mark.parametrize(
    ("since", "issues"), [("36h", {5}), ("9d", {5}), ("11d", {5, 6}), ("2w", {5, 6})]
)
def test_since_a_span_counts_back_from_today(home, since, issues) -> None:
    now = time.time()
    for issue, days in ((5, 0), (6, 10)):
        counted(home, f"of {issue}", issue, "triage", Tokens(output=1), at=now - days * DAY)
    found = {group["issue"] for group in document("--since", since)["groups"]}
    assert found & {5, 6} == issues


def test_what_is_reserved_and_open_and_what_is_held_are_named(home) -> None:
    with closing(
        Meter(home / "broker" / "broker.sqlite", prices(), clock=lambda: NOVEMBER)
    ) as meter:
        identity = SessionIdentity("d", "implement-3-1", "implementer", 3, 1, MODEL)
        meter.open(identity, ROOM)
        meter.reserve(identity, ROOM, Tokens(output=1000)).forfeit(Tokens())
        meter.reserve(identity, ROOM, Tokens(output=2000))
    lines = output().splitlines()
    (row,) = [line for line in lines if line.startswith("#3")]
    assert row.split()[-3:] == ["$0.0250", "$0.0500", "-"]
    assert (
        "Of what was spent, $0.0250 are held in full for calls whose end nobody knows: they may"
        " have cost less." in lines
    )
    assert "$0.0500 are reserved for calls that have not ended." in lines
    assert (
        "$0.0250 is what replays would have cost: their answers came from recordings, and nothing"
        " was paid." in lines
    )


def test_a_table_has_its_total_in_the_last_row(home) -> None:
    row = next(
        line
        for line in output("--by", "role", "--by", "model").splitlines()
        if line.startswith("together")
    )
    assert row.split() == ["together", "3", "4400", "68", "%", "1208", "$0.0137", "-", "$0.0250"]


def test_a_home_that_asked_no_model_reports_that(home) -> None:
    (home / "broker" / "broker.sqlite").unlink()
    assert output().splitlines() == [
        "No model was asked.",
        "The ledger has written down $0.0115 for 1 session, but the meter counts $0.0000 for them.",
    ]
    assert not (home / "broker" / "broker.sqlite").exists()


OWN = """schema = 1
[prices."openrouter/some-model"]
as_of = 2026-11-20
input = 0.4
output = 2
cache_read = 0.1
cache_write = 0
cache_write_1h = 0
"""


def test_prices_are_printed_with_date_and_source_beside_the_owners_own(
    home,
) -> None:
    source = Source(
        TrustedRepository(
            home / "repositories" / "tidehouse.seaside.git", Remote("file:///nowhere")
        ).git_dir
    )
    source.git("update-ref", f"{FETCHED}/heads/trunk", source.commit({"factory.toml": OWN}).commit)
    found = document("--prices")
    assert (found["as_of"], found["source"], found["good_for_days"]) == (
        prices().as_of,
        prices().source,
        120,
    )
    (own,) = [row for row in found["prices"] if row["by"] == "factory.toml"]
    assert own == {
        "model": "openrouter/some-model",
        "from": "2026-11-20",
        "by": "factory.toml",
        "input": "0.4",
        "output": "2",
        "cache_read": "0.1",
        "cache_write": "0",
        "cache_write_1h": "0",
    }
    (opus,) = [row for row in found["prices"] if row["model"] == MODEL]
    assert (opus["input"], opus["output"], opus["cache_read"]) == ("5", "25", "0.5")
    over = [row for row in found["prices"] if "over" in row["by"]]
    assert {(row["model"], row["by"]) for row in over} >= {
        ("claude-haiku-5-5", "the list, over 100000 tokens")
    }
    assert f"as of {prices().as_of}, from {prices().source}." in output("--prices")


def test_prices_where_no_branch_was_fetched_say_what_fetches_one(home) -> None:
    found = CliRunner().invoke(cli, ["cost", "--prices"])
    assert isinstance(found.exception, GitError)
    assert str(found.exception) == "no branch was fetched yet; `factory tick` does"


def test_prices_of_ones_own_that_are_old_are_to_be_looked_up_again(home) -> None:
    hours.within_one(hours.DAY)
    today = datetime.now(UTC).date()
    own = OWN.replace("2026-11-20", today.isoformat()) + "".join(
        OWN.partition("\n")[2]
        .replace("some-model", name)
        .replace("2026-11-20", str(today - timedelta(days=days)))
        for name, days in (("at-its-horizon", 120), ("beyond-it", 121))
    )
    source = Source(
        TrustedRepository(
            home / "repositories" / "tidehouse.seaside.git", Remote("file:///nowhere")
        ).git_dir
    )
    source.git("update-ref", f"{FETCHED}/heads/main", source.commit({"factory.toml": own}).commit)
    assert (
        "factory.toml's prices of openrouter/beyond-it are over 120 days old"
        in document("--prices")["warning"]
    )
    assert "prices of openrouter/beyond-it are over 120 days old: look again." in output("--prices")
