"""Journeys that prove nothing are refused before anything performs them."""

import pytest

from validators.language.check import complaints

GOOD = {
    "steps": [
        "open: /",
        'fill: {label: "Name", value: "{{ any.name }}"}',
        'click: {button: "Book"}',
    ],
    "expect": ['text: {role: status, equals: "Booked for {{ filled.name }}"}'],
    "twin": ['text: {role: status, equals: "Booked for nobody"}'],
}


def journey(*, twin_steps: list[str] | None = None, extra: str = "", **parts: list[str] | None) -> str:
    told = {**GOOD, **parts}
    text = f"journey: j\npromise: issue\n{extra}"
    for key in ("steps", "expect"):
        text += f"{key}:\n" + "".join(f"  - {line}\n" for line in told[key] or ())
    if told["twin"] is None:
        return text
    text += "twin:\n  expect:\n" + "".join(f"    - {line}\n" for line in told["twin"])
    return text + ("  steps:\n" + "".join(f"    - {line}\n" for line in twin_steps) if twin_steps else "")


def test_a_journey_that_says_something_may_be_sealed():
    assert complaints(journey()) == ()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (journey(twin=None), "needs `twin`"),
        (journey(expect=["visible: {heading: Welcome}"], twin=["visible: {heading: Bye}"]), "depends on what the steps did"),
        (journey(expect=["text: Thank you"], twin=["text: Nope"]), "depends on what the steps did"),
        (journey(expect=['absent: {row: "{{ filled.name }}"}'], twin=["absent: {row: x}"]), "an absence proves nothing"),
        (
            journey(expect=['count: {row: "{{ filled.name }}", equals: 0}'], twin=["count: {row: x, equals: 3}"]),
            "an absence proves nothing",
        ),
        (
            journey(expect=[*GOOD["expect"], 'after_reload: [{absent: {row: "x"}}]']),
            "an absence proves nothing",
        ),
        (journey(steps=["click: {button: Book}"]), "the first step must be `open`"),
        (journey(steps=[*GOOD["steps"], "as: guide", "click: {button: Go}"]), "'guide' starts at no page"),
        (journey(expect=['text: "{{ filled.nmae }}"'], twin=['text: "x"']), "filled so far: name"),
        (journey(expect=['text: "{{ guest }}"'], twin=['text: "x"']), "known names: none"),
        (journey(steps=["open: /", 'fill: {label: A, value: "{{ filled.b }}"}']), "nothing has filled 'b'"),
        (journey(extra='let: {a: "{{ b }}", b: "{{ any.word }}"}\n'), "'b' has no value at this point"),
        (journey(expect=['text: "{{ any.name }}"'], twin=['text: "x"']), "draws new data"),
        (journey(steps=[*GOOD["steps"], 'click: {link: "{{ any.word }}"}']), "draws new data"),
        (journey(twin=GOOD["expect"]), "the twin expects what the journey expects"),
        (journey(twin=["title: Nothing"]), "the twin looks where the journey does not"),
        (journey(twin=['text: {role: alert, equals: "no"}']), "the twin looks where the journey does not"),
        (journey(twin_steps=["click: {button: Book}"]), "the first step must be `open`"),
        (journey(twin=['text: {role: status, equals: "{{ filled.name }}"}'], twin_steps=["open: /"]), "nothing has filled"),
    ],
)
def test_a_worthless_journey_is_refused(source, words):
    assert any(words in told for told in complaints(source)), complaints(source)


@pytest.mark.parametrize(
    "source",
    [
        journey(steps=["open: /"], expect=["visible: {heading: Tides}"], twin=["visible: {heading: Tdies}"]),
        journey(expect=["visible: {row: Ada}"], steps=["open: /", "fill: {label: N, value: Ada}"], twin=["visible: {row: Bo}"]),
        journey(
            steps=["open: /", "remember: {role: status, as: places}", "fill: {label: N, value: Ada}"],
            expect=['text: {role: status, equals: "{{ places }}"}'],
            twin=['text: {role: status, equals: "0 places"}'],
        ),
        journey(extra='let: {guest: "{{ any.name }}"}\n', expect=['text: "{{ guest }}"'], twin=['text: "x"']),
        journey(
            twin=GOOD["expect"],
            twin_steps=["open: /", 'fill: {label: "Name", value: ""}', "click: {button: Book}"],
        ),
        journey(expect=[*GOOD["expect"], 'absent: {row: "x"}'], twin=GOOD["twin"]),
    ],
)
def test_a_journey_that_can_fail_for_a_reason_is_not(source):
    assert complaints(source) == ()
