"""Ledger anchors in the commits of production's branch. They reveal a ledger that was rolled back.

Every commit that the factory makes names the head of the ledger at the start of its run, signed
with the ledger's key. Somebody who puts back an older ledger together with its own head cannot
remove the anchors without rewriting the branch, which everybody would see."""

from dataclasses import dataclass
from functools import cached_property

from harness.domain.errors import GitError
from harness.domain.events import EffectIntended, Landed, RunStarted, VerdictRecorded
from harness.domain.issue import CommitSha
from harness.domain.ledger import Head, Recorded, of_kind
from harness.domain.lifecycle import State
from harness.factory.records.history import history_of
from harness.factory.reporting.comments.commits import LEDGER, anchor_in
from harness.ports.git import Repository
from harness.ports.ledger import Ledger

_BACK = (
    "ledger and head were put back together to an older state, or written anew; `factory stop`, and"
    " put the newest copy of both back"
)


@dataclass(frozen=True, slots=True)
class _Anchor:
    commit: CommitSha
    run: str
    place: Head


class Anchors:
    """The anchors of this ledger on one branch. The hash chain of the ledger must be sound
    already."""

    def __init__(self, ledger: Ledger, repository: Repository, branch: str) -> None:
        self._ledger, self._entries, self._branch = ledger, ledger.entries(), branch
        self.unread = ""
        claimed = {
            commit: anchor
            for commit, message in self._messages(repository).items()
            if (anchor := anchor_in(message))
        }
        signed = {
            commit: (run, ledger.anchored(run, anchor)) for commit, (run, anchor) in claimed.items()
        }
        self.own = tuple(
            _Anchor(commit, run, place)
            for commit, (run, place) in signed.items()
            if place is not None
        )
        self.foreign = len(claimed) - len(self.own)

    def _messages(self, repository: Repository) -> dict[CommitSha, str]:
        """Commit messages that have an anchor, by commit. Reads the forge's repository where it can
        be reached, else the branch as it was last fetched."""
        if not self._branch:
            return {}
        # The forge's repository is the newest source, but it cannot always be reached from here.
        for tip in (repository.tip, repository.fetched):
            try:
                found = repository.messages(tip(self._branch), line=LEDGER)
            except GitError as error:
                self.unread = str(error)
            else:
                self.unread = ""
                return dict(found)
        return {}

    @cached_property
    def _runs(self) -> dict[str, Recorded[RunStarted]]:
        return {str(entry.run): entry for entry in of_kind(self._entries, RunStarted)}

    @cached_property
    def _landed(self) -> tuple[Recorded[Landed], ...]:
        return of_kind(self._entries, Landed)

    def fault(self) -> tuple[int, str] | None:
        """The newest anchor that contradicts this ledger: the first entry in doubt, and why. None
        where all agree."""
        # The newest first: it names the highest entry that is surely missing or changed.
        for anchor in sorted(self.own, key=lambda one: one.place.seq, reverse=True):
            if problem := self._contradiction(anchor):
                # Beyond the ledger's end, the first missing entry is the one in doubt.
                first = min(anchor.place.seq, len(self._entries) + 1)
                return first, f"{self._branch} holds {anchor.commit:.10}: {problem}: {_BACK}"
        return None

    def _contradiction(self, anchor: _Anchor) -> str:
        """Why this ledger cannot be the one that the anchor names; empty where it can."""
        place, length = anchor.place, len(self._entries)
        if place.seq > length:
            return f"made by {anchor.run} when the ledger had {place.seq} entries; it has {length}"
        if self._entries[place.seq - 1].hash != place.hash:
            return (
                f"made by {anchor.run} when entry {place.seq} was {place.hash:.10}, and here it is"
                " another"
            )
        if (run := self._runs.get(anchor.run)) is None:
            return f"{anchor.run} made it, which never began here"
        # Only the merge candidate of a validate run reaches the branch by a landing. A commit of an
        # implement run may arrive with it.
        if run.event.workflow == "validate" and not (
            self._is_explained(anchor) or self._is_landing_now(int(run.issue or 0))
        ):
            return f"{anchor.run} made it, and no landing of it is in the ledger"
        return ""

    @cached_property
    def _candidates_by_run(self) -> dict[str, dict[str, str]]:
        """For each run, its verdicts by key and the candidate that each verdict is about."""
        candidates: dict[str, dict[str, str]] = {}
        for entry in of_kind(self._entries, VerdictRecorded):
            candidates.setdefault(str(entry.run), {})[entry.key] = entry.event.binds.candidate
        return candidates

    @cached_property
    def _landed_verdicts(self) -> frozenset[str]:
        """The keys of the verdicts that landings rest on."""
        return frozenset(entry.event.verdict for entry in self._landed)

    def _is_explained(self, anchor: _Anchor) -> bool:
        """Whether a landing in the ledger explains the commit, or the commit is not from this run:
        somebody may have copied its message."""
        candidates = self._candidates_by_run.get(anchor.run, {})
        return not self._landed_verdicts.isdisjoint(candidates) or (
            bool(candidates) and anchor.commit not in candidates.values()
        )

    def _is_landing_now(self, issue: int) -> bool:
        """Whether a landing of the issue was started and is not confirmed yet. The next tick
        confirms it."""
        history = history_of(self._ledger, issue)
        return history.state is State.MERGING and any(
            entry.event.effect == Landed.effect for entry in history.of(EffectIntended)
        )

    def unchecked(self) -> tuple[str, ...]:
        """What the anchors cannot prove, in sentences."""
        landed = {entry.issue for entry in self._landed}
        merged = sorted(
            {int(run.issue or 0) for one in self.own if (run := self._runs.get(one.run))} - landed
        )
        lines = (
            (self.unread, f"the ledger anchors on {self._branch}: {self.unread}"),
            (
                not self.unread and self._landed and not self.own,
                "whether an older ledger was put back with its head: no commit on"
                f" {self._branch} has an anchor of a landing",
            ),
            (
                self.foreign,
                f"{self.foreign} commits on {self._branch} have an anchor that another key signed:"
                " from another home, or made up by somebody",
            ),
            (
                merged,
                f"changes of {', '.join(f'#{issue}' for issue in merged)} are on {self._branch}"
                " without a landing in the ledger: people merged them, or they landed after its"
                " last entry",
            ),
        )
        return tuple(problem for applies, problem in lines if applies)
