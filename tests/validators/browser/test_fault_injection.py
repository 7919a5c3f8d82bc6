"""Fault injection: what it alters, what it leaves alone, and when it may report that it touched what
a journey requires."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validators.browser.network.fault_injection import MOST_FROZEN, FaultInjection
from validators.browser.network.http1 import Head
from validators.browser.network.mutations import altered, dropped, reversed_tables, swapped
from validators.domain.evidence import FaultFacts, FaultInjector
from validators.domain.journeys.claim import Match
from validators.domain.journeys.data_at_stake import Stakes

STAKES = Stakes(texts=frozenset({"Booked for 4", "Ada Holt"}), data=frozenset({"4", "Ada Holt"}))


def html(mutation, body: str, stakes: Stakes = STAKES) -> tuple[str, bool]:
    mutated = mutation(body.encode(), "text/html", stakes)
    return mutated.content.decode(), mutated.touched


def as_json(mutation, value, stakes: Stakes = STAKES):
    mutated = mutation(json.dumps(value).encode(), "application/json", stakes)
    return json.loads(mutated.content), mutated.touched


@pytest.mark.parametrize(
    ("before", "after", "touched"),
    [
        ("<p>Booked for 4</p>", "<p>dekooB rof 7</p>", True),
        ("<title>Booked for 4</title>", "<title>dekooB rof 7</title>", True),
        ("<p>Booked for 42</p>", "<p>Booked for 42</p>", False),
        ("<p>Ada Holt &amp; co</p>", "<p>adA tloH &amp; co</p>", True),
        ("<td>4</td>", "<td>7</td>", False),  # mentioned, but no required text by itself
        ("<p>14 places</p>", "<p>14 places</p>", False),
        ("<p>4 places</p>", "<p>4 places</p>", False),
        (
            '<script>const x = "Booked for 4"</script>',
            '<script>const x = "Booked for 4"</script>',
            False,
        ),
        ('<a title="Ada Holt">x</a>', '<a title="Ada Holt">x</a>', False),
        ('<input value="Ada Holt">', '<input value="adA tloH">', True),
        (
            '<button aria-label="Ada Holt">x</button>',
            '<button aria-label="adA tloH">x</button>',
            True,
        ),
        ('<input placeholder="Ada Holt">', '<input placeholder="adA tloH">', True),
        ("<td>4</td><input value=4>", '<td>7</td><input value="7">', False),
        ("<img alt='Ada Holt' src=/4.png>", '<img alt="adA tloH" src=/4.png>', True),
        ("<option value=2>Ada Holt</option>", "<option value=2>adA tloH</option>", True),
        ('<input name=size value="4">', '<input name=size value="7">', False),
        ("<!-- Ada Holt --><p>x</p>", "<!-- Ada Holt --><p>x</p>", False),
    ],
)
def test_swapping_texts_in_a_page(before, after, touched) -> None:
    assert html(swapped, before) == (after, touched)


@pytest.mark.parametrize(
    ("before", "after", "touched"),
    [
        ({"name": "Ada Holt", "id": 12}, {"name": "adA tloH", "id": 12}, True),
        ({"guests": 4}, {"guests": 7}, False),
        ([{"note": "x"}], [{"note": "x"}], False),
        ({"ok": True, "n": None}, {"ok": True, "n": None}, False),
    ],
)
def test_swapping_texts_in_json(before, after, touched) -> None:
    assert as_json(swapped, before) == (after, touched)


@pytest.mark.parametrize(
    ("before", "after", "touched"),
    [
        ("<tr><td>Bo</td></tr><tr><td>Ada Holt</td></tr>", "<tr><td>Bo</td></tr>", True),
        ("<ul><li>Ada Holt<li>unclosed</ul>", "<ul><li>Ada Holt<li>unclosed</ul>", False),
        (
            "<h1>Ada Holt</h1><li>Ada Holt</li>",
            "<h1>Ada Holt</h1>",
            False,
        ),  # still there to be read
        ("<li><ul><li>Ada Holt</li></ul></li>", "<li><ul></ul></li>", True),
        ("<tr><td>4</td><td>Bo</td></tr>", "", False),
        ("<tr><td>4 places</td><td>Bo</td></tr>", "<tr><td>4 places</td><td>Bo</td></tr>", False),
        ("<p>Ada Holt</p>", "<p>Ada Holt</p>", False),
    ],
)
def test_dropping_rows_of_a_page(before, after, touched) -> None:
    assert html(dropped, before) == (after, touched)


def test_dropping_entries_of_json() -> None:
    before = {"bookings": [{"name": "Bo"}, {"name": "Ada Holt"}], "tags": ["Ada Holt"]}
    assert as_json(dropped, before) == ({"bookings": [{"name": "Bo"}], "tags": ["Ada Holt"]}, False)
    del before["tags"]
    assert as_json(dropped, before) == ({"bookings": [{"name": "Bo"}]}, True)


@pytest.mark.parametrize("kind", ["image/png", "text/javascript", "text/css", "text/markdown", ""])
def test_nothing_but_pages_json_and_plain_text_is_altered(kind) -> None:
    assert swapped(b"Booked for 4", kind, STAKES).content == b"Booked for 4"


@pytest.mark.parametrize("body", [b"\xff\xfe not text", b"{not json"])
def test_what_cannot_be_read_is_left_alone(body) -> None:
    for kind in ("text/html", "application/json"):
        assert swapped(body, kind, STAKES).content == body


def test_nothing_at_stake_is_nothing_altered() -> None:
    assert html(swapped, "<p>Booked for 4</p>", Stakes()) == ("<p>Booked for 4</p>", False)


@given(st.text(min_size=1, max_size=30))
def test_an_altered_text_is_another_text(text) -> None:
    assert altered(text) != text


@given(st.text(alphabet="<>/ptrdli \"'=&;4AdaHolt", max_size=200))
def test_any_page_can_be_altered(body) -> None:
    for mutation in (swapped, dropped):
        html(mutation, body)


def post(content: bytes = b"", *, path: str = "/book", **headers: str) -> tuple[Head, bytes]:
    sent = {
        "content_type": "application/x-www-form-urlencoded",
        "accept": "text/html",
        "referer": "http://a/walks?x=1",
    }
    sent |= headers
    return Head(
        "POST",
        path,
        "HTTP/1.1",
        tuple((key.replace("_", "-"), value) for key, value in sent.items()),
    ), content


def test_a_swallowed_form_leads_back_to_where_it_was() -> None:
    stale = FaultInjection(FaultInjector.STALE, lambda: STAKES)
    answer, body = stale.instead(*post(b"name=Ada+Holt"))
    assert (answer.status, answer.header("location"), body) == (303, "/walks?x=1", b"")
    assert stale.facts == FaultFacts(changed=1, touched=True, put_in=True, reached=True)


def test_a_swallowed_script_write_is_answered_with_an_empty_yes() -> None:
    stale = FaultInjection(FaultInjector.STALE, lambda: STAKES)
    answer, body = stale.instead(*post(b'{"n": 4}', content_type="application/json", accept="*/*"))
    assert (answer.status, body) == (200, b"{}")


def test_an_error_is_a_server_error() -> None:
    answer, _ = FaultInjection(FaultInjector.ERROR_500, lambda: STAKES).instead(*post())
    assert answer.status == 500


@pytest.mark.parametrize(
    ("request_", "touched"),
    [
        (post(b"name=Ada+Holt&size=2"), True),
        (post(b"name=Ada+Holter"), False),
        (post(b"size=4"), True),
        (post(b"size=42"), False),
        (post(b'{"a": [{"b": 4}]}', content_type="application/json"), True),
        (post(b"{broken", content_type="application/json"), False),
        (
            post(
                b'--x\r\nX: form-data; name="n"\r\n\r\nAda Holt\r\n--x--',
                content_type="multipart/form-data",
            ),
            True,
        ),
        (post(path="/guests/Ada%20Holt/cancel"), True),
        (post(path="/book?size=4"), True),
        (post(), False),
    ],
)
def test_a_write_touches_what_it_carries(request_, touched) -> None:
    stale = FaultInjection(FaultInjector.STALE, lambda: STAKES)
    stale.instead(*request_)
    assert stale.facts == FaultFacts(1, touched, put_in=True, reached=touched)


@pytest.mark.parametrize(
    "request_",
    [
        (Head("GET", "/?name=Ada+Holt", "HTTP/1.1", ()), b""),
        post(b"name=Ada+Holt", sec_fetch_mode="no-cors"),
    ],
)
def test_reading_and_beacons_are_not_writes(request_) -> None:
    for injector in (FaultInjector.STALE, FaultInjector.ERROR_500):
        fault = FaultInjection(injector, lambda: STAKES)
        assert fault.instead(*request_) is None
        assert fault.facts == FaultFacts(0, False, put_in=True)


@pytest.mark.parametrize("injector", list(FaultInjector))
def test_each_injector_does_one_thing(injector) -> None:
    fault = FaultInjection(injector, lambda: STAKES)
    page = Head("HTTP/1.1", "200", "OK", (("Content-Type", "text/html; charset=utf-8"),))
    held_back = fault.instead(*post(b"size=4")) is not None
    wounded = (
        fault.altered(*post()[:1], page, b"<tr><td>Ada Holt</td></tr>")
        != b"<tr><td>Ada Holt</td></tr>"
    )
    of_writes = injector in (FaultInjector.STALE, FaultInjector.ERROR_500)
    assert (held_back, wounded) == (
        of_writes,
        not of_writes and injector is not FaultInjector.FROZEN,
    )


def test_frozen_answers_each_path_as_it_was_answered_first_and_counts_what_would_have_been_another_answer() -> (
    None
):
    fault = FaultInjection(FaultInjector.FROZEN, lambda: STAKES)
    page, led = (
        Head("HTTP/1.1", "200", "OK", (("Date", "1"),)),
        Head("HTTP/1.1", "303", "See", (("Location", "/done"),)),
    )

    def answered(method: str, path: str, answer: Head, content: bytes) -> tuple[int, bytes, int]:
        asked = Head(method, f"http://app.localhost{path}", "HTTP/1.1", ())
        body = fault.altered(asked, answer, content)
        return fault.head(asked, answer).status, body, fault.facts.changed

    assert answered("GET", "/walks?day=1", page, b"none") == (200, b"none", 0)
    assert answered("GET", "/walks", page, b"none") == (200, b"none", 0)
    assert answered("GET", "/walks?day=2", page, b"Ada Holt") == (200, b"none", 1)
    assert answered("POST", "/walks", led, b"") == (200, b"none", 2)
    assert answered("GET", "/done", page, b"4") == (200, b"4", 2)
    assert fault.facts == FaultFacts(changed=2, touched=False, put_in=True)


def test_what_frozen_remembers_has_an_end() -> None:
    fault = FaultInjection(FaultInjector.FROZEN, lambda: STAKES)
    page = Head("HTTP/1.1", "200", "OK", ())
    for number, content in enumerate((bytes(MOST_FROZEN), b"a", b"b")):
        asked = Head("GET", f"/{min(number, 1)}", "HTTP/1.1", ())
        assert fault.altered(asked, page, content) == content
    assert fault.facts.changed == 0


def test_a_fault_that_altered_nothing_is_reported() -> None:
    fault = FaultInjection(FaultInjector.SWAP_TEXT, lambda: STAKES)
    page = Head("HTTP/1.1", "200", "OK", (("Content-Type", "text/html"),))
    assert fault.altered(*post()[:1], page, b"<p>Welcome</p>") == b"<p>Welcome</p>"
    assert fault.facts == FaultFacts(changed=0, touched=False, put_in=True)


PAGES = [(b"<h1>Bookings</h1>", False), (b"<td>Ada Holt</td>", True), (b"<td>4</td>", True)]


@pytest.mark.parametrize(("body", "reached"), PAGES)
def test_a_name_that_is_always_there_is_not_what_was_put_in(body, reached) -> None:
    fault = FaultInjection(
        FaultInjector.SWAP_TEXT, lambda: replace(STAKES, texts=STAKES.texts | {"Bookings"})
    )
    page = Head("HTTP/1.1", "200", "OK", (("Content-Type", "text/html; charset=utf-8"),))
    fault.altered(*post()[:1], page, body)
    assert (fault.facts.changed, fault.facts.reached) == (1, reached)


def plain(mutation, body: str, kind: str = "text/csv", stakes: Stakes = STAKES) -> tuple[str, bool]:
    mutated = mutation(body.encode(), kind, stakes)
    return mutated.content.decode(), mutated.touched


@pytest.mark.parametrize("kind", ["text/csv", "text/plain", "text/tab-separated-values"])
def test_plain_text_is_altered_line_by_line_and_cell_by_cell(kind) -> None:
    before = 'name,size\r\n"Ada Holt",4\r\nBo,4\r\nCy,14\r\n'
    assert plain(swapped, before, kind) == ('name,size\r\n"adA tloH",4\r\nBo,7\r\nCy,14\r\n', True)
    assert plain(dropped, before, kind) == ("name,size\r\nCy,14\r\n", True)


TABLE = "<table><tr><th>City ▼</th></tr><tr><td>Bergen</td></tr><tr><td>Oslo</td></tr></table>"
BACK = "<table><tr><th>City ▼</th></tr><tr><td>Oslo</td></tr><tr><td>Bergen</td></tr></table>"
ORDERED = Stakes(texts=frozenset({"City"}), ordered=frozenset({"City"}))


@pytest.mark.parametrize(
    ("before", "after", "touched"),
    [
        (TABLE, BACK, True),
        (
            TABLE + "<script src=sort.js></script>",
            BACK + "<script src=sort.js></script>",
            False,
        ),  # it may put them right
        (
            TABLE.replace("City", "Citybreak"),
            TABLE.replace("City", "Citybreak"),
            False,
        ),  # not the column that is read
        (TABLE.replace("Oslo", "Bergen"), TABLE.replace("Oslo", "Bergen"), False),
        ("<p>City</p>", "<p>City</p>", False),
    ],
)
def test_the_rows_of_a_table_whose_order_is_read_are_reversed(before, after, touched) -> None:
    assert html(reversed_tables, before, ORDERED) == (after, touched)
    assert html(reversed_tables, before, STAKES) == (before, False)


@pytest.mark.parametrize(
    ("before", "after", "touched"),
    [
        ('<a class=x href="/walks?page=2">W</a>', '<a class=x href="/sklaw?egap=5">W</a>', True),
        ("<a href='/walks'>W</a>", '<a href="/sklaw">W</a>', True),
        ("<a href=/walks>W</a>", '<a href="/sklaw">W</a>', True),
        ('<a href="/walks/3">W</a>', '<a href="/walks/3">W</a>', False),
        ('<link href="/walks">', '<link href="/walks">', False),
    ],
)
def test_links_to_what_is_at_stake_lead_elsewhere(before, after, touched) -> None:
    stakes = Stakes(addresses=frozenset({(Match.EQUALS, ("/walks",))}))
    assert html(swapped, before, stakes) == (after, touched)


@pytest.mark.parametrize(
    ("mutation", "stakes", "before", "after"),
    [
        (dropped, Stakes(counted=True), "<ul><li>a</li><li>b</li></ul>", "<ul></ul>"),
        (
            dropped,
            Stakes(counted=True),
            "<tr><th>a</th></tr><tr><td>b</td></tr>",
            "<tr><th>a</th></tr>",
        ),
        (dropped, Stakes(), "<ul><li>a</li></ul>", "<ul><li>a</li></ul>"),
        (swapped, Stakes(numeric=True), "<p class=a1>12 of 30</p>", "<p class=a1>? of ?</p>"),
        (swapped, Stakes(), "<p>12</p>", "<p>12</p>"),
    ],
)
def test_where_only_numbers_are_looked_at_they_are_altered_and_nobody_is_blamed(
    mutation, stakes, before, after
) -> None:
    assert html(mutation, before, stakes) == (after, False)


@pytest.mark.parametrize(
    ("sent", "answered", "status", "touched"),
    [
        ("document", "200", "500", True),
        ("document", "500", "200", True),
        ("document", "303", "303", False),
        ("image", "200", "200", False),
    ],
)
def test_a_page_gets_the_status_of_an_error_where_the_status_is_read(
    sent, answered, status, touched
) -> None:
    fault = FaultInjection(FaultInjector.ERROR_500, lambda: Stakes(status=True))
    asked = Head("GET", "/", "HTTP/1.1", (("Sec-Fetch-Dest", sent),))
    assert fault.head(asked, Head("HTTP/1.1", answered, "", ())).second == status
    assert fault.facts.touched is touched
    assert (
        FaultInjection(FaultInjector.ERROR_500, lambda: STAKES)
        .head(asked, Head("HTTP/1.1", answered, "", ()))
        .second
        == answered
    )


@given(st.text(alphabet="<>/ptrdhabl \"'=&;4City", max_size=200))
def test_any_page_can_be_reversed_and_misdirected(body) -> None:
    stakes = Stakes(
        ordered=frozenset({"City"}),
        addresses=frozenset({(Match.CONTAINS, ("a",))}),
        counted=True,
        numeric=True,
    )
    for mutation in (swapped, dropped, reversed_tables):
        html(mutation, body, stakes)
