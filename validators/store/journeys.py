"""The store of sealed journeys, of their proofs, and of the evidence of each judgement.

journeys/<digest>.yaml     a sealed journey with its canary, named by the hash of its bytes
entries/000001.json        one change: what was sealed, superseded or retired; signed and chained
proofs/<tree>-<digest>/    what a journey has shown on a base tree; an unreadable one lies beside it
unsettled/<issue>/         an author's answers until they are sealed or refused
controls/<digest>.json     where a journey has noticed every injected fault
judged/<run>-<round>/      the sealed evidence and page of one judgement"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from validators.domain.stops import UsageError
from validators.domain.verdict import Purpose
from validators.store.entries import (
    Entry,
    EnvelopeSigner,
    Event,
    append,
    entries_in,
    in_force,
)
from validators.store.files import place_file

CANARY = re.compile(r"^canary: ([0-9a-f]{32})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SealedJourney:
    """A sealed journey: its entry in the history and its YAML text."""

    entry: Entry
    text: str

    @property
    def canary(self) -> str:
        """The random token that may never be seen outside the store."""
        return canaries_in(self.text)[0]


@dataclass(frozen=True, slots=True)
class PendingAnswers:
    """Authors' answers that could not be proved yet, by issue and by the digest of the question, in
    a folder of the store. An answer is kept so that a busy machine is no reason to pay for the same
    text again."""

    folder: Path

    def keep(self, issue: int, brief: str, answer: bytes) -> None:
        """Keep an answer until it is taken, or its issue is forgotten."""
        place_file(self._file(issue, brief), answer, replace=True)

    def take(self, issue: int, brief: str) -> bytes | None:
        """Remove and return the answer to this very question; None when there is none."""
        path = self._file(issue, brief)
        try:
            answer = path.read_bytes()
        except FileNotFoundError:
            return None
        # Each is used once: a text that could not be proved twice may itself be the reason.
        path.unlink()
        return answer

    def forget(self, issue: int) -> None:
        """Remove the answers for an issue: its journeys are sealed, or there are none."""
        shutil.rmtree(self.folder / str(issue), ignore_errors=True)

    def _file(self, issue: int, brief: str) -> Path:
        return self.folder / str(issue) / f"{brief}.json"


@dataclass(frozen=True, slots=True)
class JourneyStore:
    """One repository's store, in a folder that `opened_place` has accepted."""

    folder: Path
    notary: EnvelopeSigner

    def entries(self) -> tuple[Entry, ...]:
        """The whole history, verified. Raises UsageError."""
        return entries_in(self.folder / "entries", self.notary)

    def journeys(self, issue: int) -> tuple[SealedJourney, ...]:
        """The journeys of an issue that are in force, oldest first. Raises UsageError when the text
        of one was changed."""
        return tuple(self.journey(entry) for entry in in_force(self.entries(), issue=issue))

    def in_force(self) -> tuple[Entry, ...]:
        """The entry of every journey that is in force, of any issue, oldest first. Raises
        UsageError."""
        return in_force(self.entries())

    def journey(self, entry: Entry) -> SealedJourney:
        """The sealed journey that an entry names. Raises UsageError when its text was changed."""
        return SealedJourney(entry, self._text(entry.digest))

    def canaries(self) -> tuple[str, ...]:
        """The canary of every journey that was ever sealed, in force or not."""
        return tuple(
            token for path in self._sealed_files() for token in canaries_in(path.read_text())
        )

    @contextmanager
    def authoring(self, issue: int) -> Iterator[None]:
        """Hold the lock for authoring one issue; wait while another launcher holds it."""
        # A factory that was killed may have left a launcher that still writes. Without the lock,
        # the next one would seal journeys for the issue a second time. The kernel releases the
        # lock when its launcher dies.
        with (self.folder / f".authoring-{issue}").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def seal(self, texts: Sequence[str], entries: Sequence[Entry]) -> None:
        """Write each text under its digest, then all entries in one page. The page changes what is
        in force; a text alone binds nobody."""
        for text in texts:
            path = self._path(journey_digest(text))
            if not path.exists():
                place_file(path, text.encode())
        for entry in entries:
            if entry.event is Event.SEALED and not self._path(entry.digest).exists():
                raise UsageError(f"no text of journey {entry.journey!r} hashes to {entry.digest}")
        append(self.folder / "entries", entries, notary=self.notary)

    def close(self, digest: str, *, event: Event, actor: str, reason: str, at: str) -> Entry:
        """Supersede or retire a journey in force, and return the new entry. Raises UsageError when
        no journey in force has this digest."""
        found = [entry for entry in self.in_force() if entry.digest == digest]
        if not found:
            raise UsageError(
                f"no journey in force has the digest {digest}; `store list` shows those that are"
            )
        old = found[0]
        entry = replace(old, event=event, actor=actor, reason=reason, at=at)
        append(self.folder / "entries", (entry,), notary=self.notary)
        return entry

    def proof_folder(self, *, tree: str, digest: str) -> Path:
        """The folder for the runs of one journey on one base tree."""
        return self.folder / "proofs" / f"{tree}-{_hex(digest)}"

    @property
    def pending_answers(self) -> PendingAnswers:
        """Authors' answers that are neither sealed nor refused yet."""
        return PendingAnswers(self.folder / "unsettled")

    def verdicts(self) -> tuple[Path, ...]:
        """The envelope of every verdict in the store."""
        return tuple(sorted((self.folder / "judged").glob("[!.]*/verdict.json")))

    def was_controlled(self, digest: str) -> bool:
        """Whether a journey has noticed injected faults before."""
        return self._controls(digest).is_file()

    def keep_controls(self, digest: str, *, tree: str, run: str) -> None:
        """Record that a journey, performed on this tree in this run, noticed every injected fault
        that touched what it expects."""
        document = json.dumps({"tree": tree, "run": run}).encode()
        place_file(self._controls(digest), document, replace=True)

    def _controls(self, digest: str) -> Path:
        return self.folder / "controls" / f"{_hex(digest)}.json"

    def judged_folder(self, *, run: str, round_number: int) -> Path:
        """The folder for the sealed evidence of one judgement."""
        return self.folder / "judged" / f"{run}-{round_number}"

    def _sealed_files(self) -> Iterable[Path]:
        return sorted((self.folder / "journeys").glob("*.yaml"))

    def _path(self, digest: str) -> Path:
        return self.folder / "journeys" / f"{_hex(digest)}.yaml"

    def _text(self, digest: str) -> str:
        try:
            text = self._path(digest).read_text()
        except OSError as error:
            raise UsageError(
                f"the sealed journey {digest} cannot be read ({error.strerror}); restore the store"
            ) from error
        if journey_digest(text) != digest:
            raise UsageError(
                f"the sealed journey {digest} was changed after sealing; restore the store from a"
                " backup"
            )
        return text


def with_canary(text: str) -> str:
    """The journey with a fresh canary on its own line. Raises UsageError when it has one."""
    if re.search(r"^canary\s*:", text, re.MULTILINE):
        raise UsageError("the journey already names a canary; only the store may")
    return f"{text.rstrip()}\ncanary: {secrets.token_hex(16)}\n"


def canaries_in(text: str) -> tuple[str, ...]:
    """The canaries that a sealed text carries."""
    return tuple(CANARY.findall(text))


def journey_digest(text: str) -> str:
    """`sha256:` and the hash of a sealed journey's bytes. The canary makes it a commitment: nobody
    can guess the text behind it."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def set_digest(digests: Iterable[str]) -> str:
    """One digest for a set of journeys, in any order."""
    return "sha256:" + hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def purpose_of(kind: str) -> Purpose:
    """What an issue's kind requires: journeys of a bug or a feature are red on base, those of a
    chore are green on both."""
    return {"bug": Purpose.BUG, "feature": Purpose.FEATURE}.get(kind, Purpose.REGRESSION)


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")
