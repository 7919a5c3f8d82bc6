"""Reads the step that runs a tool, and the looks at what came of it."""

from __future__ import annotations

import re

from validators.domain.journeys.claim import Claim, ListClaim, Listing, Match
from validators.domain.journeys.command_result import Stream
from validators.domain.journeys.commands import (
    USUAL_TERMINAL,
    ExitIs,
    FileLeft,
    OutputHas,
    Run,
    Typed,
)
from validators.domain.journeys.looks import FilePart
from validators.domain.journeys.values import Template
from validators.language.calls import claimed_json
from validators.language.claims import (
    STATUS,
    TEXT,
    claims_in,
    list_claims_in,
    number_claims,
    text_claims,
)
from validators.language.file_entries import file_claim, file_made
from validators.language.names import new_name
from validators.language.targets import template_in
from validators.language.tree import (
    Fields,
    Items,
    Mapping,
    Node,
    Scalar,
    items,
    mapping,
    refusal,
    text,
)
from validators.language.words import Form, one

MOST_WORDS, MOST_FILES, LONGEST_SECONDS = 64, 16, 300
# fmt: off
RUN_KEYS = {
    "as": one("as: listing",
        "a name for its result; without one, only the last result can be looked at"),
    "input": one('input: "Ada\\n4\\n"',
        "what it reads from standard input; without, there is nothing to read"),
    "files": one("files: [{name: guests.csv, rows: […]}]",
        "put into its folder before; a file is made as for an [upload](#files), and its name may"
        " have folders"),
    "terminal": (Form("it runs at a terminal of 80 by 24, or of so many columns and rows. What it"
        " prints and its errors are then one output", ("terminal: true", "terminal: 120x40")),),
    "answers": one('answers: [{after: "Name?", type: "{{ guest }}"}]',
        "typed at that terminal, each as a line, once these words were printed"),
    "within": one("within: 5 seconds",
        "the journey promises that it ends in that time. Without, one that does not end in 20"
        " seconds shows nothing"),
}
# fmt: on
_SECONDS = re.compile(r"([1-9][0-9]{0,2}) seconds?")
_SIZE = re.compile(r"([1-9][0-9]{1,2})x([1-9][0-9]{0,2})")
# Whole lines are a list of their own, so these are not among the comparisons of a text.
_AS_A_FILE = (FilePart.ROW, FilePart.ROWS)


def run(node: Mapping, place: str) -> Run:
    """`run: [tool, --flag, "{{ guest }}"]`; beside it `input`, `files`, `terminal`, `answers`,
    `within` and `as`. Raises JourneyInvalid."""
    fields = mapping(node, "run")
    words, beside = fields.need("run"), {key: fields.maybe(key) for key in RUN_KEYS}
    fields.done()
    name, given, files, terminal, answers, within = beside.values()
    if not isinstance(words, Items):
        raise refusal(words.line, "run takes a list, and no shell reads it: [tool, --flag, value]")
    size = _terminal(terminal) if terminal else None
    if answers and not size:
        raise refusal(answers.line, "answers are typed at a terminal: add `terminal: true`")
    if size and given:
        raise refusal(node.line, "at a terminal the input is typed: use `answers`, not `input`")
    return Run(
        node.line,
        _words(words, f"{place}.run"),
        new_name(name) if name else "",
        template_in(given, f"{place}.input") if given else None,
        tuple(
            file_made(item, f"{place}.files.{at}", folders=True)
            for at, item in enumerate(_most(items(files, "files"), MOST_FILES) if files else ())
        ),
        size,
        tuple(
            _typed(item, f"{place}.answers.{at}")
            for at, item in enumerate(items(answers, "answers") if answers else ())
        ),
        _seconds(within) if within else None,
    )


def exit_look(line: int, node: Node, place: str) -> ExitIs:
    """`0`, `{as: listing, one_of: [1, 2]}`. Raises JourneyInvalid."""
    if isinstance(node, Scalar):
        claims, name = text_claims(node, "exit", place, kinds=STATUS), ""
    else:
        fields = mapping(node, "exit")
        name, claims = _name_in(fields), claims_in(fields, place, kinds=STATUS)
        fields.done()
    return ExitIs(line, name, number_claims(claims, line))


def output_look(line: int, node: Node, place: str) -> OutputHas:
    """`output`: some words, a comparison, `lines`, `includes`, `excludes`, `row`, `rows` or `json`.
    Raises JourneyInvalid."""
    return _printed(line, node, place, Stream.OUTPUT)


def errors_look(line: int, node: Node, place: str) -> OutputHas:
    """As `output_look`, of the error output."""
    return _printed(line, node, place, Stream.ERRORS)


def file_look(line: int, node: Node, place: str) -> FileLeft:
    """`walks.csv`, or `{name: walks.csv, contains: Ada}`. Raises JourneyInvalid."""
    if isinstance(node, Scalar):
        return FileLeft(line, _path(node, place))
    fields = mapping(node, "file")
    path = _path(fields.need("name"), f"{place}.name")
    chosen = fields.one([part for part in FilePart if part is not FilePart.NAME])
    fields.done()
    has = file_claim(line, path.source, chosen, place=place) if chosen else None
    return FileLeft(line, path, has=has)


def no_file_look(line: int, node: Node, place: str) -> FileLeft:
    """`walks.csv`: it is not there. Raises JourneyInvalid."""
    return FileLeft(line, _path(node, place), there=False)


def _printed(line: int, node: Node, place: str, stream: Stream) -> OutputHas:
    if isinstance(node, Scalar):
        claim = Claim(Match.CONTAINS, (template_in(node, place),))
        if not claim.wanted[0].source.strip():
            raise refusal(line, f"{stream} is empty: give it words, or `{{lines: []}}` for nothing")
        return OutputHas(line, "", stream, (claim,))
    fields = mapping(node, stream)
    name = _name_in(fields)
    if (lines := fields.maybe("lines")) is not None:
        found = _lines(line, lines, name, stream, place=place)
    elif document := fields.maybe("json"):
        found = OutputHas(line, name, stream, json=claimed_json(document, f"{place}.json"))
    elif part := fields.one(_AS_A_FILE):
        found = OutputHas(line, name, stream, has=file_claim(line, name, part, place=place))
    elif lists := list_claims_in(fields, place, equals=False):
        found = OutputHas(line, name, stream, lists=lists)
    else:
        found = OutputHas(line, name, stream, claims_in(fields, place, kinds=TEXT))
    fields.done()
    return found


def _lines(line: int, node: Node, name: str, stream: Stream, *, place: str) -> OutputHas:
    """`lines: [a, b]`, exactly these in this order; `lines: 3`, so many."""
    if isinstance(node, Items):
        wanted = tuple(
            template_in(item, f"{place}.lines.{at}") for at, item in enumerate(node.items)
        )
        return OutputHas(line, name, stream, lists=(ListClaim(Listing.EQUALS, wanted),))
    part = (FilePart.LINES, node)
    return OutputHas(line, name, stream, has=file_claim(line, name, part, place=place))


def _name_in(fields: Fields) -> str:
    name = fields.maybe("as")
    return new_name(name) if name else ""


def _words(node: Items, place: str) -> tuple[Template, ...]:
    found = _most(items(node, "run"), MOST_WORDS)
    words = tuple(template_in(item, f"{place}.{at}") for at, item in enumerate(found))
    if words[0].holes or not words[0].source.strip():
        raise refusal(node.line, "the first word of run is the tool itself, and nothing is drawn")
    return words


def _typed(node: Node, place: str) -> Typed:
    fields = mapping(node, "an answer")
    after = fields.maybe("after")
    typed = Typed(
        template_in(fields.need("type"), f"{place}.type"),
        template_in(after, f"{place}.after") if after else None,
    )
    fields.done()
    return typed


def _terminal(node: Node) -> tuple[int, int] | None:
    words = text(node, "terminal")
    if words in ("true", "false"):
        return USUAL_TERMINAL if words == "true" else None
    found = _SIZE.fullmatch(words)
    if not found:
        raise refusal(node.line, "terminal is true, or columns x rows, like 120x40")
    return int(found[1]), int(found[2])


def _seconds(node: Node) -> int:
    found = _SECONDS.fullmatch(text(node, "within"))
    if not found or int(found[1]) > LONGEST_SECONDS:
        raise refusal(node.line, f"within is a time, like 5 seconds, at most {LONGEST_SECONDS}")
    return int(found[1])


def _path(node: Node, place: str) -> Template:
    path = template_in(node, place)
    parts = path.source.split("/")
    if not path.source.strip() or path.source.startswith("/") or ".." in parts or "" in parts:
        raise refusal(
            node.line,
            f"{path.source!r} is no file of a command: a name in the folder in which it runs, like"
            " out/walks.csv",
        )
    return path


def _most(found: tuple[Node, ...], most: int) -> tuple[Node, ...]:
    if len(found) > most:
        raise refusal(found[most].line, f"more than {most} entries: make it several")
    return found
