"""A whole lap with a live model: `factory try` on Tidebook without its governance, and an endpoint of our own behind the
forwarding broker. It answers whole and streamed, and is overloaded in between; the key goes to it and to nobody else."""

import json
import os
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from harness.agents.broker.prices import NANO, Tokens, prices
from harness.wiring import open_ledger
from tests.fakes.endpoint import Endpoint, recordings_for, serving
from tests.fakes.original import repository_of
from tests.scenarios.conftest import FACTORY, SECONDS, Said

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
GOVERNANCE = ("mission.md", "factory_rules.md", "CLAUDE.md", "factory.toml")
KEY = "sk-live-0123456789-canary"
OVERLOADS = {1: "429", 4: "event", 6: "529"}


@dataclass
class Watch:
    """Looks at every process below one, as often as it can: who had the key in its environment or its arguments?"""

    root: int
    kinds: set[str] = field(default_factory=set)
    with_key: set[str] = field(default_factory=set)
    over: bool = False

    def run(self) -> None:
        own = _read(self.root, "cmdline")
        while not self.over:
            for pid, command in _below(self.root):
                if command != own:      # a child that has not yet become what it will be is still the factory itself
                    kind = _kind(command)
                    self.kinds.add(kind)
                    if KEY.encode() in _read(pid, "environ") + command:
                        self.with_key.add(kind)
            time.sleep(0.002)


def _below(root):
    parents = {}
    for path in Path("/proc").glob("[0-9]*"):
        if stat := _read(int(path.name), "stat"):
            parents[int(path.name)] = int(stat.rpartition(b")")[2].split()[1])
    for pid in parents:
        above = parents[pid]
        while above > 1 and above != root:
            above = parents.get(above, 0)
        if above == root and (command := _read(pid, "cmdline")):
            yield pid, command


def _read(pid, name):
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _kind(command):
    words = command.decode("utf-8", "replace").split("\0")
    module = words[words.index("-m") + 1] if "-m" in words else ""
    return module or Path(words[0]).name


@dataclass
class Live:
    """One live lap that ran to its end."""

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
    shutil.copytree(EXAMPLES / "tidebook", app, ignore=shutil.ignore_patterns("__pycache__", "data", *GOVERNANCE))
    repository_of(app)
    # The drafted mission calls what Tidebook's own calls M-BOOK by another name.
    recordings = recordings_for(EXAMPLES / "recordings", folder / "recordings", {"M-BOOK": "M-WORKS"})
    with serving(Endpoint(recordings, issue=1, overloads=OVERLOADS)) as endpoint:
        said, watch = _watched(folder / "home", app, endpoint)
    return Live(said, folder / "home", endpoint, watch)


def _watched(home, app, endpoint):
    started = subprocess.Popen(
        [FACTORY, "try", str(app), "--issues", str(EXAMPLES / "issues" / "1-cancelled-places.md"), "--home", str(home), "--json"],
        env={**os.environ, "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": endpoint.url, "NO_COLOR": "1"}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    watch = Watch(started.pid)
    watching = threading.Thread(target=watch.run, daemon=True)
    watching.start()
    out, err = started.communicate(timeout=SECONDS)
    watch.over = True
    watching.join(10)
    return Said(started.returncode, out, err), watch


def test_the_issue_is_merged(live) -> None:
    assert live.said.code == 0, live.said.err + live.said.out
    assert (live.issue["outcome"], live.issue["verdict"], live.issue["attempts"]) == ("merged", "passed", 1)


def test_what_was_missing_is_drafted_and_said(live) -> None:
    drafted = {draft["path"] for draft in live.said.json["drafted"]}
    assert drafted >= set(GOVERNANCE)


def test_the_agents_answers_are_streamed_and_the_closed_ones_come_whole(live) -> None:
    streamed = [one.body.get("stream") for one in live.endpoint.seen if one.answered == "implementer"]
    assert len(streamed) == 6
    assert all(streamed)
    assert [one.body.get("stream") for one in live.endpoint.seen if one.answered == "triage"] == [None]


def test_overloads_are_asked_again_by_the_broker_alone(live) -> None:
    turned_away = [one.answered for one in live.endpoint.seen if one.answered in OVERLOADS.values()]
    assert turned_away == list(OVERLOADS.values())
    assert live.endpoint.answered() == ["triage", "author", *["implementer"] * 6]


def test_the_endpoint_sees_the_key_in_each_request(live) -> None:
    assert {one.headers["x-api-key"] for one in live.endpoint.seen} == {KEY}


def test_only_the_broker_has_the_key_of_all_the_programs_that_ran(live) -> None:
    assert live.watch.kinds >= {"harness.agents.broker", "harness.forge.embedded", "harness.sandbox", "validators", "git"}
    assert live.watch.with_key == {"harness.agents.broker"}


def test_the_key_is_in_no_file(live) -> None:
    logs = list((live.home / "broker" / "wire").glob("*.jsonl"))
    assert len(logs) == 2       # the author's is on the sealed side
    for path in live.home.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path


def test_every_answer_is_paid_for_once_and_an_overload_is_not(live) -> None:
    spent, recordings = Decimal(0), live.endpoint.recordings
    for file in (recordings / "issue-1" / "triage-1.json", recordings / "issue-1" / "implementer-1.json",
                 recordings / "sealed" / "issue-1" / "author-1.json"):
        document = json.loads(file.read_text())
        rates = prices().rates(document["model"])
        usages = [exchange["response"]["usage"] for exchange in document["exchanges"]]
        spent += sum(Decimal(rates.cost(Tokens(input=each["input_tokens"], output=each["output_tokens"]))) for each in usages)
    assert live.issue["cost_usd"] == pytest.approx(float(spent / NANO))
    with open_ledger(live.home) as ledger:
        assert sum(entry.data["calls"] for entry in ledger.entries(kind="usage")) == len(live.endpoint.answered())
