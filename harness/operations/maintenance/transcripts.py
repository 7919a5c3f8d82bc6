"""The transcripts of a home: which sessions a run had, what they said, and where what may not be
shown is."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.agents.transcript.keep import parts
from harness.domain.events import UsageRecorded
from harness.domain.ledger import Entry, of_kind
from harness.factory.run.services import Places
from harness.home.document import read_home
from harness.home.state import open_ledger
from harness.programs.broker.options import JUDGES


@dataclass(frozen=True, slots=True)
class Told:
    """A run's transcript so far, in sections to which more may come until it is `over`. `sealed`
    says of each session of a role that judges where its words are: they are shown to nobody who may
    speak with an implementer."""

    sections: tuple[str, ...]
    sealed: tuple[str, ...]
    over: bool


def transcript_of(home: Path, run: str) -> Told:
    """What is told of a run. Raises ConfigError where there is no factory."""
    places = Places(home, read_home(home).repository_id)
    with open_ledger(home) as ledger:
        entries = [entry for entry in ledger.entries() if entry.run == run]
    over = any(entry.kind == "run-ended" for entry in entries)
    found = parts(places.run(run), home / "broker" / "wire", over=over)
    return Told(tuple(found), tuple(_sealed(entries, places.sealed / "wire")), over)


def _sealed(entries: list[Entry], wire: Path) -> Iterator[str]:
    for entry in of_kind(entries, UsageRecorded):
        used = entry.event
        if used.role in JUDGES:
            log = wire / f"{entry.key.rpartition('/')[2]}.jsonl"
            where = f": {log}" if log.exists() else ", and was not logged"
            asked = f"{used.role}: {used.calls} calls of {used.model}"
            yield f"{asked}. It judges, so its words are sealed{where}"
