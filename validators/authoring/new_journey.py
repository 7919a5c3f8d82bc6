"""`new`: a first journey from an issue's text and a few answers, without a model.

What the text shows is taken over: a request, a command line, the words in quotes. What nobody said
stands there as `<fill in: …>`, and `check` names each such place."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from pydantic import ConfigDict

from validators.authoring.draft_text import drawn, missing, plain, printable, value_name, yaml_text
from validators.domain.journeys.calls import Method

LONGEST_NAME, LONGEST_ANSWER, MOST_FIELDS = 60, 300, 20
# Of the issue, above the journey.
MOST_LINES, WIDTH = 40, 92

_FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_TITLE = re.compile(r"^(?:title:|#)\s*(.+)$", re.MULTILINE)
_REQUEST = re.compile(rf"\b({'|'.join(Method)})\s+`?(/[!-_a-~]*)")
_COMMAND = re.compile(r"^[ \t]*\$ +(.+)$", re.MULTILINE)
_PATH = re.compile(r"`(/[!-_a-z|~]*)`")
_QUOTED = re.compile(r"[\"“]([^\"“”\n]{1,80})[\"”]")
_PRESSED = re.compile(r"\b(?:press|click|push|hit|tap|submit)\w*\b[^\"“\n]{0,30}$", re.IGNORECASE)
_ENTERED = re.compile(r"\b(?:fill|enter|typ|put|writ)\w*\b[^\"“\n]{0,30}$", re.IGNORECASE)
_EXPECTED = re.compile(r"\b(?:expected|should|must)\b[^\"“\n]{0,60}$", re.IGNORECASE)
_FIELD = re.compile(r"\{([^{}]{1,60})\}")
_MEMBER = re.compile(r"\"([A-Za-z_][\w-]{0,59})\"\s*:")
_NEXT_OF_SEVERAL = re.compile(r"\s*(?:,|and|or|,\s*and|,\s*or)\s*")
THEN = " && "


class Through(StrEnum):
    """What the journey goes through."""

    PAGE = "page"
    API = "api"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person answered, or what the issue shows; empty: not known.

    `start` is a path, a request like `POST /api/walks`, or command lines with ` && ` between.
    `fields` are the labels
    or names of what is put in; `{label}` stands for its value in `start` and in `see`."""

    through: Through = Through.PAGE
    start: str = ""
    fields: tuple[str, ...] = ()
    press: str = ""
    see: str = ""
    __pydantic_config__ = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Field:
    """Something that is put in: its label, its name in the journey, and what is drawn for it."""

    label: str
    name: str
    drawn: str
    false: str

    @property
    def hole(self) -> str:
        return f"{{{{ {self.name} }}}}"


def guessed(issue: str) -> Answers:
    """What the text of an issue shows."""
    text = _FRONT.sub("", issue)
    quoted = _quotes(text)

    def after(said: re.Pattern[str]) -> list[str]:
        return [words for before, words in quoted if said.search(before)]

    fields, press, see = after(_ENTERED), after(_PRESSED), after(_EXPECTED)
    through, start = Through.PAGE, ""
    if request := _REQUEST.search(text):
        through, start = Through.API, f"{request[1]} {request[2].rstrip('.,;:)')}"
        fields = _MEMBER.findall(text) or fields
    elif commands := _COMMAND.findall(text):
        through, start = Through.COMMAND, THEN.join(one.strip() for one in commands)
    elif path := _PATH.search(text):
        start = path[1]
    return Answers(
        through,
        start[:LONGEST_ANSWER] if plain(start) else "",
        tuple(dict.fromkeys(fields))[:MOST_FIELDS] if through is not Through.COMMAND else (),
        press[0] if press and through is Through.PAGE else "",
        see[0] if see else "",
    )


def _quotes(text: str) -> list[tuple[str, str]]:
    """Words in quotes, each with what stands before it on its line; of several that are listed,
    what stands before the first."""
    found: list[tuple[str, str]] = []
    end, before = 0, ""
    for one in _QUOTED.finditer(text):
        if not _NEXT_OF_SEVERAL.fullmatch(text[end : one.start()]):
            before = text[: one.start()].rpartition("\n")[2]
        end = one.end()
        if plain(one[1]):
            found.append((before, one[1]))
    return found


def drafted(issue: str, answers: Answers) -> str:
    """The text of a journey, with comments for whoever completes it."""
    fields = _fields(answers)
    title = _title(issue)
    lines = [
        *_quoted_issue(issue, title),
        f"journey: {_name(title)}",
        "promise: issue",
        *(
            ("let:    # drawn anew for each run, so that no app can know it before",)
            if fields
            else ()
        ),
        *(f"  {field.name}: {json.dumps(field.drawn)}" for field in fields),
        "steps:    # what is done",
        *(f"  - {step}" for step in _steps(answers, fields)),
        "expect:    # what must then be seen: not before the change, and after it",
        *(f"  - {look}" for look in _looks(answers, fields)),
        "twin:    # the negative control: the same looks, plainly false",
        "  expect:",
        *(f"    - {look}" for look in _looks(answers, fields, false=True)),
    ]
    return "\n".join(lines) + "\n"


def _steps(answers: Answers, fields: tuple[Field, ...]) -> Iterator[str]:
    start = answers.start
    match answers.through:
        case Through.PAGE:
            yield f"open: {_value(start or '/', fields)}"
            yield from (
                f"fill: {{label: {_value(one.label)}, value: {_hole(one)}}}" for one in fields
            )
            yield f"click: {{button: {_value(answers.press or missing('the button'))}}}"
        case Through.API:
            method, _, path = start.rpartition(" ")
            method, path = method or "GET", path or missing("a path, like /api/walks")
            values = ", ".join(f"{_value(one.label)}: {_hole(one)}" for one in fields)
            given = f", {_body(method)}: {{{values}}}" if fields else ""
            yield f"call: {{{method}: {_value(path, fields)}{given}}}"
            if method == Method.SOCKET:
                yield "expect: {answer: {status: 101}}"
                yield f"call: {{SOCKET: {_value(path, fields)}}}    # ask again what was kept"
            elif method not in ("GET", "HEAD"):
                yield "expect: {answer: {status: {one_of: [200, 201, 202, 204, 303]}}}"
                # What a write answers may be an echo of it.
                yield f"call: {{GET: {_value(path, fields)}}}    # ask again what was kept"
        case Through.COMMAND:
            for line in start.split(THEN):
                words = _words(line) or [missing("the tool"), missing("what it is given")]
                yield f"run: [{', '.join(_value(word, fields) for word in words)}]"


def _looks(answers: Answers, fields: tuple[Field, ...], *, false: bool = False) -> Iterator[str]:
    """The words that must be seen, then what was put in where they do not mention it."""
    wanted = [answers.see] if answers.see else []
    if not fields and not wanted:
        wanted = [missing("words that must be there, and false ones below")]
    if fields and not any(f"{{{one.label}}}" in answers.see for one in fields):
        wanted.append(f"{{{fields[0].label}}}")
    # Where the words depend on nothing that was put in, nobody but the writer knows false ones.
    look = {Through.PAGE: "text: {}", Through.API: "answer: {{text: {}}}"}
    for words in wanted:
        mentions = any(f"{{{one.label}}}" in words for one in fields)
        if false and not mentions and len(wanted) > 1:
            continue
        falsified = words if mentions else f"not {words}" if plain(words) else words
        shown = _falsified(falsified, fields) if false else _value(words, fields)
        yield look.get(answers.through, "output: {}").format(shown)
    if not false and answers.through is Through.PAGE:
        yield "after_reload: same    # kept, and not only shown"
    if not false and answers.through is Through.API:
        yield "other_session: same    # for everybody"


def _fields(answers: Answers) -> tuple[Field, ...]:
    """What is put in. A draft for a page or a write has one, or it would prove nothing."""
    in_text = _FIELD.findall(answers.start) if answers.through is not Through.PAGE else []
    labels = list(dict.fromkeys((*answers.fields, *in_text)))[:MOST_FIELDS]
    if not labels and answers.through is Through.PAGE:
        labels = [missing("the label of a field")]
    found: list[Field] = []
    for label in labels:
        taken = {one.name for one in found}
        name = value_name(label, taken=taken) if plain(label) else "guest"
        found.append(Field(label, name, *drawn(name)))
    return tuple(found)


def _falsified(words: str, fields: tuple[Field, ...]) -> str:
    """The words with something else in place of the first value that they mention."""
    for one in fields:
        if f"{{{one.label}}}" in words:
            return _value(words.replace(f"{{{one.label}}}", one.false), fields)
    return _value(words)


def _value(words: str, fields: tuple[Field, ...] = ()) -> str:
    """The words as YAML: plain where that is the same."""
    for one in fields:
        words = words.replace(f"{{{one.label}}}", one.hole)
    return yaml_text(words)


def _hole(field: Field) -> str:
    return json.dumps(field.hole)


def _body(method: str) -> str:
    return "query" if method in ("GET", "HEAD") else "json"


def _words(line: str) -> list[str]:
    """A command line as its words; empty for one that cannot be split, or that needs a shell."""
    try:
        words = shlex.split(line)
    except ValueError:
        return []
    return [] if {"|", ">", "<", "&&", ";", "||"} & set(words) else words


def _title(issue: str) -> str:
    front = _FRONT.match(issue)
    found = _TITLE.search(front[1] if front else issue)
    first = next((line for line in _FRONT.sub("", issue).splitlines() if line.strip()), "")
    return printable(found[1] if found else first)


def _name(title: str) -> str:
    return re.sub("[^a-z0-9]+", "-", title.casefold())[:LONGEST_NAME].strip("-") or "new-journey"


def _quoted_issue(issue: str, title: str) -> Iterator[str]:
    body = [
        line for line in _FRONT.sub("", issue).strip().splitlines() if line.strip("# ") != title
    ]
    if title:
        yield _comment(title[:WIDTH])
        folded = [part for line in body for part in textwrap.wrap(printable(line), WIDTH) or [""]]
        yield from (_comment(f"  {line}") for line in folded[:MOST_LINES])
        yield from ("# …",) if len(folded) > MOST_LINES else ()
        yield "#"
    yield "# Complete each <fill in: …>, and take out what does not fit."
    yield "# `factory journeys try FILE` names what is missing, and performs it."


def _comment(line: str) -> str:
    return f"# {line}".rstrip()
