"""Alters the body of an answer: pure functions from a body and what is at stake to another body.

A text of one or two characters only matches as a whole (a cell that reads `4`), a longer one by
whole words. Otherwise `4` would match in every price, and a control would be blamed for missing
what was never its own."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from validators.domain.journeys.data_at_stake import Address, Stakes
from validators.domain.journeys.wording import folded, path_matches, whole_words
from validators.domain.json_values import leaves

SHORT = 2
HTML = ("text/html", "application/xhtml+xml")
# Whatever a page leaves open: none of these looks at a part of it twice. What begins and never ends
# goes on to the end of the page, as a browser has it.
_MARKUP = re.compile(
    r"(<script\b.*?(?:</script\s*>|\Z)|<style\b.*?(?:</style\s*>|\Z)|<!--.*?(?:-->|\Z)"
    r"|<[a-z/!?][^>]*(?:>|\Z))",
    re.DOTALL | re.IGNORECASE,
)
_ROW = re.compile(r"<(tr|li|article)\b[^<>]*>(?:(?!<\1\b).)*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_GIVEN = r"""("[^"]*"|'[^']*'|[^\s"'<>=`]+)"""
_HELD = re.compile(rf"(\bvalue\s*=\s*){_GIVEN}", re.IGNORECASE)
_NAMING = re.compile(rf"(\s(?:aria-label|alt|placeholder)\s*=\s*){_GIVEN}", re.IGNORECASE)
_LEADING = re.compile(rf"(<a\b[^<>]*?\shref\s*=\s*){_GIVEN}", re.IGNORECASE | re.DOTALL)
_TABLE = re.compile(r"<table\b[^<>]*>(?:(?!<table\b).)*?</table\s*>", re.DOTALL | re.IGNORECASE)
_TABLE_ROW = re.compile(r"<tr\b[^<>]*>(?:(?!<tr\b).)*?</tr\s*>", re.DOTALL | re.IGNORECASE)
_HEADING_CELL = re.compile(r"<th\b[^<>]*>((?:(?!<th\b).)*?)</th\s*>", re.DOTALL | re.IGNORECASE)
_CELL_ENDS = re.compile(r'([,;\t"\r\n]+)')
PLAIN = ("text/plain", "text/csv", "text/tab-separated-values")


@dataclass(frozen=True, slots=True)
class Mutation:
    """An altered body. `touched`: a text that the journey requires is gone from it. `reached`: so
    is a value that a step entered."""

    content: bytes
    touched: bool
    reached: bool = False


def swapped(content: bytes, kind: str, stakes: Stakes) -> Mutation:
    """Replace every text at stake, and every value it mentions, by another; let every link at stake
    lead elsewhere.

    If the answer contains none of that and numbers are compared, remove every number from it."""
    mutation = _mutated(content, kind, stakes, SWAP)
    led = _misdirected(mutation.content, kind, stakes.addresses)
    if led.content != content or not stakes.numeric:
        return Mutation(led.content, mutation.touched or led.touched, mutation.reached)
    return Mutation(_mutated(content, kind, stakes, REMOVE_NUMBERS).content, False)


def dropped(content: bytes, kind: str, stakes: Stakes) -> Mutation:
    """Remove every table row, list item, line or JSON list entry that holds something at stake.

    If there is none and things are counted, remove all of them."""
    mutation = _mutated(content, kind, stakes, DROP)
    if mutation.content != content or not stakes.counted:
        return mutation
    return Mutation(_mutated(content, kind, stakes, EMPTY).content, False)


def reversed_tables(content: bytes, kind: str, stakes: Stakes) -> Mutation:
    """Reverse the rows of every table with a column whose order is at stake."""
    if kind not in HTML or not stakes.ordered:
        return Mutation(content, False)
    try:
        before = content.decode()
    except ValueError:
        return Mutation(content, False)
    after = _TABLE.sub(lambda table: _reversed_table(table.group(), stakes.ordered), before)
    # A page with a script may sort the rows again, so the fault is not known to touch it.
    touched = after != before and "<script" not in before.lower()
    return Mutation(after.encode() if after != before else content, touched)


def altered(text: str) -> str:
    """The text with every word reversed and every digit raised by 3: never equal to the
    original."""
    words = re.sub(r"[^\W\d_]+", lambda found: found.group()[::-1], text)
    digits = re.sub(r"[0-9]", lambda found: str((int(found.group()) + 3) % 10), words)
    return digits if digits != text else f"{text}x"


@dataclass(frozen=True, slots=True)
class Mutator:
    """One way to alter a body, for each media type that is altered at all."""

    in_html: Callable[[str, tuple[str, ...]], str]
    in_json: Callable[[Any, tuple[str, ...]], Any]
    in_plain: Callable[[str, tuple[str, ...]], str]


def _mutated(content: bytes, kind: str, stakes: Stakes, mutator: Mutator) -> Mutation:
    # The longest first: a short text may be a part of a longer one.
    aims = tuple(sorted(stakes.texts | stakes.data, key=len, reverse=True))
    try:
        before = content.decode()
        if kind in HTML:
            after, parts = mutator.in_html(before, aims), _html_texts
        elif kind.endswith("json"):
            after, parts = _rewritten(before, mutator.in_json, aims), _json_texts
        elif kind in PLAIN:
            after, parts = mutator.in_plain(before, aims), _plain_texts
        else:
            return Mutation(content, False)
    # A body that is not what its media type claims passes unaltered.
    except ValueError:
        return Mutation(content, False)
    if after == before:
        return Mutation(content, False)

    def gone(texts: Iterable[str]) -> bool:
        return any(among(text, parts(before)) and not among(text, parts(after)) for text in texts)

    return Mutation(after.encode(), gone(stakes.texts), gone(stakes.data))


def _rewritten(
    before: str, in_json: Callable[[Any, tuple[str, ...]], Any], aims: tuple[str, ...]
) -> str:
    document = json.loads(before)
    after = in_json(document, aims)
    # The original bytes if nothing changed: another spelling of the same JSON is no alteration.
    return before if after == document else json.dumps(after)


def _html_texts(document: str) -> list[str]:
    """The texts that a person sees or a screen reader reads out, and the values of form fields."""
    texts = [html.unescape(piece) for piece in _MARKUP.split(document)[::2]]
    held = [_given(found.group(2)) for way in (_HELD, _NAMING) for found in way.finditer(document)]
    return [folded(" ".join(texts)), *map(folded, texts), *held]


def _plain_texts(document: str) -> list[str]:
    return [
        folded(document),
        *map(folded, document.splitlines()),
        *map(folded, _CELL_ENDS.split(document)[::2]),
    ]


def _json_texts(document: str) -> list[str]:
    return [folded(str(leaf)) for leaf in leaves(json.loads(document))]


def among(text: str, parts: Iterable[str]) -> bool:
    """Whether one of these texts has the text at stake in it."""
    return any(holds(part, text) for part in parts)


def holds(part: str, text: str) -> bool:
    """Whether a text has another in it: a short one as a whole, a longer one by whole words."""
    return (
        folded(part) == text if len(text) <= SHORT else whole_words(text).search(part) is not None
    )


def _swapped_text(text: str, aims: tuple[str, ...]) -> str:
    for aim in aims:
        if len(aim) <= SHORT:
            text = altered(text) if folded(text) == aim else text
        elif whole_words(aim).search(text):
            return whole_words(aim).sub(lambda found: altered(found.group()), text)
    return text


def _swapped_html(document: str, aims: tuple[str, ...]) -> str:
    pieces = _MARKUP.split(document)
    # A split by a capturing pattern alternates: texts at even places, markup at odd ones.
    for at in range(0, len(pieces), 2):
        plain = html.unescape(pieces[at])
        swapped_text = _swapped_text(plain, aims)
        if swapped_text != plain:
            pieces[at] = html.escape(swapped_text, quote=False)
    for at in range(1, len(pieces), 2):
        if pieces[at].lower().startswith("<input"):
            pieces[at] = _HELD.sub(
                lambda found: found.group(1) + _swapped_value(found.group(2), aims), pieces[at]
            )
        if not pieces[at].startswith("<!--"):
            pieces[at] = _NAMING.sub(
                lambda found: found.group(1) + _swapped_value(found.group(2), aims), pieces[at]
            )
    return "".join(pieces)


def _swapped_value(written: str, aims: tuple[str, ...]) -> str:
    held = _given(written)
    return f'"{html.escape(altered(held))}"' if folded(held) in aims else written


def _given(written: str) -> str:
    """The value of an attribute, with or without quotes."""
    return html.unescape(written[1:-1] if written[:1] in ('"', "'") else written)


def _swapped_json(value: Any, aims: tuple[str, ...]) -> Any:
    match value:
        case dict():
            return {key: _swapped_json(held, aims) for key, held in value.items()}
        case list():
            return [_swapped_json(held, aims) for held in value]
        case str():
            return _swapped_text(value, aims)
        case int() | float() if not isinstance(value, bool) and str(value) in aims:
            return value + 3
        case _:
            return value


def _dropped_html(document: str, aims: tuple[str, ...]) -> str:
    def kept(row: re.Match[str]) -> str:
        texts = _html_texts(row.group())
        return "" if any(among(aim, texts) for aim in aims) else row.group()

    return _ROW.sub(kept, document)


def _dropped_json(value: Any, aims: tuple[str, ...]) -> Any:
    match value:
        case dict():
            return {key: _dropped_json(held, aims) for key, held in value.items()}
        case list():
            return [_dropped_json(item, aims) for item in value if not _at_stake(item, aims)]
        case _:
            return value


def _at_stake(item: Any, aims: tuple[str, ...]) -> bool:
    texts = [folded(str(leaf)) for leaf in leaves(item)] if isinstance(item, dict | list) else []
    return any(among(aim, texts) for aim in aims)


def _swapped_plain(document: str, aims: tuple[str, ...]) -> str:
    """Swap line by line, and cell by cell where a line as a whole does not match."""
    return "".join(_swapped_line(line, aims) for line in document.splitlines(keepends=True))


def _swapped_line(line: str, aims: tuple[str, ...]) -> str:
    whole = _swapped_text(line, tuple(aim for aim in aims if len(aim) > SHORT))
    if whole != line:
        return whole
    return "".join(_swapped_text(cell, aims) for cell in _CELL_ENDS.split(line))


def _dropped_plain(document: str, aims: tuple[str, ...]) -> str:
    lines = document.splitlines(keepends=True)
    return "".join(
        line for line in lines if not any(among(aim, _plain_texts(line)) for aim in aims)
    )


def _emptied_html(document: str, aims: tuple[str, ...]) -> str:
    return _ROW.sub(lambda row: row.group() if "<th" in row.group().lower() else "", document)


def _emptied_json(value: Any, aims: tuple[str, ...]) -> Any:
    match value:
        case dict():
            return {key: _emptied_json(held, aims) for key, held in value.items()}
        case list():
            return []
        case _:
            return value


def _emptied_plain(document: str, aims: tuple[str, ...]) -> str:
    """Keep the first line only: it holds the headings of a file."""
    return document.splitlines(keepends=True)[0] if document else document


def _unnumbered_html(document: str, aims: tuple[str, ...]) -> str:
    pieces = _MARKUP.split(document)
    for at in range(0, len(pieces), 2):
        plain = html.unescape(pieces[at])
        without = _unnumbered_plain(plain, aims)
        if without != plain:
            pieces[at] = html.escape(without, quote=False)
    return "".join(pieces)


def _unnumbered_json(value: Any, aims: tuple[str, ...]) -> Any:
    match value:
        case dict():
            return {key: _unnumbered_json(held, aims) for key, held in value.items()}
        case list():
            return [_unnumbered_json(held, aims) for held in value]
        case str():
            return _unnumbered_plain(value, aims)
        case int() | float() if not isinstance(value, bool):
            return None
        case _:
            return value


def _unnumbered_plain(document: str, aims: tuple[str, ...]) -> str:
    return re.sub(r"[0-9]+", "?", document)


def _misdirected(content: bytes, kind: str, addresses: frozenset[Address]) -> Mutation:
    """Let every link to an address at stake lead to another."""
    if kind not in HTML or not addresses:
        return Mutation(content, False)
    try:
        before = content.decode()
    except ValueError:
        return Mutation(content, False)

    def elsewhere(found: re.Match[str]) -> str:
        address = _given(found.group(2))
        if not any(path_matches(address, match, *wanted) for match, wanted in addresses):
            return found.group()
        path, mark, rest = address.partition("?")
        other = f"{altered(path)}?{altered(rest)}" if mark else altered(path)
        return f'{found.group(1)}"{html.escape(other)}"'

    after = _LEADING.sub(elsewhere, before)
    return Mutation(after.encode() if after != before else content, after != before)


def _reversed_table(table: str, headers: frozenset[str]) -> str:
    headings = [
        folded(html.unescape(_MARKUP.sub(" ", cell))) for cell in _HEADING_CELL.findall(table)
    ]
    if not any(whole_words(header).search(heading) for header in headers for heading in headings):
        return table
    rows = [row for row in _TABLE_ROW.findall(table) if _holds_data(row)]

    def other(row: re.Match[str]) -> str:
        return rows.pop() if _holds_data(row.group()) else row.group()

    return _TABLE_ROW.sub(other, table)


def _holds_data(row: str) -> bool:
    return "<td" in row.lower()


SWAP = Mutator(_swapped_html, _swapped_json, _swapped_plain)
REMOVE_NUMBERS = Mutator(_unnumbered_html, _unnumbered_json, _unnumbered_plain)
DROP = Mutator(_dropped_html, _dropped_json, _dropped_plain)
EMPTY = Mutator(_emptied_html, _emptied_json, _emptied_plain)
