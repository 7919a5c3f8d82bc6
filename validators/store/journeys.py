"""The store of sealed journeys: what is sealed for an issue, what was proved about it, each
judgement's evidence.

journeys/<digest>.yaml      a sealed journey with its canary, named for the hash of its bytes
entries/000001.json         one change each: what was sealed, superseded or retired; signed,
chained, kept for ever proofs/<tree>-<digest>/     what the journey showed on a base tree; what
nobody could read lies beside it unsettled/<issue>/          what an author wrote, until it is
sealed or refused controls/<digest>.json      where the saboteurs of an app were performed on the
journey, and noticed judged/<run>-<round>/       the sealed evidence and page of one judgement"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import secrets
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
    standing,
)
from validators.store.files import placed
from validators.store.unproved import PendingAnswers

CANARY = re.compile(r"^canary: ([0-9a-f]{32})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SealedJourney:
    """A journey that stands: its entry in the history and its YAML text."""

    entry: Entry
    text: str

    @property
    def canary(self) -> str:
        """The random token that may never be seen outside the store."""
        return canaries_in(self.text)[0]


@dataclass(frozen=True, slots=True)
class JourneyStore:
    """One repository's store, in a folder that `opened_place` has accepted."""

    folder: Path
    notary: EnvelopeSigner

    def entries(self) -> tuple[Entry, ...]:
        """The whole history, verified. Raises UsageError."""
        return entries_in(self.folder / "entries", self.notary)

    def journeys(self, issue: int) -> tuple[SealedJourney, ...]:
        """The journeys that stand for an issue, oldest first. Raises UsageError if one is not what
        was sealed."""
        return tuple(self.journey(entry) for entry in standing(self.entries(), issue=issue))

    def standing(self) -> tuple[Entry, ...]:
        """The entry of every journey that stands, whatever issue it was written for, oldest first.
        Raises UsageError."""
        return standing(self.entries())

    def journey(self, entry: Entry) -> SealedJourney:
        """The sealed journey that an entry names. Raises UsageError if it is not what was
        sealed."""
        return SealedJourney(entry, self._text(entry.digest))

    def canaries(self) -> tuple[str, ...]:
        """The canary of every journey ever sealed, standing or not."""
        return tuple(
            token for path in self._sealed_files() for token in canaries_in(path.read_text())
        )

    @contextmanager
    def authoring(self, issue: int) -> Iterator[None]:
        """Holds the pen for one issue, and waits while another launcher has it: two would seal the
        same journey twice.

        A factory that was killed may have left a launcher that is still writing; whoever comes next
        waits for what it seals. The kernel lets go of the lock when a launcher dies, however it
        does."""
        with (self.folder / f".authoring-{issue}").open("w") as pen:
            fcntl.flock(pen, fcntl.LOCK_EX)
            yield

    def seal(self, texts: Sequence[str], entries: Sequence[Entry]) -> None:
        """Keep each journey under the digest that hashes it, then write the entries in one page:
        what is sealed stands from that moment and what they supersede no more."""
        for text in texts:
            path = self._path(journey_digest(text))
            if not path.exists():
                placed(path, text.encode())
        for entry in entries:
            if entry.event is Event.SEALED and not self._path(entry.digest).exists():
                raise UsageError(f"no text of journey {entry.journey!r} hashes to {entry.digest}")
        append(self.folder / "entries", entries, notary=self.notary)

    def closed(self, digest: str, *, event: Event, actor: str, reason: str, at: str) -> Entry:
        """The entry that supersedes or retires a standing journey. Raises UsageError if none has
        this digest."""
        found = [entry for entry in standing(self.entries()) if entry.digest == digest]
        if not found:
            raise UsageError(
                f"no standing journey has the digest {digest}; `store list` shows those that do"
            )
        old = found[0]
        entry = replace(old, event=event, actor=actor, reason=reason, at=at)
        append(self.folder / "entries", (entry,), notary=self.notary)
        return entry

    def proof_folder(self, *, tree: str, digest: str) -> Path:
        """Where the runs of one journey on one base tree are kept."""
        return self.folder / "proofs" / f"{tree}-{_hex(digest)}"

    @property
    def pending_answers(self) -> PendingAnswers:
        """What authors wrote that is neither sealed nor refused yet."""
        return PendingAnswers(self.folder / "unsettled")

    def verdicts(self) -> tuple[Path, ...]:
        """The envelope of every verdict that was reached here."""
        return tuple(sorted((self.folder / "judged").glob("[!.]*/verdict.json")))

    def was_controlled(self, digest: str) -> bool:
        """Whether a journey has noticed saboteurs before."""
        return self._controls(digest).is_file()

    def keep_controls(self, digest: str, *, tree: str, run: str) -> None:
        """Remember that a journey, performed on this tree in this run, noticed every saboteur that
        touched what it expects."""
        placed(
            self._controls(digest), json.dumps({"tree": tree, "run": run}).encode(), replace=True
        )

    def _controls(self, digest: str) -> Path:
        return self.folder / "controls" / f"{_hex(digest)}.json"

    def judged_folder(self, *, run: str, round_number: int) -> Path:
        """Where the sealed evidence of one judgement is kept."""
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
    """The journey with a fresh canary on a line of its own; a line that poses as one is refused."""
    if re.search(r"^canary\s*:", text, re.MULTILINE):
        raise UsageError("the journey already names a canary; only the store may")
    return f"{text.rstrip()}\ncanary: {secrets.token_hex(16)}\n"


def canaries_in(text: str) -> tuple[str, ...]:
    """The canaries that a sealed text carries."""
    return tuple(CANARY.findall(text))


def journey_digest(text: str) -> str:
    """`sha256:` over the bytes of a sealed journey. Its canary makes it a commitment that no guess
    can open."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def set_digest(digests: Iterable[str]) -> str:
    """One digest for all the journeys of an issue, whatever their order."""
    return "sha256:" + hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def purpose_of(kind: str) -> Purpose:
    """What an issue's kind asks of its journeys: a bug's and a feature's are red on base, a chore's
    green on both."""
    return {"bug": Purpose.BUG, "feature": Purpose.FEATURE}.get(kind, Purpose.REGRESSION)


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")
