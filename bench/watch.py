"""Does the watch name the landing that broke what worked?

    python bench/watch.py [--history 1|2|3 …] [--pair ISSUE …] [--folder DIR] [--json]

Three planted histories of an app have 30 landings each, ten of which break one thing each; after
one landing the app does not start at all. And for each of six real bugs of Datasette there is a
history of nine landings, one of which brings the release with the bug. The watch of the factory
looks at the tip, and searches: real git, the sealed judge in its sandboxes, the ledger. Every
request to the judge is looked at: it must be about one commit, without a change, an issue's text or
a model.

Without `--history` and `--pair`, all of them. With `--folder`, what is there is gone on with: the
watch continues from its ledger, so a bench that was stopped loses one observation at most.

Exit 0: at least 28 of 30 planted culprits and all six of Datasette's were named, none wrongly (or
their share, of what was asked for)."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parents[1]))  # the other half of this bench lies beside it

from bench.real_fixes_ground import CACHE, LOCK, Ground, pair_in
from bench.real_fixes_ground import HERE as REAL
from bench.watched.histories import History, Landing, added, club, planted
from harness.domain.events import CommitObserved, JourneyEdited, Landed, RegressionTraced
from harness.domain.issue import CommitSha
from harness.domain.judge_request import JudgeRequest
from harness.domain.plain import plain
from harness.factory.records.regressions import broken
from harness.factory.run.policy_snapshot import policy_at
from harness.factory.run.services import Places, Services
from harness.factory.stages.validator_request import base_request, request_context
from harness.factory.watch.observation import NO_ISSUE
from harness.factory.watch.tip import watch_tip
from harness.log import Log
from harness.operations.setup.pin_key import pinned
from harness.ports.ledger import recorded
from harness.ports.model import Broker
from harness.ports.validator import Observed, Validator
from harness.repository.remote import Remote
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger
from harness.wiring import ExternalPorts, services_of
from tests.fakes.forge import FakeForge
from validators.app.side import TREE
from validators.authoring.folders import DATA, PACKAGES
from validators.language.reader import read
from validators.launcher.context import opened_context
from validators.launcher.regression_suite import MISSION
from validators.launcher.request import request_at
from validators.signing.key import signer_at
from validators.store.entries import Entry, Event
from validators.store.journeys import journey_digest, purpose_of, with_canary

WATCHED = Path(__file__).parent / "watched"
HISTORIES = (1, 2, 3)
WANTED_PLANTED, PLANTED = 28, 30
AROUND = 9
"""Landings of a Datasette's history."""
NAME = "bench.watch"
MISSION_FILE = """---
schema: 1
---
# What is watched
## Bookings {#M-BOOK}
Guests book, find and cancel.
```yaml scope
id: M-BOOK
kind: in
```
"""
TOML = """schema = 1
[app]
{app}
[dependencies]
lock = ""
[watch]
answer = "person"
nightly = ""
per_day = 10000
"""
CLUB = 'start = ["python", "club.py"]\ndata = "APP_DATA"\nready_seconds = 60'
COPY = f'cp -R "{TREE}/{DATA}/." "$APP_DATA"'
DATASETTE = """start = ["sh", "-c", "exec python serve.py"]
ready = "{ready}"
ready_seconds = 120
data = "APP_DATA"
seed_command = ["sh", "-c", {copy}]
env = {{ PYTHONPATH = "{packages}" }}"""


@dataclass(frozen=True, slots=True)
class Row:
    """What the watch made of one history: culprits planted, named rightly, named wrongly, and the
    observations and seconds that all of it took. `unlike` are requests that had more than a
    commit."""

    history: str
    culprits: int
    right: int
    wrong: int
    observations: int
    seconds: float
    unlike: int
    why: tuple[str, ...] = ()


class LookedAt:
    """The judge, and how many requests showed it anything but one commit."""

    def __init__(self, own: Validator) -> None:
        self._own, self.unlike = own, 0

    def observe(self, request: JudgeRequest, out: Path) -> Observed:
        shown = (request.head, request.candidate, request.issue.title, request.issue.body)
        self.unlike += shown != (None, None, "", "")
        return self._own.observe(request, out)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--history", type=int, choices=HISTORIES, nargs="*")
    parser.add_argument("--pair", nargs="*")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    everything = options.history is None and options.pair is None
    pairs = json.loads((REAL / "pairs.json").read_text())
    numbers = HISTORIES if everything else options.history or ()
    chosen = [
        one for one in pairs["pairs"] if everything or str(one["issue"]) in (options.pair or ())
    ]
    with _folder(options.folder) as folder:
        rows = [_club(folder / f"history-{number}", number) for number in numbers]
        known = [
            _datasette(folder / f"pair-{one['issue']}", one, pairs["layers"]) for one in chosen
        ]
    if options.json:
        print(json.dumps([asdict(row) for row in (*rows, *known)], indent=1))
    else:
        print("\n".join(_lines(rows, known)))
    return 0 if _is_met(rows, known) else 1


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given:
        given.mkdir(parents=True, exist_ok=True)
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="w-", ignore_cleanup_errors=True) as scratch:
        yield Path(scratch)


def _club(folder: Path, number: int) -> Row:
    """Watch one planted history of the club."""
    journeys = sorted((WATCHED / "journeys").glob("*.yaml"))

    def files(place: Path) -> str:
        (place / "club.py").write_text((WATCHED / "club.py").read_text())
        return CLUB

    return _watched(folder, f"history {number}", files, club(number), journeys)


def _datasette(folder: Path, document: dict[str, Any], layers: dict[str, list[str]]) -> Row:
    """Watch a history in which one landing brings the release with the bug."""
    pair = pair_in(document)
    journeys = sorted((REAL / "journeys").glob(f"{pair.issue}-*.yaml"))
    CACHE.mkdir(parents=True, exist_ok=True)

    def files(place: Path) -> str:
        with tempfile.TemporaryDirectory() as scratch:
            pins = {name: tuple(one) for name, one in layers.items()}
            ground = Ground(pins, Path(scratch), json.loads(LOCK.read_text()))
            named = ground.named(pair)
            # Both releases are there; side.json says which one runs.
            both = ground.side(pair, "both")
            both.rename(place / "side")
            for source, name in ((named.packages, PACKAGES), (named.data, DATA)):
                if source:
                    _copied(source, place / name)
        for one in (place / "side").iterdir():
            one.rename(place / one.name)
        (place / "side").rmdir()
        _runs(place, "new")
        return DATASETTE.format(
            ready=pair.base_url, copy=json.dumps(COPY), packages=f"{TREE}/{PACKAGES}"
        )

    notes = [Landing(added(f"notes/{at}.md", f"Note {at}.\n")) for at in range(AROUND)]
    at = int(pair.issue) % AROUND
    notes[at] = Landing(lambda place: _runs(place, "old"), breaks=0)
    return _watched(folder, f"Datasette {pair.issue}", files, tuple(notes), journeys)


def _runs(place: Path, mode: str) -> None:
    side = json.loads((place / "side.json").read_text())
    (place / "side.json").write_text(json.dumps({**side, "mode": mode}))


def _copied(source: Path, target: Path) -> None:
    import shutil

    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))


def _watched(
    folder: Path, name: str, files: Any, landings: Sequence[Landing], journeys: Sequence[Path]
) -> Row:
    """Plant the history unless it is there, and watch it until nothing is left to look at."""
    folder.mkdir(parents=True, exist_ok=True)
    places = Places(folder / "home", NAME)
    history, services, judge = _opened(folder, places, files, landings, journeys)
    policy = policy_at(services, CommitSha(history.tip))
    began = time.monotonic()
    watch_tip(services, policy)
    return _row(name, services, history, journeys, judge, seconds=time.monotonic() - began)


def _opened(
    folder: Path,
    places: Places,
    files: Any,
    landings: Sequence[Landing],
    journeys: Sequence[Path],
) -> tuple[History, Services, LookedAt]:
    kept = folder / "history.json"
    if kept.exists():
        document = json.loads(kept.read_text())
        culprits = {int(number): one for number, one in document["culprits"].items()}
        history = History(Path(document["origin"]), document["tip"], (), culprits)
        services = _services(places, history)
    else:
        (first := folder / "first").mkdir()
        app = files(first)
        places.signing_key.parent.mkdir(mode=0o700, parents=True)
        key = str(signer_at(places.signing_key).public_key.keyid)
        for path, text in {
            "mission.md": MISSION_FILE,
            "factory_rules.md": "---\nschema: 1\ndefault: allow\n---\n",
            "CLAUDE.md": "# How we write\n",
            "factory.toml": pinned(TOML.format(app=app), key),
        }.items():
            (first / path).write_text(text)
        history = planted(folder / "origin.git", first, landings)
        services = _services(places, history)
        services.repository.latest("main")
        _filled(services, history)
        _sealed(services, history, journeys)
        document = {"origin": str(history.origin), "tip": history.tip, "culprits": history.culprits}
        kept.write_text(json.dumps(document))
    judge = LookedAt(services.validator)
    return history, replace(services, validator=cast(Validator, judge)), judge


def _services(places: Places, history: History) -> Services:
    """A factory's own services. No forge and no model has a part in what follows."""
    forge = FakeForge(branches={"main": history.tip})
    ledger = SqliteLedger(places.home, SystemClock())
    return services_of(
        places,
        ledger,
        ExternalPorts(
            forge=forge,
            writer=forge,
            remote=Remote(history.origin.as_uri()),
            broker=cast(Broker, None),
            clock=SystemClock(),
            link=lambda path: path,
            repository=lambda repository: repository,
        ),
        log=Log(),
    )


def _filled(services: Services, history: History) -> None:
    """What the ledger has of those landings: each was the change for an issue of its own."""
    services.ledger.append(JourneyEdited("add"), "journey/bench")
    for number, commit in enumerate(history.landings, start=1):
        tree = services.repository.tree_of(CommitSha(commit))
        services.ledger.append(Landed(commit, tree, "main"), f"land/{number}", issue=number)


def _sealed(services: Services, history: History, journeys: Sequence[Path]) -> None:
    """Seal the journeys for the mission, as a maintainer may; they were shown to notice faults."""
    policy = policy_at(services, CommitSha(history.tip))
    request = base_request(
        request_context(services), policy, issue=NO_ISSUE, run="seal", round_number=1
    )
    paper = services.places.home / "seal.json"
    paper.write_text(json.dumps(plain(request)))
    context = opened_context(request_at(paper), caller=paper, now=lambda: datetime.now(UTC))
    whole = tuple(with_canary(file.read_text()) for file in journeys)
    entries = tuple(
        Entry(
            Event.SEALED,
            MISSION,
            read(text).name,
            journey_digest(text),
            purpose_of("chore"),
            "sha256:0",
            "maintainer",
            file.name,
            "2026-01-02",
        )
        for file, text in zip(journeys, whole, strict=True)
    )
    context.journey_store.seal(whole, entries)
    (services.places.home / "journeys.json").write_text(
        json.dumps({entry.digest: at for at, entry in enumerate(entries)})
    )


def _row(
    name: str,
    services: Services,
    history: History,
    journeys: Sequence[Path],
    judge: LookedAt,
    *,
    seconds: float,
) -> Row:
    numbers = json.loads((services.places.home / "journeys.json").read_text())
    traced = [one.event for one in recorded(services.ledger, RegressionTraced)]
    named = {numbers[one.red.journey]: one.culprit for one in traced}
    right = [at for at, culprit in history.culprits.items() if named.get(at) == culprit]
    wrong = [at for at, one in named.items() if one and one != history.culprits.get(at)]
    why = [
        f"{journeys[at].stem}: {one.message or f'named {one.culprit:.7}'}"
        for one in traced
        if (at := numbers[one.red.journey]) not in right
    ]
    seen = {numbers[one.red.journey] for one in broken(services.ledger)}
    why += [f"{journeys[at].stem}: not found red" for at in history.culprits.keys() - seen]
    return Row(
        name,
        len(history.culprits),
        len(right),
        len(wrong),
        len(recorded(services.ledger, CommitObserved)),
        seconds,
        judge.unlike,
        tuple(why),
    )


def _is_met(rows: Sequence[Row], known: Sequence[Row]) -> bool:
    """Whether the targets hold; of a part of the histories, their share."""
    planted_ones = sum(row.culprits for row in rows)
    return (
        sum(row.right for row in rows) * PLANTED >= WANTED_PLANTED * planted_ones
        and all(row.right == row.culprits for row in known)
        and not any(row.wrong or row.unlike for row in (*rows, *known))
    )


def _lines(rows: Sequence[Row], known: Sequence[Row]) -> Iterator[str]:
    yield f"{'':<16} {'culprits':>8} {'named':>6} {'wrongly':>8} {'observations':>13} {'s':>7}"
    for row in (*rows, *known):
        yield (
            f"{row.history:<16} {row.culprits:>8} {row.right:>6} {row.wrong:>8}"
            f" {row.observations:>13} {row.seconds:>7.0f}"
        )
        yield from (f"    {one}" for one in row.why)
    for title, group, wanted in (
        ("planted", rows, f"{WANTED_PLANTED} of {PLANTED}"),
        ("Datasette", known, "6 of 6"),
    ):
        if group:
            named = sum(row.right for row in group)
            yield f"{title}: {named} of {sum(row.culprits for row in group)} named; wanted: {wanted}"
    yield f"requests that showed the judge more than a commit: {sum(row.unlike for row in (*rows, *known))}"


if __name__ == "__main__":
    sys.exit(main())
