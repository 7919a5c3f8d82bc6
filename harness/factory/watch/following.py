"""Follow what landed: what people did to it, and what stayed.

Properties:
- a tip is looked at once a day, and once when it is new; the ledger holds what was found;
- whatever became of a landing is decided by lines and objects, and by no message;
- the factory's own landings amend nothing: only a person's commit does;
- a landing that the branch no longer holds was taken back;
- a landing further back than `MOST` commits is not followed, and stays unknown."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from harness.domain.events import (
    Landed,
    LandingFollowed,
    PersonLanded,
    ProposalPushed,
    Reverted,
    TipFollowed,
)
from harness.domain.facts import UNKNOWN
from harness.domain.issue import CommitSha
from harness.domain.landing import Outcome
from harness.domain.lifecycle import Event
from harness.domain.trust.later import Change, PathChange, act_on
from harness.factory.records.history import History
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.factory.trust.outcomes import OwnLanding, landings
from harness.ports.git import Repository
from harness.ports.ledger import recorded

MOST = 1000
"""How many commits of the branch are looked at."""


def follow_landings(services: Services, policy: PolicySnapshot) -> None:
    """Look at what is still followed, and record what became of it."""
    _find_landings_of_people(services, policy)
    found = [
        landing
        for history in services.issue_index.filter(is_followed)
        for landing in _open(history)
    ]
    key = f"{TipFollowed.kind}/{policy.base}/{services.clock.now():%Y-%m-%d}"
    if not found or services.ledger.find(key):
        return
    look = _Look(services, policy.base)
    for landing in found:
        _follow(services, policy, look, landing)
    services.ledger.append(TipFollowed(policy.base), key)


def is_followed(history: History) -> bool:
    """Whether anything that landed for the issue has no outcome yet."""
    return bool(_open(history))


def is_landed_by_a_person(history: History) -> bool:
    """Whether a person merged a change of the factory's, and nobody has found the commit yet."""
    people = [one for one in history.transitions if one.event.event is Event.LANDED_BY_PERSON]
    return len(people) > len(history.of(PersonLanded)) and history.proposal is not None


def _open(history: History) -> tuple[OwnLanding, ...]:
    known = {entry.event.commit for entry in history.of(LandingFollowed)}
    known |= {entry.event.of for entry in history.of(Reverted)}
    return tuple(one for one in landings(history) if one.commit not in known)


def _follow(services: Services, policy: PolicySnapshot, look: "_Look", landing: OwnLanding) -> None:
    days = timedelta(days=policy.config.trust.follow_days)
    outcome, by = look.outcome(CommitSha(landing.commit))
    is_over = services.clock.now() - datetime.fromisoformat(landing.at) >= days
    if outcome is Outcome.OPEN or (outcome is Outcome.STAYED and not is_over):
        return
    services.ledger.append(
        LandingFollowed(landing.commit, outcome, by),
        f"{LandingFollowed.kind}/{landing.commit}",
        issue=landing.issue,
    )


def _find_landings_of_people(services: Services, policy: PolicySnapshot) -> None:
    """Find the commit of each landing by a person. Where none has the change as it was proposed,
    the person landed something else, and it is not followed."""
    for history in services.issue_index.filter(is_landed_by_a_person):
        assert history.proposal is not None, "asked before"
        head = CommitSha(history.proposal.head)
        if commit := _landing_of(services, policy.base, history.proposal):
            services.ledger.append(
                PersonLanded(commit, head),
                f"{PersonLanded.kind}/{commit}",
                issue=history.issue,
            )


def _landing_of(services: Services, tip: CommitSha, proposal: ProposalPushed) -> CommitSha | None:
    """The commit that brought the proposal's head: a merge of it, or the head itself."""
    for commit in services.repository.line(tip, most=MOST):
        if proposal.head in (commit, *services.repository.parents_of(commit)[1:]):
            return commit
    return None


class _Look:
    """One look at the default branch. What it read of a commit it keeps."""

    def __init__(self, services: Services, tip: CommitSha) -> None:
        self._repository, self._tip = services.repository, tip
        self._line = services.repository.line(tip, most=MOST)
        self._changes: dict[CommitSha, Change] = {}
        self._ours = frozenset(_commits_of_the_factory(services))
        self._heads = {one.event.head for one in recorded(services.ledger, ProposalPushed)}

    def outcome(self, commit: CommitSha) -> tuple[Outcome, str]:
        """What became of a landing so far, and by which commit. STAYED: nothing yet."""
        if commit not in self._line:
            held = self._repository.contains(self._tip, commit)
            return (Outcome.OPEN, "") if held else (Outcome.REVERTED, self._tip)
        landed = self._change(commit)
        after = self._line[: self._line.index(commit)]
        for later in reversed([one for one in after if not self._is_ours(one)]):
            if found := act_on(landed, self._change(later)):
                return found, later
        return Outcome.STAYED, ""

    def _is_ours(self, commit: CommitSha) -> bool:
        merged = self._repository.parents_of(commit)[1:]
        return commit in self._ours or any(parent in self._heads for parent in merged)

    def _change(self, commit: CommitSha) -> Change:
        if commit not in self._changes:
            self._changes[commit] = change_of(self._repository, commit)
        return self._changes[commit]


def change_of(repository: Repository, commit: CommitSha) -> Change:
    """What a commit changed against its first parent, from raw objects. A first commit, which has
    no parent, changed nothing."""
    parents = repository.parents_of(commit)
    if not parents:
        return {}
    there, back = repository.diff(parents[0], commit), repository.diff(commit, parents[0])
    return {
        change.path: PathChange(
            change.old_oid,
            change.new_oid,
            _lines(there.added.get(change.path, b"")),
            _lines(back.added.get(change.path, b"")),
            readable=not change.binary and change.lines is not UNKNOWN,
        )
        for change in there.files
    }


def _lines(content: bytes) -> tuple[bytes, ...]:
    return tuple(content.splitlines())


def _commits_of_the_factory(services: Services) -> Iterator[str]:
    yield from (entry.event.commit for entry in recorded(services.ledger, Landed))
    yield from (entry.event.commit for entry in recorded(services.ledger, Reverted))
