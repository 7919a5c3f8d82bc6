"""Freeing what nothing needs any more: look, decide, move out of sight, delete.

What goes is renamed into a trash first, in one step, and deleted afterwards: nothing is ever found
half deleted under its own name, and a kill leaves trash, which the next sweep ends."""

import json
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import Busy, GitError, LedgerError
from harness.domain.ledger import Entry
from harness.factory.run.services import Places, Services
from harness.home.document import EMBEDDED, FILE, read_home, wheels_folder
from harness.home.state import open_ledger, sole_factory
from harness.operations.maintenance.gc_candidates import leavings, living, weight
from harness.operations.maintenance.gc_policy import (
    DAYS,
    Facts,
    GcDecision,
    Kind,
    Leaving,
    Standing,
    standings,
    sweepable,
)
from harness.ports.ledger import Ledger
from harness.store.lock import sole_factory as sole_factory_in

OBJECTS = "objects"


@dataclass(frozen=True, slots=True)
class Swept:
    """What was freed, in bytes on the disk and in things, by kind; what stayed, and why; and the
    trash that is left."""

    freed: dict[str, int]
    things: dict[str, int]
    kept: tuple[GcDecision, ...]
    notes: tuple[str, ...]
    trash: tuple[Path, ...]


def swept(services: Services, *, days: float = DAYS) -> Swept:
    """Sweep the home that this process works on, between two runs; what goes is deleted by a
    process of its own.

    For `factory up` at night. The repository is left to `collect`: packing it may take minutes."""
    from harness.repository.trash import delete_trash_later

    recordings = read_home(services.places.home).recordings_days
    found = _swept(
        services.places,
        services.wheels,
        services.ledger.entries(),
        days=days,
        recordings=recordings,
        dry_run=False,
    )
    delete_trash_later(*found.trash)
    return found


def collect(home: Path, *, days: float = DAYS, dry_run: bool = False) -> Swept:
    """All of `factory gc`: nobody else may work on the home, and when this returns what went is
    deleted.

    Raises Busy while a factory works there, ConfigError where there is none, LedgerError when the
    ledger is not the one that was signed: then nothing is known to be over. A dry run looks, takes
    no lock and changes nothing."""
    from harness.repository.trash import delete_trash

    document = read_home(home)
    places = Places(home, document.repository_id)
    with ExitStack() as stack:
        if not dry_run:
            stack.enter_context(sole_factory(home, command="factory gc"))
        entries = _entries(stack.enter_context(open_ledger(home)))
        found = _swept(
            places,
            wheels_folder(),
            entries,
            days=days,
            recordings=document.recordings_days,
            dry_run=dry_run,
        )
        for folder in found.trash:
            delete_trash(folder)
        return found if dry_run else _with_objects(found, places, entries)


def _entries(ledger: Ledger) -> tuple[Entry, ...]:
    if fault := ledger.fault():
        raise LedgerError(
            f"{fault.says}; nothing is deleted by a ledger that is not the one that was signed"
        )
    return ledger.entries()


def _swept(
    places: Places,
    wheels: Path,
    entries: tuple[Entry, ...],
    *,
    days: float,
    recordings: float,
    dry_run: bool,
) -> Swept:
    temporary = Path(tempfile.gettempdir())
    there = (
        *leavings(places, wheels, temporary=temporary, recordings=recordings > 0),
        *_demos(temporary, places.home),
    )
    fates = sweepable(Facts(there, standings(entries), living(), days, recordings))
    freed, things, trash = dict[str, int](), dict[str, int](), dict[Path, None]()
    for leaving in (decision.leaving for decision in fates if decision.goes):
        freed[leaving.kind.value] = freed.get(leaving.kind.value, 0) + weight(leaving.path)
        things[leaving.kind.value] = things.get(leaving.kind.value, 0) + 1
        if not dry_run and (folder := _gone(leaving)):
            trash[folder] = None
    return Swept(
        freed, things, tuple(decision for decision in fates if not decision.goes), (), tuple(trash)
    )


def _gone(leaving: Leaving) -> Path | None:
    """Take one thing away; the folder in whose trash it is now, or None when it is deleted."""
    from harness.repository.trash import delete, throw_away

    match leaving.kind:
        case Kind.TRASH:
            return leaving.path.parent.parent
        case Kind.DEMO:  # told by what is in it: it gets a name that tells it while it is deleted
            with suppress(Busy), sole_factory_in(leaving.path, command="factory gc"):
                delete(
                    leaving.path.rename(
                        leaving.path.with_name(f"factory-demo-{os.getpid()}-{uuid.uuid4().hex[:8]}")
                    )
                )
        case _ if leaving.trash is None:
            delete(leaving.path)
        case _:
            throw_away(leaving.path, leaving.trash)
    return leaving.trash


def _demos(temporary: Path, home: Path) -> Iterator[Leaving]:
    """Homes of `factory demo` that nobody works on. Another home is another factory's, unless all
    it ever did was a replay."""
    for path in sorted(temporary.glob("lights-out-factory-*")):
        ledger = path / "ledger.db"
        if path in (home, *home.parents) or path.is_symlink() or not ledger.is_file():
            continue
        if path.stat().st_uid == os.geteuid() and _is_replay(path):
            yield Leaving(Kind.DEMO, path, time.time() - ledger.stat().st_mtime, None)


def _is_replay(home: Path) -> bool:
    """By its document as it is: reading it as one's own would bring an old one up to date."""
    try:
        document = json.loads((home / FILE).read_text("utf-8"))
        return bool(document["models"] == "replay" and document["forge"] == EMBEDDED)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _with_objects(found: Swept, places: Places, entries: tuple[Entry, ...]) -> Swept:
    """The trusted repository's turn, when no run is under way that may have made objects which
    nothing names yet."""
    from harness.repository.prune import prune
    from harness.repository.remote import Remote
    from harness.repository.trusted import TrustedRepository

    if not places.trusted.is_dir():
        return found
    if open_runs := [
        run for run, standing in standings(entries).items() if standing is Standing.OPEN
    ]:
        return _noted(
            found, f"the repository's objects stay while {', '.join(open_runs)} may go on"
        )
    before = weight(places.trusted)
    try:
        prune(
            TrustedRepository(places.trusted, Remote("/")),
            (str(dict(entry.data)) for entry in entries),
        )
    except GitError as error:
        return _noted(found, f"the repository could not be packed: {error}")
    freed = max(0, before - weight(places.trusted))
    return Swept(
        {**found.freed, OBJECTS: freed}, found.things, found.kept, found.notes, found.trash
    )


def _noted(found: Swept, note: str) -> Swept:
    return Swept(found.freed, found.things, found.kept, (*found.notes, note), found.trash)
