"""The transcripts of a home's runs: what the sessions wrote, and where the sealed ones are."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.agents.transcript.transcribing import parts
from harness.domain.events import UsageRecorded
from harness.domain.ledger import Entry, of_kind
from harness.factory.run.services import Places
from harness.home.document import read_home
from harness.home.state import open_ledger
from harness.programs.broker.options import JUDGES


@dataclass(frozen=True, slots=True)
class Transcript:
    """A run's transcript so far, in sections; more may follow until it is `over`. `sealed` names
    the file of each session of a role that judges: nobody who may talk to an implementer sees
    it."""

    sections: tuple[str, ...]
    sealed: tuple[str, ...]
    over: bool


def transcript_of(home: Path, run: str) -> Transcript:
    """The transcript of a run. Raises ConfigError if there is no factory."""
    places = Places(home, read_home(home).repository_id)
    with open_ledger(home) as ledger:
        entries = [entry for entry in ledger.entries() if entry.run == run]
    # Before the log is read: a run that ends in between is read once more, and loses no turn.
    over = any(entry.kind == "run-ended" for entry in entries)
    found = parts(places.run(run), home / "broker" / "wire", over=over)
    return Transcript(tuple(found), tuple(_sealed(entries, places.sealed / "wire")), over)


def _sealed(entries: list[Entry], wire: Path) -> Iterator[str]:
    for entry in of_kind(entries, UsageRecorded):
        used = entry.event
        if used.role in JUDGES:
            log = wire / f"{entry.key.rpartition('/')[2]}.jsonl"
            where = f": {log}" if log.exists() else ", and was not logged"
            calls = f"{used.role}: {used.calls} calls of {used.model}"
            yield f"{calls}. It judges, so its transcript is sealed{where}"
