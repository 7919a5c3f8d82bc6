"""The audit: from what is in production back to the verdict, the rules and the evidence, offline.

Every claim is checked against something that its maker could not have changed afterwards: the
ledger against its own chain and signed head, and against what production's branch says of it;
verdicts against the launcher's signature and the digest in the ledger, evidence against the root
that was signed, landed trees against git's own hashes. The first faults are named; nothing is
repaired, and what could not be checked is said."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import FactoryError, GitError, ValidatorError
from harness.domain.events import Landed, VerdictRecorded
from harness.domain.issue import CommitSha
from harness.domain.ledger import Recorded, of_kind
from harness.domain.verdict import Binding, Verdict, VerdictOutcome
from harness.factory.reporting.anchors import Anchors
from harness.factory.settings.config import API, read_config
from harness.factory.settings.tables import FILE
from harness.ports.git import Repository
from harness.ports.ledger import Ledger
from harness.ports.validator import EvidenceReader, Validator

SAME_ACCOUNT = "same-account"


@dataclass(frozen=True, slots=True)
class AuditFault:
    """One thing that is not as it was written. `entry` is the ledger's entry that names it."""

    entry: int
    subject: str
    says: str


@dataclass(frozen=True, slots=True)
class Audit:
    """What was checked, and what did not hold."""

    entries: int
    verdicts: int
    landings: int
    faults: tuple[AuditFault, ...]
    unchecked: tuple[str, ...] = ()  # what nothing here could check, in sentences

    @property
    def ok(self) -> bool:
        return not self.faults


@dataclass(frozen=True, slots=True)
class _Read:
    """A verdict's entry in the ledger, where its envelope lies, and what it says if its signature
    holds."""

    entry: Recorded[VerdictRecorded]
    path: Path
    verdict: Verdict | None


def audit(
    ledger: Ledger,
    repository: Repository,
    validator: Validator,
    home: Path,
    *,
    evidence: EvidenceReader,
    branch: str,
) -> Audit:
    """Check everything. A ledger that is not the signed one is the only fault named then: nothing
    else can be trusted.

    `branch` is production's, which says where the ledger stood; empty where none was ever
    fetched."""
    if fault := ledger.fault():
        return Audit(0, 0, 0, (AuditFault(fault.seq, "ledger", fault.says),))
    anchors = Anchors(ledger, repository, branch)
    entries = ledger.entries()
    verdicts = {entry.key: entry for entry in of_kind(entries, VerdictRecorded)}
    landings = of_kind(entries, Landed)
    read = tuple(_read(entry, validator, home) for entry in verdicts.values())
    behind, unread = _evidence_faults(read, evidence)
    faults = (
        *(AuditFault(seq, "ledger", says) for seq, says in filter(None, [anchors.fault()])),
        *(fault for one in read for fault in _verdict_faults(one, repository)),
        *behind,
        *(fault for entry in landings for fault in _landing_faults(entry, verdicts, repository)),
    )
    return Audit(
        len(entries),
        len(verdicts),
        len(landings),
        faults,
        (*unread, *_unchecked(read, landings, repository), *anchors.unchecked()),
    )


def _read(entry: Recorded[VerdictRecorded], validator: Validator, home: Path) -> _Read:
    path = home / entry.event.envelope
    return _Read(entry, path, validator.verified(path))


def _verdict_faults(read: _Read, repository: Repository) -> Iterator[AuditFault]:
    entry, verdict = read.entry, read.verdict
    try:
        content = read.path.read_bytes()
    except OSError as error:
        yield AuditFault(
            entry.seq, "verdict", f"{entry.key}: its envelope cannot be read: {error.strerror}"
        )
        return
    if hashlib.sha256(content).hexdigest() != entry.event.envelope_sha256:
        yield AuditFault(
            entry.seq, "verdict", f"{entry.key}: its envelope was changed after it was recorded"
        )
        return
    if verdict is None:
        yield AuditFault(entry.seq, "verdict", f"{entry.key}: its signature does not hold")
    elif verdict.key_id not in _pinned(repository, verdict.binds.base):
        yield AuditFault(
            entry.seq,
            "verdict",
            f"{entry.key}: its key {verdict.key_id:.12} is not pinned in {FILE} at base",
        )
    elif verdict.binds != entry.event.binds:
        yield AuditFault(
            entry.seq, "verdict", f"{entry.key}: what it binds is not what the ledger says it binds"
        )
    elif (verdict.issue, verdict.run) != (entry.issue, entry.run):
        yield AuditFault(
            entry.seq,
            "verdict",
            f"{entry.key}: it speaks of issue {verdict.issue}, run {verdict.run}: it was made "
            "for another run",
        )
    elif verdict.outcome is not entry.event.outcome:
        yield AuditFault(
            entry.seq,
            "verdict",
            f"{entry.key}: it says {verdict.outcome}, the ledger {entry.event.outcome}",
        )


def _evidence_faults(
    read: Sequence[_Read], evidence: EvidenceReader
) -> tuple[tuple[AuditFault, ...], tuple[str, ...]]:
    """What the store's evidence does not bear out; and, when nobody could look, why not."""
    signed = [one for one in read if one.verdict is not None]
    try:
        told = evidence.evidence_faults([one.path for one in signed])
    except ValidatorError as error:
        return (), (f"the evidence behind {len(signed)} verdicts: {error}",)
    return tuple(
        AuditFault(one.entry.seq, "evidence", f"{one.entry.key}: {told[one.path]}")
        for one in signed
        if told[one.path]
    ), ()


def _unchecked(
    read: Sequence[_Read], landings: Sequence[Recorded[Landed]], repository: Repository
) -> Iterator[str]:
    """What a reader of `sound` might think was checked, and was not."""
    own = sum(one.verdict is not None and one.verdict.signer == SAME_ACCOUNT for one in read)
    if own:
        yield (
            f"who signed: {own} verdicts are by a key that the factory's own account can read;"
            " nobody else changed them, and that the factory did not is its word"
        )
    for limit in sorted(
        {limit for one in read if one.verdict is not None for limit in one.verdict.sandbox_unheld}
    ):
        yield f"what a box did not hold: {limit}"
    for branch in sorted({entry.event.branch for entry in landings}):
        try:
            repository.tip(branch)
        except GitError:
            yield (
                f"{branch} on the forge, which cannot be looked at from here: it was taken as it"
                " was when last fetched"
            )


def _pinned(repository: Repository, base: CommitSha) -> tuple[str, ...]:
    try:
        return read_config((repository.read(base, FILE) or b"").decode("utf-8")).seal.trusted_keys
    except FactoryError:
        return ()


def _landing_faults(
    entry: Recorded[Landed],
    verdicts: Mapping[str, Recorded[VerdictRecorded]],
    repository: Repository,
) -> Iterator[AuditFault]:
    landed = entry.event
    subject, commit = f"landing of #{entry.issue}", CommitSha(landed.commit)
    verdict = verdicts.get(landed.verdict)
    if verdict is None or verdict.event.outcome is not VerdictOutcome.PASSED:
        yield AuditFault(entry.seq, "landing", f"{subject}: no passed verdict stands behind it")
    elif not _speaks_of(verdict.event.binds, landed):
        yield AuditFault(
            entry.seq, "landing", f"{subject}: its verdict speaks of another commit or tree"
        )
    try:
        repository.verify(commit)
        if repository.tree_of(commit) != landed.tree:
            yield AuditFault(
                entry.seq,
                "landing",
                f"{subject}: commit {commit:.10} has another tree than was judged",
            )
        if not repository.contains(_tip(repository, landed.branch), commit):
            yield AuditFault(
                entry.seq,
                "landing",
                f"{subject}: {commit:.10} is not in {landed.branch} any more",
            )
    except GitError as error:
        yield AuditFault(entry.seq, "landing", f"{subject}: {error}")


def _speaks_of(binds: Binding, landed: Landed) -> bool:
    """Whether a verdict is on what landed: on the tree, and on the very commit, unless the forge's
    own merge made that."""
    return binds.tree == landed.tree and (landed.by == API or binds.candidate == landed.commit)


def _tip(repository: Repository, branch: str) -> CommitSha:
    """The branch where the forge's repository can be looked at from here, else as it was when last
    fetched."""
    try:
        return repository.tip(branch)
    except GitError:
        return repository.fetched(branch)
