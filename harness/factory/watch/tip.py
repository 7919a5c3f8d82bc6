"""The watch: look at the default branch's tip, find the landing that broke something, answer.

Properties:
- each new tip is looked at once, and the tip once a night, whoever moved it;
- everything is derived from the ledger: a watch that was killed goes on where it was, and repeats
  at most the one observation that was not recorded yet;
- a search asks the sealed journey about commits, and nobody about code;
- reported bugs are traced at night, by the journeys that were sealed for them: one that is green on
  an older commit escaped the journeys of landed work."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from harness.domain.errors import GitError
from harness.domain.events import (
    Cause,
    CommitObserved,
    JourneyEdited,
    Landed,
    RedJourney,
    RegressionTraced,
)
from harness.domain.issue import CommitSha
from harness.domain.judge_request import Watching
from harness.factory.records.history import History
from harness.factory.records.regressions import ALL_FILES, broken
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.factory.watch.answer import answer
from harness.factory.watch.observation import has_room, observations, observe
from harness.factory.watch.search import TRIES, Found, NotFound, Step, next_step
from harness.log import WARNING
from harness.ports.ledger import recorded
from harness.ports.validator import Standing

MOST_FILES = 500


def watch_tip(services: Services, policy: PolicySnapshot) -> None:
    """One watch: what is due is looked at, what is red is traced, and what was traced is answered.
    Raises Stopped at the owner's stop."""
    if not policy.config.watch.on or not _may_stand(services):
        return
    if cause := _due(services, policy):
        observe(services, policy, policy.base, cause, watching=Watching())
    while (one := _first_untraced(services)) and _traced_one_step(services, policy, *one):
        pass
    answer(services, policy)
    _trace_origins(services, policy)


def finish_answers(services: Services, policy: PolicySnapshot) -> None:
    """Answer what a killed watch had traced and not answered yet."""
    if policy.config.watch.on:
        answer(services, policy)


def has_landed(history: History) -> bool:
    """Whether a change for it landed, whatever became of it."""
    return history.landed is not None


def _may_stand(services: Services) -> bool:
    """Whether journeys of landed work may be there. Without one, no sandbox is started."""
    return bool(services.issue_index.filter(has_landed) or recorded(services.ledger, JourneyEdited))


def _due(services: Services, policy: PolicySnapshot) -> Cause | None:
    """Why the tip is to be looked at now; None where it is not."""
    if not has_room(services, policy):
        return None
    seen = [one for one in observations(services) if one.event.cause.of_tip]
    here = [one.event for one in seen if one.event.commit == policy.base]
    # What could not be observed is tried once more; then the night comes by.
    if all(one.reason for one in here) and len(here) < TRIES:
        return Cause.MOVED
    night = _last_night(services, policy)
    return Cause.NIGHT if night and seen[-1].moment < night else None


def _last_night(services: Services, policy: PolicySnapshot) -> datetime | None:
    """When the hour of `nightly` was last; None where there is none."""
    if not policy.config.watch.nightly:
        return None
    hour, minute = map(int, policy.config.watch.nightly.split(":"))
    now = services.clock.now()
    today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def _first_untraced(services: Services) -> tuple[RedJourney, CommitSha, None] | None:
    found = (one for one in broken(services.ledger) if one.traced is None)
    return next(((one.red, CommitSha(one.seen), None) for one in found), None)


def _traced_one_step(
    services: Services,
    policy: PolicySnapshot,
    red: RedJourney,
    seen: CommitSha,
    about: History | None,
) -> bool:
    """One step of the search for the landing that broke a journey. False where the day allows no
    more."""
    line = services.repository.line(seen, most=policy.config.watch.look_back)
    marks = _marks(services, red)
    found = next_step(line, marks)
    # A verdict speaks for the landing of its own issue, but the journey may be younger than that.
    if isinstance(found, Found) and not _was_seen(services, red, found.before):
        found = Step(found.before)
    match found:
        case Step(commit):
            if not has_room(services, policy):
                return False
            observe(
                services,
                policy,
                commit,
                Cause.ORIGIN if about else Cause.SEARCH,
                watching=Watching((red.journey,) if about else _open_journeys(services, red)),
                about=about,
            )
        case Found(culprit, before):
            _record(services, red, seen, about, culprit=culprit, before=before)
        case NotFound(why):
            _record(services, red, seen, about, why=why)
    return True


def _open_journeys(services: Services, red: RedJourney) -> tuple[str, ...]:
    """This journey, and the others that are red since the same look: one landing may have broken
    all of them, and to perform them together costs little."""
    found = [one for one in broken(services.ledger) if one.traced is None]
    seen = next(one.seen for one in found if one.red.journey == red.journey)
    return tuple(one.red.journey for one in found if one.seen == seen)


def _marks(services: Services, red: RedJourney) -> Mapping[str, Sequence[Standing]]:
    """What the journey showed on each commit, by the verdicts that its own issue landed on and by
    every observation."""
    own = services.issue_index.of(red.issue).of(Landed) if red.issue else ()
    marks = {one.event.commit: [Standing.GREEN] for one in own}
    for entry in observations(services):
        if found := _shown(entry.event, red.journey):
            marks.setdefault(entry.event.commit, []).append(found)
    return marks


def _was_seen(services: Services, red: RedJourney, commit: CommitSha) -> bool:
    """Whether the journey was performed on a commit: once with an answer, or else often enough."""
    shown = [
        found
        for one in observations(services)
        if one.event.commit == commit and (found := _shown(one.event, red.journey))
    ]
    return Standing.GREEN in shown or len(shown) >= TRIES


def _shown(seen: CommitObserved, journey: str) -> Standing | None:
    if journey in seen.green:
        return Standing.GREEN
    if any(one.journey == journey for one in seen.red):
        return Standing.RED
    return Standing.UNSURE if journey in seen.unsure else None


def _record(
    services: Services,
    red: RedJourney,
    seen: CommitSha,
    about: History | None,
    *,
    culprit: CommitSha | None = None,
    before: CommitSha | None = None,
    why: str = "",
) -> None:
    issue = _issue_of(services, culprit) if culprit else None
    services.ledger.append(
        RegressionTraced(
            red,
            seen,
            culprit=culprit or "",
            culprit_issue=issue,
            before=before or "",
            files=_files(services, before, culprit) if before and culprit else (),
            message=why,
            escaped=about.issue if about else None,
        ),
        f"{RegressionTraced.kind}/{red.journey}/{seen}",
        issue=issue,
    )
    what = f"{culprit:.12}, the change for #{issue}" if issue else f"{culprit or why}"
    services.log.write("regression", f"{red.words}: {what}", issue=issue, level=WARNING)


def _issue_of(services: Services, culprit: CommitSha) -> int | None:
    """Whose change a landing was; None for a person's push. A merge by a person of a pull request
    that the factory proposed is the change for its issue."""
    parents = services.repository.parents_of(culprit)
    for history in services.issue_index.histories():
        landed = [one.event.commit for one in history.of(Landed)]
        merged = history.proposal is not None and history.proposal.head in parents[1:]
        if culprit in landed or merged:
            return history.issue
    return None


def _files(services: Services, before: CommitSha, culprit: CommitSha) -> tuple[str, ...]:
    try:
        found = services.repository.changed(before, culprit)
    except GitError:
        return (ALL_FILES,)
    if len(found) > MOST_FILES:
        return (ALL_FILES,)
    return tuple(path.decode("utf-8", "replace") for path in found)


def _trace_origins(services: Services, policy: PolicySnapshot) -> None:
    """Look where the reported bugs of the days before came from."""
    night = _last_night(services, policy)
    for history in services.issue_index.filter(is_a_sealed_bug) if night else ():
        began = _sealed_on(history)
        if began and night and datetime.fromisoformat(began[1]) < night:
            while _traced_origin(services, policy, history, CommitSha(began[0])):
                pass


def is_a_sealed_bug(history: History) -> bool:
    """Whether it reports a bug, and journeys were written for it that are red on its base."""
    is_bug = history.triage is not None and history.triage.issue_kind == "bug"
    return is_bug and _sealed_on(history) is not None


def _sealed_on(history: History) -> tuple[str, str] | None:
    """The base on which its journeys were sealed first, and when; None where there are none."""
    for node in history.nodes:
        run = history.run(node.run)
        if node.event.result.output.get("journeys") and run and run.workflow == "implement":
            return run.base, node.at
    return None


def _traced_origin(
    services: Services, policy: PolicySnapshot, history: History, base: CommitSha
) -> bool:
    """One step of the search for where a reported bug came from; False where nothing is left, or
    the day allows no more."""
    seen = [
        one.event
        for one in observations(services)
        if one.event.about == history.issue and one.event.commit == base
    ]
    if not seen:
        # On the first commit of all there is nothing to go back to.
        if len(services.repository.line(base, most=2)) < 2 or not has_room(services, policy):
            return False
        own = Watching(own=True)
        observe(services, policy, base, Cause.ORIGIN, watching=own, about=history)
        return True
    done = {
        one.event.red.journey
        for one in recorded(services.ledger, RegressionTraced)
        if one.event.escaped == history.issue
    }
    left = [red for red in seen[0].red if red.journey not in done]
    return bool(left) and _traced_one_step(services, policy, left[0], base, history)
