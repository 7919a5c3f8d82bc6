"""The search for the landing that broke a journey: a bisection by that journey alone, over the
first parents of the tip. Pure: marks in, the next commit or a result out.

Properties:
- a landing is named only between two neighbours of which the older is green and the newer red;
- a commit without a clear answer is observed twice, and then its neighbours are;
- where no green commit is known, the steps back double; none that is green within the line means
  that nothing broke it;
- it ends: each step marks a commit, and none is marked more than twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.domain.issue import CommitSha
from harness.ports.validator import Standing

TRIES = 2
Marks = Mapping[str, Sequence[Standing]]
"""What the journey showed on each commit so far, oldest first."""


@dataclass(frozen=True, slots=True)
class Step:
    """The commit to observe next."""

    commit: CommitSha


@dataclass(frozen=True, slots=True)
class Found:
    """The landing that broke it, with the commit before it."""

    culprit: CommitSha
    before: CommitSha


@dataclass(frozen=True, slots=True)
class NotFound:
    """No landing can be named, and why."""

    why: str


def next_step(line: Sequence[CommitSha], marks: Marks) -> Step | Found | NotFound:
    """What to do next about a journey that is red on the first commit of `line`, which is newest
    first."""
    if Standing.GREEN in marks.get(line[0], ()):
        return NotFound("it was green on the same commit before, so no landing broke it")
    known = [_mark(marks.get(commit, ())) for commit in line]
    good = next((at for at, mark in enumerate(known) if mark is Standing.GREEN), None)
    end = len(line) if good is None else good
    bad = max((at for at in range(1, end) if known[at] is Standing.RED), default=0)
    open_places = [at for at in range(bad + 1, end) if _is_open(marks.get(line[at], ()))]
    if good is None:
        return _further_back(line, bad, open_places)
    if good == bad + 1:
        return Found(line[bad], line[good])
    if not open_places:
        return NotFound(
            f"it is one of {good - bad} landings, up to {line[bad]:.7}, without a clear answer"
        )
    middle = (bad + good) // 2
    return Step(line[min(open_places, key=lambda at: (abs(at - middle), at))])


def _further_back(
    line: Sequence[CommitSha], bad: int, open_places: Sequence[int]
) -> Step | NotFound:
    if not open_places:
        return NotFound(f"it was green on none of the {len(line)} commits that were looked back")
    # Twice as far as the last red one; what gives no clear answer is passed over.
    wanted = min(2 * bad + 1, len(line) - 1)
    return Step(line[min(open_places, key=lambda at: (abs(at - wanted), at))])


def _mark(shown: Sequence[Standing]) -> Standing:
    """The last clear answer. A commit does not change, but what it needs around it may."""
    clear = [one for one in shown if one is not Standing.UNSURE]
    return clear[-1] if clear else Standing.UNSURE


def _is_open(shown: Sequence[Standing]) -> bool:
    return _mark(shown) is Standing.UNSURE and len(shown) < TRIES
