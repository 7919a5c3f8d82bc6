"""HTTP calls in the journey language: what is read, what is refused, what is worth sealing."""

from __future__ import annotations

from datetime import date

import pytest

from validators.domain.errors import JourneyInvalid
from validators.domain.journeys.calls import Call, RememberAnswer, json_value
from validators.domain.journeys.journey import Expect
from validators.domain.journeys.values import Draw, Values
from validators.language.check import complaints
from validators.language.lint import warnings
from validators.language.reader import read

BOOK = """\
journey: book-by-api
promise: M-BOOK
let: {guest: "{{ any.name }}", size: "{{ any.int(2, 8) }}"}
steps:
  - call: {POST: /api/bookings, json: {name: "{{ guest }}", size: "{{ size }}"}, as: booked}
  - expect: {answer: {status: 201}}
  - remember: {header: Location, as: place}
  - call: {GET: "{{ place }}"}
expect:
  - answer: {status: 200, json: {/name: "{{ guest }}", /size: "{{ size }}"}}
  - other_session: same
never: [{http_status: ">=500"}]
twin:
  expect:
    - answer: {json: {/name: "nobody", /size: 0}}
"""


def journey(steps: str = "", expect: str = "answer: {status: 200}", **more: str) -> str:
    twin = more.get("twin", "answer: {status: 418}")
    first = "  - call: {GET: /a}\n" if not steps else ""
    lines = "".join(f"  - {line}\n" for line in steps.split("\n") if line)
    return (
        f"journey: j\npromise: issue\nsteps:\n{first}{lines}expect:\n  - {expect}\n"
        f"twin: {{expect: [{{{twin}}}]}}\n"
    )


def test_a_journey_by_api_may_be_sealed() -> None:
    assert complaints(BOOK) == ()
    assert warnings(read(BOOK)) == ()


def test_what_is_read_of_a_call() -> None:
    call, look, kept, _ = read(BOOK).steps
    assert isinstance(call, Call)
    assert (call.method, call.path.source, call.name) == ("POST", "/api/bookings", "booked")
    assert isinstance(look, Expect)
    assert isinstance(kept, RememberAnswer)
    assert kept.header == "Location"


def test_what_is_read_of_a_socket() -> None:
    source = "call: {SOCKET: /live, query: {a: b}, json: {join: walks}, messages: 2, as: live}"
    (call,) = read(journey(source, "answer: {of: live, status: {one_of: [101, 4401]}}")).steps
    assert isinstance(call, Call)
    assert (call.method, call.path.source, call.events, call.name) == ("SOCKET", "/live", 2, "live")
    assert not call.safe
    (silent,) = read(journey("call: {SOCKET: /live}", "answer: {status: 101}")).steps
    assert isinstance(silent, Call)
    assert (silent.events, silent.safe) == (1, True)


def test_a_json_body_has_the_types_that_it_is_written_with() -> None:
    body = """{a: 4, b: "4", c: true, d: "true", e: null, f: 1.5, g: [x, 2], h: 007, i: yes,
      j: 2026-11-21, k: "{{ size }}", l: "{{ word }}", m: "n {{ size }}", o: {}, p: [], q: 1_000}"""
    (call,) = read(journey(f"call: {{POST: /a, json: {body}}}".replace("\n", " "))).steps
    values = Values(Draw(1, "j", date(2026, 1, 1)))
    values.names |= {"size": "5", "word": "6"}
    values.numbers.add("size")
    assert isinstance(call, Call)
    assert call.json is not None
    assert json_value(call.json, values) == {
        "a": 4, "b": "4", "c": True, "d": "true", "e": None, "f": 1.5, "g": ["x", 2], "h": "007",
        "i": "yes", "j": "2026-11-21", "k": 5, "l": "6", "m": "n 5", "o": {}, "p": [], "q": "1_000",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "expect", "words"),
    [
        ("call: {json: {a: 1}}", "answer: {status: 200}", "needs a method and a path"),
        ("call: {GET: /a, json: {b: 1}}", "answer: {status: 200}", "GET takes no body"),
        ("call: {GET: /a, POST: /b}", "answer: {status: 200}", "not both"),
        ("call: {GET: //evil/a}", "answer: {status: 200}", "one slash"),
        ("call: {GET: http://evil/}", "answer: {status: 200}", "one slash"),
        ("call: {GETS: /a}", "answer: {status: 200}", "needs a method"),
        ('call: {GET: /a, headers: {Host: "x"}}', "answer: {status: 200}", "sets Host by itself"),
        ("call: {SOCKET: /a, form: {b: 1}}", "answer: {status: 101}", "has no 'form'"),
        ("call: {SOCKET: /a, follow: true}", "answer: {status: 101}", "has no 'follow'"),
        ("call: {SOCKET: /a, messages: 100}", "answer: {status: 101}", "1 to 99"),
        ("call: {GET: /a, messages: 2}", "answer: {status: 200}", "has no 'messages'"),
        (
            "call: {SOCKET: /a, headers: {Sec-WebSocket-Key: a}}",
            "answer: {status: 101}",
            "by itself",
        ),
        ("", "answer: {status: 5000}", "no HTTP status"),
        ("open: {path: /, status: 4401}", "answer: {status: 200}", "no HTTP status"),
        # Whatever follows it would be a web socket, which is relayed unread.
        ("call: {GET: /a, headers: {Upgrade: h2c}}", "answer: {status: 200}", "sets Upgrade by"),
        ('call: {GET: /a, headers: {"A b": x}}', "answer: {status: 200}", "name of a header"),
        ("call: {GET: /a, follow: maybe}", "answer: {status: 200}", "true or false"),
        ("call: {GET: /a, frm: {b: 1}}", "answer: {status: 200}", "has no 'frm'"),
        ("", "answer: {}", "needs one of status"),
        ("", "answer: {status: 99}", "no HTTP status"),
        ("", "answer: {json: {name: Ada}}", "no JSON Pointer"),
        ("", "answer: {json: {/a: {type: text}}}", "no type 'text'"),
        ("", "answer: {json: {/a: {type: array, by: /b}}}", "`sorted` by"),
        ("", "answer: {json: {/a: {name: Ada}}}", "an object is compared by"),
        ("", "answer: {json: {/a: {sorted: up}}}", "ascending or descending"),
        ("", "answer: {json: {/a: {count: 1, contain: x}}}", "did you mean 'contains'"),
        ("", "answer: {json: {/a: {count: many}}}", "whole number"),
        ("", "answer: {schema: {type: arary}}", "schema:"),
        ("", "answer: {schema: {$ref: 'http://evil/x'}}", "another document"),
        ("", 'answer: {schema: {const: "{{ guest }}"}}', "compare values under `json`"),
    ],
)
def test_what_is_no_call_is_refused(steps, expect, words) -> None:
    with pytest.raises(JourneyInvalid, match=words.replace("{", r"\{").replace("`", ".")):
        read(journey(steps, expect))


@pytest.mark.parametrize(
    ("steps", "expect", "words"),
    [
        ("open: /", "answer: {status: 200}", "no answer has come"),
        ("call: {GET: /a, as: one}", "answer: {of: two, status: 200}", "no call is called 'two'"),
        ("remember: {json: /id, as: id}\ncall: {GET: /a}", "answer: {status: 200}", "no answer"),
        ("call: {GET: /a, as: b}\ncall: {GET: /b, as: b}", "answer: {status: 200}", "two calls"),
        ("call: {GET: /a}", "visible: {button: Book}", "no page is open"),
        ("call: {GET: /a}", "answer: {json: {/x: 1}}", "it only opens pages"),
        ('call: {GET: "/a/{{ any.word }}"}', "answer: {status: 200}", "no expectation depends"),
        ("call: {POST: /a, json: {x: abc}}", "answer: {status: 200}", "no expectation depends"),
        ("call: {GET: /a}", "answer: {json: {/x: {type: absent}}}", "an absence proves nothing"),
        ("call: {GET: /a}", "answer: {json: {/x: {not_contains: a}}}", "an absence proves nothing"),
        ("call: {GET: /a}", 'answer: {json: {/x: "{{ any.word }}"}}', "draws new data"),
    ],
)
def test_what_proves_nothing_is_refused(steps, expect, words) -> None:
    assert any(words in complaint for complaint in complaints(journey(steps, expect)))


def test_a_write_is_not_made_again_to_see_it_from_elsewhere() -> None:
    source = BOOK.replace('  - call: {GET: "{{ place }}"}\n', "")
    assert any("POST would do it twice" in complaint for complaint in complaints(source))
    sent = source.replace("POST: /api/bookings,", "SOCKET: /api/bookings,")
    assert any("SOCKET would do it twice" in complaint for complaint in complaints(sent))
    asked = BOOK.replace('{GET: "{{ place }}"}', '{SOCKET: "{{ place }}"}')
    assert complaints(asked) == ()


def test_a_negative_control_looks_at_the_same_part_of_the_same_answer() -> None:
    wrong = journey('call: {GET: "/a?b={{ any.word }}"}', "answer: {status: 200}")
    elsewhere = wrong.replace("answer: {status: 418}", "answer: {json: {/x: 1}}")
    assert any("looks where the journey does not" in one for one in complaints(elsewhere))


@pytest.mark.parametrize(
    ("verb", "meant"),
    [("see", "expect"), ("goto", "open"), ("get", "call"), ("tap", "click"), ("clik", "click")],
)
def test_what_is_written_first_leads_to_the_word_of_the_language(verb, meant) -> None:
    with pytest.raises(JourneyInvalid, match=f"no verb '{verb}'; did you mean '{meant}'"):
        read(journey(f"{verb}: x"))


def test_a_look_between_steps_is_seen_by_whoever_acts() -> None:
    for entry in ("{after_reload: same}", "{as: ada, expect: [{title: x}]}"):
        with pytest.raises(JourneyInvalid, match="between steps"):
            read(journey(f"open: /\nexpect: [{entry}]"))


def test_the_steps_of_a_negative_control_have_no_looks() -> None:
    twin = "twin: {steps: [{open: /}, {expect: [{title: x}]}], expect: [{title: y}]}"
    source = f"journey: j\npromise: issue\nsteps: [{{open: /}}]\nexpect: [{{title: x}}]\n{twin}\n"
    assert any("`twin` must work" in complaint for complaint in complaints(source))


@pytest.mark.parametrize(
    ("steps", "warned"),
    [
        ("press: Enter", True),
        ("press: {key: Enter, label: Name}", False),
        ('fill: {label: Name, value: "{{ any.name }}"}\npress: Tab\npress: Enter', False),
        ("expect: {focused: {label: Name}}\npress: Enter", False),
        ("reload\npress: Enter", True),
    ],
)
def test_a_bare_press_is_warned_of_unless_the_focus_is_known(steps, warned) -> None:
    found = warnings(read(journey(f"open: /\n{steps}", "title: x")))
    assert any("has the focus" in one.message for one in found) is warned


def test_a_call_to_a_fixed_address_is_warned_of() -> None:
    (warning,) = warnings(read(journey("call: {GET: /a, query: {place: Oslo}}")))
    assert "this address is fixed" in warning.message


UPLOAD = """\
journey: guests-come-in-by-a-file
promise: issue
let: {guest: "{{ any.name }}"}
steps:
  - call:
      POST: /api/guests
      form: {day: "2026-05-01"}
      files: {list: {name: guests.csv, rows: [[Name], ["{{ guest }}"]]}, photo: [{name: a.png, picture: 4x3}]}
  - call: {GET: /api/guests.csv}
expect:
  - answer: {name: guests.csv, size: {at_least: 9}, text: "{{ guest }}"}
twin:
  expect:
    - answer: {text: nobody}
"""


def test_files_are_sent_with_the_fields_of_a_form() -> None:
    assert complaints(UPLOAD) == ()
    call = read(UPLOAD).steps[0]
    assert isinstance(call, Call)
    assert [(field, file.name.source) for field, file in call.files] == [
        ("list", "guests.csv"),
        ("photo", "a.png"),
    ]
    sources = [one.source for one in call.templates()]
    assert {"{{ guest }}", "guests.csv", "2026-05-01"} <= set(sources)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("GET: /a, files: {a: {name: a.txt, text: b}}", "GET takes no body"),
        ("POST: /a, json: {}, files: {a: {name: a.txt, text: b}}", "files are sent with"),
        ("POST: /a, files: {a: {name: a.txt}}", "a file needs its"),
        ("POST: /a, files: {a: {name: b/a.txt, text: b}}", "not a file's name"),
        ("POST: /a, files: {}", "files is a mapping"),
        ("GET: /a, events: 0", "events is how many"),
        ("GET: /a, events: 100", "events is how many"),
    ],
)
def test_what_is_no_file_of_a_call(step: str, words: str) -> None:
    assert any(words in one for one in complaints(journey(f"call: {{{step}}}")))


def test_the_size_of_a_file_alone_is_no_proof() -> None:
    assert complaints(journey(expect="answer: {size: many}")) == (
        "line 6: 'many' is not a number of things: a whole number, like 2",
    )
    blank = "an absence proves nothing on a blank page"
    assert any(blank in one for one in complaints(journey(expect="answer: {size: 4}")))
    assert not any(blank in one for one in complaints(journey(expect="answer: {name: a.csv}")))
