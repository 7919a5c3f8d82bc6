"""Garbage collection of a home: find candidates, decide, move them to the trash, delete them.

What goes is first renamed into a trash folder, in one step, and then deleted. So nothing is ever
half deleted under its own name, and a kill leaves only trash, which the next sweep deletes."""

import json
import os
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from harness.domain.errors import Busy, GitError, LedgerError
from harness.domain.ledger import Entry
from harness.factory.run.services import Places, Services
from harness.home.document import EMBEDDED, FILE, read_home, wheels_folder
from harness.home.state import open_ledger, sole_factory
from harness.home.state_backup import backed_up
from harness.operations.maintenance.gc_candidates import candidates, disk_bytes, live_processes
from harness.operations.maintenance.gc_policy import (
    DAYS,
    Candidate,
    CandidateKind,
    Facts,
    GcDecision,
    RunState,
    gc_decisions,
    run_states,
)
from harness.ports.ledger import Ledger
from harness.store.lock import sole_factory as sole_factory_in

OBJECTS = "objects"


@dataclass(frozen=True, slots=True)
class GcResult:
    """What was freed by kind, in bytes on the disk (`freed`) and in number (`things`); what stayed
    and why; and the folders with trash to delete."""

    freed: dict[str, int]
    things: dict[str, int]
    kept: tuple[GcDecision, ...]
    notes: tuple[str, ...]
    trash: tuple[Path, ...]


def sweep_home(services: Services) -> GcResult:
    """Sweep the home that this process works on, between two runs, for `factory up`. A separate
    process deletes the trash.

    The repository is left to `collect_garbage`, because packing it may take minutes."""
    from harness.repository.trash import delete_trash_later

    recordings = read_home(services.places.home).recordings_days
    found = _sweep(
        services.places,
        services.wheels,
        services.ledger.entries(),
        days=DAYS,
        recordings=recordings,
        dry_run=False,
    )
    delete_trash_later(*found.trash)
    return found


def collect_garbage(home: Path, *, days: float, dry_run: bool) -> GcResult:
    """All of `factory gc`. Nobody else may work on the home; on return the trash is deleted. A dry
    run takes no lock and changes nothing.

    Raises Busy while a factory works there, ConfigError if there is none, and LedgerError if the
    ledger's signature does not match: then no run is known to be over."""
    from harness.repository.trash import delete_trash

    document = read_home(home)
    places = Places(home, document.repository_id)
    with ExitStack() as stack:
        if not dry_run:
            stack.enter_context(sole_factory(home, command="factory gc"))
            stack.enter_context(backed_up(home))
        entries = _entries(stack.enter_context(open_ledger(home)))
        found = _sweep(
            places,
            wheels_folder(),
            entries,
            days=days,
            recordings=document.recordings_days,
            dry_run=dry_run,
        )
        stays = tuple(note for folder in found.trash for note in delete_trash(folder))
        found = replace(found, notes=(*found.notes, *stays))
        return found if dry_run else _with_objects(found, places, entries)


def _entries(ledger: Ledger) -> tuple[Entry, ...]:
    # A forged end of a run would have its files deleted.
    if fault := ledger.fault():
        raise LedgerError(
            f"{fault.message}; `factory gc` deletes nothing while the ledger's signature does not"
            " match: run `factory audit`"
        )
    return ledger.entries()


def _sweep(
    places: Places,
    wheels: Path,
    entries: tuple[Entry, ...],
    *,
    days: float,
    recordings: float,
    dry_run: bool,
) -> GcResult:
    temporary = Path(tempfile.gettempdir())
    found = (
        *candidates(places, wheels, temporary=temporary, recordings=recordings > 0),
        *_demos(temporary, places.home),
    )
    decisions = gc_decisions(Facts(found, run_states(entries), live_processes(), days, recordings))
    freed, things, trash = Counter[str](), Counter[str](), dict[Path, None]()
    for candidate in (decision.candidate for decision in decisions if decision.deletes):
        freed[candidate.kind.value] += disk_bytes(candidate.path)
        things[candidate.kind.value] += 1
        if not dry_run and (folder := _discard(candidate)):
            trash[folder] = None
    kept = tuple(decision for decision in decisions if not decision.deletes)
    return GcResult(dict(freed), dict(things), kept, (), tuple(trash))


def _discard(candidate: Candidate) -> Path | None:
    """Discard one candidate. Returns the folder in whose trash it is now, or None if it is
    deleted."""
    from harness.folder_walk import delete
    from harness.repository.trash import throw_away

    match candidate.kind:
        case CandidateKind.TRASH:
            return candidate.path.parent.parent
        case CandidateKind.DEMO:
            # It is recognised by its content. Its new name lets the next sweep find it if this one
            # is killed halfway.
            doomed = candidate.path.with_name(f"factory-demo-{os.getpid()}-{uuid.uuid4().hex[:8]}")
            # Somebody may be looking at this demo right now.
            with suppress(Busy), sole_factory_in(candidate.path, command="factory gc"):
                delete(candidate.path.rename(doomed))
        case _ if candidate.trash is None:
            delete(candidate.path)
        case _:
            throw_away(candidate.path, candidate.trash)
    return candidate.trash


def _demos(temporary: Path, home: Path) -> Iterator[Candidate]:
    """Homes of `factory demo` in the temporary folder. Any other home belongs to a real factory,
    unless it only ever replayed recordings."""
    for path in sorted(temporary.glob("lights-out-factory-*")):
        ledger = path / "ledger.db"
        if path in (home, *home.parents) or path.is_symlink() or not ledger.is_file():
            continue
        # The temporary folder belongs to all accounts of the machine.
        if path.stat().st_uid == os.geteuid() and _is_replay(path):
            yield Candidate(CandidateKind.DEMO, path, time.time() - ledger.stat().st_mtime, None)


def _is_replay(home: Path) -> bool:
    """Whether a home only replays recordings on a local forge."""
    # The file is read as it is: `read_home` would update an old document.
    try:
        document = json.loads((home / FILE).read_text("utf-8"))
        return bool(document["models"] == "replay" and document["forge"] == EMBEDDED)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _with_objects(found: GcResult, places: Places, entries: tuple[Entry, ...]) -> GcResult:
    """Also pack the trusted repository, unless a run is open: it may have made objects that nothing
    names yet."""
    from harness.repository.prune import prune
    from harness.repository.remote import Remote
    from harness.repository.trusted import TrustedRepository

    if not places.trusted.is_dir():
        return found
    states = run_states(entries)
    if open_runs := [run for run, state in states.items() if state is RunState.OPEN]:
        return _noted(
            found, f"the repository's objects stay while {', '.join(open_runs)} may continue"
        )
    before = disk_bytes(places.trusted)
    try:
        prune(
            # Packing asks no remote, so any address will do.
            TrustedRepository(places.trusted, Remote("/")),
            (str(dict(entry.data)) for entry in entries),
        )
    except GitError as error:
        return _noted(found, f"the repository could not be packed: {error}")
    freed = max(0, before - disk_bytes(places.trusted))
    return GcResult(
        {**found.freed, OBJECTS: freed}, found.things, found.kept, found.notes, found.trash
    )


def _noted(found: GcResult, note: str) -> GcResult:
    return GcResult(found.freed, found.things, found.kept, (*found.notes, note), found.trash)
