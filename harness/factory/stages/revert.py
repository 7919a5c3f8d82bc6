"""The prepared revert: a commit that takes a landing back, made right after the landing.

Properties:
- it is the factory's own commit on the landed one, with the tree from before it, under a ref of its
  own in the trusted repository;
- to take a landing back is to merge that commit: what others built on the landing stays as it is,
  and where that is impossible nothing is done;
- it reaches the branch like every change, by compare-and-swap or as a pull request for a person;
- nothing here starts a new attempt: the issue then waits for a person."""

from dataclasses import dataclass

from harness.domain.errors import ConfigError, FactoryError, GitError
from harness.domain.events import Reverted, RevertMade, RevertProposed
from harness.domain.issue import CommitSha, PullRequest
from harness.domain.lifecycle import Event, State
from harness.factory.records.history import History, history_of
from harness.factory.reporting.transitions import project, transition
from harness.factory.run.effects import effect, raise_if_stopped, write_projection
from harness.factory.run.node import Job
from harness.factory.run.services import Services
from harness.ports.git import Conflict, Landing

TRIES = 3


@dataclass(frozen=True, slots=True)
class Ready:
    """A revert that is made and has not happened: `commit` takes back what the commit `of`
    brought."""

    issue: int
    commit: CommitSha
    of: CommitSha
    ref: str
    at: str

    @property
    def command(self) -> str:
        """What a person types who has the factory at hand."""
        return f"factory revert {self.issue}"

    @property
    def by_hand(self) -> str:
        """What a person types in a checkout of the project."""
        return f"git revert --mainline 1 {self.of}"


def make_ready(job: Job, landed: CommitSha) -> None:
    """Make the revert of what has just landed, and keep it. A second call makes the same one."""
    effect(
        job.services,
        RevertMade,
        job.key(RevertMade.effect),
        lambda: _made(job, landed),
        issue=job.issue,
        run=job.run,
    )


def _made(job: Job, landed: CommitSha) -> RevertMade:
    repository, candidates = job.services.repository, job.services.candidates
    before = repository.tree_of(repository.parents_of(landed)[0])
    commit = candidates.commit(before, [landed], message=_message(job.issue, landed), at=job.began)
    name = f"revert/{job.issue}/{landed:.12}"
    candidates.keep(commit, name)
    return RevertMade(commit, landed, ref=f"refs/factory/{name}", at=job.began)


def _message(issue: int, landed: CommitSha) -> str:
    return f"Take back the change for #{issue}\n\nThis takes back what {landed} brought.\n"


def ready(history: History) -> Ready | None:
    """The prepared revert of the issue's last landing. None where nothing has landed, or none was
    made."""
    made = [entry.event for entry in history.of(RevertMade)]
    return Ready(history.issue, **made[-1].result) if made else None


def taken_back(history: History) -> Reverted | None:
    """How the issue's last landing was taken back. None where it stands."""
    found = ready(history)
    done = [entry.event for entry in history.of(Reverted)]
    return done[-1] if done and found and done[-1].of == found.of else None


def _needed(services: Services, issue: int) -> Ready:
    found = ready(history_of(services.ledger, issue))
    if found is None:
        raise ConfigError(
            f"nothing of #{issue} has landed, so there is nothing to take back; `factory status`"
            " lists what has"
        )
    return found


def propose(services: Services, issue: int) -> PullRequest:
    """Open a pull request that takes the issue's last landing back, or find it. Raises ConfigError
    where nothing landed."""
    found = _needed(services, issue)
    done = effect(
        services,
        RevertProposed,
        f"revert/{issue}/{found.of}/proposed",
        lambda: _propose(services, found),
        issue=issue,
        run="revert",
    )
    return services.forge.pull_request(done.number)


def _propose(services: Services, found: Ready) -> RevertProposed:
    branch = f"factory/revert-{found.issue}-{found.of:.12}"
    services.candidates.push(found.commit, branch, expected=None)
    # A stop that is set while the push runs holds back what follows it.
    raise_if_stopped(services)
    opened = services.writer.open_pull_request(
        branch=branch,
        base=services.forge.default_branch(),
        title=f"Take back the change for #{found.issue}",
        body=f"This takes back what {found.of} brought for #{found.issue}, and nothing else.\n\n"
        f"The same by hand: `{found.by_hand}`\n",
    )
    return RevertProposed(opened.number, branch, of=found.of)


def land(services: Services, issue: int, *, rules: str, reason: str) -> Reverted:
    """Take the issue's last landing back on the default branch. The issue then waits for a person.

    A second call changes nothing more. Raises ConfigError where nothing landed, FactoryError where
    the revert conflicts with later work or the forge refuses it, Stopped at the owner's stop."""
    found = _needed(services, issue)
    key = f"revert/{issue}/{found.of}"
    done = effect(
        services, Reverted, key, lambda: _land(services, found), issue=issue, run="revert"
    )
    if history_of(services.ledger, issue).state is State.MERGED:
        # Reopen it first: a closed issue would count as closed by a person.
        write_projection(services, lambda: services.writer.reopen_issue(issue))
        transition(services, issue, Event.REVERTED, key=f"{key}/event", reason=reason, rules=rules)
        project(services, issue)
    return done


def _land(services: Services, found: Ready) -> Reverted:
    branch = services.forge.default_branch()
    # Somebody else may land between the fetch and the push.
    for _ in range(TRIES):
        raise_if_stopped(services)
        landing = _try_to_land(services, found, branch)
        if landing.outcome != "base-moved":
            break
    if landing.outcome != "landed" or landing.tip is None:
        raise FactoryError(
            f"the change for #{found.issue} was not taken back ({landing.outcome}):"
            f" {landing.message}; `{found.command}` without --land proposes it as a pull request"
        )
    return Reverted(landing.tip, of=found.of, branch=branch)


def _try_to_land(services: Services, found: Ready, branch: str) -> Landing:
    repository, candidates = services.repository, services.candidates
    tip = repository.latest(branch)
    # A factory that was killed after the push finds its revert here.
    if repository.contains(tip, found.commit):
        return Landing("landed", tip, "it was there already")
    if not repository.contains(tip, found.of):
        raise FactoryError(
            f"{branch} does not hold {found.of:.12} any more, so there is nothing to take back"
        )
    made = candidates.merge(tip, found.commit, message=_message(found.issue, found.of), at=found.at)
    if isinstance(made, Conflict):
        paths = b", ".join(made.paths).decode("utf-8", "replace")
        raise GitError(
            f"what came since conflicts with taking #{found.issue} back, in {paths}; do it by hand:"
            f" {found.by_hand}"
        )
    return candidates.land(made, branch, base=tip, head=found.commit, tree=repository.tree_of(made))
