"""Performing a journey: what is done in which order, what is looked at from where, and what ends
it."""

import asyncio
from datetime import date

import pytest

from tests.validators.fakes import FakeApp, FakeSession, FakeStage
from tests.validators.performing import BOOK, perform, perform_all
from validators.domain.errors import Unable
from validators.domain.evidence import UNREAD, UNRECORDED, FaultInjector, RunId, RunKind, Trouble
from validators.domain.journeys.claim import Claim, Match
from validators.domain.journeys.data_at_stake import stakes
from validators.domain.journeys.values import Draw, Values, template
from validators.domain.run_result import Result, result, silence
from validators.language.reader import read
from validators.performance.comparing import described
from validators.performance.journey_run import Patience


def test_a_good_app_passes_from_every_vantage() -> None:
    evidence = perform()
    assert result(evidence) is Result.PASSED
    assert [(look.index, look.kind, look.vantage) for look in evidence.expectations] == [
        (0, "text", "here"), (1, "row", "here"), (2, "absent", "here"),
        (3, "text", "after_reload"), (4, "row", "after_reload"), (5, "absent", "after_reload"),
        (6, "text", "other_session"), (7, "row", "other_session"), (8, "absent", "other_session"),
    ]  # fmt: skip
    assert [step.verb for step in evidence.steps] == ["open", "fill", "fill", "click"]
    assert evidence.complete
    assert evidence.app_ready


def test_whoever_watches_gets_each_step_and_look_as_it_is_done_and_none_of_another_control() -> (
    None
):
    came = []
    own, control = perform_all(with_control=True, watch=lambda run, part: came.append((run, part)))
    assert came == [(own.run, part) for part in (*own.steps, *own.expectations)]
    assert control.expectations


def test_what_is_only_painted_fails_after_a_reload() -> None:
    evidence = perform(app=FakeApp(stores=False))
    assert next(look.vantage for look in evidence.expectations if not look.passed) == "after_reload"
    assert all(look.passed for look in evidence.expectations[:3])


def test_what_is_only_in_this_tab_fails_for_another_person() -> None:
    evidence = perform(app=FakeApp(shared=False))
    assert {look.vantage for look in evidence.expectations if not look.passed} == {"other_session"}


def test_a_negative_control_looks_at_its_own_expectations_with_the_same_data() -> None:
    evidence = perform(run=RunId("book", kind=RunKind.NEGATIVE_CONTROL))
    assert len(evidence.steps) == 4
    assert [(look.passed, look.observed) for look in evidence.expectations] == [
        (False, perform().expectations[0].observed)
    ]


def test_a_negative_control_is_looked_for_at_the_moments_of_the_journey_itself() -> None:
    """It has the same steps, so it needs no run of its own, and must fail in the same places."""
    own, negative_control = perform_all(with_control=True)
    apart = perform(run=RunId("book", kind=RunKind.NEGATIVE_CONTROL))
    assert result(own) is Result.PASSED
    assert (negative_control.run, negative_control.steps, negative_control.complete) == (
        apart.run,
        own.steps,
        True,
    )
    assert [(look.passed, look.observed) for look in negative_control.expectations] == [
        (False, apart.expectations[0].observed)
    ]
    true = BOOK.replace('"Booked for 0"', '"Booked for {{ filled.group_size }}"')
    assert [look.passed for look in perform_all(true, with_control=True)[1].expectations] == [True]


@pytest.mark.parametrize(
    ("negative_control", "apart"),
    [
        ("  expect: [{title: x}]", False),
        ("  expect: [{title: x}, {after_reload: [{title: x}]}]", False),
        ("  expect: [{title: x}, {other_session: {open: /walks, expect: same}}]", True),
        ("  expect: [{title: x}]\n  steps: [{open: /}]", True),
    ],
)
def test_a_negative_control_that_does_or_looks_elsewhere_has_a_run_of_its_own(
    negative_control, apart
) -> None:
    assert (
        read(f"{BOOK[: BOOK.index('twin:')]}twin:\n{negative_control}\n").negative_control_apart
        is apart
    )


def test_a_negative_control_may_do_something_else() -> None:
    source = BOOK + "  steps:\n    - open: /\n"
    assert [
        step.verb
        for step in perform(source, run=RunId("book", kind=RunKind.NEGATIVE_CONTROL)).steps
    ] == ["open"]


LOOKS = (
    "journey: j\npromise: issue\nsteps: [{open: /}]\nexpect: [{title: Tide walks}, {after_reload:"
    " same}]\n"
)


@pytest.mark.parametrize(
    ("source", "app", "there"),
    [
        (LOOKS, FakeApp(), True),
        (LOOKS.replace("Tide", "Seal"), FakeApp(), False),
        (
            LOOKS.replace("[{title", "[{text: {role: log, equals: x}}, {title"),
            FakeApp(),
            False,
        ),  # ambiguous
        (BOOK, FakeApp(), False),  # it looks for what is not even drawn
        (LOOKS.replace("/}]", "/}, {fill: {label: x, value: y}}]"), FakeApp(), True),
        (LOOKS.replace("title: Tide walks", "row: {cells: [x]}"), FakeApp(), False),
        (LOOKS, FakeApp(down=True), None),
    ],
)
def test_what_holds_when_its_pages_are_merely_open_is_not_due_to_its_steps(
    source, app, there
) -> None:
    assert (
        perform(
            source,
            app=app,
            run=RunId("j", kind=RunKind.FAULT_INJECTION, injector=FaultInjector.FROZEN),
        ).there_at_first
        is there
    )
    assert perform(source, app=FakeApp()).there_at_first is None


def test_a_step_that_cannot_be_done_ends_the_run_and_nothing_is_looked_at() -> None:
    evidence = perform(BOOK.replace('button: "Book"', 'button: "Pay"'))
    assert [(step.passed, step.trouble) for step in evidence.steps][-1] == (False, Trouble.MISSING)
    assert evidence.expectations == ()
    assert result(evidence) is Result.FAILED


def test_an_ambiguous_look_proves_nothing() -> None:
    evidence = perform(
        BOOK.replace('role: status, equals: "Booked for {{', 'role: log, equals: "Booked for {{')
    )
    assert evidence.expectations[0].trouble is Trouble.AMBIGUOUS
    assert result(evidence) is Result.INCONCLUSIVE


def test_an_app_that_is_down_was_never_ready() -> None:
    evidence = perform(app=FakeApp(down=True))
    assert not evidence.app_ready
    assert result(evidence) is Result.INCONCLUSIVE


@pytest.mark.parametrize(
    ("app", "kind", "line"),
    [
        (FakeApp(statuses=[(503, "/api")]), "http_status", 14),
        (FakeApp(console=[("warning", "x"), ("error", "boom")]), "console", 14),
        (FakeApp(text="Traceback (most recent call last)"), "text", 14),
        (FakeApp(statuses=[(200, "/-/jump?q=a")]), "request", 14),
        (FakeApp(statuses=[(200, "/admin/users")]), "request", 14),
        (FakeApp(elsewhere=["http://fonts.example.org/a.css"]), "other_host", 14),
        (FakeApp(elsewhere=["evil.example:443"]), "other_host", 14),
        (FakeApp(at_last=[("error", "late")]), "console", 14),
    ],
)
def test_what_must_never_happen_is_noticed_once(app, kind, line) -> None:
    more = '{text: "Traceback"}, {request: /-/jump}, {request: /admin/*}, {other_host: any}'
    evidence = perform(BOOK.replace('{text: "Traceback"}', more), app=app)
    assert [(breach.kind, breach.line) for breach in evidence.breaches] == [(kind, line)]
    assert result(evidence) is Result.FAILED


@pytest.mark.parametrize(
    ("never", "app", "found"),
    [
        ('{http_status: ">=500"}', FakeApp(), Result.INCONCLUSIVE),
        ("{request: /admin}", FakeApp(), Result.INCONCLUSIVE),
        ("{other_host: any}", FakeApp(), Result.INCONCLUSIVE),
        ('{console: error}, {text: "Traceback"}', FakeApp(), Result.PASSED),
        ("{other_host: any}", FakeApp(elsewhere=["http://a.example/"]), Result.FAILED),
        ("{other_host: any}", FakeApp(stores=False), Result.FAILED),
    ],
)
def test_what_was_asked_beyond_the_record_may_be_what_must_never_be(never, app, found) -> None:
    app.unrecorded = True
    own = '{http_status: ">=500"}, {console: error}, {text: "Traceback"}'
    evidence = perform(BOOK.replace(own, never), app=app)
    assert result(evidence) is found
    assert (found is Result.INCONCLUSIVE) == (silence(evidence) == UNRECORDED)


@pytest.mark.parametrize(
    ("trouble", "never", "found"),
    [
        (Trouble.TIMED_OUT, '{text: "Traceback"}', Result.INCONCLUSIVE),
        (Trouble.BROKEN, '{text: "Traceback"}', Result.INCONCLUSIVE),
        (Trouble.TIMED_OUT, "{console: error}", Result.PASSED),
        (Trouble.MISSING, '{text: "Traceback"}', Result.PASSED),
    ],
)
def test_a_page_that_could_not_be_read_may_show_what_must_never_be(trouble, never, found) -> None:
    own = '{http_status: ">=500"}, {console: error}, {text: "Traceback"}'
    evidence = perform(BOOK.replace(own, never), app=FakeApp(unread=trouble))
    assert result(evidence) is found
    assert (found is Result.INCONCLUSIVE) == (silence(evidence) == UNREAD)


@pytest.mark.parametrize(
    ("limit", "status", "breached"),
    [
        (">=500", 500, True),
        (">=500", 499, False),
        ("==404", 404, True),
        ("<200", 199, True),
        (">302", 302, False),
        ("<=199", 199, True),
    ],
)
def test_a_status_is_compared(limit, status, breached) -> None:
    evidence = perform(BOOK.replace(">=500", limit), app=FakeApp(statuses=[(status, "/x")]))
    assert any(breach.observed == f"{status} /x" for breach in evidence.breaches) is breached


def test_of_what_was_answered_the_page_that_somebody_opened_is_reported() -> None:
    app = FakeApp(statuses=[(404, "/icon.png")])
    (only,) = perform(BOOK.replace(">=500", ">=400"), app=app).breaches
    assert (only.observed, only.page) == ("404 /icon.png", False)
    path = next(iter(app.pages))
    (both,) = perform(
        BOOK.replace(">=500", ">=400"),
        app=FakeApp(statuses=[(404, "/icon.png")], pages={path: 400}),
    ).breaches
    assert (both.observed, both.page) == (f"400 {path}", True)


@pytest.mark.parametrize(
    "rule", ["{request: /-/jump}", "{request: /admin/*}", "{other_host: cdn.example.org}"]
)
def test_what_is_near_to_it_may_happen(rule) -> None:
    app = FakeApp(
        statuses=[(200, "/prefix/-/jump"), (200, "/-/jump/x"), (200, "/admin")],
        elsewhere=["http://example.org/"],
    )
    assert perform(BOOK.replace('{text: "Traceback"}', rule), app=app).breaches == ()


class Slow(FakeSession):
    """Shows its status only at the third look."""

    looked = 0

    async def text(self, spot):
        if spot is not None:
            self.looked += 1
            if self.looked % 3:
                raise Unable(Trouble.MISSING, "not yet")
        return await super().text(spot)


def test_a_look_is_taken_again_until_it_holds() -> None:
    assert (
        result(perform(stage=FakeStage(make=Slow), patience=Patience(step=0, look=60)))
        is Result.PASSED
    )
    assert result(perform(stage=FakeStage(make=Slow))) is Result.FAILED


class Slept(Slow):
    """At rest from the first look on: what is not there then never comes."""

    async def at_rest(self) -> bool:
        return True


def test_a_page_at_rest_is_looked_at_once_and_every_look_is_taken() -> None:
    stage = FakeStage(make=Slept)
    evidence = perform(stage=stage, patience=Patience(step=0, look=30))
    assert result(evidence) is Result.FAILED
    assert [person.looked for person in stage.people.values()] == [
        2,
        1,
    ]  # here and after a reload; by the other person
    assert len(evidence.expectations) == len(perform().expectations)


class Flips(FakeSession):
    """Shows one page and another by turns: what is on both is never there at one moment."""

    changed = 0

    async def watch(self) -> None:
        self.changed = 0

    async def unchanged(self) -> bool:
        return not self.changed

    async def rows(self, within):
        self.changed += 1
        return await super().rows(within)


def test_looks_that_hold_one_by_one_and_never_together_say_nothing() -> None:
    evidence = perform(stage=FakeStage(make=Flips))
    assert {look.trouble for look in evidence.expectations} == {Trouble.RESTLESS}
    assert result(evidence) is Result.INCONCLUSIVE


def test_what_does_not_hold_while_an_answer_is_outstanding_proves_nothing() -> None:
    class Owed(FakeSession):
        def awaits_answer(self) -> bool:
            return True

    evidence = perform(BOOK.replace("Nobody", "{{ filled.name }}"), stage=FakeStage(make=Owed))
    assert [look.trouble for look in evidence.expectations[:3]] == [None, None, Trouble.TIMED_OUT]
    assert result(evidence) is Result.INCONCLUSIVE


class Late(FakeSession):
    """Paints itself while its status is being read: until then nothing is there, then what must be
    gone is there too."""

    painted = False

    async def count(self, spot) -> int:
        return 1 if self.painted else 0

    async def text(self, spot):
        self.painted = True
        return await super().text(spot)


def test_an_absence_is_looked_for_only_once_the_rest_is_there() -> None:
    absent, status = (
        '  - absent: {row: "Nobody"}\n',
        BOOK[BOOK.index("  - text: {role") : BOOK.index("  - row:")],
    )
    absent_first = (
        BOOK.replace(absent, "")
        .replace(status, absent + status)
        .replace(', {text: "Traceback"}', "")
    )
    evidence = perform(absent_first, stage=FakeStage(make=Late))
    first = evidence.expectations[0]
    assert (first.kind, first.vantage, first.passed) == ("absent", "here", False)


def test_a_control_stops_at_its_first_failing_block() -> None:
    evidence = perform(app=FakeApp(stores=False), patience=Patience(0, 0, stop_early=True))
    assert len(evidence.expectations) == 6
    assert evidence.complete


def test_a_run_that_is_cut_off_is_reported() -> None:
    class Stuck(FakeSession):
        async def click(self, spot, *, patience) -> None:
            await asyncio.sleep(60)

    evidence = perform(stage=FakeStage(make=Stuck), seconds=0.05)
    assert not evidence.complete
    assert result(evidence) is Result.INCONCLUSIVE


def test_people_have_sessions_of_their_own_and_names_carry_over() -> None:
    source = """\
journey: two
promise: issue
let: {guest: "{{ any.name }}"}
steps:
  - open: /
  - fill: {label: Name, value: "{{ guest }}"}
  - select: {label: Walk, option: Dawn}
  - check: {label: Swims}
  - click: {button: Book}
  - remember: {role: status, as: seen}
  - as: guide
  - open: /guests
  - press: Enter
  - reload
  - back
expect:
  - visible: {row: "{{ guest }}"}
  - count: {row: "{{ guest }}", equals: 1}
  - text: {role: status, equals: "{{ seen }}"}
  - title: Tide walks
  - url_path: /guests
twin:
  expect: [{visible: {row: nobody}}]
"""
    stage, values = FakeStage(), Values(Draw(7, "two", date(2026, 11, 21)))
    evidence = perform(source, stage=stage, values=values, run=RunId("two"))
    assert result(evidence) is Result.PASSED, evidence
    assert stage.people["guide"].acts == ["open /guests", "press Enter", "reload", "back"]
    assert values.fields == {"name": values.names["guest"], "walk": "Dawn", "swims": "yes"}


def test_files_keys_dialogs_and_the_clock_reach_the_one_who_acts_and_each_sees_with_their_own_eyes() -> (
    None
):
    source = """\
journey: hands
promise: issue
let: {guest: "{{ any.name }}"}
steps:
  - as: guest
  - open: /
  - fill: {label: Name, value: "{{ guest }}"}
  - upload: {label: Plan, file: {name: a.csv, rows: [[Name], ["{{ guest }}"]]}}
  - click: {button: Book}
  - as: guide
  - open: /guests
  - hover: {button: More}
  - type: "{{ guest }}"
  - dialog: {says: "Tell {{ guest }}?", answer: accept}
  - press: Control+Enter
  - travel: +2 days
  - travel: +1 hour
  - download: {link: Export, as: export}
expect:
  - downloaded: {as: export, row: {Name: "{{ guest }}"}}
  - url_path: /guests
  - as: guest
    expect:
      - value: {label: Plan, equals: "{{ filled.plan }}"}
      - url_path: /
  - as: guest
    open: /mine
    expect: [{url_path: /mine}]
twin:
  expect: [{url_path: /nowhere}]
"""
    stage, values = FakeStage(), Values(Draw(7, "hands", date(2026, 11, 21)))
    evidence = perform(source, stage=stage, values=values, run=RunId("hands"))
    assert result(evidence) is Result.PASSED, evidence
    guest = values.names["guest"]
    assert stage.people["guide"].acts == [
        "open /guests", "hover More", f"type {guest}", f"prepare a dialog with the message 'Tell {guest}?'", "press Control+Enter",
    ]  # fmt: skip
    assert (stage.ahead, values.fields["plan"]) == (2 * 86_400 + 3_600, "a.csv")
    assert [look.vantage for look in evidence.expectations] == [
        "here",
        "here",
        "as guest",
        "as guest",
        "as guest",
    ]
    assert [step.verb for step in evidence.steps][3:6] == ["upload", "click", "switchto"]
    assert [actor for actor, name in stage.pictures if name.startswith("look")] == [
        "guide",
        "guest",
        "guest",
    ]


def test_the_stakes_grow_with_what_is_known() -> None:
    journey, values = read(BOOK), Values(Draw(7, "book", date(2026, 11, 21)))
    assert stakes(journey, values).texts == frozenset()
    values.fields = {"name": "Ada Holt", "group_size": "4", "other": "unmentioned"}
    known = stakes(journey, values)
    assert known.texts == {"Booked for 4", "Ada Holt", "4"}
    assert known.data == {"Ada Holt", "4"}


@pytest.mark.parametrize(
    ("match", "words"), [(Match.ONE_OF, "one_of '2', '8'"), (Match.BETWEEN, "between '2' … '8'")]
)
def test_alternatives_are_not_shown_as_a_range(match, words) -> None:
    claim = Claim(match, (template("2", place="p"), template("8", place="p")))
    assert described((claim,), Values(Draw(7, "j", date(2026, 11, 21)))) == words
