"""A factory that was killed, has left, is cut from the forge, or is out of budget: what status,
health check and notices tell a minute later. The dashboard's part is in its own tests."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from harness.domain.events import OutageBegan, OutageEnded, PauseBegan
from harness.domain.notices import NoticeKind, QuietHours
from harness.domain.presence import Doing
from harness.factory.reporting.signs import sentence
from harness.factory.run.signs import SignsOfLife
from harness.home.attendance import attendance
from harness.home.document import HomeFile, write_home
from harness.home.notices import Addresses, NoticeSettings
from harness.home.notifier import Notifier
from harness.home.state import ledger_of, presence_of
from harness.log import Log
from harness.operations.daemon.health import health
from harness.operations.daemon.overview import overview
from tests.fakes.log import LogEntries

MINUTE = timedelta(minutes=1)
URL = "json://token-that-nobody-may-read@127.0.0.1:9"


class SetClock:
    """Time that stands still until it is set."""

    def __init__(self) -> None:
        self.at = datetime(2030, 5, 4, 2, 17, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class Home:
    """A home, the factories that work on it one after the other, and what people hear of it.
    `taken` is what a service answers: whether it takes the next message."""

    def __init__(self, folder, quiet=None) -> None:
        self.folder, self.clock, self.log = folder, SetClock(), LogEntries()
        self.heard: list[str] = []
        self.taken = True
        write_home(
            folder, HomeFile("tidehouse", "tidebook", "http://forge", 0, 1, "keys/forge.token")
        )
        self.ledger = ledger_of(folder, self.clock)
        self.quiet = quiet
        self.look()

    def up(self, stack: ExitStack):
        """A factory that stays."""
        return stack.enter_context(
            attendance(
                self.folder,
                command="factory up",
                log=Log(self.log),
                is_staying=True,
                clock=self.clock,
            )
        )

    def look(self, send=None) -> None:
        """A process of the factory looks whether there are notices to send."""
        Notifier(
            self.ledger,
            self.clock,
            UTC,
            "tidehouse/tidebook",
            lambda path: f"http://forge/{path}",
            Log(self.log),
            NoticeSettings(frozenset(NoticeKind), self.quiet),
            Addresses((URL,)),
            send or self._send,
        ).look()

    def _send(self, addresses, title, body):
        if self.taken:
            self.heard.append(title)
        return (1, 0) if self.taken else (0, 1)

    def later(self, span=MINUTE) -> None:
        self.clock.at += span

    @property
    def status(self):
        found, presence = overview(self.folder, self.clock.at)
        return found, sentence(presence, self.clock.at, down=bool(found["outages"]))

    @property
    def health(self):
        return health(self.folder, self.clock.at)


@pytest.fixture
def home(tmp_path) -> Iterator[Home]:
    found = Home(tmp_path)
    yield found
    found.ledger.close()


@pytest.fixture
def dead(home):
    """A factory that worked on the home and was killed."""
    signs = SignsOfLife(presence_of(home.folder), home.clock, command="factory up")
    signs.begin()
    signs.looked()
    return signs


def test_a_home_that_nobody_worked_on_says_so(home) -> None:
    found, words = home.status
    assert (found["condition"], found["factory"]) == ("nobody", None)
    assert words.startswith("NOBODY IS AT WORK")
    assert home.health[0] == 503


def test_at_work_all_of_them_say_since_when_and_when_it_looks_again(home) -> None:
    with ExitStack() as stack:
        signs = home.up(stack)
        home.later(timedelta(seconds=3))
        signs.looked()
        signs.rests(Doing.WAITING, seconds=30)
        home.later(timedelta(seconds=10))
        signs.beat()
        found, words = home.status
        assert "since 2030-05-04 02:17:00 UTC. It looked at the forge 10 s ago" in words
        assert "looks again within 20 s" in words
        assert (found["condition"], found["waits_for"]) == ("at work", ["news on the forge"])
        assert found["factory"]["looks_again"] == "2030-05-04T02:17:33+00:00"
        code, document = home.health
        assert (code, document["condition"], document["standing_by"]) == (200, "at work", False)


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "died"),
        ({"processes": "another machine, or a container"}, "at work"),
        ({"processes": ""}, "at work"),
        ({"pid": os.getpid()}, "at work"),
        ({"pid": 1 << 70}, "at work"),
    ],
    ids=["here", "elsewhere", "nobody knows where", "alive", "no process"],
)
def test_killed_on_this_machine_it_is_said_to_have_died_at_once(home, dead, changes, shown) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    sign = replace(dead.presence, **{"pid": ended.pid, **changes})
    presence_of(home.folder).write(sign)
    found, words = home.status
    assert found["condition"] == shown
    assert words.startswith("NOBODY IS AT WORK") is (shown == "died")


def test_killed_where_nobody_waits_for_its_end_it_has_died_all_the_same(home, dead) -> None:
    """In a container whose first process asks for no child, a killed one keeps its number."""
    with subprocess.Popen(["true"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        presence_of(home.folder).write(replace(dead.presence, pid=ended.pid))
        assert home.status[0]["condition"] == "died"


def test_stopped_it_is_said_to_have_left_and_one_notice_tells_that(home) -> None:
    with ExitStack() as stack:
        home.up(stack).looked()
    home.later()
    found, words = home.status
    assert found["condition"] == "left"
    assert "left at 2030-05-04 02:17:00 UTC, 1 min ago: in good order" in words
    assert found["waits_for"][0] == "`factory up`"
    assert home.health[0] == 503
    for _ in range(3):
        home.look()
    assert home.heard == ["tidehouse/tidebook: `factory up` left at 2030-05-04 02:17:00 UTC"]


def test_killed_it_is_dead_after_a_minute_and_the_next_one_tells_that_once(home, dead) -> None:
    home.later()
    found, words = home.status
    assert found["condition"] == "died"
    assert "died; its last sign of life was 2030-05-04 02:17:00 UTC, 1 min ago" in words
    assert (home.health[0], home.health[1]["condition"]) == (503, "died")
    for _ in range(2):
        with ExitStack() as stack:
            home.up(stack)
            home.look()
            assert home.status[0]["condition"] == "at work"
    home.look()
    assert [words for words in home.heard if "died" in words] == [
        "tidehouse/tidebook: `factory up` died; its last sign of life was 2030-05-04 02:17:00 UTC"
    ]


def test_a_pass_that_ended_is_no_departure(home) -> None:
    for _ in range(2):
        with attendance(
            home.folder,
            command="factory tick",
            log=Log(home.log),
            is_staying=False,
            clock=home.clock,
        ):
            home.later()
    home.look()
    assert home.heard == []
    assert home.status[1].startswith("Nobody is at work: the last pass, `factory tick`")


def test_cut_from_the_forge_it_is_down_and_a_notice_tells_that_after_a_minute(home) -> None:
    with ExitStack() as stack:
        signs = home.up(stack)
        home.ledger.append(OutageBegan("no route to forge.example"), "outage/1")
        signs.rests(Doing.DOWN, seconds=60)
        home.look()
        assert home.heard == []
        home.later()
        signs.moved()
        signs.beat()
        found, _ = home.status
        assert found["condition"] == "down"
        signs.looked()
        home.later(timedelta(seconds=20))
        signs.beat()
        # A try may wait long for its answer: it is no look, and nobody is at work on anything.
        found, words = home.status
        assert found["condition"] == "down"
        assert "What it needs is down: it tried 20 s ago, and tries now." in words
        assert "works on what it found" not in words
        assert found["outages"] == [
            {"since": "2030-05-04T02:17:00+00:00", "message": "no route to forge.example"}
        ]
        assert found["waits_for"][0] == "the end of an outage since 2030-05-04 02:17:00 UTC"
        code, document = home.health
        assert (code, document["down_since"]) == (503, ["2030-05-04T02:17:00+00:00"])
        assert "forge.example" not in str(document), "who may ask is not who may know"
        home.look()
        assert home.heard == [
            "tidehouse/tidebook: something that the factory needs does not answer"
        ]
        home.ledger.append(OutageEnded("outage/1"), "outage/1/ended")
        signs.looked()
        assert home.status[0]["condition"] == "at work"


def test_out_of_budget_it_is_paused_and_well(home) -> None:
    with ExitStack() as stack:
        signs = home.up(stack)
        pause = PauseBegan("day", "$20.00 are spent", "2030-05-05T00:00:00+00:00")
        home.ledger.append(pause, "pause/1")
        signs.looked()
        home.later()
        signs.beat()
        found, _ = home.status
        assert found["condition"] == "paused"
        assert found["waits_for"][0] == "the end of the pause at 2030-05-05 00:00:00 UTC"
        assert (home.health[0], home.health[1]["paused"]) == (200, True)
        home.look()
        assert home.heard[0].startswith("tidehouse/tidebook: the budget of the day is used up")


def test_by_the_owners_stop_it_waits_and_is_well(home) -> None:
    with ExitStack() as stack:
        signs = home.up(stack)
        signs.looked()
        (home.folder / "STOP").touch()
        signs.rests(Doing.STOPPED, seconds=None)
        found, words = home.status
        assert (found["condition"], found["waits_for"][0]) == ("stopped", "`factory resume`")
        assert "does nothing before `factory resume`" in words
        assert home.health[0] == 200


def test_a_loop_that_hangs_is_stuck_although_its_process_lives(home) -> None:
    with ExitStack() as stack:
        signs = home.up(stack)
        home.later(timedelta(minutes=11))
        signs.beat()
        found, words = home.status
        assert (found["condition"], home.health[0]) == ("stuck", 503)
        assert words.startswith("STUCK")


def test_a_home_that_cannot_be_read_is_not_well_and_says_no_more(tmp_path) -> None:
    code, document = health(tmp_path / "none", datetime(2030, 5, 4, tzinfo=UTC))
    assert code == 503
    assert str(tmp_path) not in str(document)


def test_killed_while_it_sends_nobody_is_told_twice_and_the_next_message_tells_the_doubt(
    home,
) -> None:
    class Killed(BaseException):
        pass

    def send(addresses, title, body):
        raise Killed

    home.ledger.append(PauseBegan("day", "", "2030-05-05T00:00:00+00:00"), "pause/1")
    with pytest.raises(Killed):
        home.look(send)
    home.look()
    assert home.heard == []
    home.ledger.append(PauseBegan("month", "", "2030-06-01T00:00:00+00:00"), "pause/2")
    bodies = []
    home.look(lambda addresses, title, body: bodies.append(body) or (1, 0))
    assert "may not have arrived" in bodies[0]
    assert "the budget of the day" not in bodies[0]


def test_what_no_service_took_is_sent_a_minute_later(home) -> None:
    home.taken = False
    home.ledger.append(PauseBegan("day", "", "2030-05-05T00:00:00+00:00"), "pause/1")
    home.look()
    home.taken = True
    home.look()
    assert home.heard == []
    home.later()
    home.look()
    home.look()
    assert len(home.heard) == 1
    assert home.log.of("notice-failed")


def test_quiet_hours_end_with_one_message_of_all(tmp_path) -> None:
    home = Home(tmp_path, quiet=QuietHours(time(22), time(7)))
    for number, cause in enumerate(("day", "month")):
        pause = PauseBegan(cause, "", f"2030-05-0{5 + number}T00:00:00+00:00")
        home.ledger.append(pause, f"pause/{number}")
        home.look()
    assert home.heard == []
    home.later(timedelta(hours=5))
    home.look()
    assert home.heard == ["tidehouse/tidebook: 2 events"]


def test_no_address_is_in_the_ledger_or_in_a_log(home) -> None:
    home.taken = False
    home.ledger.append(PauseBegan("day", "", "2030-05-05T00:00:00+00:00"), "pause/1")
    home.look()
    everything = [repr(entry) for entry in home.ledger.entries()] + [
        entry.message for entry in home.log.written
    ]
    assert not [line for line in everything if "token-that-nobody" in line]
    assert "token-that-nobody" not in repr(Addresses((URL,)))


@pytest.mark.parametrize(
    ("error", "cause", "how"),
    [
        (KeyboardInterrupt(), None, "it was interrupted"),
        (RuntimeError("in a class"), KeyboardInterrupt(), "it was interrupted"),
        (ValueError(), OSError(), "it was ended by an error: ValueError"),
    ],
)
def test_who_leaves_tells_how_even_where_an_interruption_raised_another_error(
    tmp_path, error, cause, how
) -> None:
    with suppress(BaseException), ExitStack() as stack:
        Home(tmp_path).up(stack)
        raise error from cause
    left = presence_of(tmp_path).read()
    assert left is not None
    assert left.how == how
