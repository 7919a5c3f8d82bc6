"""Alters what an API is asked and what it answers: fields, the order of arrays, the input."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from validators.browser.network.http1 import Head
from validators.browser.network.mutations import Mutation, among, dropped, holds
from validators.domain.journeys.data_at_stake import Stakes
from validators.domain.journeys.wording import folded
from validators.domain.json_values import at, leaves, read_json, replaced, without

IN_AN_ADDRESS = "/%?&=+,;:@!$'()*~"


def lost_json(content: bytes, stakes: Stakes) -> Mutation:
    """A JSON value with an array in another order, without an entry or without a field: the first
    of these that alters it."""
    found = Mutation(content, False)
    for found in (
        reversed_arrays(content, stakes),
        dropped(content, "application/json", stakes),
        dropped_fields(content, stakes),
    ):
        if found.content != content:
            break
    return found


def lost_messages(content: bytes, stakes: Stakes, *, every: bool = False) -> Mutation:
    """The messages of a web socket without those that hold something at stake, or without any."""
    aims = tuple(sorted(stakes.texts | stakes.data, key=len, reverse=True))
    try:
        before = read_json(content)
    except ValueError:
        return Mutation(content, False)
    if not isinstance(before, list):
        return Mutation(content, False)
    parts = [[folded(str(leaf)) for leaf in leaves(one)] for one in before]
    kept = [not every and not any(among(aim, part) for aim in aims) for part in parts]
    if all(kept):
        return Mutation(content, False)
    left = [part for part, stays in zip(parts, kept, strict=True) if stays]

    def gone(texts: Iterable[str]) -> bool:
        return any(
            any(among(text, part) for part in parts) and not any(among(text, part) for part in left)
            for text in texts
        )

    after = [one for one, stays in zip(before, kept, strict=True) if stays]
    return Mutation(json.dumps(after).encode(), gone(stakes.texts), gone(stakes.data))


def dropped_fields(content: bytes, stakes: Stakes) -> Mutation:
    """Remove from a JSON answer every member at a pointer at stake, and every member whose own text
    is at stake."""
    aims = tuple(sorted(stakes.texts | stakes.data, key=len, reverse=True))
    try:
        before = read_json(content)
    except ValueError:
        return Mutation(content, False)
    after = before
    for pointer in sorted(stakes.fields - {""}, key=len, reverse=True):
        after = without(after, pointer)
    pointed = after != before
    after = _without_members(after, aims)
    if after == before:
        return Mutation(content, False)
    left, there = ([folded(str(one)) for one in leaves(value)] for value in (after, before))

    def gone(texts: Iterable[str]) -> bool:
        return any(among(text, there) and not among(text, left) for text in texts)

    altered_content = json.dumps(after).encode()
    return Mutation(altered_content, pointed or gone(stakes.texts), gone(stakes.data))


def reversed_arrays(content: bytes, stakes: Stakes) -> Mutation:
    """Reverse every array of a JSON answer whose order is at stake."""
    try:
        before = read_json(content)
    except ValueError:
        return Mutation(content, False)
    after = before
    for pointer in stakes.sorted_at:
        entries = at(after, pointer)
        after = replaced(after, pointer, entries[::-1]) if isinstance(entries, list) else after
    altered_content = content if after == before else json.dumps(after).encode()
    return Mutation(altered_content, after != before)


def with_other_input(
    request: Head, content: bytes, others: Iterable[tuple[str, str]]
) -> tuple[str, bytes]:
    """The target and the body of a request in which each value of a pair is the other one."""
    pairs = {folded(own): other for own, other in others if own and own != other}
    body = _other_body(request, content, pairs)
    # A path may have its values within it, so that they are no part of their own.
    addresses = {unquote(own): other for own, other in pairs.items() if own.startswith("/")}
    url = urlsplit(request.second)
    if whole := addresses.get(unquote(url._replace(scheme="", netloc="").geturl())):
        path, _, query = quote(whole, safe=IN_AN_ADDRESS).partition("?")
        return url._replace(path=path, query=query).geturl(), body
    path = "/".join(_exchanged(part, pairs) for part in url.path.split("/"))
    if whole := addresses.get(unquote(url.path)):
        path = quote(whole, safe="/%")
    asked = parse_qsl(url.query, keep_blank_values=True)
    replaced_query = [(key, pairs.get(folded(value), value)) for key, value in asked]
    query = url.query if asked == replaced_query else urlencode(replaced_query)
    return url._replace(path=path, query=query).geturl(), body


def _exchanged(part: str, pairs: Mapping[str, str]) -> str:
    own = folded(unquote(part))
    return quote(pairs[own], safe="") if own in pairs else part


def _other_body(request: Head, content: bytes, pairs: Mapping[str, str]) -> bytes:
    kind = request.header("content-type")
    if "multipart" in kind:
        # A picture among the fields is no text, and stays as it is.
        text = content.decode("utf-8", "surrogateescape")
        return _other_lines(text, pairs).encode("utf-8", "surrogateescape")
    try:
        text = content.decode()
        if "json" in kind:
            document = json.loads(text)
            other = _other_leaves(document, pairs)
            return content if other == document else json.dumps(other).encode()
        if "urlencoded" in kind:
            form = parse_qsl(text, keep_blank_values=True)
            other_form = [(key, pairs.get(folded(value), value)) for key, value in form]
            return content if form == other_form else urlencode(other_form).encode()
    except ValueError:
        return content
    return _other_lines(text, pairs).encode()


def _other_lines(text: str, pairs: Mapping[str, str]) -> str:
    """The text with other values in place of whole lines, and of the cells of a table: the values
    of a multipart form stand on lines of their own."""
    return "\n".join(_other_cells(line, pairs) for line in text.split("\n"))


def _other_cells(line: str, pairs: Mapping[str, str]) -> str:
    end = "\r" if line.endswith("\r") else ""
    if folded(line) in pairs:
        return pairs[folded(line)] + end
    cells = re.split('([,;\t"])', line.removesuffix("\r"))
    return "".join(pairs.get(folded(cell), cell) for cell in cells) + end


def _other_leaves(value: Any, pairs: Mapping[str, str]) -> Any:
    match value:
        case dict():
            return {key: _other_leaves(held, pairs) for key, held in value.items()}
        case list():
            return [_other_leaves(held, pairs) for held in value]
        case str():
            return pairs.get(folded(value), value)
        case int() if not isinstance(value, bool) and _is_whole(pairs.get(str(value), "")):
            return int(pairs[str(value)])
        case _:
            return value


def _is_whole(text: str) -> bool:
    return re.fullmatch("-?[0-9]{1,15}", text) is not None


def _without_members(value: Any, aims: tuple[str, ...]) -> Any:
    match value:
        case dict():
            return {
                key: _without_members(held, aims)
                for key, held in value.items()
                if isinstance(held, dict | list | bool)
                or held is None
                or not any(holds(str(held), aim) for aim in aims)
            }
        case list():
            return [_without_members(item, aims) for item in value]
        case _:
            return value
