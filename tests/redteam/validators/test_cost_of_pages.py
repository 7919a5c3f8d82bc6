"""To put a fault into a page, and to read its tables, costs about as much as the page is long.

Processor seconds of this thread are measured, not seconds of a clock."""

from __future__ import annotations

from time import thread_time

import pytest

from validators.browser.network.mutations import dropped, reversed_tables, swapped
from validators.domain.journeys.aria import AriaNode, tables
from validators.domain.journeys.claim import Match
from validators.domain.journeys.data_at_stake import Stakes

LENGTH, MOST_SECONDS = 32_000, 1.0
BEGIN = "<p>Ada Holt</p><table><tr><th>Name</th></tr><tr><td>Ada Holt</td></tr><tr>"
LEFT_OPEN = (
    "<",
    "<script ",
    "<style>",
    "<!--",
    "<a ",
    "<a href=",
    "<tr ",
    "<tr><td>",
    "<td>x",
    "<th>",
    "<th ",
    "<table ",
    "<li>x",
    " value='",
)
AT_STAKE = Stakes(
    texts=frozenset({"Ada Holt"}),
    addresses=frozenset({(Match.EQUALS, ("/walks/3",))}),
    ordered=frozenset({"Name"}),
)


@pytest.mark.parametrize("left_open", LEFT_OPEN)
@pytest.mark.parametrize(
    ("fault", "end"), [(swapped, ""), (dropped, ""), (reversed_tables, "</table>")]
)
def test_a_page_that_ends_nothing_is_altered_in_bounded_time(fault, end, left_open) -> None:
    page = (BEGIN + left_open * (LENGTH // len(left_open)) + end).encode()
    began = thread_time()
    fault(page, "text/html", AT_STAKE)
    assert thread_time() - began < MOST_SECONDS


def test_what_is_no_tag_is_text_and_what_never_ends_is_none() -> None:
    page = b"<p>2 < 3: Ada Holt</p><script>Ada Holt"
    altered = b"<p>2 &lt; 3: adA tloH</p><script>Ada Holt"
    assert swapped(page, "text/html", AT_STAKE).content == altered


def test_a_table_of_headings_is_read_in_bounded_time() -> None:
    rows = (
        AriaNode("row", children=(AriaNode("columnheader", name=str(number)),))
        for number in range(8_000)
    )
    table = AriaNode("table", children=tuple(rows))
    began = thread_time()
    (found,) = tables((table,))
    assert thread_time() - began < MOST_SECONDS
    assert (len(found.headers), found.rows) == (1, ())
