"""Where production's branch says that the ledger stood: an older ledger that is put back with its
own head is noticed by it.

Every commit of the factory's names, signed by the ledger's key, where the chain ended when its run
began. Who puts ledger and head back together cannot take that out of the branch without writing the
branch anew, for everybody to see."""

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
    """What one branch says of this ledger, whose chain is sound in itself."""

    def __init__(self, ledger: Ledger, repository: Repository, branch: str) -> None:
        self._ledger, self._entries, self._branch, self.unread = (
            ledger,
            ledger.entries(),
            branch,
            "",
        )
        told = {
            commit: anchor
            for commit, message in self._messages(repository).items()
            if (anchor := anchor_in(message))
        }
        signed = {
            commit: (run, ledger.anchored(run, anchor)) for commit, (run, anchor) in told.items()
        }
        self.own = tuple(
            _Anchor(commit, run, place)
            for commit, (run, place) in signed.items()
            if place is not None
        )
        self.foreign = len(told) - len(self.own)

    def _messages(self, repository: Repository) -> dict[CommitSha, str]:
        """Those of the branch as the forge has it, where that is here; else as it was fetched
        last."""
        if not self._branch:
            return {}
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
        """The last of them that this ledger cannot be the ledger of: the first entry in doubt, and
        why."""
        for anchor in sorted(self.own, key=lambda one: one.place.seq, reverse=True):
            if says := self._against(anchor):
                return min(
                    anchor.place.seq, len(self._entries) + 1
                ), f"{self._branch} holds {anchor.commit:.10}: {says}: {_BACK}"
        return None

    def _against(self, anchor: _Anchor) -> str:
        place, here = anchor.place, len(self._entries)
        if place.seq > here:
            return (
                f"made by {anchor.run} when the ledger had {place.seq} entries, and here are {here}"
            )
        if self._entries[place.seq - 1].hash != place.hash:
            return (
                f"made by {anchor.run} when entry {place.seq} was {place.hash:.10}, and here it is"
                " another"
            )
        if (run := self._runs.get(anchor.run)) is None:
            return f"{anchor.run} made it, which never began here"
        if run.event.workflow == "validate" and not (
            self._is_known(anchor) or self._is_landing(int(run.issue or 0))
        ):
            return f"{anchor.run} made it, and no landing of it is in the ledger"
        return ""

    @cached_property
    def _judged(self) -> dict[str, dict[str, str]]:
        """Of each run its verdicts, by their keys: the candidate that each is on."""
        judged: dict[str, dict[str, str]] = {}
        for entry in of_kind(self._entries, VerdictRecorded):
            judged.setdefault(str(entry.run), {})[entry.key] = entry.event.binds.candidate
        return judged

    @cached_property
    def _stood_on(self) -> frozenset[str]:
        return frozenset(entry.event.verdict for entry in self._landed)

    def _is_known(self, anchor: _Anchor) -> bool:
        """Whether it landed by what the ledger says; or is none of the run's making, whose words
        somebody copied."""
        judged = self._judged.get(anchor.run, {})
        return not self._stood_on.isdisjoint(judged) or (
            bool(judged) and anchor.commit not in judged.values()
        )

    def _is_landing(self, issue: int) -> bool:
        """Whether its landing was begun and is not confirmed: the next pass looks at it."""
        history = history_of(self._ledger, issue)
        return history.state is State.MERGING and any(
            entry.event.effect == Landed.effect for entry in history.of(EffectIntended)
        )

    def unchecked(self) -> tuple[str, ...]:
        """What of it tells nothing, in sentences."""
        landed = {entry.issue for entry in self._landed}
        merged = sorted(
            {int(run.issue or 0) for one in self.own if (run := self._runs.get(one.run))} - landed
        )
        lines = (
            (self.unread, f"where {self._branch} says that the ledger stood: {self.unread}"),
            (
                not self.unread and self._landed and not self.own,
                (
                    f"whether an older ledger was put back with its head: nothing on {self._branch}"
                    " says where it stood at a landing"
                ),
            ),
            (
                self.foreign,
                (
                    f"{self.foreign} commits on {self._branch} that name a place in a ledger of"
                    " another key: another home's, or somebody made them up"
                ),
            ),
            (
                merged,
                (
                    f"changes of {', '.join(f'#{issue}' for issue in merged)} on {self._branch}"
                    " that have no landing here: people merged them, or they landed after what the"
                    " ledger has"
                ),
            ),
        )
        return tuple(says for applies, says in lines if applies)
