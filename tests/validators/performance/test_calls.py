"""HTTP calls in journeys, on a stage without a browser: what is sent, and what of an answer
holds."""

from __future__ import annotations

import json
from datetime import date
from email import message_from_bytes

import pytest

from tests.validators.fakes import FakeApp, FakeStage
from tests.validators.performing import perform
from validators.browser.network.api_mutations import with_other_input
from validators.browser.network.http1 import Head
from validators.domain.event_stream import EventCount
from validators.domain.evidence import Trouble
from validators.domain.journeys.calls import (
    Answer,
    AnswerIs,
    Call,
    Method,
    RememberAnswer,
    Request,
)
from validators.domain.journeys.data_at_stake import stakes
from validators.domain.journeys.values import Draw, Values
from validators.domain.run_result import Result, result
from validators.language.reader import read
from validators.performance.calling import (
    answer_kept,
    answer_look_result,
    file_name,
    request_of,
)

BOOK = """\
journey: book
promise: M-BOOK
let: {guest: "{{ any.name }}", size: "{{ any.int(2, 8) }}"}
steps:
  - call: {POST: /api/bookings, json: {name: "{{ guest }}", size: "{{ size }}"}}
  - expect: {answer: {status: 201}}
  - remember: {json: /last/size, as: places}
  - call: {GET: /api/bookings}
expect:
  - answer: {json: {/last: {equals: {name: "{{ guest }}", size: "{{ places }}"}}, /bookings: {count: 1}}}
  - after_reload: same
  - other_session: same
twin: {expect: [{answer: {json: {/bookings: {count: 0}}}}]}
"""


def test_a_journey_by_api_is_performed_without_any_page() -> None:
    stage = FakeStage()
    evidence = perform(BOOK, stage=stage)
    assert result(evidence) is Result.PASSED
    assert [look.kind for look in evidence.expectations] == ["answer"] * 4
    assert [look.index for look in evidence.expectations] == [0, 1, 2, 3]
    assert stage.people[""].acts == [
        "call POST /api/bookings",
        "call GET /api/bookings",
        "call GET /api/bookings",
    ]
    assert stage.people["other session 12"].acts == ["call GET /api/bookings"]


def test_what_could_have_been_put_in_differs_wherever_it_can() -> None:
    """One of three places was drawn again, so a good app was said to answer whatever it is asked."""
    journey = read(
        BOOK.replace("{guest:", '{place: "{{ any.choice(Bergen|Molde|Oslo) }}", guest:').replace(
            "{GET: /api/bookings}", '{GET: /api/bookings, query: {place: "{{ place }}"}}'
        )
    )
    for seed in range(40):
        values = Values(Draw(seed, journey.name, date(2026, 11, 21)))
        for name, template in journey.let:
            values.names[name] = values.text(template)
        others = stakes(journey, values).others
        assert {own for own, other in others if own == other} == set()


def test_what_is_not_shared_is_seen_by_the_other_session() -> None:
    evidence = perform(BOOK, app=FakeApp(shared=False))
    assert [look.passed for look in evidence.expectations] == [True, True, True, False]


def test_a_look_between_steps_that_does_not_hold_ends_the_run_as_a_named_expectation() -> None:
    evidence = perform(BOOK.replace("status: 201", "status: 204"))
    assert result(evidence) is Result.FAILED
    assert evidence.complete
    (look,) = evidence.expectations
    assert (look.passed, look.line, look.observed) == (False, 6, "status 201")
    assert [step.verb for step in evidence.steps] == ["call"]


def test_what_an_answer_does_not_have_can_not_be_remembered() -> None:
    evidence = perform(BOOK.replace("/last/size", "/last/rooms"))
    assert evidence.steps[-1].trouble is Trouble.MISSING


def test_half_a_character_of_an_answer_can_be_remembered() -> None:
    kept = read(BOOK).steps[2]
    assert isinstance(kept, RememberAnswer)
    known = values()
    answer = b'{"last": {"size": "so \\ud83d"}}'
    known.answers[""] = Answer(Request(Method.GET, "/"), 200, (), answer, "/", "http://app")
    answer_kept(kept, known)
    assert known.names["places"] == "so \ufffd"


def values(**names: str) -> Values:
    return Values(Draw(7, "j", date(2026, 11, 21)), names=names)


def call(written: str) -> Call:
    (step,) = read(
        f"journey: j\npromise: issue\nsteps: [{{call: {written}}}]\n"
        "expect: [{answer: {status: 200}}]\n"
    ).steps
    assert isinstance(step, Call)
    return step


def test_values_are_sent_as_they_are_in_queries_and_forms() -> None:
    sent = request_of(
        call('{POST: "/a?b=1", query: {g: ["{{ g }}", x]}, form: {n: "{{ g }}"}}'),
        values(g="Ada & Bo+1 é"),
    )
    assert sent.path == "/a?b=1&g=Ada+%26+Bo%2B1+%C3%A9&g=x"
    assert sent.content == b"n=Ada+%26+Bo%2B1+%C3%A9"
    assert sent.headers == (("Content-Type", "application/x-www-form-urlencoded"),)


def test_a_text_is_sent_with_the_type_that_the_journey_states() -> None:
    sent = request_of(call("{PUT: /a, text: '<a/>', headers: {content-type: text/xml}}"), values())
    assert (sent.content, sent.headers) == (b"<a/>", (("content-type", "text/xml"),))


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\0b", "日本"])
def test_a_header_that_would_begin_another_is_not_sent(value) -> None:
    step = call('{GET: /a, headers: {X-Guest: "{{ g }}"}}')
    with pytest.raises(Exception, match="cannot be sent"):
        request_of(step, values(g=value))


@pytest.mark.parametrize("path", ["//evil/a", "http://evil/", "\\\\evil"])
def test_a_remembered_address_leads_nowhere_else(path) -> None:
    with pytest.raises(Exception, match="no path of the app"):
        request_of(call('{GET: "{{ place }}"}'), values(place=path))


DOCUMENT = {
    "name": "Ada Holt", "size": 4, "price": 4.0, "paid": False, "note": None, "tags": ["sea", "tide"],
    "walks": [{"day": "2026-11-02", "n": 2}, {"day": "2026-11-10", "n": 10}], "a/b": {"~": 1}, "no": [],
}  # fmt: skip


def held(claim: str, content: bytes | None = None, **more: object) -> bool:
    answer = Answer(
        Request(Method.GET, "/a"),
        int(str(more.get("status", 200))),
        (("Content-Type", "application/json"), ("Location", "http://app/b?x=1"), ("X-A", "1")),
        json.dumps(DOCUMENT).encode() if content is None else content,
        "/a?page=2",
        "http://app",
    )
    known = values(guest="Ada Holt", size="4", day="2026-11-02")
    known.answers[""] = answer
    source = f"journey: j\npromise: issue\nsteps: [{{call: {{GET: /a}}}}]\nexpect: [{{answer: {claim}}}]\n"
    (look,) = read(source).expect[0].looks
    assert isinstance(look, AnswerIs)
    return answer_look_result(look, known).holds


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        ("{status: 200}", True),
        ("{status: {one_of: [201, 204]}}", False),
        ("{headers: {content-type: {starts_with: application/json}}}", True),
        ("{headers: {X-B: '1'}}", False),
        ("{headers: {X-B: {type: absent}}}", True),
        ("{headers: {X-A: {type: absent}}}", False),
        ("{headers: {Location: /b}}", True),
        ("{headers: {Location: '/b?x=2'}}", False),
        ("{path: '/a?page=2'}", True),
        ("{path: /b}", False),
        ("{text: Ada Holt}", True),
        ("{text: {not_contains: Ada}}", False),
        ("{json: {/name: Ada Holt, /size: 4}}", True),
        ('{json: {/size: "4"}}', False),
        ('{json: {/size: "{{ size }}", /name: "{{ guest }}"}}', True),
        ('{json: {/paid: "{{ size }}"}}', False),
        ("{json: {/paid: false, /note: null, /price: 4}}", True),
        ("{json: {/paid: 0}}", False),
        ('{json: {/paid: "false"}}', False),
        ("{json: {/rooms: null}}", False),
        ("{json: {/rooms: {type: absent}}}", True),
        ("{json: {/note: {type: absent}}}", False),
        ("{json: {/size: {type: integer}, /price: {type: integer}, /name: {type: string}}}", True),
        ("{json: {/paid: {type: number}}}", False),
        ("{json: {/tags: [sea, tide]}}", True),
        ("{json: {/tags: [tide, sea]}}", False),
        ("{json: {/tags: {contains: tide, count: 2}}}", True),
        ("{json: {/tags: {contains: ti}}}", False),
        ("{json: {/tags: {not_contains: sand}}}", True),
        ("{json: {/rooms: {not_contains: sand}}}", False),
        ("{json: {/name: {contains: Holt}}}", True),
        ("{json: {/name: {contains: Hol}}}", False),
        ("{json: {/name: {starts_with: Ada, not_contains: Bo}}}", True),
        ("{json: {/size: {between: [2, 4]}}}", True),
        ("{json: {/walks: {contains: {n: 10}}}}", True),
        ("{json: {/walks: {contains: {n: 11}}}}", False),
        ('{json: {/walks: {contains: {day: "{{ day }}", n: 2}}}}', True),
        ('{json: {/walks: {contains: {day: "{{ day }}", n: 10}}}}', False),
        ("{json: {/walks/0: {equals: {day: '2026-11-02', n: 2}}, /walks/-1/n: 10}}", True),
        ("{json: {/walks/0: {equals: {n: 2}}}}", False),
        ("{json: {/walks: {sorted: ascending, by: /n}}}", True),
        ("{json: {/walks: {sorted: descending, by: /day}}}", False),
        ("{json: {/walks: {each: {/n: {at_least: 2}, /day: {type: string}}}}}", True),
        ("{json: {/walks: {each: {/n: {at_least: 3}}}}}", False),
        ("{json: {/no: {each: {type: string}}}}", False),
        ("{json: {/tags: {each: {type: string}}}}", True),
        ("{json: {/no: {count: 0}, /walks: {count: {at_least: 2}}}}", True),
        ("{json: {/name: {count: 1}}}", False),
        ("{json: {'/a~1b/~0': 1}}", True),
        ('{json: {"": {type: object}}}', True),
        ("{schema: {type: object, required: [name], properties: {size: {maximum: 8}}}}", True),
        ("{schema: {type: object, required: [rooms]}}", False),
        ("{schema: {properties: {tags: {items: {type: number}}}}}", False),
    ],
)
def test_what_holds_of_an_answer(claim, holds) -> None:
    assert held(claim) is holds


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"\xff\xfe", b"[" * 20_000, b"NaN", b'{"a": ' + b"9" * 5_000 + b"}"],
)
def test_what_is_no_json_holds_nothing(content) -> None:
    assert not held('{json: {"": {type: object}}}', content)
    assert not held("{json: {/a: {type: absent}}}", content)
    assert not held("{schema: {not: {type: string}}}", content)


def test_what_is_at_stake_of_answers_and_what_could_have_been_put_in() -> None:
    journey = read(BOOK)
    known = values()
    for name, template in journey.let:
        known.names[name] = known.text(template)
    known.numbers.add("size")
    found = stakes(journey, known)
    guest = known.names["guest"]
    assert found.statuses == {"201"}
    assert found.fields == {"/last", "/bookings"}
    assert guest in found.texts
    assert guest in found.data
    assert found.counted
    others = dict(found.others)
    assert others[guest] != guest
    assert 2 <= int(others[known.names["size"]]) <= 8


MULTIPART = """\
journey: j
promise: issue
let: {guest: "{{ any.name }}"}
steps:
  - call:
      POST: /a
      form: {"day \\"x\\"": "{{ guest }}"}
      files: {list: {name: g.csv, rows: [[Name, Size], ["{{ guest }}", "4"]]}, photo: {name: a.png, picture: 4x3}}
expect: [{answer: {status: 200}}]
twin: {expect: [{answer: {status: 418}}]}
"""


def multipart(guest: str) -> Request:
    (call,) = read(MULTIPART).steps
    assert isinstance(call, Call)
    values = Values(Draw(1, "j", date(2026, 1, 1)))
    values.names["guest"] = guest
    return request_of(call, values)


def parts_of(kind: str, content: bytes) -> list[tuple[str, str | None, str, bytes]]:
    """Field, file name, media type and content of each part."""
    form = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + content)
    parts = form.get_payload()
    assert isinstance(parts, list)
    return [
        (
            str(one.get_param("name", header="content-disposition")),
            one.get_filename(),
            one.get_content_type(),
            one.get_payload(decode=True),
        )
        for one in parts
    ]


def test_files_go_as_a_multipart_form_that_any_reader_understands() -> None:
    request = multipart("Ada Holt")
    (name, kind), *_ = request.headers
    assert name == "Content-Type"
    day, listed, photo = parts_of(kind, request.content)
    assert day == ("day %22x%22", None, "text/plain", b"Ada Holt")
    assert listed == ("list", "g.csv", "text/csv", b"Name,Size\r\nAda Holt,4\r\n")
    assert photo[:3] == ("photo", "a.png", "image/png")
    assert photo[3].startswith(b"\x89PNG\r\n")
    assert multipart("Ada Holt") == request
    assert multipart("Ben Rau") != request


def test_another_input_reaches_the_fields_and_the_cells_of_a_form_with_a_picture() -> None:
    request = multipart("Ada Holt")
    (_, kind), *_ = request.headers
    head = Head("POST", "/a", "HTTP/1.1", (("Content-Type", kind),))
    _, content = with_other_input(head, request.content, [("Ada Holt", "Ben Rau")])
    before, after = (parts_of(kind, one) for one in (request.content, content))
    assert after[0][3] == b"Ben Rau"
    assert after[1][3] == b"Name,Size\r\nBen Rau,4\r\n"
    assert after[2] == before[2]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename=walks.csv", "walks.csv"),
        ('attachment; filename="walks of may.csv"', "walks of may.csv"),
        ("attachment; filename=x.csv; filename*=UTF-8''f%C3%A4hrte.csv", "fährte.csv"),
        ("attachment", ""),
        ("", ""),
        ("attachment; filename*=nonsense", "nonsense"),
        ('attachment; filename="never ends', '"never ends'),
        ("attachment; filename*=no-such-charset''%ff.csv", "ÿ.csv"),
    ],
)
def test_the_name_under_which_an_answer_is_kept(disposition: str, name: str) -> None:
    headers = (("Content-Disposition", disposition),)
    answer = Answer(Request(Method.GET, "/"), 200, headers, b"", "/")
    assert file_name(answer) == name


def test_a_file_answer_is_looked_at_by_name_and_size() -> None:
    values = Values(Draw(1, "j", date(2026, 1, 1)))
    headers = (("Content-Disposition", "attachment; filename=walks.csv"),)
    values.answers[""] = Answer(Request(Method.GET, "/"), 200, headers, b"Name\r\nAda\r\n", "/")

    def look(text: str) -> AnswerIs:
        found = (
            read(MULTIPART.replace("answer: {status: 200}", f"answer: {text}")).expect[0].looks[0]
        )
        assert isinstance(found, AnswerIs)
        return found

    assert answer_look_result(look("{name: walks.csv, size: 11, text: Ada}"), values).holds
    assert answer_look_result(look("{size: {at_least: 5}}"), values).holds
    wrong = answer_look_result(look("{name: guests.csv, size: {at_most: 5}}"), values)
    assert not wrong.holds
    assert wrong.observed == "file name walks.csv; bytes 11"


STREAM = (
    b': hello\n\nevent: booked\r\nid: 7\r\ndata: {"name": "Ada"}\r\n\r\n'
    b"data: two\ndata: lines\n\nretry: 9\n\ndata: cut"
)


def test_an_event_stream_is_looked_at_as_its_events() -> None:
    values = Values(Draw(1, "j", date(2026, 1, 1)))
    headers = (("Content-Type", "text/event-stream; charset=utf-8"),)
    values.answers[""] = Answer(Request(Method.GET, "/"), 200, headers, STREAM, "/")
    claims = '{"": {count: 3}, /0: {event: booked}, /0/data/name: Ada, /1/data: "two\\nlines"}'
    claims = claims.replace("/0: {event: booked}", "/0/event: booked")
    text = MULTIPART.replace("answer: {status: 200}", f"answer: {{json: {claims}}}")
    look = read(text).expect[0].looks[0]
    assert isinstance(look, AnswerIs)
    found = answer_look_result(look, values)
    assert found.holds, found


@pytest.mark.parametrize("step", [1, 2, 7, len(STREAM)])
@pytest.mark.parametrize(
    ("wanted", "end"), [(1, b'"Ada"}\r\n\r\n'), (2, b"data: lines\n\n"), (3, b"")]
)
def test_so_many_events_end_where_the_last_of_them_does(step: int, wanted: int, end: bytes) -> None:
    count, ended = EventCount(wanted), 0
    for at in range(step, len(STREAM) + step, step):
        ended = ended or count.read(STREAM[:at])
    assert STREAM[:ended].endswith(end)
    assert bool(ended) is bool(end)
