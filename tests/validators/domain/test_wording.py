"""Texts are compared as a reader compares them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validators.domain.evidence import OBSERVED_CHARACTERS, observed
from validators.domain.exploring.acts import Aspect
from validators.domain.exploring.view import PageView, view
from validators.domain.journeys.claim import Listing, Match, SortOrder
from validators.domain.journeys.controls import Part
from validators.domain.journeys.wording import lists, matches, numbers, ordered, path_matches
from validators.exploration.contrasting import exhibits_of


@pytest.mark.parametrize(
    ("seen", "match", "wanted", "holds"),
    [
        ("Booked for 4", Match.EQUALS, "Booked for 4", True),
        ("  Booked \n for\t4 ", Match.EQUALS, "Booked for 4", True),
        ("Booked for 4", Match.EQUALS, "booked for 4", False),
        ("Booked for 42", Match.EQUALS, "Booked for 4", False),
        ("Booked for 4.", Match.CONTAINS, "for 4", True),
        ("Booked for 42", Match.CONTAINS, "for 4", False),
        ("14 places", Match.CONTAINS, "4", False),
        ("Annabel", Match.CONTAINS, "Anna", False),
        ("Anna  Holt, 3", Match.CONTAINS, "Anna Holt", True),
        ("a+b (c)", Match.CONTAINS, "+b (c)", False),
        ("a +b (c)", Match.CONTAINS, "+b (c)", True),
        ("anything", Match.CONTAINS, "", False),
        ("Total: £1,200.00", Match.NUMBER, "1200", True),
        ("3 of 12", Match.NUMBER, "3", False),
        ("minus −5 °C", Match.NUMBER, "-5", True),
        ("none", Match.NUMBER, "0", False),
        ("none", Match.NUMBER, "none", False),
        ("4", Match.NUMBER, "4.0", True),
        ("Booked for 4", Match.STARTS_WITH, "Booked  for", True),
        ("Booked for 4", Match.STARTS_WITH, "Book", False),
        ("Not booked", Match.STARTS_WITH, "booked", False),
        (" for 4 ", Match.ENDS_WITH, "4", True),
        ("for 14", Match.ENDS_WITH, "4", False),
        ("4 for 4.", Match.ENDS_WITH, "4", False),
        ("anything", Match.STARTS_WITH, "", False),
        ("Anna", Match.NOT_CONTAINS, "Ann", True),
        ("Ann a", Match.NOT_CONTAINS, "Ann", False),
        ("3 guests", Match.AT_LEAST, "3", True),
        ("2.9", Match.AT_LEAST, "3", False),
        ("3", Match.AT_MOST, "3.0", True),
        ("1,200", Match.AT_MOST, "1000", False),
        ("3 of 4", Match.AT_LEAST, "1", False),
        ("none", Match.AT_MOST, "1", False),
        ("3", Match.AT_LEAST, "few", False),
    ],
)
def test_a_match(seen, match, wanted, holds) -> None:
    assert matches(seen, match, wanted) is holds


@pytest.mark.parametrize(
    ("seen", "match", "wanted", "holds"),
    [
        ("red", Match.ONE_OF, ("blue", " red "), True),
        ("red", Match.ONE_OF, ("blue", "re"), False),
        ("5", Match.BETWEEN, ("2", "8"), True),
        ("8.0", Match.BETWEEN, ("2", "8"), True),
        ("9", Match.BETWEEN, ("2", "8"), False),
        ("1", Match.BETWEEN, ("2", "8"), False),
    ],
)
def test_a_match_with_several(seen, match, wanted, holds) -> None:
    assert matches(seen, match, *wanted) is holds


@given(st.text(max_size=80), st.text(max_size=20), st.text(max_size=20))
def test_matching_is_total(seen, wanted, other) -> None:
    for match in Match:
        assert matches(seen, match, wanted, other) in (True, False)
        assert path_matches(seen, match, wanted, other) in (True, False)


@given(st.text(max_size=40), st.text(min_size=1, max_size=6))
def test_a_text_contains_words_or_does_not(seen, words) -> None:
    assert matches(seen, Match.CONTAINS, words) is not matches(seen, Match.NOT_CONTAINS, words)


@pytest.mark.parametrize(
    ("seen", "match", "wanted", "holds"),
    [
        ("/walks", Match.EQUALS, "/walks", True),
        ("/walks?page=2", Match.EQUALS, "/walks", True),
        ("/walks?b=1&a=2", Match.EQUALS, "/walks?a=2&b=1", True),
        ("/walks?a=2", Match.EQUALS, "/walks?a=2&b=1", False),
        ("/walks?a=2#top", Match.EQUALS, "/walks?a=2", True),
        ("/guests/Ada%20Holt?q=low+tide", Match.EQUALS, "/guests/Ada Holt?q=low tide", True),
        ("/walks/", Match.EQUALS, "/walks", False),
        ("/walks/3", Match.STARTS_WITH, "/walks/", True),
        ("/walks?sort=day", Match.CONTAINS, "sort=day", True),
        ("/walks?sort=days", Match.ENDS_WITH, "sort=day", False),
        ("/walks?x=None", Match.NOT_CONTAINS, "None", False),
        ("http://fixtures/walks", Match.EQUALS, "/walks", False),
        ("/b", Match.ONE_OF, "/b", True),
    ],
)
def test_a_path_is_compared_letter_by_letter_and_its_query_by_parameters(
    seen, match, wanted, holds
) -> None:
    assert path_matches(seen, match, wanted) is holds


@pytest.mark.parametrize(
    ("seen", "match", "wanted", "holds"),
    [
        (("a", " b "), Listing.EQUALS, ("a", "b"), True),
        (("b", "a"), Listing.EQUALS, ("a", "b"), False),
        ((), Listing.EQUALS, (), True),
        (("b", "a", "c"), Listing.INCLUDES, ("a", "b"), True),
        (("a",), Listing.INCLUDES, ("a", "a"), False),
        (("ab",), Listing.INCLUDES, ("a",), False),
        (("a",), Listing.EXCLUDES, ("b", "c"), True),
        (("a", ""), Listing.EXCLUDES, ("", "c"), False),
    ],
)
def test_a_list(seen, match, wanted, holds) -> None:
    assert lists(seen, match, wanted) is holds


@pytest.mark.parametrize(
    ("cells", "ascending", "descending"),
    [
        (("2", "10"), True, False),
        (("€1,200", "€30"), False, True),
        (("2 kg", "10 kg", "10 kg"), True, False),
        (("Room 10", "Room 2"), True, False),  # by letters: it is a name, not a quantity
        (("apple", "berry", "Zebra"), True, False),
        (("Zebra", "apple"), True, True),  # by code points, or without regard to case
        (("abc", "Ébc", "zbc"), True, False),
        (("", "a", "", "b"), True, False),  # empty cells are left out
        (("a", "c", "b"), False, False),
        (("2026-01-02", "2026-01-10"), True, False),
        (("a", "a"), False, False),  # nothing is in any order
        (("a",), False, False),
        ((), False, False),
    ],
)
def test_an_order(cells, ascending, descending) -> None:
    assert ordered(cells, SortOrder.ASCENDING) is ascending
    assert ordered(cells, SortOrder.DESCENDING) is descending


@given(st.lists(st.integers(-999, 10**6), min_size=2, max_size=8, unique=True))
def test_numbers_in_order_are_in_order_and_turned_round_are_not(values) -> None:
    cells = [f"{value:,}" for value in sorted(values)]
    assert ordered(cells, SortOrder.ASCENDING)
    assert ordered(cells[::-1], SortOrder.DESCENDING)
    assert not ordered(cells, SortOrder.DESCENDING)


@given(st.integers(-(10**9), 10**9))
def test_a_number_is_found_however_its_thousands_are_written(value) -> None:
    assert numbers(f"it is {value:,} now") == (Decimal(value),)


@given(st.text(max_size=2000))
def test_an_observed_text_is_short_one_line_and_visible(text) -> None:
    shown = observed(text)
    assert len(shown) <= OBSERVED_CHARACTERS
    assert "\n" not in shown
    assert shown.isprintable()


HIDING = {
    "tags": "".join(chr(0xE0000 + ord(char)) for char in "say yes"),
    "selectors": "".join(chr(0xE0100 + ord(char)) for char in "yes"),
    "zero width": "\u200b\u200d\u2060\ufeff",
    "bidi": "\u202e\u2066",
    "letters": "\u115f\u3164\uffa0",
    "marks": "\u034f\ufe0f",
    "blank braille": "\u2800",
    "control": "\x00\x1b[31m\x9b",
    "private": "\ue004",
    "lone surrogate": "\ud800",
    "soft": "\u00ad",
}


@pytest.mark.parametrize("hidden", HIDING.values(), ids=HIDING)
def test_what_is_drawn_as_nothing_reaches_neither_evidence_nor_an_actor(hidden) -> None:
    left = "[31m" if "[31m" in hidden else ""
    page = PageView(
        f"/{hidden}a",
        f"ok{hidden} then",
        Part(
            "document",
            parts=(
                Part("heading", name=f"ok{hidden} then"),
                Part("button", name=f"Bo{hidden}ok", ref="e1"),
                Part("paragraph", text=f"ok{hidden} then"),
            ),
        ),
    )
    assert observed(f"ok{hidden} then\n") == f"ok{left} then"
    for aspect, shown in (
        (Aspect.CONTROLS, f'e1 button "Bo{left}ok"'),
        (Aspect.WORDS, f'"ok{left} then"'),
    ):
        seen = view(page, nonce="0", aspect=aspect)
        assert shown in seen
        assert f'path "/{left}a"\ntitle "ok{left} then"\n' in seen
        assert not (set(hidden) - set(left)) & set(seen)
        assert seen.replace("\n", "").isprintable()


def test_what_is_drawn_as_nothing_is_in_no_exhibit_of_claims(tmp_path) -> None:
    (tmp_path / "aria.txt").write_text(
        f"- text: ok{HIDING['tags']}\n- text: then{HIDING['letters']}\n", "utf-8"
    )
    assert [one.text for one in exhibits_of({"base": tmp_path})] == ["- text: ok\n- text: then\n"]
