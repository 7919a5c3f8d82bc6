"""What people write first: a look between steps, a status beside `open`, a step that must be
possible."""

from __future__ import annotations

import pytest

from tests.validators.fakes import FakeApp
from tests.validators.performing import perform
from validators.domain.errors import JourneyInvalid
from validators.domain.evidence import Identity, RunEvidence, RunId, RunKind
from validators.domain.journeys.journey import Click, Expect, Open
from validators.domain.proof import proof
from validators.domain.verdict import Purpose
from validators.language.reader import read


def steps(written: str) -> tuple[object, ...]:
    return read(
        f"journey: j\npromise: issue\nsteps:\n  - open: /\n  - {written}\nexpect: [{{title: x}}]\n"
    ).steps[1:]


def test_a_page_is_opened_with_its_status() -> None:
    opened, look = steps("open: {path: /walks, status: 200}")
    assert isinstance(opened, Open)
    assert isinstance(look, Expect)
    assert steps("open: {path: /walks}") == (opened,)


@pytest.mark.parametrize(
    ("written", "kinds"),
    [
        ("must: {click: {button: Export}}", ["Visible", "StateIs"]),
        ("must: {fill: {label: Name, value: Ada}}", ["Visible", "StateIs"]),
        ("must: {select: {label: Walk, option: Seal watch}}", ["Visible", "OptionsAre"]),
        ("must: {hover: {button: More}}", ["Visible"]),
    ],
)
def test_what_must_be_possible_is_looked_at_before_it_is_done(written, kinds) -> None:
    look, _ = steps(written)
    assert isinstance(look, Expect)
    assert [type(one).__name__ for one in look.looks] == kinds


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("must: {open: /}", "must takes a step at an element"),
        ("open: {status: 200}", "needs 'path'"),
        ("open: {path: /, status: ok}", "whole number"),
        ("click: {button: Book, at: 0}", "`first`, `last` or a number"),
        ("click: {button: Book, leads_to: /}", "leads_to belongs to a link"),
        ("click: {beside: Ada}", "say its role or label too"),
    ],
)
def test_what_can_not_be_is_refused(written, words) -> None:
    with pytest.raises(JourneyInvalid, match=words):
        steps(written)


def test_one_of_several_is_said_as_people_say_it() -> None:
    (first,), (last,) = (steps(f"click: {{button: Book, at: {at}}}") for at in ("first", "last"))
    assert isinstance(first, Click)
    assert isinstance(last, Click)
    assert (first.target.at, last.target.at) == (1, -1)


EXPORT = """journey: book
promise: issue
steps:
  - open: /
  - %s
expect: [{title: Tide walks}]
twin: {expect: [{title: x}]}
"""


def on_base(step: str) -> tuple[RunEvidence, ...]:
    return tuple(
        perform(EXPORT % step, run=RunId("book", identity, RunKind.BASE), app=FakeApp())
        for identity in Identity
    )


def test_a_step_that_must_be_possible_is_red_on_base_by_itself() -> None:
    silent = proof("book", Purpose.BUG, on_base("click: {button: Export}"))
    assert (silent.proved, "could not be done" in silent.reason) == (False, True)
    named = proof("book", Purpose.BUG, on_base("must: {hover: {button: Export}}"))
    assert (named.proved, named.reason) == (True, "red on base: a named expectation failed")
