"""The search for the landing that broke a journey: by its marks alone, and always to an end."""

import random

import pytest

from harness.factory.watch.search import Found, NotFound, Step, next_step
from harness.ports.validator import Standing

GREEN, RED, UNSURE = Standing.GREEN, Standing.RED, Standing.UNSURE
LINE = [f"c{number}" for number in range(40)]


def searched(stands, *, marks=None, line=LINE, most=100):
    """The result, and which commits were observed for it."""
    marks, asked = {line[0]: [RED], **(marks or {})}, []
    for _ in range(most):
        step = next_step(line, marks)
        if not isinstance(step, Step):
            return step, asked
        asked.append(step.commit)
        marks.setdefault(step.commit, []).append(stands(line.index(step.commit)))
    raise AssertionError(f"no end: {asked}")


@pytest.mark.parametrize("culprit", range(39))
@pytest.mark.parametrize("known", [None, 39])
def test_the_landing_that_broke_it_is_named_in_few_steps(culprit, known) -> None:
    found, asked = searched(
        lambda at: RED if at <= culprit else GREEN,
        marks={LINE[known]: [GREEN]} if known else None,
    )
    assert found == Found(LINE[culprit], LINE[culprit + 1])
    assert len(asked) <= 12


def test_what_was_never_green_has_no_culprit() -> None:
    found, asked = searched(lambda at: RED)
    assert isinstance(found, NotFound)
    assert len(asked) <= 7


def test_what_was_green_on_the_very_commit_has_no_culprit() -> None:
    found, asked = searched(lambda at: GREEN, marks={LINE[0]: [GREEN, RED]})
    assert isinstance(found, NotFound)
    assert not asked


@pytest.mark.parametrize("seed", range(60))
def test_commits_that_say_nothing_blame_nobody_and_never_the_wrong_one(seed) -> None:
    """Whatever says nothing, a landing is named only between a green and a red neighbour."""
    drawn = random.Random(seed)
    culprit = drawn.randrange(39)
    mute = {at for at in range(1, 40) if drawn.random() < drawn.choice((0.1, 0.4, 0.9))}
    found, asked = searched(
        lambda at: UNSURE if at in mute else RED if at <= culprit else GREEN,
    )
    assert max((asked.count(one) for one in asked), default=0) <= 2
    if isinstance(found, Found):
        assert found == Found(LINE[culprit], LINE[culprit + 1])
        assert not {culprit, culprit + 1} & mute
    else:
        assert {culprit, culprit + 1} & mute


def test_a_busy_machines_one_silence_is_asked_again() -> None:
    asked = []

    def stands(at):
        asked.append(at)
        return UNSURE if asked.count(at) == 1 else RED if at <= 17 else GREEN

    assert searched(stands)[0] == Found(LINE[17], LINE[18])
