"""Journeys that prove nothing are refused before anything performs them."""

import pytest

from validators.domain.errors import JourneyInvalid
from validators.domain.journeys.journey import Regardless
from validators.language.check import complaints
from validators.language.lint import warnings
from validators.language.reader import read

GOOD = {
    "steps": [
        "open: /",
        'fill: {label: "Name", value: "{{ any.name }}"}',
        'click: {button: "Book"}',
    ],
    "expect": ['text: {role: status, equals: "Booked for {{ filled.name }}"}'],
    "negative_control": ['text: {role: status, equals: "Booked for nobody"}'],
}


SORTED = "column: {header: A, sorted:"


def journey(
    *, control_steps: list[str] | None = None, extra: str = "", **parts: list[str] | None
) -> str:
    complaint = {**GOOD, **parts}
    text = f"journey: j\npromise: issue\n{extra}"
    for key in ("steps", "expect"):
        text += f"{key}:\n" + "".join(f"  - {line}\n" for line in complaint[key] or ())
    if complaint["negative_control"] is None:
        return text
    text += "twin:\n  expect:\n" + "".join(
        f"    - {line}\n" for line in complaint["negative_control"]
    )
    return text + (
        "  steps:\n" + "".join(f"    - {line}\n" for line in control_steps) if control_steps else ""
    )


@pytest.mark.parametrize(
    "expect",
    [
        ["visible: {heading: X}"],
        ["visible: {heading: X}", "after_reload: same"],
        ["visible: {heading: X}", "other_session: same"],
        ["visible: {heading: X}", "after_reload: [{visible: {link: Y}}]"],
    ],
)
@pytest.mark.parametrize("steps", [["open: /x?day=1"], ["open: /", "open: /x"]])
def test_who_only_opens_pages_and_looks_at_them_is_warned_that_a_painting_would_pass(
    steps, expect
) -> None:
    (complaint,) = complaints(
        journey(steps=steps, expect=expect, negative_control=["visible: {heading: Z}"])
    )
    assert "only painted would pass" in complaint


def test_what_must_make_no_difference_is_said_in_two_words() -> None:
    assert read(journey(extra="regardless: [others, date]\n")).regardless == {
        Regardless.OTHERS,
        Regardless.DATE,
    }
    assert read(journey()).regardless == frozenset()
    with pytest.raises(
        JourneyInvalid, match="line 3: regardless has no 'dates'; did you mean 'date'"
    ):
        read(journey(extra="regardless: [dates]\n"))
    travels = journey(extra="regardless: [date]\n", steps=[*GOOD["steps"], "travel: +2 days"])
    (complaint,) = complaints(travels)
    assert complaint.startswith("line 8: it travels in time, so the date makes a difference")


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        (GOOD["steps"], []),
        (["open: /walks?day=1", *GOOD["steps"]], ["line 4: this address is fixed"]),
        (['open: "/walks?day={{ any.int(1, 9) }}"'], []),
        (["open: /", "click: {link: Walks}"], ["line 4: nothing that is done is drawn"]),
        (["open: /", "fill: {label: Name, value: Ada}"], ["line 4: nothing that is done is drawn"]),
    ],
)
def test_what_one_case_alone_would_pass_is_a_warning(steps, complaint) -> None:
    found = [str(one) for one in warnings(read(journey(steps=steps)))]
    assert len(found) == len(complaint)
    assert all(one.startswith(words) for one, words in zip(found, complaint, strict=True))


def test_a_journey_that_is_reportedmething_may_be_sealed() -> None:
    assert complaints(journey()) == ()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (journey(negative_control=None), "needs `twin`"),
        (
            journey(
                expect=["visible: {heading: Welcome}"], negative_control=["visible: {heading: Bye}"]
            ),
            "depends on what the steps did",
        ),
        (
            journey(expect=["text: Thank you"], negative_control=["text: Nope"]),
            "depends on what the steps did",
        ),
        (
            journey(
                expect=['absent: {row: "{{ filled.name }}"}'], negative_control=["absent: {row: x}"]
            ),
            "an absence proves nothing",
        ),
        (
            journey(
                expect=['count: {row: "{{ filled.name }}", equals: 0}'],
                negative_control=["count: {row: x, equals: 3}"],
            ),
            "an absence proves nothing",
        ),
        (
            journey(expect=[*GOOD["expect"], 'after_reload: [{absent: {row: "x"}}]']),
            "an absence proves nothing",
        ),
        (
            journey(
                expect=['text: {role: status, not_contains: "{{ filled.name }}"}'],
                negative_control=["title: x"],
            ),
            "an absence proves",
        ),
        (
            journey(
                expect=['column: {header: Name, excludes: "{{ filled.name }}"}'],
                negative_control=["title: x"],
            ),
            "an absence proves",
        ),
        (
            journey(expect=["rows: {equals: 0}"], negative_control=["rows: {equals: 1}"]),
            "an absence proves",
        ),
        (
            journey(
                expect=['count: {row: "{{ filled.name }}", at_most: 3}'],
                negative_control=["title: x"],
            ),
            "an absence proves",
        ),
        (
            journey(expect=["options: {label: Name, excludes: x}"], negative_control=["title: x"]),
            "an absence proves",
        ),
        (journey(expect=['title: ""'], negative_control=["title: x"]), "an absence proves"),
        (
            journey(
                expect=["state: {button: Book, is: enabled}"],
                negative_control=["state: {button: Book, is: disabled}"],
            ),
            "depends on what",
        ),
        (
            journey(expect=["status: 200"], negative_control=["status: 404"]),
            "depends on what the steps did",
        ),
        (
            journey(expect=[f"{SORTED} ascending}}"], negative_control=[f"{SORTED} descending}}"]),
            "depends on what the steps did",
        ),
        (
            journey(
                steps=["open: /"],
                expect=[f"{SORTED} ascending}}"],
                negative_control=["column: {header: B, sorted: ascending}"],
            ),
            "`twin` looks where the journey does not",
        ),
        (
            journey(steps=["open: /"], expect=["status: 200"], negative_control=["status: 200"]),
            "`twin` expects what the journey expects",
        ),
        (
            journey(
                steps=["open: /"],
                expect=["aria: {has: [main]}"],
                negative_control=["aria: {in: {role: main}, has: [alert]}"],
            ),
            "`twin` looks where the journey does not",
        ),
        (
            journey(
                expect=['column: {header: "{{ any.word }}", includes: x}'],
                negative_control=["title: x"],
            ),
            "draws new data",
        ),
        (
            journey(
                expect=['aria: {has: ["link \\"{{ nobody }}\\""]}'], negative_control=["title: x"]
            ),
            "'nobody' has no value",
        ),
        (
            journey(
                expect=['text: {under: "{{ nobody }}", role: status, equals: x}'],
                negative_control=["title: x"],
            ),
            "'nobody' has no value",
        ),
        (journey(steps=["click: {button: Book}"]), "the first step must be `open`"),
        (
            journey(steps=[*GOOD["steps"], "as: guide", "click: {button: Go}"]),
            "'guide' starts at no page",
        ),
        (
            journey(expect=['text: "{{ filled.nmae }}"'], negative_control=['text: "x"']),
            "filled so far: name",
        ),
        (
            journey(expect=['text: "{{ guest }}"'], negative_control=['text: "x"']),
            "known names: none",
        ),
        (
            journey(steps=["open: /", 'fill: {label: A, value: "{{ filled.b }}"}']),
            "nothing has filled 'b'",
        ),
        (
            journey(extra='let: {a: "{{ b }}", b: "{{ any.word }}"}\n'),
            "'b' has no value at this point",
        ),
        (
            journey(expect=['text: "{{ any.name }}"'], negative_control=['text: "x"']),
            "draws new data",
        ),
        (journey(steps=[*GOOD["steps"], 'click: {link: "{{ any.word }}"}']), "draws new data"),
        (journey(negative_control=GOOD["expect"]), "`twin` expects what the journey expects"),
        (journey(negative_control=["title: Nothing"]), "`twin` looks where the journey does not"),
        (
            journey(negative_control=['text: {role: alert, equals: "no"}']),
            "`twin` looks where the journey does not",
        ),
        (
            journey(
                expect=[*GOOD["expect"], "absent: {link: A, under: Day}"],
                negative_control=["visible: {link: B, under: Day}"],
            ),
            "`twin` looks where the journey does not",
        ),
        (
            journey(negative_control=["absent: {button: Book}"]),
            "`twin`: an absence proves nothing",
        ),
        (
            journey(
                steps=["open: /", "check: {label: Vegan}"],
                expect=["visible: {heading: A}"],
                negative_control=["visible: {heading: B}"],
            ),
            "of a tick, the `state` of that element",
        ),
        (journey(control_steps=["click: {button: Book}"]), "the first step must be `open`"),
        (
            journey(
                negative_control=['text: {role: status, equals: "{{ filled.name }}"}'],
                control_steps=["open: /"],
            ),
            "nothing has filled",
        ),
    ],
)
def test_a_worthless_journey_is_refused(source, words) -> None:
    assert any(words in complaint for complaint in complaints(source)), complaints(source)


@pytest.mark.parametrize(
    "source",
    [
        journey(
            steps=["open: /", "click: {link: Tides}"],
            expect=["visible: {heading: T}"],
            negative_control=["visible: {heading: U}"],
        ),
        journey(
            expect=["visible: {row: Ada}"],
            steps=["open: /", "fill: {label: N, value: Ada}"],
            negative_control=["visible: {row: Bo}"],
        ),
        journey(
            steps=[
                "open: /",
                "remember: {role: status, as: places}",
                "fill: {label: N, value: Ada}",
            ],
            expect=['text: {role: status, equals: "{{ places }}"}'],
            negative_control=['text: {role: status, equals: "0 places"}'],
        ),
        journey(
            extra='let: {guest: "{{ any.name }}"}\n',
            expect=['text: "{{ guest }}"'],
            negative_control=['text: "x"'],
        ),
        journey(
            negative_control=GOOD["expect"],
            control_steps=["open: /", 'fill: {label: "Name", value: ""}', "click: {button: Book}"],
        ),
        journey(
            expect=[*GOOD["expect"], 'absent: {row: "x"}'],
            negative_control=GOOD["negative_control"],
        ),
        journey(
            expect=[*GOOD["expect"], "absent: {link: A, in: {role: main}}"],
            negative_control=["visible: {link: A, in: {role: main}}"],
        ),
        journey(
            steps=["open: /", "as: guide", "open: /", "as: guest"],
            expect=[
                "visible: {link: Home}",
                "absent: {link: Guests}",
                "{as: guide, expect: [{visible: {link: Guests}}]}",
            ],
            negative_control=["visible: {link: Guests}"],
        ),
        journey(
            steps=["open: /", "click: {columnheader: A}"],
            expect=[f"{SORTED} ascending}}"],
            negative_control=[f"{SORTED} descending}}"],
        ),
        journey(
            steps=["open: /x"],
            expect=["status: 200", "visible: {heading: X}", "other_session: [status: 403]"],
            negative_control=["status: 500"],
        ),
        journey(
            expect=['row: {cells: {Name: "{{ filled.name }}"}, at: 1}'],
            negative_control=["row: {cells: {Name: nobody}, at: 1}"],
        ),
        journey(
            expect=['aria: {has: [{cell: "{{ filled.name }}"}]}'],
            negative_control=["aria: {has: [{cell: nobody}]}"],
        ),
        journey(
            steps=["open: /", "check: {label: I can swim}"],
            expect=["state: {label: I can swim, is: checked}", "after_reload: same"],
            negative_control=["state: {label: I can swim, is: unchecked}"],
        ),
        journey(
            expect=["column: {header: A, each: {not_contains: None}}", 'text: "{{ filled.name }}"'],
            negative_control=["text: nobody"],
        ),
    ],
)
def test_a_journey_that_can_fail_for_a_reason_is_not(source) -> None:
    assert complaints(source) == ()
