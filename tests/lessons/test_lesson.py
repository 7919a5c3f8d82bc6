"""How a lesson stands: by what became of the runs that had it, and by what people said."""

import pytest

from harness.lessons.lesson import FEWEST, Lesson, LessonStatus, Tally, Word, lessons
from tests.events import event_of
from tests.fakes.ledger import FakeLedger

SAID = {
    "says": "Times are minutes.",
    "file": "store.py",
    "quote": "minutes",
    "base": "b" * 40,
    "role": "diagnoser",
}


OF_IMPLEMENT = (
    "change-ready",
    "run-failed",
    "law-refused",
    "attack-suspected",
    "cannot-do",
    "budget-exhausted",
)


class Life:
    """A ledger that is written like a factory's, in a few words."""

    def __init__(self) -> None:
        self.ledger, self.runs = FakeLedger(), 0

    def noted(self, lesson="aaaa", **more):
        self.ledger.append(
            event_of("lesson", {"id": lesson, **SAID, **more}),
            f"n{len(self.ledger.written)}",
            issue=1,
            run="implement-1-1",
        )
        return self

    def run(self, *events, shown=()):
        self.runs += 1
        issue, name = 100 + self.runs, f"implement-{100 + self.runs}-1"
        self.ledger.append(
            event_of("context", {"lessons": list(shown)}), f"{name}/context", issue=issue, run=name
        )
        for event in events:
            own = name if event in OF_IMPLEMENT else "validate-1-1"
            self.ledger.append(
                event_of("transition", {"event": event}), f"{name}/{event}", issue=issue, run=own
            )
        return self

    def said(self, word, lesson="aaaa", why="because"):
        self.ledger.append(
            event_of("lesson-mark", {"id": lesson, "word": word, "why": why}),
            f"m{len(self.ledger.written)}",
        )
        return self

    @property
    def one(self) -> Lesson:
        return lessons(self.ledger.entries())[0]


SOUND = ("change-ready", "verdict-passed")
SENT_BACK = ("change-ready", "changes-requested", "dispatched", "change-ready", "verdict-passed")


@pytest.mark.parametrize(
    ("events", "tally"),
    [
        (SOUND, Tally(1, 1)),
        (SENT_BACK, Tally(1, 0)),
        (("run-failed",), Tally(1, 0)),
        (("law-refused",), Tally(1, 0)),
        (("attack-suspected",), Tally(1, 0)),
        (("change-ready", "verdict-rejected"), Tally(1, 0)),
        (("change-ready", "judge-again", "head-or-base-moved", "verdict-passed"), Tally(1, 1)),
        ((), Tally()),
        (("change-ready",), Tally()),
        (("cannot-do",), Tally()),
        (("budget-exhausted",), Tally()),
        (("change-ready", "inconclusive"), Tally()),
    ],
)
def test_a_run_counts_when_its_change_was_judged_or_failed_by_itself(events, tally) -> None:
    assert Life().noted().run(*events, shown=["aaaa"]).one.had == tally


def test_runs_without_it_are_what_it_is_held_against_and_those_before_it_are_not() -> None:
    one = Life().run(*SOUND).noted().run(*SOUND).run(*SENT_BACK).run(*SOUND, shown=["aaaa"]).one
    assert (one.had, one.others) == (Tally(1, 1), Tally(2, 1))


def worn(life: Life, *, bad: int, good: int = 0, others: int = 8) -> Life:
    for _ in range(others):
        life.run(*SOUND)
    for events in [SENT_BACK] * bad + [SOUND] * good:
        life.run(*events, shown=["aaaa"])
    return life


@pytest.mark.parametrize(
    ("bad", "good", "others", "status"),
    [
        (0, 5, 8, LessonStatus.ACTIVE),
        # too few to tell
        (FEWEST - 1, 0, 8, LessonStatus.ACTIVE),
        (FEWEST, 0, 8, LessonStatus.DEMOTED),
        # nothing to hold it against
        (FEWEST, 0, 0, LessonStatus.ACTIVE),
        (2, 4, 8, LessonStatus.ACTIVE),
        (6, 2, 8, LessonStatus.DEMOTED),
    ],
)
def test_a_lesson_whose_runs_fared_worse_is_demoted(bad, good, others, status) -> None:
    assert worn(Life().noted(), bad=bad, good=good, others=others).one.status is status


def test_a_persons_word_goes_before_the_figures_and_can_be_taken_back() -> None:
    life = worn(Life().noted(), bad=5)
    assert life.said("pin").one.status is LessonStatus.PINNED
    assert life.said("retire", why="moved").one.status is LessonStatus.RETIRED
    assert (life.one.word, life.one.why) == (Word.RETIRE, "moved")
    assert life.said("restore").one.status is LessonStatus.DEMOTED


def test_nothing_is_ever_deleted_and_noting_it_again_brings_nothing_back() -> None:
    life = Life().noted().said("retire")
    life.ledger.append(
        event_of("lesson", {"same_as": "aaaa", **SAID}), "again", issue=9, run="implement-9-1"
    )
    (one,) = lessons(life.ledger.entries())
    assert (one.status, one.sightings, one.issue, one.run) == (
        LessonStatus.RETIRED,
        2,
        1,
        "implement-1-1",
    )


def test_a_lesson_tells_where_it_comes_from() -> None:
    one = Life().noted().one
    document = {
        "says": one.sentence,
        "file": one.file,
        "quote": one.quote,
        "base": one.base,
        "role": one.role,
    }
    assert (document, one.entry) == (SAID, 1)


def test_figures_of_few_runs_are_held_loosely() -> None:
    assert Tally().share == 0.5
    assert Tally().between == (0.0, 1.0)
    assert Tally(3, 0).between == pytest.approx((0.0, 0.474), abs=0.001)
    assert Tally(8, 8).between == pytest.approx((0.747, 1.0), abs=0.001)
    assert Tally(30, 0).between[1] < 0.1
