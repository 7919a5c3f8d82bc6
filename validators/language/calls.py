"""Reads HTTP calls: the step `call`, what `remember` keeps of an answer, and the look `answer`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from validators.domain.journeys.calls import (
    AnswerIs,
    Call,
    HeaderClaim,
    JsonClaim,
    JsonLeaf,
    JsonList,
    JsonObject,
    JsonShape,
    Method,
    Pairs,
    RememberAnswer,
)
from validators.domain.journeys.claim import Claim
from validators.domain.journeys.steps import FileMade
from validators.domain.journeys.values import Template
from validators.domain.json_values import MISSING, JsonType, constant, is_pointer
from validators.language.claims import (
    ADDRESS,
    COUNT,
    STATUS,
    TEXT,
    claims_in,
    number_claims,
    sort_order,
    text_claims,
)
from validators.language.file_entries import file_made
from validators.language.names import new_name, path
from validators.language.targets import template_in
from validators.language.tree import (
    Fields,
    Items,
    Mapping,
    Node,
    Scalar,
    mapping,
    nearest,
    refusal,
    text,
)

BODIES = ("json", "form", "text")
# What the client itself decides. The judge's own mark is none of a journey's headers either.
CLIENTS_OWN = (
    "host", "connection", "content-length", "transfer-encoding", "upgrade", "cookie",
    "sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions",
)  # fmt: skip
PARTS = ("status", "headers", "json", "text", "path", "schema", "name", "size")
SHAPES = ("equals", "contains", "not_contains")
CLAIMS = (*SHAPES, "type", "count", "each", "sorted", *(one for one in TEXT if one not in SHAPES))
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


def call(line: int, node: Node, place: str) -> Call:
    """`{POST: /api/bookings, json: {name: Ada}, as: booked}`. Raises JourneyInvalid."""
    fields = mapping(node, "call")
    chosen = fields.one(Method)
    if chosen is None:
        raise refusal(line, "call needs a method and a path, like `GET: /api/bookings`")
    method = Method(chosen[0])
    if method is Method.SOCKET:
        return _socket(line, fields, chosen[1], place)
    body = fields.one(BODIES)
    query, headers, files = (fields.maybe(key) for key in ("query", "headers", "files"))
    follow, name, events = (fields.maybe(key) for key in ("follow", "as", "events"))
    fields.done()
    if (body or files) and method in (Method.GET, Method.HEAD):
        raise refusal(line, f"{method} takes no body: put what is asked into `query`")
    kind, value = body or ("", None)
    if files and kind not in ("", "form"):
        raise refusal(line, f"files are sent with the fields of a `form`, not with {kind}")
    return Call(
        line,
        method,
        _path(chosen[1], f"{place}.{method}"),
        query=_pairs(query, "query", f"{place}.query") if query else (),
        headers=_sent(headers, f"{place}.headers") if headers else (),
        json=shape(value, f"{place}.json") if value and kind == "json" else None,
        form=_pairs(value, "form", f"{place}.form") if value and kind == "form" else None,
        text=template_in(value, f"{place}.text") if value and kind == "text" else None,
        follow=_truth(follow, "follow") if follow else False,
        name=new_name(name) if name else "",
        files=tuple(_files(files, f"{place}.files")) if files else (),
        events=_number(events, "events") if events else 0,
    )


def _socket(line: int, fields: Fields, where: Node, place: str) -> Call:
    """`{SOCKET: /live, json: {join: walks}, messages: 2}`: one message at most is sent."""
    body = fields.one(("json", "text"))
    query, headers = fields.maybe("query"), fields.maybe("headers")
    name, messages = fields.maybe("as"), fields.maybe("messages")
    fields.done()
    kind, value = body or ("", None)
    return Call(
        line,
        Method.SOCKET,
        _path(where, f"{place}.{Method.SOCKET}"),
        query=_pairs(query, "query", f"{place}.query") if query else (),
        headers=_sent(headers, f"{place}.headers") if headers else (),
        json=shape(value, f"{place}.json") if value and kind == "json" else None,
        text=template_in(value, f"{place}.text") if value and kind == "text" else None,
        name=new_name(name) if name else "",
        events=_number(messages, "messages") if messages else 1,
    )


def remember_answer(fields: Fields, place: str) -> RememberAnswer | None:
    """`{json: /id, as: id}` or `{header: Location, as: where}`, with `of` for an answer that is not
    the latest; None for anything else that `remember` may keep. Raises JourneyInvalid."""
    chosen = fields.one(("json", "header"))
    if chosen is None:
        return None
    kind, node = chosen
    of, name = fields.maybe("of"), new_name(fields.need("as"))
    if kind == "json":
        pointer = _pointer(node, f"{place}.json")
        return RememberAnswer(fields.line, name, _of(of), pointer=pointer)
    return RememberAnswer(fields.line, name, _of(of), header=_header_name(node))


def answer(line: int, node: Node, place: str) -> AnswerIs:
    """`{status: 201, json: {/name: Ada}}` and the like. Raises JourneyInvalid."""
    fields = mapping(node, "answer")
    of = fields.maybe("of")
    status, headers, body, words, where, schema, name, size = map(fields.maybe, PARTS)
    fields.done()
    found = AnswerIs(
        line,
        _of(of),
        status=status_claims(status, line, f"{place}.status", closed=True) if status else (),
        headers=_claimed_headers(headers, f"{place}.headers") if headers else (),
        text=_body_claims(words, f"{place}.text") if words else (),
        json=claimed_json(body, f"{place}.json") if body else (),
        path=text_claims(where, "path", f"{place}.path", kinds=ADDRESS) if where else (),
        schema=_schema(schema) if schema else "",
        name=text_claims(name, "name", f"{place}.name") if name else (),
        size=_count(size, f"{place}.size") if size else (),
    )
    if not found.parts:
        raise refusal(line, f"answer needs one of {', '.join(PARTS)}")
    return found


def status_claims(node: Node, line: int, place: str, *, closed: bool = False) -> tuple[Claim, ...]:
    """`200`, or `{one_of: [200, 404]}`; with `closed` also the code of a closed web socket, like
    4401. Raises JourneyInvalid."""
    claims = number_claims(text_claims(node, "status", place, kinds=STATUS), line)
    form = r"[1-5][0-9]{2}|[1-4][0-9]{3}" if closed else r"[1-5][0-9]{2}"
    for wanted in (wanted for claim in claims for wanted in claim.wanted):
        if not wanted.holes and not re.fullmatch(form, wanted.source.strip()):
            raise refusal(line, f"{wanted.source!r} is no HTTP status: three digits, like 200")
    return claims


def shape(node: Node, place: str) -> JsonShape:
    """The JSON value that a node denotes. Raises JourneyInvalid."""
    match node:
        case Scalar(plain=plain):
            return JsonLeaf(template_in(node, place), plain)
        case Items(items=items):
            return JsonList(tuple(shape(one, f"{place}.{at}") for at, one in enumerate(items)))
        case Mapping(entries=entries):
            members = enumerate(entries)
            return JsonObject(
                tuple((key, shape(one, f"{place}.{at}")) for at, (key, one) in members)
            )


def claimed_json(node: Node, place: str) -> tuple[JsonClaim, ...]:
    """Claims by pointer: `{/name: Ada, /walks: {count: 3}}`. Raises JourneyInvalid."""
    if not isinstance(node, Mapping) or not node.entries:
        raise refusal(
            node.line, "json is a mapping from pointers to what stands there, like {/name: Ada}"
        )
    return tuple(
        _claimed(_pointer(Scalar(one.line, key), f"{place}.{at}"), one, f"{place}.{at}.is")
        for at, (key, one) in enumerate(node.entries)
    )


def _claimed(pointer: Template, node: Node, place: str) -> JsonClaim:
    """What is claimed of one value: a scalar or a list that it equals, or a mapping of claims."""
    if not isinstance(node, Mapping):
        return JsonClaim(pointer, equals=shape(node, place))
    fields = mapping(node, f"what stands at {pointer.source!r}")
    if not {key for key, _ in node.entries} & set(CLAIMS):
        raise refusal(
            node.line,
            f"{fields.what} is claimed by one of {', '.join(CLAIMS)}; an object is compared by"
            " {equals: {…}}, or {contains: {…}} where it may have more",
        )
    shapes = {key: fields.maybe(key) for key in SHAPES}
    kind, count, each = (fields.maybe(key) for key in ("type", "count", "each"))
    order, by = fields.maybe("sorted"), fields.maybe("by")
    compared = [key for key in TEXT if key not in shapes]
    there = {key for key, _ in node.entries} & set(compared)
    claim = JsonClaim(
        pointer,
        **{key: shape(one, f"{place}.{key}") if one else None for key, one in shapes.items()},
        kind=_type(kind) if kind else None,
        count=_count(count, f"{place}.count") if count else (),
        claims=claims_in(fields, place, kinds=compared) if there else (),
        each=_each(each, f"{place}.each") if each else (),
        order=sort_order(order) if order else None,
        by=text(by, "by") if by else "",
    )
    fields.done()
    if by and not order:
        raise refusal(by.line, "by names what the entries are `sorted` by")
    if not is_pointer(claim.by):
        raise refusal(node.line, f"by is a pointer in each entry, like /day, not {claim.by!r}")
    return claim


def _each(node: Node, place: str) -> tuple[JsonClaim, ...]:
    """Claims of every entry: by pointers in it, or one claim of the entry itself."""
    by_pointer = isinstance(node, Mapping) and all(
        key.startswith("/") or not key for key, _ in node.entries
    )
    if by_pointer:
        return claimed_json(node, place)
    return (_claimed(template_in(Scalar(node.line, ""), f"{place}.at"), node, f"{place}.is"),)


def _count(node: Node, place: str) -> tuple[Claim, ...]:
    return number_claims(text_claims(node, "count", place, kinds=COUNT), node.line)


def _body_claims(node: Node, place: str) -> tuple[Claim, ...]:
    if isinstance(node, Scalar):
        node = Mapping(node.line, (("contains", node),))
    return text_claims(node, "text", place)


def _claimed_headers(node: Node, place: str) -> tuple[HeaderClaim, ...]:
    found = []
    for at, (name, claim) in enumerate(_entries(node, "headers")):
        name = _header_name(Scalar(claim.line, name))
        match claim:
            case Mapping(entries=(("type", Scalar(text="absent")),)):
                found.append(HeaderClaim(name, absent=True))
            case _:
                kinds = ADDRESS if name.lower() == "location" else TEXT
                claims = text_claims(claim, f"header {name}", f"{place}.{at}", kinds=kinds)
                found.append(HeaderClaim(name, claims))
    return tuple(found)


def _sent(node: Node, place: str) -> Pairs:
    pairs = _pairs(node, "headers", place)
    for name, _ in pairs:
        _header_name(Scalar(node.line, name))
        if name.lower() in CLIENTS_OWN:
            raise refusal(node.line, f"the client sets {name} by itself: leave it out")
    return pairs


def _pairs(node: Node, what: str, place: str) -> Pairs:
    """Names and values, in order; a list gives one name several values."""
    pairs: list[tuple[str, Template]] = []
    for at, (name, one) in enumerate(_entries(node, what)):
        several = one.items if isinstance(one, Items) and what != "headers" else (one,)
        pairs += [
            (name, template_in(value, f"{place}.{at}.{index}"))
            for index, value in enumerate(several)
        ]
    return tuple(pairs)


def _files(node: Node, place: str) -> Iterator[tuple[str, FileMade]]:
    """Files by the name of their field; a list gives one field several."""
    for at, (field, one) in enumerate(_entries(node, "files")):
        several = one.items if isinstance(one, Items) else (one,)
        for index, file in enumerate(several):
            yield field, file_made(file, f"{place}.{at}.{index}")


def _entries(node: Node, what: str) -> tuple[tuple[str, Node], ...]:
    if not isinstance(node, Mapping) or not node.entries:
        raise refusal(node.line, f"{what} is a mapping from names to values, like {{name: Ada}}")
    return node.entries


def _header_name(node: Node) -> str:
    name = text(node, "header")
    if not _HEADER.fullmatch(name):
        raise refusal(node.line, f"{name!r} cannot be the name of a header")
    return name


def _pointer(node: Node, place: str) -> Template:
    pointer = template_in(node, place)
    if not is_pointer(pointer.literal) or (pointer.source and pointer.source[0] != "/"):
        raise refusal(
            node.line,
            f"{pointer.source!r} is no JSON Pointer: a slash before each part, like /walks/0/name;"
            ' "" is the whole value',
        )
    return pointer


def _path(node: Node, place: str) -> Template:
    """A path of the app; or a name alone, for an address that was remembered."""
    found = template_in(node, place)
    if found.holes and found.source.startswith("{{"):
        return found
    return path(node, place, verb="call")


def _of(node: Node | None) -> str:
    return new_name(node) if node else ""


def _type(node: Node) -> JsonType:
    word = text(node, "type")
    if word not in tuple(JsonType):
        raise refusal(node.line, f"no type {word!r}{nearest(word, JsonType)}")
    return JsonType(word)


def _number(node: Node, what: str) -> int:
    number = text(node, what)
    if not re.fullmatch(r"[1-9][0-9]?", number):
        raise refusal(node.line, f"{what} is how many are waited for, 1 to 99, not {number!r}")
    return int(number)


def _truth(node: Node, what: str) -> bool:
    word = text(node, what)
    if word not in ("true", "false"):
        raise refusal(node.line, f"{what} is true or false, not {word!r}")
    return word == "true"


def _schema(node: Node) -> str:
    """A JSON Schema as JSON text. Raises JourneyInvalid for one that is none, or that refers to
    another document."""
    schema = _constant(node)
    if not isinstance(schema, dict) or not schema:
        raise refusal(node.line, "schema is a JSON Schema that is not empty, like {type: array}")
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    for reference in _references(schema):
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise refusal(node.line, f"schema: {reference!r} is another document; only #/… is read")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise refusal(node.line, f"schema: {error.message}") from None
    return json.dumps(schema, sort_keys=True)


def _references(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [found for item in value for found in _references(item)]
    if not isinstance(value, dict):
        return []
    own = [value[key] for key in ("$ref", "$dynamicRef", "$schema", "$id") if key in value]
    return own + [found for item in value.values() for found in _references(item)]


def _constant(node: Node) -> Any:
    match node:
        case Scalar(text=words, plain=plain):
            if "{{" in words:
                raise refusal(node.line, "schema has no {{ }}: compare values under `json`")
            value = constant(words) if plain else MISSING
            return words if value is MISSING else value
        case Items(items=items):
            return [_constant(item) for item in items]
        case Mapping(entries=entries):
            return {key: _constant(item) for key, item in entries}
