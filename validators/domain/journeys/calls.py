"""HTTP calls: the request that a step makes, the answer to it, and what a look claims about that
answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from validators.domain.journeys.claim import Claim, SortOrder, templates
from validators.domain.journeys.steps import FileMade
from validators.domain.journeys.values import Template, Values
from validators.domain.json_values import MISSING, JsonType, constant, same, text_of


class Method(StrEnum):
    GET = "GET"
    HEAD = "HEAD"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"
    SOCKET = "SOCKET"


@dataclass(frozen=True, slots=True)
class JsonLeaf:
    """A scalar of a JSON value. `plain`: it is written without quotes, so `4` is a number."""

    template: Template
    plain: bool = False


@dataclass(frozen=True, slots=True)
class JsonList:
    items: tuple[JsonShape, ...]


@dataclass(frozen=True, slots=True)
class JsonObject:
    members: tuple[tuple[str, JsonShape], ...]


JsonShape = JsonLeaf | JsonList | JsonObject
"""A JSON value whose texts may have holes."""

Pairs = tuple[tuple[str, Template], ...]


@dataclass(frozen=True, slots=True)
class Call:
    """Send one request to the app, and keep its answer as the latest, and as `name` if that is set.

    At most one of `json`, `form` and `text` is set. `files`, by field, make a multipart form, with
    the fields of `form`. `follow`: go where a redirect leads. `events`: of an event stream that
    does not end, so many are the answer; 0: it ends by itself. A SOCKET is opened, is sent the body
    as one message, and its answer are at most `events` messages."""

    line: int
    method: Method
    path: Template
    query: Pairs = ()
    headers: Pairs = ()
    json: JsonShape | None = None
    form: Pairs | None = None
    text: Template | None = None
    follow: bool = False
    name: str = ""
    files: tuple[tuple[str, FileMade], ...] = ()
    events: int = 0

    @property
    def safe(self) -> bool:
        """Whether it only asks, so that it may be made again."""
        sends = self.json is not None or self.text is not None
        return self.method in (Method.GET, Method.HEAD) or (
            self.method is Method.SOCKET and not sends
        )

    def templates(self) -> Iterator[Template]:
        """Every template of the request."""
        yield self.path
        for pairs in (self.query, self.headers, self.form or ()):
            yield from (template for _, template in pairs)
        yield from json_templates(self.json) if self.json else ()
        yield from (self.text,) if self.text else ()
        yield from self.file_templates()

    def file_templates(self) -> Iterator[Template]:
        """Those of its files: their names, and what stands in them."""
        for _, file in self.files:
            yield from file.templates


@dataclass(frozen=True, slots=True)
class RememberAnswer:
    """Keep a value of an answer under a name: what stands at `pointer`, or the header `header`.
    `of`: the name of the answer; empty: the latest."""

    line: int
    name: str
    of: str = ""
    pointer: Template | None = None
    header: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What goes over the wire. `path` has the query; `content` may be empty. `events`: how many of
    an event stream, or messages of a web socket, are waited for."""

    method: Method
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = b""
    follow: bool = False
    events: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; of a web socket, a JSON list of its messages. `path` is where it came from,
    after any redirects; `origin` is the app's own. A web socket's `status` may be the code with
    which it was closed. `headers` are in order, as the app spelled them; `millis` is how long it
    took."""

    request: Request
    status: int
    headers: tuple[tuple[str, str], ...]
    content: bytes
    path: str
    origin: str = ""
    millis: int = 0

    def header(self, name: str) -> str | None:
        """The value of a header, several joined by commas; None if there is none."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(found) if found else None


@dataclass(frozen=True, slots=True)
class HeaderClaim:
    """What is claimed of one header. `absent`: that there is none; then there are no claims."""

    name: str
    claims: tuple[Claim, ...] = ()
    absent: bool = False


@dataclass(frozen=True, slots=True)
class JsonClaim:
    """What is claimed of the value at a pointer. Everything that is set must hold.

    `claims` compare the text of a scalar. `each` is claimed of every entry of an array, of which
    there must be one. `order` sorts the entries by what stands at `by` in each."""

    pointer: Template
    equals: JsonShape | None = None
    contains: JsonShape | None = None
    not_contains: JsonShape | None = None
    kind: JsonType | None = None
    count: tuple[Claim, ...] = ()
    claims: tuple[Claim, ...] = ()
    each: tuple[JsonClaim, ...] = ()
    order: SortOrder | None = None
    by: str = ""

    def templates(self) -> Iterator[Template]:
        yield self.pointer
        for shape in (self.equals, self.contains, self.not_contains):
            yield from json_templates(shape) if shape else ()
        yield from templates((*self.count, *self.claims))
        for one in self.each:
            yield from one.templates()

    @property
    def negative(self) -> bool:
        """Whether it holds of an answer that has nothing there."""
        if self.equals or self.contains or self.each or self.order:
            return False
        if self.kind is not None and self.kind is not JsonType.ABSENT:
            return False
        return not self.count and all(claim.negative for claim in self.claims)

    def read(self) -> Iterator[Template]:
        """The texts and numbers that must stand in the answer for it to hold."""
        for shape in (self.equals, self.contains):
            yield from json_templates(shape) if shape else ()
        yield from (template for claim in self.claims for template in claim.read)
        for one in self.each:
            yield from one.read()


@dataclass(frozen=True, slots=True)
class AnswerIs:
    """What is claimed of one answer; there is at least one claim. `of`: its name; empty: the
    latest. `schema` is a JSON Schema (2020-12) as JSON text. `path`: where the answer came from.
    `name`: of the file that it is; `size`: its bytes."""

    line: int
    of: str = ""
    status: tuple[Claim, ...] = ()
    headers: tuple[HeaderClaim, ...] = ()
    text: tuple[Claim, ...] = ()
    json: tuple[JsonClaim, ...] = ()
    path: tuple[Claim, ...] = ()
    schema: str = ""
    name: tuple[Claim, ...] = ()
    size: tuple[Claim, ...] = ()

    def templates(self) -> Iterator[Template]:
        """Every template of the claims."""
        yield from templates((*self.status, *self.text, *self.path, *self.name, *self.size))
        for header in self.headers:
            yield from templates(header.claims)
        for claim in self.json:
            yield from claim.templates()

    def read(self) -> Iterator[Template]:
        """The texts that must stand in the body for it to hold."""
        yield from (template for claim in self.text for template in claim.read)
        for claim in self.json:
            yield from claim.read()

    @property
    def positive(self) -> bool:
        """False where an empty answer would do."""
        headers = (one for one in self.headers if not one.absent)
        claims = (*self.text, *self.name, *(claim for header in headers for claim in header.claims))
        claimed = any(not claim.negative for claim in claims)
        there = any(not claim.negative for claim in self.json)
        return bool(self.status or self.schema or self.path or claimed or there)

    @property
    def parts(self) -> frozenset[str]:
        """What it is about: for two looks at the same places of an answer."""
        plain = ("status", "text", "path", "schema", "name", "size")
        own = {name for name in plain if getattr(self, name)}
        headers = (f"header {one.name.lower()}" for one in self.headers)
        return frozenset((*own, *headers, *(f"json {one.pointer.source}" for one in self.json)))


def json_templates(shape: JsonShape) -> Iterator[Template]:
    """Every text and number of a value; not true, false and null."""
    match shape:
        case JsonLeaf(template=template, plain=plain):
            if not plain or template.source not in ("true", "false", "null"):
                yield template
        case JsonList(items=items):
            for item in items:
                yield from json_templates(item)
        case JsonObject(members=members):
            for _, member in members:
                yield from json_templates(member)


def json_value(shape: JsonShape, values: Values) -> Any:
    """The value with its holes filled, to send. Raises ExpressionInvalid.

    A text that is one hole and nothing else is a number if what it names is one: drawn by
    `any.int`, or remembered from a JSON number."""
    match shape:
        case JsonLeaf(template=template, plain=plain):
            text = values.text(template)
            if plain or values.is_number(template):
                number = constant(text)
                return text if number is MISSING else number
            return text
        case JsonList(items=items):
            return [json_value(item, values) for item in items]
        case JsonObject(members=members):
            return {key: json_value(member, values) for key, member in members}


def agrees(value: Any, shape: JsonShape, values: Values, *, whole: bool) -> bool:
    """Whether a value is as wanted; `whole` False: an object may have further members.

    One hole alone agrees with its text and its number alike: `type` tells them apart. Raises
    ExpressionInvalid."""
    match shape:
        case JsonLeaf(template=template, plain=plain):
            text = values.text(template)
            if template.holes and len(template.parts) == 1:
                scalar = isinstance(value, str | int | float) and not isinstance(value, bool)
                return scalar and text_of(value) == text
            wanted = constant(text) if plain else MISSING
            return same(value, text if wanted is MISSING else wanted)
        case JsonList(items=items):
            return (
                isinstance(value, list)
                and len(value) == len(items)
                and all(
                    agrees(one, item, values, whole=whole)
                    for one, item in zip(value, items, strict=True)
                )
            )
        case JsonObject(members=members):
            if not isinstance(value, dict) or (whole and len(value) != len(members)):
                return False
            return all(
                key in value and agrees(value[key], member, values, whole=whole)
                for key, member in members
            )
