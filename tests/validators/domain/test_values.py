"""Values: a closed expression language, drawn from a seed."""

import re
import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validators.domain.errors import ExpressionInvalid
from validators.domain.journeys.values import (
    Draw,
    Filled,
    Generated,
    Named,
    Values,
    slug,
    template,
    words_of,
)

DRAW = Draw(seed=7, journey="book", today=date(2026, 11, 21))


def drawn(source: str, *, draw: Draw = DRAW, place: str = "steps.0.value") -> str:
    return Values(draw).text(template(source, place=place))


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("plain", ("plain",)),
        ("", ()),
        ("{{ any.word }}", (Generated("word"),)),
        ("{{any.int(2,8)}}", (Generated("int", ("2", "8")),)),
        ("a {{ filled.group_size }} b", ("a ", Filled("group_size"), " b")),
        ("{{ guest }}{{ note }}", (Named("guest"), Named("note"))),
        ("{{ any.choice(red|dark green) }}", (Generated("choice", ("red", "dark green")),)),
        ("{{ any.date(+1..+30) }}", (Generated("date", ("+1", "+30")),)),
        ("{ not a hole } {% if x %}", ("{ not a hole } {% if x %}",)),
    ],
)
def test_a_text_is_read_into_its_parts(source, parts) -> None:
    assert template(source, place="x").parts == parts


@pytest.mark.parametrize(
    "source",
    [
        "{{ }}", "{{ any }}", "{{ filled }}", "{{ any.nothing }}", "{{ any.int }}", "{{ any.int(8, 2) }}",
        "{{ any.int(a, b) }}", "{{ any.word(3) }}", "{{ any.text }}", "{{ any.text(0) }}", "{{ any.text(9999) }}",
        "{{ any.choice(one) }}", "{{ any.choice(a||b) }}", "{{ any.date(5) }}", "{{ filled.Group }}", "{{ 1 + 1 }}",
        "{{ guest.name }}", "{{ guest | upper }}", "{{ __import__('os') }}", "{{ open", "close }}",
        "{{ any.int(2, 99999999999999999999) }}",
    ],
)  # fmt: skip
def test_nothing_else_is_an_expression(source) -> None:
    with pytest.raises(ExpressionInvalid):
        template(source, place="x")


@given(st.text(alphabet="{}any.filled()|0123 +-,_x", max_size=40))
def test_reading_is_total_and_keeps_every_character_outside_the_holes(source) -> None:
    try:
        found = template(source, place="x")
    except ExpressionInvalid:
        return
    assert found.literal == "".join(part for part in found.parts if isinstance(part, str))
    if not found.holes:
        assert found.literal == source


@given(st.integers(), st.text(max_size=20), st.text(max_size=20))
def test_equal_seeds_draw_equal_values_wherever_they_are_drawn(seed, journey, place) -> None:
    draw = Draw(seed, journey, date(2026, 1, 1))
    first = Values(draw).text(template("{{ any.name }} {{ any.int(1, 999999) }}", place=place))
    assert first == Values(draw).text(
        template("{{ any.name }} {{ any.int(1, 999999) }}", place=place)
    )


@given(st.integers(-50, 50), st.integers(0, 60), st.integers())
def test_a_number_is_within_its_bounds_and_both_ends_can_be_reached(low, width, seed) -> None:
    draw = Draw(seed, "j", date(2026, 1, 1))
    assert low <= int(drawn(f"{{{{ any.int({low}, {low + width}) }}}}", draw=draw)) <= low + width
    ends = {drawn("{{ any.int(1, 2) }}", draw=Draw(n, "j", date(2026, 1, 1))) for n in range(64)}
    assert ends == {"1", "2"}


def test_two_places_of_one_journey_draw_apart() -> None:
    names = {drawn("{{ any.name }}", place=f"steps.{index}.value") for index in range(40)}
    assert len(names) > 35


def test_seeds_draw_apart_so_that_nothing_can_be_hard_coded() -> None:
    assert (
        len(
            {drawn("{{ any.word }}", draw=Draw(seed, "j", date(2026, 1, 1))) for seed in range(200)}
        )
        > 150
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ any.date(+0..+0) }}", "2026-11-21"),
        ("{{ any.date(-1..-1) }}", "2026-11-20"),
        ("{{ any.int(3, 3) }}", "3"),
    ],
)
def test_a_date_is_counted_from_the_recorded_day(source, expected) -> None:
    assert drawn(source) == expected


def test_the_shapes_of_what_is_drawn() -> None:
    assert re.fullmatch(
        r"[a-z]+[.+_-]?[a-z]+[0-9]*@[a-z]{12,}\.[a-z]{2,4}", drawn("{{ any.email }}")
    )
    assert len(drawn("{{ any.text(5) }}").split()) == 5
    assert drawn("{{ any.word }}").isalpha()
    assert drawn("{{ any.choice(red|green) }}") in ("red", "green")


def test_a_name_that_nothing_has_set_is_an_error_that_names_it() -> None:
    with pytest.raises(ExpressionInvalid, match=r"filled\.size .*no value"):
        drawn("{{ filled.size }}")
    with pytest.raises(ExpressionInvalid, match="guest"):
        drawn("{{ guest }}")


@pytest.mark.parametrize(
    ("label", "name"),
    [("Group size", "group_size"), ("E-Mail *", "e_mail"), ("  Note (for us) ", "note_for_us")],
)
def test_a_label_becomes_a_name(label, name) -> None:
    assert slug(label) == name


SEEDS = [Draw(seed, "j", date(2026, 1, 1)) for seed in range(400)]


@pytest.mark.parametrize(
    "source", ["{{ any.word }}", "{{ any.name }}", "{{ any.email }}", "{{ any.text(1) }}"]
)
def test_nobody_can_list_what_is_drawn(source) -> None:
    """An app that keeps what it was given in one judgement knows nothing of the next."""
    values = [drawn(source, draw=draw) for draw in SEEDS]
    assert len(set(values)) >= len(values) - 2
    assert len({len(value) for value in values}) >= 8


def test_names_are_two_words_of_many_scripts_that_a_page_shows_as_they_are() -> None:
    names = [drawn("{{ any.name }}", draw=draw) for draw in SEEDS]
    assert all(
        len(name.split(" ")) == 2 and name == unicodedata.normalize("NFC", name) for name in names
    )
    scripts = {
        unicodedata.name(letter).split()[0] for name in names for letter in name if letter.isalpha()
    }
    assert {"LATIN", "GREEK", "CYRILLIC", "HEBREW", "CJK"} <= scripts
    assert {"'", "’", "-"} <= set("".join(names))


def test_addresses_share_no_domain() -> None:
    domains = {drawn("{{ any.email }}", draw=draw).partition("@")[2] for draw in SEEDS}
    assert len(domains) == len(SEEDS)


@pytest.mark.parametrize(
    ("source", "said", "left"),
    [
        ("{{ any.int(2, 12) }}", "I booked 3 cars, twice 11", set("2456789") | {"10", "12"}),
        ("{{ any.int(-4, -3) }}", "It showed -3.", {"-4"}),
        ("{{ any.choice(red|Green|blue) }}", "GREEN is not kept", {"red", "blue"}),
        ("{{ any.int(2, 3) }}", "from 2 to 3", {"2", "3"}),
    ],
)
def test_a_draw_is_none_of_the_issues_own_values_where_another_is_left(source, said, left) -> None:
    draws = (Draw(seed, "book", DRAW.today, words_of(said)) for seed in range(200))
    assert {drawn(source, draw=draw) for draw in draws} == left


def test_what_an_issue_may_say_about_draws_is_bounded() -> None:
    many = words_of(" ".join(map(str, range(10_000))))
    assert len(many) == 2000
    assert max(map(len, words_of("9" * 10_000))) == 40
