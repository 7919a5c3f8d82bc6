"""The offline audit: from what is in production back to the verdict, the rules and the evidence.

Each claim is checked against something that its author could not change afterwards:
- the ledger against its hash chain, its signed head, and the anchors on production's branch;
- a verdict against the launcher's signature and the digest in the ledger;
- evidence against the signed root;
- a landed tree against git's own hashes;
- an issue's moves against the table of its life;
- a release against its landing, the table of its life, and what was seen of it.

The audit repairs nothing. It also lists what it could not check."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import FactoryError, GitError, IllegalTransition, ValidatorError
from harness.domain.events import Landed, ReleaseBegan, TransitionRecorded, VerdictRecorded
from harness.domain.issue import CommitSha
from harness.domain.ledger import Entry, Recorded, of_kind
from harness.domain.lifecycle import State, state_after
from harness.domain.verdict import Binding, Verdict, VerdictOutcome
from harness.factory.records.history import histories
from harness.factory.reporting.anchors import Anchors
from harness.factory.reporting.audit_releases import not_asked, release_faults
from harness.factory.settings.config import read_config
from harness.factory.settings.merge_config import API
from harness.factory.settings.tables import FILE
from harness.ports.git import Repository
from harness.ports.ledger import Ledger
from harness.ports.validator import EvidenceReader, Validator

SAME_ACCOUNT = "same-account"


@dataclass(frozen=True, slots=True)
class AuditFault:
    """One thing that differs from its record. `entry` is the number of the ledger entry that names
    it."""

    entry: int
    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class Audit:
    """How much was checked, and what is wrong. `unchecked` lists in sentences what could not be
    checked."""

    entries: int
    verdicts: int
    landings: int
    faults: tuple[AuditFault, ...]
    releases: int = 0
    unchecked: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.faults


@dataclass(frozen=True, slots=True)
class _ReadVerdict:
    """A verdict's ledger entry, the path of its envelope, and its content if the signature
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
    """Check everything. If the ledger's signature does not match, that is the only fault: nothing
    else can be trusted then.

    `branch` is production's branch, where the anchors are; empty if it was never fetched."""
    # Everything below reads the ledger, so a broken one ends the audit here.
    if fault := ledger.fault():
        return Audit(0, 0, 0, (AuditFault(fault.seq, "ledger", fault.message),))
    anchors = Anchors(ledger, repository, branch)
    entries = ledger.entries()
    verdicts = {entry.key: entry for entry in of_kind(entries, VerdictRecorded)}
    landings = of_kind(entries, Landed)
    read = tuple(_read_verdict(entry, validator, home) for entry in verdicts.values())
    evidence_faults, unread_evidence = _evidence_faults(read, evidence)
    faults = (
        *(AuditFault(seq, "ledger", message) for seq, message in filter(None, [anchors.fault()])),
        *(fault for one in read for fault in _verdict_faults(one, repository)),
        *evidence_faults,
        *(fault for entry in landings for fault in _landing_faults(entry, verdicts, repository)),
        *issue_faults(entries),
        *(
            AuditFault(seq, "release", message)
            for seq, message in release_faults(entries, repository, home)
        ),
    )
    return Audit(
        len(entries),
        len(verdicts),
        len(landings),
        faults,
        len(of_kind(entries, ReleaseBegan)),
        (
            *unread_evidence,
            *_unchecked(read, landings, repository),
            *not_asked(entries),
            *anchors.unchecked(),
        ),
    )


def issue_faults(entries: Sequence[Entry]) -> Iterator[AuditFault]:
    """The moves of issues that do not follow from the move before. What follows is still read."""
    for history in histories(entries):
        state = held = State.UNTRIAGED
        for move in history.transitions:
            if fault := _move_fault(move.event, state, held):
                yield AuditFault(move.seq, "issue", f"#{history.issue}: {fault}")
            held, state = move.event.before, move.event.after


def _move_fault(move: TransitionRecorded, state: State, held: State) -> str:
    """What is wrong with a move of an issue that stood there; empty where nothing is."""
    if move.before is not state:
        return f"{move.event} moved it from {move.before}, and it was {state}"
    try:
        after = state_after(state, move.event, held=held)
    except IllegalTransition as error:
        return str(error)
    return "" if move.after is after else f"{move.event} moved it to {move.after}, not to {after}"


def _read_verdict(
    entry: Recorded[VerdictRecorded], validator: Validator, home: Path
) -> _ReadVerdict:
    path = home / entry.event.envelope
    return _ReadVerdict(entry, path, validator.verified(path))


def _verdict_faults(read: _ReadVerdict, repository: Repository) -> Iterator[AuditFault]:
    entry, verdict = read.entry, read.verdict
    try:
        content = read.path.read_bytes()
    except OSError as error:
        yield AuditFault(
            entry.seq, "verdict", f"{entry.key}: its envelope cannot be read: {error.strerror}"
        )
        return
    # The digest comes first: the signature of other bytes would prove nothing about this entry.
    if hashlib.sha256(content).hexdigest() != entry.event.envelope_sha256:
        yield AuditFault(
            entry.seq, "verdict", f"{entry.key}: its envelope was changed after it was recorded"
        )
        return
    if verdict is None:
        yield AuditFault(entry.seq, "verdict", f"{entry.key}: its signature does not hold")
    # At the base: a change could otherwise pin the key that judges it.
    elif verdict.key_id not in _pinned(repository, verdict.binds.base):
        yield AuditFault(
            entry.seq,
            "verdict",
            f"{entry.key}: its key {verdict.key_id:.12} is not pinned in {FILE} at base",
        )
    elif verdict.binds != entry.event.binds:
        yield AuditFault(
            entry.seq, "verdict", f"{entry.key}: what it binds differs from the ledger"
        )
    # A genuine verdict of another issue passes all the checks above.
    elif (verdict.issue, verdict.run) != (entry.issue, entry.run):
        yield AuditFault(
            entry.seq,
            "verdict",
            f"{entry.key}: it is about issue {verdict.issue}, run {verdict.run}: it was made for"
            " another run",
        )
    elif verdict.outcome is not entry.event.outcome:
        yield AuditFault(
            entry.seq,
            "verdict",
            f"{entry.key}: its outcome is {verdict.outcome}, in the ledger {entry.event.outcome}",
        )


def _evidence_faults(
    read: Sequence[_ReadVerdict], evidence: EvidenceReader
) -> tuple[tuple[AuditFault, ...], tuple[str, ...]]:
    """What is wrong with the stored evidence, and why it could not be read if it could not."""
    signed = [one for one in read if one.verdict is not None]
    try:
        faults = evidence.evidence_faults([one.path for one in signed])
    except ValidatorError as error:
        # What cannot be read here is no fault, but must not pass as checked.
        return (), (f"the evidence behind {len(signed)} verdicts: {error}",)
    return tuple(
        AuditFault(one.entry.seq, "evidence", f"{one.entry.key}: {faults[one.path]}")
        for one in signed
        if faults[one.path]
    ), ()


def _unchecked(
    read: Sequence[_ReadVerdict], landings: Sequence[Recorded[Landed]], repository: Repository
) -> Iterator[str]:
    """Limits that a reader of `sound` has to know about."""
    own = sum(one.verdict is not None and one.verdict.signer == SAME_ACCOUNT for one in read)
    if own:
        yield (
            f"who signed: {own} verdicts are signed with a key that the factory's own account can"
            " read, so they do not prove that the factory itself did not change them"
        )
    for limit in sorted(
        {limit for one in read if one.verdict is not None for limit in one.verdict.sandbox_unheld}
    ):
        yield f"a limit that a sandbox did not enforce: {limit}"
    for branch in sorted({entry.event.branch for entry in landings}):
        try:
            repository.tip(branch)
        except GitError:
            yield (
                f"{branch} on the forge, which cannot be reached from here: the audit used the"
                " last fetched state"
            )


def _pinned(repository: Repository, base: CommitSha) -> tuple[str, ...]:
    try:
        return read_config((repository.read(base, FILE) or b"").decode("utf-8")).seal.trusted_keys
    except FactoryError:
        # Without a list that can be read, no key is pinned.
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
        yield AuditFault(entry.seq, "landing", f"{subject}: it has no passed verdict")
    elif not _is_about(verdict.event.binds, landed):
        yield AuditFault(
            entry.seq, "landing", f"{subject}: its verdict is about another commit or tree"
        )
    try:
        # First of all: in a repository with changed objects the answers below mean nothing.
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


def _is_about(binds: Binding, landed: Landed) -> bool:
    """Whether the verdict is about what landed: the same tree, and the same commit. A merge by the
    forge itself makes another commit, so only its tree counts."""
    return binds.tree == landed.tree and (landed.by == API or binds.candidate == landed.commit)


def _tip(repository: Repository, branch: str) -> CommitSha:
    """The tip of the branch in the forge's repository, else as it was when last fetched."""
    try:
        return repository.tip(branch)
    except GitError:
        return repository.fetched(branch)
