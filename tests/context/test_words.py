"""What counts as a word, in code as in an issue."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.context.words import MOST_REPEATS, counted, query, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("facetSize", ["facet", "size", "facetsize"]),
        ("facet_size", ["facet", "size", "facetsize"]),
        ("HTTPServer", ["http", "server", "httpserver"]),
        ("the page is gone", ["page", "gone"]),
        ("utf8", ["utf", "utf8"]),
        ("Größe der Überschrift", ["grösse", "der", "überschrift"]),
        ("a b c", []),
        ("__init__", ["init"]),
        ("!?-- ()", []),
    ],
)
def test_identifiers_are_taken_apart_as_people_write_them(text, found) -> None:
    assert words(text) == found


def test_a_word_that_is_repeated_without_end_counts_a_few_times() -> None:
    assert counted("dog " * 500 + "cat", most=100).split() == ["dog"] * MOST_REPEATS + ["cat"]
    assert len(counted(" ".join(f"word{letter}" for letter in "abcdefgh"), most=3).split()) == 3


def test_words_of_the_heading_count_twice() -> None:
    assert (
        query("Wide tables", "a wide page") == '"wide" OR "wide" OR "tables" OR "tables" OR "page"'
    )


@given(st.text(max_size=200), st.text(max_size=400))
def test_no_text_is_an_operator_of_the_search(heading, text) -> None:
    """`NEAR(`, `*`, a quote, a column filter: an issue may hold any of them."""
    asked = query(heading, text)
    with sqlite3.connect(":memory:") as rows:
        rows.execute("CREATE VIRTUAL TABLE texts USING fts5 (path, body)")
        if asked:
            assert (
                rows.execute("SELECT * FROM texts WHERE texts MATCH ?", (asked,)).fetchall() == []
            )
    rows.close()
