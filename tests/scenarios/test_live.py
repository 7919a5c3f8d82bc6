"""A whole run with a live model: `factory try` on Tidebook without its governance, and an endpoint
of our own behind the forwarding broker. It answers whole and streamed, and is overloaded in
between; the key goes to it and to nobody else."""

import os
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from harness.home.state import open_ledger
from harness.programs.broker.prices import NANO, Tokens, prices
from tests.fakes.endpoint import Endpoint, recordings_for, serving
from tests.fakes.original import repository_of
from tests.scenarios.conftest import FACTORY, SECONDS, Said
from tests.scenarios.waiting import LONG, is_at_rest, wait_until

pytestmark = pytest.mark.soak(
    "a run at a live endpoint; agents/ and broker/ show each wire and who has the key"
)

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
GOVERNANCE = ("mission.md", "factory_rules.md", "CLAUDE.md", "factory.toml")
KEY = "sk-live-0123456789-canary"
OVERLOADS = {1: "429", 4: "event", 6: "529"}
YOUNG, OLD = 0.3, 0.25
"""Seconds: for how long a process may still become another program, and how often those are looked
at that will not."""


@dataclass
class Watch:
    """Looks at every process below one, as soon as it is there and again while it is young: who had
    the key in its environment or its arguments? An environment is what a program was started with,
    so the old ones are looked at now and then only."""

    root: int
    kinds: set[str] = field(default_factory=set)
    with_key: set[str] = field(default_factory=set)
    over: bool = False
    _born: dict[int, float] = field(default_factory=dict)
    _below: set[int] = field(default_factory=set)

    def run(self) -> None:
        own, newest, due = self._own(), b"", 0.0
        self._below.add(self.root)
        while not self.over:
            now, before = time.monotonic(), newest
            newest, all_of_them = (
                Path("/proc/loadavg").read_bytes().split()[-1],
                now >= due,
            )  # the pid that was given last
            if all_of_them or newest != before or self._young(now):
                self._look(now, own, all_of_them=all_of_them)
            due = now + OLD if all_of_them else due
            time.sleep(0.002)

    def _own(self) -> bytes:
        """The words of the factory itself. A program that is just being started has none for a
        moment."""
        while not (own := _read(self.root, "cmdline")) and not self.over:
            time.sleep(0.001)
        return own

    def _young(self, now) -> bool:
        return any(now - born < YOUNG for pid, born in self._born.items() if pid in self._below)

    def _look(self, now, own, *, all_of_them) -> None:
        there = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        for gone in self._born.keys() - set(there):
            del self._born[gone]
            self._below.discard(gone)
        parents = {pid: _parent(pid) for pid in there if pid not in self._born}
        self._born |= dict.fromkeys(parents, now)
        while (
            found := {pid for pid, parent in parents.items() if parent in self._below} - self._below
        ):
            # a child's number is smaller than its parent's where the kernel began again at the
            # lowest
            self._below |= found
        for pid in there:
            if (
                pid in self._below
                and pid != self.root
                and (all_of_them or now - self._born[pid] < YOUNG)
            ):
                self._examine(pid, own)

    def _examine(self, pid, own) -> None:
        command = _read(pid, "cmdline")
        if (
            command and command != own
        ):  # a child that has not yet become what it will be is still the factory itself
            kind = _kind(command)
            self.kinds.add(kind)
            if KEY.encode() in _read(pid, "environ") + command:
                self.with_key.add(kind)


def _read(pid, name):
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _parent(pid):
    stat = _read(pid, "stat").rpartition(b")")[2].split()
    return int(stat[1]) if stat else None


def _kind(command):
    words = command.decode("utf-8", "replace").split("\0")
    module = words[words.index("-m") + 1] if "-m" in words else ""
    return module or Path(words[0]).name


@dataclass
class Live:
    """One live run that ran to its end."""

    said: Said
    home: Path
    endpoint: Endpoint
    watch: Watch

    @property
    def issue(self):
        return self.said.json["issues"][0]


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    app = folder / "app"
    shutil.copytree(
        EXAMPLES / "tidebook",
        app,
        ignore=shutil.ignore_patterns("__pycache__", "data", *GOVERNANCE),
    )
    repository_of(app)
    # The drafted mission calls what Tidebook's own calls M-BOOK by another name.
    recordings = recordings_for(
        EXAMPLES / "recordings", folder / "recordings", {"M-BOOK": "M-WORKS"}
    )
    with serving(Endpoint(recordings, issue=1, overloads=OVERLOADS)) as endpoint:
        said, watch = _watched(folder / "home", app, endpoint)
    return Live(said, folder / "home", endpoint, watch)


def _watched(home, app, endpoint):
    started = subprocess.Popen(
        [
            FACTORY,
            "try",
            str(app),
            "--issues",
            str(EXAMPLES / "issues" / "1-cancelled-places.md"),
            "--home",
            str(home),
            "--json",
        ],
        env={
            **os.environ,
            "ANTHROPIC_API_KEY": KEY,
            "ANTHROPIC_BASE_URL": endpoint.url,
            "NO_COLOR": "1",
        },
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    watch = Watch(started.pid)
    watching = threading.Thread(target=watch.run, daemon=True)
    watching.start()
    out, err = started.communicate(timeout=SECONDS)
    watch.over = True
    watching.join(LONG)
    wait_until(lambda: is_at_rest(home))
    return Said(started.returncode, out, err), watch


def test_the_change_passes_and_by_the_drafted_rules_a_person_lands_it(live) -> None:
    assert live.said.code == 3, live.said.err + live.said.out
    assert (live.issue["outcome"], live.issue["verdict"], live.issue["attempts"]) == (
        "needs-human",
        "passed",
        1,
    )
    assert "a person lands it" in live.issue["message"]


def test_what_was_missing_is_drafted_and_said(live) -> None:
    drafted = {draft["path"] for draft in live.said.json["drafted"]}
    assert drafted >= set(GOVERNANCE)


def test_the_agents_answers_are_streamed_and_the_closed_ones_come_whole(live) -> None:
    streamed = [
        one.body.get("stream") for one in live.endpoint.seen if one.answered == "implementer"
    ]
    assert len(streamed) == 6
    assert all(streamed)
    assert [one.body.get("stream") for one in live.endpoint.seen if one.answered == "triage"] == [
        None
    ]


def test_overloads_are_asked_again_by_the_broker_alone(live) -> None:
    turned_away = [one.answered for one in live.endpoint.seen if one.answered in OVERLOADS.values()]
    assert turned_away == list(OVERLOADS.values())
    assert live.endpoint.answered() == ["triage", "author", *["implementer"] * 6]


def test_the_endpoint_sees_the_key_in_each_request(live) -> None:
    assert {one.headers["x-api-key"] for one in live.endpoint.seen} == {KEY}


def test_only_the_broker_has_the_key_of_all_the_programs_that_ran(live) -> None:
    assert live.watch.kinds >= {
        "harness.programs.broker",
        "harness.programs.local_forge",
        "harness.programs.sandbox",
        "validators",
        "git",
    }
    assert live.watch.with_key == {"harness.programs.broker"}


def test_the_key_is_in_no_file(live) -> None:
    logs = list((live.home / "broker" / "wire").glob("*.jsonl"))
    assert len(logs) == 2  # the author's is on the sealed side
    for path in live.home.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path


def test_every_answer_is_paid_for_once_and_an_overload_is_not(live) -> None:
    spent, table, day = Decimal(0), prices(), f"{datetime.now(UTC):%Y-%m-%d}"
    for model, usage in live.endpoint.told:
        fresh, read, written = (
            usage[f"{kind}input_tokens"] for kind in ("", "cache_read_", "cache_creation_")
        )
        tokens = Tokens(
            input=fresh, output=usage["output_tokens"], cache_read=read, cache_write=written
        )
        spent += Decimal(table.rates(model, day=day).cost(tokens))
    assert live.issue["cost_usd"] == pytest.approx(float(spent / NANO))
    with open_ledger(live.home) as ledger:
        assert sum(entry.data["calls"] for entry in ledger.entries(kind="usage")) == len(
            live.endpoint.answered()
        )
