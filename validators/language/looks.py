"""Reads the `expect` lists of a journey: the looks, and the vantage of each."""

from __future__ import annotations

from validators.domain.errors import JourneyInvalid, Problem
from validators.domain.journeys.claim import Claim, Match
from validators.domain.journeys.journey import (
    Absent,
    Block,
    CountIs,
    Look,
    PathIs,
    TextIs,
    TitleIs,
    ValueIs,
    Vantage,
    Visible,
)
from validators.domain.journeys.looks import Focused, State
from validators.language.calls import answer
from validators.language.claims import (
    ADDRESS,
    COUNT,
    PAGE,
    claims_in,
    number_claims,
    text_claims,
)
from validators.language.commands import (
    errors_look,
    exit_look,
    file_look,
    no_file_look,
    output_look,
)
from validators.language.element_looks import (
    aria,
    description,
    items_are,
    leads_to,
    options,
    parameter,
    state,
    status,
)
from validators.language.file_entries import downloaded
from validators.language.names import path, person
from validators.language.tables import column, columns, row, rows
from validators.language.targets import maybe_target_in, target, target_in, template_in
from validators.language.tree import (
    Items,
    Mapping,
    Node,
    Scalar,
    entry,
    items,
    mapping,
    nearest,
    refusal,
)
from validators.language.words import Form, Word, one


def looks_here(node: Node, *, place: str) -> tuple[Look, ...]:
    """The looks of a step `expect`: one, or a list, at what is there now. Raises JourneyInvalid."""
    nodes = items(node, "expect") if isinstance(node, Items) else (node,)
    found: list[Look] = []
    for index, item in enumerate(nodes):
        if _from_elsewhere(item):
            raise refusal(
                item.line, "between steps only what is there is looked at, by whoever acts"
            )
        kind, value, line = entry(item)
        found.append(_look(kind, value, line=line, place=f"{place}.{index}"))
    return tuple(found)


def blocks(node: Node, *, place: str) -> tuple[Block, ...]:
    """The blocks of an `expect` list: the looks from here, then those from each other vantage, in
    the order written.

    Raises JourneyInvalid with the problems of all entries."""
    here: list[Look] = []
    others: list[Block] = []
    problems: list[Problem] = []
    for index, item in enumerate(items(node, "expect")):
        # `same` means the looks above, and those could not be read: no second problem for one
        # mistake.
        if problems and not here and _from_elsewhere(item):
            continue
        try:
            found = _look_or_block(item, here=tuple(here), others=others, place=f"{place}.{index}")
        except JourneyInvalid as invalid:
            problems.extend(invalid.problems)
            continue
        if isinstance(found, Block):
            others.append(found)
        else:
            here.append(found)
    if problems:
        raise JourneyInvalid(tuple(problems))
    first = (Block(here[0].line, Vantage.HERE, tuple(here)),) if here else ()
    return (*first, *others)


def _from_elsewhere(item: Node) -> bool:
    return isinstance(item, Mapping) and any(key in (*VANTAGES, *ACTOR) for key, _ in item.entries)


def _look_or_block(
    item: Node, *, here: tuple[Look, ...], others: list[Block], place: str
) -> Look | Block:
    if isinstance(item, Mapping) and "as" in dict(item.entries):
        return _by_actor(item, here=here, place=place)
    kind, value, line = entry(item)
    if kind in VANTAGES:
        return _elsewhere(kind, value, line=line, here=here, place=place)
    # `same` repeats the looks above it, so all looks from here must come before any other vantage.
    if others:
        raise refusal(
            line, f"{kind!r} comes after {others[-1].vantage}: put what is seen here first"
        )
    return _look(kind, value, line=line, place=place)


def _elsewhere(kind: str, node: Node, *, line: int, here: tuple[Look, ...], place: str) -> Block:
    vantage = Vantage(kind)
    opens = None
    if isinstance(node, Mapping) and vantage is Vantage.OTHER_SESSION:
        fields = mapping(node, kind)
        opens, node = path(fields.need("open"), f"{place}.open"), fields.need("expect")
        fields.done()
    return Block(line, vantage, _same_or_own(kind, node, line=line, here=here, place=place), opens)


def _by_actor(node: Mapping, *, here: tuple[Look, ...], place: str) -> Block:
    """The looks of one person: `{as: guide, expect: […]}`, with a path to `open` first if need
    be."""
    fields = mapping(node, "as")
    actor, opens, expect = person(fields.need("as")), fields.maybe("open"), fields.maybe("expect")
    fields.done()
    if expect is None:
        raise refusal(node.line, f"say what {actor} must see, beside `as`: `expect: [...]`")
    seen = _same_or_own("as", expect, line=node.line, here=here, place=place)
    return Block(
        node.line, Vantage.ACTOR, seen, path(opens, f"{place}.open") if opens else None, actor
    )


def _same_or_own(
    kind: str, node: Node, *, line: int, here: tuple[Look, ...], place: str
) -> tuple[Look, ...]:
    if isinstance(node, Scalar):
        if node.text != "same" or not here:
            raise refusal(line, f"{kind} is `same` (as the entries above it) or a list of its own")
        return here
    entries = [entry(item) for item in items(node, kind)]
    return tuple(
        _look(look, value, line=at, place=f"{place}.{index}")
        for index, (look, value, at) in enumerate(entries)
    )


def _look(kind: str, node: Node, *, line: int, place: str) -> Look:
    if kind not in LOOKS:
        raise refusal(line, f"cannot expect {kind!r}{nearest(kind, (*LOOKS, *VANTAGES))}")
    return LOOKS[kind].read(line, node, f"{place}.{kind}")


def _text(line: int, node: Node, place: str) -> TextIs:
    if isinstance(node, Scalar):
        return TextIs(line, None, (Claim(Match.CONTAINS, (template_in(node, place),)),))
    fields = mapping(node, "text")
    where, claims = maybe_target_in(fields, place=place), claims_in(fields, place)
    fields.done()
    if where is None and any(claim.match not in PAGE for claim in claims):
        raise refusal(
            line, "of a whole page can only be asked what it contains, or does not; name an element"
        )
    return TextIs(line, where, claims)


def _value(line: int, node: Node, place: str) -> ValueIs:
    fields = mapping(node, "value")
    found = ValueIs(line, target_in(fields, place=place), claims_in(fields, place))
    fields.done()
    return found


def _count(line: int, node: Node, place: str) -> CountIs:
    fields = mapping(node, "count")
    where, claims = target_in(fields, place=place), claims_in(fields, place, kinds=COUNT)
    fields.done()
    return CountIs(line, where, number_claims(claims, line))


TEXT, THERE, TABLE, APART, RAN = "a text", "what is there", "in a table", "apart", "of commands"
"""The tables of the page."""

# fmt: off
VANTAGES = {
    "after_reload": one("after_reload: same",
        "everything above again, after reloading the page; or a list of its own"),
    "other_session": one("other_session: same",
        "everything above again, in a new visitor's browser at this address; or a list of its own,"
        " or `{open: /bookings, expect: same}`: where something must be stored, go where it is"
        " listed, for an address can carry what was put in"),
}
ACTOR = {
    "as": one("as: guest",
        "beside it `expect: same` or a list: seen by that person, where they left; or where they go"
        " first with `open: /path`: see [people](#people)"),
}
LOOKS: dict[str, Word[Look]] = {
    "text": Word(_text, (
        Form("of one element", ('text: {role: status, equals: "Booked for 4"}',)),
        Form("the page contains these words somewhere; or `{contains: \"Thank you\", not_contains:"
             " \"None\"}`", ('text: "Thank you"',)),
    ), TEXT),
    "value": Word(_value, one('value: {label: "Group size", equals: "4"}',
        "what a form field holds; of a list, the words that are picked"), TEXT),
    "title": Word(lambda line, node, place: TitleIs(line, text_claims(node, "title", place)),
                  one('title: "Tidebook"', "the title of the tab"), TEXT),
    "url_path": Word(lambda line, node, place: PathIs(
        line, text_claims(node, "url_path", place, kinds=ADDRESS)
    ), one("url_path: /bookings", "where we are"), TEXT),
    "leads_to": Word(leads_to, one('leads_to: {link: "Next", equals: "/walks?page=2"}',
        "where a link would go; to another host, its whole address"), TEXT),
    "parameter": Word(parameter, one("parameter: {name: tag, equals: [sea, tide]}",
        "all values of a parameter of the address, in order; or `includes`, `excludes`, `count: 2`;"
        " with `of: {link: \"Next\"}` of where a link leads"), TEXT),
    "description": Word(description, one(
        'description: {label: "Group size", contains: "at most 8"}',
        "a hint or a complaint that belongs to the element (`aria-describedby`)"), TEXT),
    "visible": Word(lambda line, node, place: Visible(line, target(node, place=place)),
                    one('visible: {button: "Book"}', "exactly one is there"), THERE),
    "absent": Word(lambda line, node, place: Absent(line, target(node, place=place)),
                   one('absent: {row: "{{ filled.name }}"}', "none is there"), THERE),
    "count": Word(_count, one('count: {listitem: "Ada", equals: 2}',
        "so many are there; or `at_least`, `at_most`, `between`"), THERE),
    "state": Word(state, one('state: {checkbox: "I can swim", is: checked}',
        f"`{' '.join(one for one in State if one is not State.LOADED)}`, and of a picture"
        f" `{State.LOADED}`; or a list: `is: [checked, disabled]`"), THERE),
    "focused": Word(lambda line, node, place: Focused(line, target(node, place=place)),
                    one('focused: {label: "Name"}', "the keyboard's focus is there"), THERE),
    "items": Word(items_are, one('items: {list: "Walks", equals: [Mussel banks, Seal watch]}',
        "the items of a list, these and in this order; or `includes`, `excludes`, `sorted:"
        " ascending`"), THERE),
    "options": Word(options, one('options: {label: "Walk", equals: [Mussel banks, Seal watch]}',
        "what can be picked; or `includes`, `excludes`"), THERE),
    "status": Word(status, one("status: 200",
        "the HTTP status of the page that is shown; or `{one_of: [403, 404]}`. An error page can"
        " say anything: its status tells"), THERE),
    "aria": Word(aria, one('aria: {in: {navigation: "Main"}, has: [link "Walks", link "Guests"]}',
        "the accessibility tree: see below"), THERE),
    "row": Word(row, (
        Form("a row in which each of these is the whole text of a cell; without `in`, of any table"
             " on the page", ('row: {cells: ["Ada", "4"], in: {table: "Bookings"}}',)),
        Form("by column; a cell is a text, or compared as above",
             ('row: {cells: {Name: "Ada", Size: {at_least: 2}}}',)),
        Form("exactly so many such rows; with `at: 1` the first row below the headers, with `at:"
             " last` the last one", ("row: {cells: [Ada], times: 1}",)),
    ), TABLE),
    "rows": Word(rows, one('rows: {equals: 3, in: {table: "Bookings"}}',
        "how many rows, headers not counted; or `at_least`, `at_most`, `between`"), TABLE),
    "column": Word(column, (
        Form("all its cells, from top to bottom; or `includes: Oslo`, `excludes: [None, \"\"]`:"
             " whole cells", ('column: {header: "City", equals: [Bergen, Oslo]}',)),
        Form("or `descending`: numbers by value, all else by letters; false unless two values"
             " differ", ('column: {header: "City", sorted: ascending}',)),
        Form("every cell, and there is one: a text (`each: \"\"` is empty), or compared as above",
             ('column: {header: "Size", each: {at_least: 1}}',)),
    ), TABLE),
    "columns": Word(columns, one('columns: {equals: [City, Size], in: {table: "Walks"}}',
        "the headers; or `includes`, `excludes`"), TABLE),
    "answer": Word(answer, one(
        "answer: {status: 200, json: {/walks: {count: 3, sorted: ascending, by: /day}}}",
        "the answer to a [call](#calls)"), APART),
    "downloaded": Word(downloaded, one('downloaded: {as: export, contains: "Ada"}',
        "what stands in a file that a step kept: whole words; or `equals`, its `name`, its"
        " `lines` or how many, how many CSV `rows` below the headings, or `row`: cells by their"
        " heading (`{Name: \"Ada\"}`), or at any place (`[\"Ada\", \"4\"]`)"), APART),
    "exit": Word(exit_look, (Form("the exit code; 128 and the signal's number for one that a signal"
        " ended", ("exit: 2", "exit: {as: listing, one_of: [1, 2]}")),), RAN),
    "output": Word(output_look, (
        Form("these words were printed; or `{as: listing, equals: …}`, compared like any text,"
             " colours left out", ('output: "Booked"',)),
        Form("exactly these lines in this order, spaces folded; `lines: 2`: so many; `lines: []`:"
             " none", ('output: {lines: ["Ada  4", "Ben  2"]}',)),
        Form("whole lines that are among them, or not",
             ('output: {includes: ["Ada  4"], excludes: ["Ben  2"]}',)),
        Form("of printed CSV, as of a file; or `{rows: 3}`", ('output: {row: {Name: "Ada"}}',)),
        Form("of printed JSON, by pointer, as of an [answer](#calls)",
             ('output: {json: {/walks/0/name: "Mussel banks", /walks: {count: 2}}}',)),
    ), RAN),
    "errors": Word(errors_look, one('errors: "at most 8"', "the same of the error output"), RAN),
    "file": Word(file_look, one('file: {name: out/walks.csv, contains: "Ada"}',
        "a file that it left: `equals`, `contains`, `lines` (all, or how many), `row`,"
        " `rows` as of a [download](#files); the name alone: it is there"), RAN),
    "no_file": Word(no_file_look, one("no_file: walks.lock", "it is not there"), RAN),
}
# fmt: on
