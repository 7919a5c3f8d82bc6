"""Gathers everything that one run needs to run again into a bundle. The home is only read."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.domain.errors import ConfigError, LedgerError
from harness.domain.events import Landed, ProposalPushed, RunStarted, UsageRecorded, VerdictRecorded
from harness.domain.ledger import Entry, as_of, entry_document, of_kind
from harness.domain.plain import JsonObject
from harness.factory.run.services import Places
from harness.forge.recording import recorded_tip
from harness.home.document import read_home
from harness.home.recording import (
    OBJECTS,
    SCHEMA,
    SEALED,
    WIRE,
    WITHHELD,
    made_by,
    object_in,
    recorded_lines,
    recording_of,
)
from harness.operations.replay.bundle import (
    FILE,
    LEDGER,
    OWN_VERDICT,
    PACK,
    PUBLIC_KEY,
    TAPE,
    Bundle,
    digests,
    open_bundle,
)

JUDGED = frozenset({"implement", "validate", "merge"})
"""The workflows in which the judge has a part."""


def recorded_runs(home: Path) -> tuple[str, ...]:
    """Every run that has ended and has a recording, in the order in which they ended."""
    from harness.home.state import open_ledger

    places = Places(home, read_home(home).repository_id)
    with open_ledger(home) as ledger:
        ended = [str(entry.run) for entry in ledger.entries(kind="run-ended")]
    return tuple(run for run in ended if recording_of(places, run).exists())


def gather_bundle(home: Path, run: str, folder: Path, *, ref: str | None = None) -> Bundle:
    """Gather a run's bundle in an empty folder. With `ref` it also contains another commit to begin
    at.

    Raises ConfigError, naming what is missing: an unknown run or one that has not ended, a
    recording that was never made, is too old or was withheld. Raises LedgerError if the ledger's
    signature does not match."""
    document = read_home(home)
    places = Places(home, document.repository_id)
    entries = _entries(home, run)
    start = next(entry for entry in entries if entry.key == f"run/{run}")
    began = as_of(start, RunStarted)
    lines = _recording(places, run)
    tip = recorded_tip(lines) or began.event.base
    _write_lines(folder / LEDGER, (entry_document(entry) for entry in entries))
    _write_lines(folder / TAPE, lines)
    _write_sessions(places, entries, lines, folder, run=run)
    if began.event.workflow in JUDGED:
        _copy_judge_store(places, lines, folder)
    heads, against = _pushed_heads(entries, began), _commit(places, ref) if ref else ""
    commits = (began.event.base, str(tip), against, *_nameable_commits(entries, began))
    _write_pack(places, folder, commits=commits)
    bundle = {
        "schema": SCHEMA,
        "run": run,
        "issue": began.issue,
        "workflow": began.event.workflow,
        "repository": document.repository_id,
        "branch": _branch(lines),
        "base": began.event.base,
        "tip": str(tip),
        "home": str(home),
        "made_by": dict(_made_by(lines)),
        "heads": heads,
        "against": against,
    }
    _write_verdicts(home, entries, folder, began)
    # Last, because it lists the digest of every other file.
    (folder / FILE).write_text(
        json.dumps({**bundle, "files": digests(folder)}, indent=1) + "\n", "utf-8"
    )
    return open_bundle(folder)


def _entries(home: Path, run: str) -> tuple[Entry, ...]:
    from harness.home.state import open_ledger

    with open_ledger(home) as ledger:
        if fault := ledger.fault():
            raise LedgerError(
                f"{fault.message}; `factory replay` refuses to run on a ledger whose signature does"
                " not match: run `factory audit`"
            )
        entries = ledger.entries()
    keys = {entry.key: entry.seq for entry in entries}
    if f"run/{run}" not in keys:
        raise ConfigError(f"no run is called {run}; `factory logs` lists all runs")
    if f"run/{run}/ended" not in keys:
        raise ConfigError(f"{run} has not ended; it can be replayed after its end")
    # Sequence numbers begin at 1, so the entry of the end is still included.
    return entries[: keys[f"run/{run}/ended"]]


def _recording(places: Places, run: str) -> tuple[JsonObject, ...]:
    lines = recorded_lines(places, run)
    if not lines:
        raise ConfigError(
            f"there is no recording of {run}: it ran before runs were recorded, or `factory gc`"
            " deleted an old recording",
            file=str(recording_of(places, run)),
        )
    if wrong := next((line["schema"] for line in lines if line.get("schema") != SCHEMA), None):
        raise ConfigError(
            f"has schema {wrong!r}, but this version of the factory replays schema {SCHEMA}",
            file=str(recording_of(places, run)),
            key="schema",
        )
    return lines


def _write_sessions(
    places: Places,
    entries: tuple[Entry, ...],
    lines: tuple[JsonObject, ...],
    folder: Path,
    *,
    run: str,
) -> None:
    stored = {line[WIRE]: line for line in lines if WIRE in line}
    sessions = [entry for entry in of_kind(entries, UsageRecorded) if entry.run == run]
    for number, entry in enumerate(sessions, start=1):
        session, role = entry.key.removeprefix("usage/"), entry.event.role
        line, name = stored.get(session, {}), f"{number:03}-{role}-{session}.jsonl"
        if WITHHELD in line:
            raise ConfigError(
                f"{run}: the recording of {role} was withheld, because it contains something like"
                f" a credential: {line[WITHHELD]}"
            )
        sealed = places.sealed / "wire" / f"{session}.jsonl"
        try:
            if "object" in line:
                _write(folder / "wire" / name, object_in(places.home / OBJECTS, line["object"]))
            elif sealed.exists():
                _write(folder / "sealed" / "wire" / name, sealed.read_bytes())
            # A session that made no call has no log, and lacks nothing.
            elif entry.event.calls:
                raise ConfigError(
                    f"{run}: the exchanges of {role} were not recorded (session {session})"
                )
        except (OSError, ValueError) as error:
            raise ConfigError(f"{run}: the recording of {role} cannot be read: {error}") from error


def _copy_judge_store(places: Places, lines: tuple[JsonObject, ...], folder: Path) -> None:
    """Copy the judge's store, by the names that were in it when the run began. The harness does not
    look into its files."""
    names: list[str] = next((line[SEALED] for line in lines if SEALED in line), [])
    for name in names:
        source, target = places.sealed / name, folder / "sealed" / "store" / name
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.is_file():
            _write(target, source.read_bytes())


def _pushed_heads(entries: tuple[Entry, ...], began: Entry) -> dict[str, str]:
    """The head of the branch that the factory had last pushed for the issue when the run began, by
    the branch's name."""
    pushed = [
        entry.event
        for entry in of_kind(entries, ProposalPushed)
        if entry.issue == began.issue and entry.seq < began.seq
    ]
    return {one.branch: one.head for one in pushed[-1:]}


def _nameable_commits(entries: tuple[Entry, ...], began: Entry) -> Iterator[str]:
    """Commits that the run can name: those of its own issue, and landings of others before."""
    for entry in entries:
        if entry.seq > began.seq:
            return
        whole = entry.event.document()
        for document in (whole, whole.get("result"), whole.get("binds")):
            if isinstance(document, Mapping) and (
                entry.issue == began.issue or isinstance(entry.event, Landed)
            ):
                yield from (
                    str(document[name])
                    for name in ("base", "head", "candidate", "commit")
                    if isinstance(document.get(name), str) and len(document[name]) == 40
                )


def _commit(places: Places, ref: str) -> str:
    """A commit in the factory's own repository, by its id or by the name of a fetched branch."""
    from harness.repository.plumbing import Git
    from harness.repository.trusted import FETCHED

    git = Git(places.trusted)
    # The branch first: a branch may have a name that git would also take for a commit.
    for name in (f"{FETCHED}/heads/{ref}", ref):
        found = git.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
        )
        if not found.status:
            return found.out.decode("ascii").strip()
    raise ConfigError(
        f"the factory's repository has no commit {ref!r}: name a fetched branch, or the forty"
        " digits of a commit"
    )


def _write_pack(places: Places, folder: Path, *, commits: tuple[str, ...]) -> None:
    from harness.repository.plumbing import Git

    git = Git(places.trusted, seconds=600)
    wanted = "".join(
        f"{commit}\n"
        for commit in dict.fromkeys(commits)
        # A commit that was only named, and never fetched, is not in this repository.
        if commit and not git.run("cat-file", "-e", commit).status
    )
    _write(
        folder / PACK,
        git.output("pack-objects", "--revs", "--stdout", "--quiet", stdin=wanted.encode()),
    )


def _branch(lines: tuple[JsonObject, ...]) -> str:
    return next(
        (str(line["answer"]) for line in lines if line.get("call") == "default_branch"), "main"
    )


def _made_by(lines: tuple[JsonObject, ...]) -> Mapping[str, str]:
    return next((line["made_by"] for line in lines if "made_by" in line), made_by())


def _write_verdicts(home: Path, entries: tuple[Entry, ...], folder: Path, began: Entry) -> None:
    """Copy the launcher's public key and the envelopes of the issue's verdicts."""
    # The run's own verdict gets another name, so that no replay finds what it has to reach.
    key = home / "keys" / PUBLIC_KEY
    if key.exists():
        _write(folder / PUBLIC_KEY, key.read_bytes())
    for entry in of_kind(entries, VerdictRecorded):
        envelope = home / entry.event.envelope
        if entry.issue == began.issue and envelope.exists():
            name = OWN_VERDICT if entry.run == began.run else entry.event.envelope
            _write(folder / name, envelope.read_bytes())


def _write_lines(path: Path, documents: Any) -> None:
    lines = (json.dumps(one, sort_keys=True, ensure_ascii=False) + "\n" for one in documents)
    # Titles and comments may contain lone surrogates, which UTF-8 refuses.
    _write(path, "".join(lines).encode("utf-8", "surrogatepass"))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(content)
