"""Files, dialogs, keys and people in the language: what is read, what is refused by line, and what
proves nothing."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validators.domain.errors import ExpressionInvalid, JourneyInvalid
from validators.domain.journeys.data_at_stake import Stakes, stakes
from validators.domain.journeys.files import File, csv_rows, csv_text, lines_of
from validators.domain.journeys.journey import Press, Vantage
from validators.domain.journeys.looks import FileHas, FilePart, Focused
from validators.domain.journeys.steps import (
    Dialog,
    DialogKind,
    Download,
    Hover,
    Type,
    Upload,
)
from validators.domain.journeys.values import Values
from validators.domain.journeys.walk import field_of, required, stated
from validators.language.check import complaints
from validators.language.reader import read
from validators.language.steps import MODIFIERS
from validators.performance.file_looks import file_look_result

HEAD = "journey: j\npromise: issue\nlet: {guest: '{{ any.name }}'}\nsteps:\n"
DONE, UNDONE = ("visible: {heading: Done}",), "visible: {heading: Undone}"


def journey(*steps: str, expect: tuple[str, ...] = DONE, negative_control: str = UNDONE) -> str:
    lines = "".join(f"  - {line}\n" for line in ("open: /", *steps))
    looks = "".join(f"  - {line}\n" for line in expect)
    return f"{HEAD}{lines}expect:\n{looks}twin:\n  expect:\n    - {negative_control}\n"


def step(line: str):
    return read(journey(line)).steps[1]


def look(line: str):
    return read(journey(expect=(line,))).expect[0].looks[0]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("hover: {button: More}", Hover), ('type: "{{ guest }}"', Type), ("download: {link: Export, as: export}", Download),
        ("download: {open: /x.csv, as: export}", Download), ("upload: {label: Photo, file: {name: a.txt, text: hi}}", Upload),
    ],
)  # fmt: skip
def test_every_verb_is_read(line, kind) -> None:
    assert isinstance(step(line), kind)


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        ("+2 days", 172_800),
        ("+1 day", 86_400),
        ("+90 minutes", 5400),
        ("+ 3 hours", 10_800),
        ("+1week", 604_800),
    ],
)
def test_travel_goes_forward_by_a_span(span, seconds) -> None:
    source = journey(f"travel: {span}")
    assert read(source).steps[1].seconds == seconds
    assert read(source).travels
    assert not read(journey()).travels


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("press: Control+A", "Control+a"), ("press: Shift+Tab", "Shift+Tab"), ('press: "/"', "/"), ("press: j", "j"),
        ("press: {key: Control + Enter, label: N}", "Control+Enter"), ("press: Control+Shift+K", "Control+Shift+k"),
        ("press: 5", "5"), ("press: Q", "Q"),
    ],
)  # fmt: skip
def test_keys_are_read_as_the_browser_takes_them(line, key) -> None:
    assert step(line) == Press(6, key, step(line).target)


def test_a_file_is_a_text_rows_or_a_picture() -> None:
    line = (
        "files: [{name: a.csv, rows: [[Name], ['{{ guest }}']]}, {name: b.png, picture: 4x3},"
        " {name: c.txt, text: ''}]"
    )
    upload = step(f"upload: {{button: 'Choose files', {line}}}")
    rows, drawn, text = upload.files
    assert [[cell.source for cell in row] for row in rows.rows] == [["Name"], ["{{ guest }}"]]
    assert (drawn.picture, text.text.source, field_of(upload)) == ((4, 3), "", "choose_files")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ('dialog: {says: "Sure?", answer: accept}', ("Sure?", True, None, None)),
        (
            'dialog: {says: "Sure?", kind: alert, answer: dismiss}',
            ("Sure?", False, DialogKind.ALERT, None),
        ),
        (
            'dialog: {says: "Who?", type: "{{ guest }}"}',
            ("Who?", True, DialogKind.PROMPT, "{{ guest }}"),
        ),
        ("dialog: {kind: beforeunload, answer: accept}", (None, True, DialogKind.LEAVING, None)),
    ],
)
def test_a_dialog_is_read_with_its_answer(line, meant) -> None:
    parsed = step(line)
    assert isinstance(parsed, Dialog)
    assert (
        parsed.message and parsed.message.source,
        parsed.accept,
        parsed.kind,
        parsed.text and parsed.text.source,
    ) == meant


@pytest.mark.parametrize(
    ("line", "part", "values", "columns"),
    [
        ("downloaded: {as: export, name: a.csv}", FilePart.NAME, ["a.csv"], ()),
        ("downloaded: {as: export, contains: Ada}", FilePart.CONTAINS, ["Ada"], ()),
        ("downloaded: {as: export, lines: 3}", FilePart.LINES, ["3"], ()),
        ("downloaded: {as: export, rows: '{{ guest }}'}", FilePart.ROWS, ["{{ guest }}"], ()),
        ("downloaded: {as: export, row: [Ada, 4]}", FilePart.ROW, ["Ada", "4"], ()),
        (
            "downloaded: {as: export, row: {Name: Ada, Size: 4}}",
            FilePart.ROW,
            ["Ada", "4"],
            ("Name", "Size"),
        ),
    ],
)
def test_a_look_at_a_file_is_read(line, part, values, columns) -> None:
    parsed = look(line)
    assert isinstance(parsed, FileHas)
    assert (parsed.file, parsed.part, [held.source for held in parsed.values], parsed.columns) == (
        "export",
        part,
        values,
        columns,
    )


def test_what_others_see_is_read() -> None:
    source = journey(
        "as: guide", "open: /g",
        expect=(*DONE, "as: guide\n    expect: same", "as: guest\n    open: /x\n    expect: [focused: {label: N}]"),
    )  # fmt: skip
    here, guide, guest = read(source).expect
    assert [(block.vantage, block.actor) for block in (here, guide, guest)] == [
        (Vantage.HERE, ""), (Vantage.ACTOR, "guide"), (Vantage.ACTOR, "guest"),
    ]  # fmt: skip
    assert here.looks == guide.looks
    assert (guest.opens.source, type(guest.looks[0])) == ("/x", Focused)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("press: Ctrl+A", "no modifier 'Ctrl' in 'Ctrl+A'; did you mean 'Control'?"),
        ("press: Control+Power", "no key 'Power'"),
        ("press: Control+Control+A", "holds one key twice"),
        ("press: ä", "or one letter or digit"),
        ("travel: 2 days", "how far forward, like +2 days"),
        ("travel: -2 days", "how far forward"),
        ("travel: +0 days", "how far forward"),
        ("travel: +2 fortnights", "no unit of time 'fortnights'"),
        ("travel: +2 dayz", "did you mean 'day'?"),
        ("travel: +99999 weeks", "at most ten years"),
        ("travel: {days: 2}", "travel is a text"),
        ("travel: '{{ guest }}'", "how far forward"),
        ("upload: {label: Photo}", "upload needs `file`, or `files`"),
        ("upload: {file: {name: a.txt, text: x}}", "upload must name an element"),
        ("upload: {label: P, file: {name: a.txt}}", "a file needs its `text`, its CSV `rows`"),
        (
            "upload: {label: P, file: {name: a.txt, text: x, picture: 1x1}}",
            "'text' or 'picture', not both",
        ),
        ("upload: {label: P, file: {name: ../a.txt, text: x}}", "is not a file's name"),
        (
            "upload: {label: P, file: {name: a.jpg, picture: 1x1}}",
            "a picture is a PNG: call it a.png",
        ),
        ("upload: {label: P, file: {name: a.png, picture: 9000x1}}", "at most 512"),
        ("upload: {label: P, file: {name: a.txt, txt: x}}", "no 'txt'; did you mean 'text'?"),
        ("upload: {label: P, files: []}", "at least one entry"),
        ("download: {link: Export}", "download needs 'as'"),
        (
            "download: {as: export}",
            "the element that is clicked for it, like link, or the path to `open`",
        ),
        ("download: {link: A, open: /a, as: export}", "one of the two"),
        ("download: {open: http://evil.example/, as: export}", "a path of the app"),
        ('dialog: "Sure?"', "a dialog is a mapping"),
        ("dialog: {answer: accept}", "needs its words in `says`"),
        ("dialog: {says: A}", "dialog needs an `answer`"),
        ("dialog: {says: A, answer: acept}", "no answer 'acept'; did you mean 'accept'?"),
        ("dialog: {says: A, answer: accept, type: x}", "'answer' or 'type', not both"),
        ("dialog: {says: A, kind: confrim, answer: accept}", "did you mean 'confirm'?"),
        ("dialog: {says: A, kind: confirm, type: x}", "only a prompt can be typed into"),
        ("dialog: {says: A, kind: beforeunload, answer: accept}", "are the browser's own"),
        ("type: {label: Name}", "type is a text"),
    ],
)
def test_what_is_not_in_the_language_is_refused_by_line(line, words) -> None:
    with pytest.raises(JourneyInvalid) as refused:
        read(journey(line))
    assert any(
        words in problem.message and problem.line == 6 for problem in refused.value.problems
    ), refused.value


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("downloaded: {as: export}", "downloaded needs one of name, equals"),
        ("downloaded: {as: export, lines: many}", "lines is a whole number"),
        ("downloaded: {as: export, row: Ada}", "row is a list of cells"),
        ("downloaded: {contains: Ada}", "downloaded needs 'as'"),
        ("downloaded: {as: export, conatins: Ada}", "did you mean 'contains'?"),
        ("as: guide", "say what guide must see, beside `as`"),
        ("as: guide\n    expect: again", "`same` (as the entries above it) or a list"),
        ("as: guide\n    opens: /x\n    expect: [visible: {heading: A}]", "did you mean 'open'?"),
    ],
)
def test_what_cannot_be_expected_is_refused(line, words) -> None:
    with pytest.raises(JourneyInvalid) as refused:
        read(journey(expect=(line,)))
    assert any(words in problem.message for problem in refused.value.problems), refused.value


EXPORT = "download: {link: Export, as: export}"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (journey("dialog: {says: A, answer: accept}"), "directly before the step that does"),
        (
            journey("dialog: {says: A, answer: accept}", "as: guide", "open: /"),
            "directly before the step that does",
        ),
        (
            journey("dialog: {says: A, answer: accept}", "dialog: {says: B, answer: accept}"),
            "directly before the step that does",
        ),
        (
            journey("dialog: {says: '{{ any.word }}', answer: accept}", "reload"),
            "which a dialog cannot show",
        ),
        (
            journey(expect=("downloaded: {as: export, lines: 3}",)),
            "no step downloads 'export'; downloaded so far: none",
        ),
        (journey(EXPORT, EXPORT), "two downloads are called 'export'"),
        (
            journey(expect=("visible: {heading: A}", "as: guide\n    expect: same")),
            "'guide' was never at any page",
        ),
        (journey("as: guide", "click: {button: Go}"), "'guide' starts at no page"),
        (
            journey("upload: {label: P, file: {name: a.csv, text: 'Ada,4'}}"),
            "no expectation depends on what the steps did",
        ),
        (journey('type: "{{ guest }}"'), "no expectation depends on what the steps did"),
        (
            journey(
                EXPORT,
                expect=("downloaded: {as: export, lines: 3}",),
                negative_control="downloaded: {as: export, lines: 3}",
            ),
            "`twin` expects what the journey expects",
        ),
        (
            journey(
                EXPORT,
                expect=("downloaded: {as: export, lines: 3}",),
                negative_control="downloaded: {as: export, name: b.csv}",
            ),
            "`twin` looks where the journey does not",
        ),
    ],
)
def test_what_stands_where_it_means_nothing_is_refused(source, words) -> None:
    assert any(words in line for line in complaints(source)), complaints(source)


@pytest.mark.parametrize(
    "source",
    [
        journey(
            "dialog: {says: A, answer: accept}",
            "dialog: {says: B, answer: accept}",
            "click: {button: Go}",
        ),
        journey(
            EXPORT,
            expect=("downloaded: {as: export, lines: 3}",),
            negative_control="downloaded: {as: export, lines: 4}",
        ),
        journey(
            "upload: {label: P, file: {name: a.csv, text: 'Ada,4'}}",
            expect=("visible: {row: Ada}",),
            negative_control="visible: {row: Bo}",
        ),
        journey(
            "upload: {label: P, file: {name: a.csv, text: 'Ada,4'}}",
            expect=('text: {role: status, equals: "Got {{ filled.p }}"}',),
            negative_control='text: {role: status, equals: "Got b.csv"}',
        ),
        journey(
            'type: "{{ guest }}"',
            expect=('visible: {row: "{{ guest }}"}',),
            negative_control="visible: {row: Bo}",
        ),
        journey(
            expect=(
                "visible: {heading: A}",
                "as: guide\n    open: /g\n    expect: [{visible: {heading: G}}]",
            ),
            negative_control="visible: {heading: B}",
        ),
        journey().replace(
            "- open: /\n", "- as: guest\n  - dialog: {says: Hello, answer: accept}\n  - open: /\n"
        ),
    ],
)
def test_what_is_reportedmething_may_be_sealed(source) -> None:
    assert complaints(source) == ()


def test_what_a_file_contains_is_at_stake_and_its_name_is_not() -> None:
    source = journey(
        EXPORT,
        expect=(
            "downloaded: {as: export, row: {Name: Ada}}",
            "downloaded: {as: export, name: a.csv}",
        ),
    )
    assert [held.source for held in required(read(source))] == ["Ada"]
    counted = read(journey(EXPORT, expect=("downloaded: {as: export, rows: 3}",)))
    assert stakes(counted, Values(None)) == Stakes(counted=True)
    assert "Ada" in stated(
        read(journey("upload: {label: P, file: {name: a.csv, text: 'Ada,4'}}")).steps
    )


GUESTS = '\ufeffName,Size\r\nAda Holt,4\r\n"Bo, the second",2\r\n'


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        ("name: guests.csv", True), ("name: guests", False), ("lines: 3", True), ("lines: 4", False), ("rows: 2", True),
        ("rows: 3", False), ("contains: Ada Holt", True), ("contains: Ada Hol", False), ('row: ["Bo, the second"]', True),
        ('row: ["Ada Holt", "2"]', False), ('row: {Name: Ada Holt, Size: "4"}', True), ('row: {Size: Ada Holt}', False),
        ("row: {Guests: 4}", False), ("row: {Name: Name}", False),
        ('equals: "Name,Size Ada Holt,4 \\"Bo, the second\\",2"', True), ("equals: Name and Size", False),
    ],
)  # fmt: skip
def test_a_file_is_looked_at(claim, holds) -> None:
    values = Values(None, files={"export": File("guests.csv", GUESTS.encode())})
    assert file_look_result(look(f"downloaded: {{as: export, {claim}}}"), values).holds is holds


def test_a_file_that_is_no_text_never_holds_and_one_that_never_came_has_no_value() -> None:
    values = Values(None, files={"export": File("a.png", b"\x89PNG\xff")})
    assert not file_look_result(look("downloaded: {as: export, contains: PNG}"), values).holds
    with pytest.raises(ExpressionInvalid, match="no file 'other'"):
        file_look_result(look("downloaded: {as: other, lines: 1}"), values)


CELLS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r"))


@given(st.lists(st.lists(CELLS, min_size=1), min_size=1))
def test_rows_survive_the_way_to_csv_and_back(rows) -> None:
    kept = [tuple(row) for row in rows]
    assert csv_rows(csv_text(rows)) == tuple(kept)
    assert [tuple(row) for row in csv.reader(io.StringIO(csv_text(rows), newline=""))] == kept


@given(st.text(max_size=100))
def test_any_text_has_rows_and_lines(text) -> None:
    assert isinstance(csv_rows(text), tuple)
    assert lines_of(text) >= 0


def test_no_chord_is_read_in_two_ways() -> None:
    assert len({step(f"press: {held}+K").key for held in MODIFIERS}) == len(MODIFIERS)
