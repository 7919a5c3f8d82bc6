"""What leaves the seal: a promise's own words and a symptom, and nothing of a journey."""

from itertools import product

import pytest

from validators.domain.verdict import Finding, Symptom
from validators.language.reader import read
from validators.performance.redact import NOTICED, PublicFinding, leaks, public_findings

JOURNEY = read("""\
journey: secret-way
promise: M-BOOK
canary: cn4ry-7f3e9a-b2
steps:
  - open: /walks/mussel-banks
  - fill: {label: "Group size", value: "{{ any.int(2, 8) }}"}
  - click: {button: "Reserve these places"}
  - click: {button: "twelve-chars"}
  - click: {button: "eleven-char"}
expect:
  - text: {role: status, equals: "Thank you, booked for {{ filled.group_size }}"}
twin:
  expect: [{text: {role: status, equals: "We are so sorry about it"}}]
""")


def test_every_symptom_has_words_for_a_person() -> None:
    assert set(NOTICED) == set(Symptom)
    assert len(set(NOTICED.values())) == len(NOTICED)


def test_public_words_contain_nothing_of_the_journey() -> None:
    words = {"M-BOOK": "Guests can book a walk."}
    for symptom, promise in product(Symptom, ("M-BOOK", "issue")):
        (finding,) = public_findings((Finding("secret-way", promise, symptom),), words)
        assert finding == PublicFinding(promise, words.get(promise, promise), NOTICED[symptom])
        assert leaks(f"{finding.words} {finding.observed}", (JOURNEY,)) == ()
        assert "secret-way" not in f"{finding}"


def test_two_journeys_with_one_symptom_are_reported_once() -> None:
    found = tuple(Finding(name, "M-BOOK", Symptom.NOT_SHOWN) for name in ("a", "b"))
    assert len(public_findings(found, {})) == 1


@pytest.mark.parametrize(
    ("text", "leaked"),
    [
        ("nothing of it", ()),
        ("it said cn4ry-7f3e9a-b2 somewhere", ("cn4ry-7f3e9a-b2",)),
        ("press RESERVE THESE PLACES now", ("Reserve these places",)),
        ("goto /walks/mussel-banks", ("/walks/mussel-banks",)),
        ("Thank you, booked for 4", ("Thank you, booked for",)),
        ("We are so sorry about it", ("We are so sorry about it",)),
        ("Group size", ()),  # a short label is anybody's
        ("press twelve-chars", ("twelve-chars",)),
        ("press eleven-char", ()),
    ],
)
def test_a_sealed_phrase_is_found_in_what_is_about_to_leave(text, leaked) -> None:
    assert leaks(text, (JOURNEY,)) == leaked


def test_what_the_issue_contains_itself_is_no_leak_but_a_canary_always_is() -> None:
    issue = "When I press 'Reserve these places' nothing happens. cn4ry-7f3e9a-b2"
    assert leaks("Reserve these places", (JOURNEY,), known=(issue,)) == ()
    assert leaks("cn4ry-7f3e9a-b2", (JOURNEY,), known=("an innocent issue",)) == (
        "cn4ry-7f3e9a-b2",
    )


def test_a_journey_without_a_negative_control_is_searched_as_well() -> None:
    alone = read(
        "journey: alone\npromise: M-BOOK\nsteps:\n  - open: /walks/alone\n"
        "expect:\n  - text: {role: status, equals: Here}\n"
    )
    assert alone.negative_control is None
    assert leaks("goto /walks/alone", (alone,)) == ("/walks/alone",)
