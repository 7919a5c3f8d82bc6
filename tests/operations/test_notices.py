"""Notices of a home: their addresses and settings, and a real message by the real program."""

import json
from contextlib import contextmanager
from datetime import time

import pytest

from harness.domain.errors import ConfigError, LedgerError
from harness.domain.events import FactoryLeft
from harness.domain.notices import NoticeKind, QuietHours
from harness.home.document import HomeFile, read_home, write_home
from harness.home.notices import (
    ADDRESSES,
    MOST_ADDRESSES,
    Addresses,
    NoticeSettings,
    addresses_of,
    settings_in,
)
from harness.home.notifier import notices, sent_by_process
from harness.home.state import open_ledger
from harness.log import Log
from harness.store.clock import SystemClock
from tests.fakes.http_server import Request, serving

NOON = "2026-11-21T12:00:00+00:00"
SECRET = "word-that-nobody-may-read"
MAIL = f"mailtos://user:{SECRET}@example.org"


@contextmanager
def service(*, status=200):
    """A service on this machine: its address, and what it was sent."""
    sent: list[dict] = []

    def answer(request: Request) -> None:
        sent.append(json.loads(request.content()))
        request.reply(status)

    with serving(answer) as server:
        yield f"json://127.0.0.1:{server.server_port}/{SECRET}", sent


def test_the_program_sends_plain_text_to_each_address_and_counts_who_took_it() -> None:
    with service() as (good, sent), service(status=500) as (bad, _):
        result = sent_by_process(Addresses((good, bad, "nonsense://x")), "o/r: 1 event", "<b>@all")
    assert result == (1, 2)
    assert [(one["title"], one["message"]) for one in sent] == [("o/r: 1 event", "<b>@all")]


def test_to_a_service_that_shows_html_the_text_is_still_text() -> None:
    with service() as (good, sent):
        sent_by_process(Addresses((f"{good}?format=html",)), "o/r", "<b>&")
    assert "&lt;b&gt;&amp;" in sent[0]["message"]


def test_without_an_address_there_are_none(tmp_path) -> None:
    assert addresses_of(tmp_path) == Addresses()


def test_the_variable_goes_before_the_file_and_comments_are_left_out(tmp_path) -> None:
    path = tmp_path / ADDRESSES
    path.parent.mkdir()
    path.write_text(f"# the team\n\n {MAIL} \n")
    path.chmod(0o600)
    assert addresses_of(tmp_path).urls == (MAIL,)
    assert addresses_of(tmp_path, "json://one.example\njson://two.example").urls == (
        "json://one.example",
        "json://two.example",
    )


@pytest.mark.parametrize(
    "content",
    [SECRET, f"{MAIL},{MAIL}", f"{MAIL} {MAIL}", f"{MAIL}\n" * (MOST_ADDRESSES + 1), b"\xff://"],
    ids=["no address", "two by comma", "two by space", "too many", "no text"],
)
def test_what_is_no_address_is_refused_and_never_shown(tmp_path, content) -> None:
    path = tmp_path / ADDRESSES
    path.parent.mkdir()
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(0o600)
    with pytest.raises(ConfigError) as error:
        addresses_of(tmp_path)
    assert SECRET not in str(error.value)


def test_addresses_that_others_may_read_are_refused(tmp_path) -> None:
    path = tmp_path / ADDRESSES
    path.parent.mkdir()
    path.write_text(MAIL)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        addresses_of(tmp_path)


def test_the_settings_stand_in_the_homes_document(tmp_path) -> None:
    home = HomeFile("tidehouse", "tidebook", "http://forge", 0, 1, "keys/forge.token")
    write_home(tmp_path, home)
    assert read_home(tmp_path).notices == NoticeSettings(frozenset(NoticeKind))
    document = json.loads((tmp_path / "home.json").read_text())
    document["notices"] = {"kinds": ["left"], "quiet": "22:00-07:30"}
    (tmp_path / "home.json").write_text(json.dumps(document))
    found = read_home(tmp_path)
    assert found.notices == NoticeSettings(
        frozenset({NoticeKind.LEFT}), QuietHours(time(22), time(7, 30))
    )
    write_home(tmp_path, found)
    assert read_home(tmp_path) == found


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"to": MAIL},
        {"kinds": "left"},
        {"kinds": ["gone"]},
        {"kinds": [["left"]]},
        {"quiet": "22-7"},
        {"quiet": 3},
    ],
)
def test_settings_that_are_none_are_refused_with_what_was_expected(document) -> None:
    with pytest.raises(ConfigError, match="expected"):
        settings_in(document, file="home.json")


@pytest.mark.parametrize("is_stored", [True, False], ids=["stored", "not-stored"])
def test_a_notice_waits_until_its_intent_is_stored(tmp_path, is_stored) -> None:
    """Whoever finds that another factory has taken over must send nothing."""
    write_home(
        tmp_path, HomeFile("tidehouse", "tidebook", "http://forge", 0, 1, "keys/forge.token")
    )
    last = []

    def before() -> None:
        with open_ledger(tmp_path) as seen:
            last.append(seen.entries()[-1].kind)
        if not is_stored:
            raise LedgerError("another factory has stored a newer state", retryable=True)

    with service() as (address, sent):
        (tmp_path / ADDRESSES).parent.mkdir()
        (tmp_path / ADDRESSES).touch(0o600)
        (tmp_path / ADDRESSES).write_text(address)
        with (
            open_ledger(tmp_path) as ledger,
            notices(tmp_path, clock=SystemClock(), log=Log(), before=before),
        ):
            ledger.append(FactoryLeft("factory up", NOON, "it was killed", died=True), "left/1")
    assert last == ["notice"]
    assert len(sent) == is_stored
