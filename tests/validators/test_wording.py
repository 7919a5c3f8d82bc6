"""Texts are compared as a reader compares them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validators.domain.evidence import OBSERVED_CHARACTERS, observed
from validators.domain.journey import Match
from validators.domain.wording import matches, numbers


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
    ],
)
def test_a_match(seen, match, wanted, holds):
    assert matches(seen, match, wanted) is holds


@given(st.text(max_size=80), st.text(max_size=20))
def test_matching_is_total(seen, wanted):
    for match in Match:
        assert matches(seen, match, wanted) in (True, False)


@given(st.integers(-10**9, 10**9))
def test_a_number_is_found_however_its_thousands_are_written(value):
    assert numbers(f"it is {value:,} now") == (Decimal(value),)


@given(st.text(max_size=2000))
def test_an_observed_text_is_short_one_line_and_visible(text):
    told = observed(text)
    assert len(told) <= OBSERVED_CHARACTERS
    assert "\n" not in told
    assert told.isprintable()


def test_invisible_instructions_do_not_survive():
    assert observed("ok\u200b\u202e\ue0041 then\x00\x1b[31m") == "ok1 then[31m"
