"""What a saboteur does to the bytes of an answer: pure functions from a body and what is at stake to another body.

A text of one or two characters is only ever matched as a whole (a cell that reads `4`), a longer one by whole words:
otherwise `4` would be found in every price, and a control would be blamed for missing what was never its own.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from validators.domain.stakes import Stakes
from validators.domain.wording import folded, whole_words

SHORT = 2
_MARKUP = re.compile(r"(<script\b.*?</script\s*>|<style\b.*?</style\s*>|<!--.*?-->|<[^>]*>)", re.DOTALL | re.IGNORECASE)
_ROW = re.compile(r"<(tr|li|article)\b[^>]*>(?:(?!<\1\b).)*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_HELD = re.compile(r"""(\bvalue\s*=\s*)("[^"]*"|'[^']*')""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wound:
    """An altered body. `touched`: a text that the journey requires was in it, and is so no longer."""

    content: bytes
    touched: bool


def swapped(content: bytes, kind: str, stakes: Stakes) -> Wound:
    """Every text at stake, and every value it mentions, reads differently."""
    return _wounded(content, kind, stakes, in_html=_swapped_html, in_json=_swapped_json)


def dropped(content: bytes, kind: str, stakes: Stakes) -> Wound:
    """Every table row, list item or JSON list entry that holds something at stake is gone."""
    return _wounded(content, kind, stakes, in_html=_dropped_html, in_json=_dropped_json)


def altered(text: str) -> str:
    """The text with every word turned round and every digit moved on: never equal to what it was."""
    turned = re.sub(r"[^\W\d_]+", lambda found: found.group()[::-1], text)
    moved = re.sub(r"[0-9]", lambda found: str((int(found.group()) + 3) % 10), turned)
    return moved if moved != text else f"{text}x"


def _wounded(
    content: bytes,
    kind: str,
    stakes: Stakes,
    *,
    in_html: Callable[[str, tuple[str, ...]], str],
    in_json: Callable[[Any, tuple[str, ...]], Any],
) -> Wound:
    aims = tuple(sorted(stakes.texts | stakes.data, key=len, reverse=True))
    try:
        before = content.decode()
        if kind in ("text/html", "application/xhtml+xml"):
            after, parts = in_html(before, aims), _html_texts
        elif kind.endswith("json"):
            after, parts = _rewritten(before, in_json, aims), _json_texts
        else:
            return Wound(content, False)
    except ValueError:
        return Wound(content, False)
    if after == before:
        return Wound(content, False)
    gone = [text for text in stakes.texts if _among(text, parts(before)) and not _among(text, parts(after))]
    return Wound(after.encode(), bool(gone))


def _rewritten(before: str, in_json: Callable[[Any, tuple[str, ...]], Any], aims: tuple[str, ...]) -> str:
    document = json.loads(before)
    after = in_json(document, aims)
    return before if after == document else json.dumps(after)


def _html_texts(document: str) -> list[str]:
    """The texts a person reads, and what form fields hold."""
    texts = [html.unescape(piece) for piece in _MARKUP.split(document)[::2]]
    held = [html.unescape(found.group(2)[1:-1]) for found in _HELD.finditer(document)]
    return [folded(" ".join(texts)), *map(folded, texts), *held]


def _json_texts(document: str) -> list[str]:
    return [folded(str(leaf)) for leaf in leaves(json.loads(document))]


def leaves(value: Any) -> Iterable[Any]:
    """Every scalar of a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif value is not None and not isinstance(value, bool):
        yield value


def _among(text: str, parts: Iterable[str]) -> bool:
    return any(_holds(part, text) for part in parts)


def _holds(part: str, text: str) -> bool:
    return folded(part) == text if len(text) <= SHORT else whole_words(text).search(part) is not None


def _swapped_text(text: str, aims: tuple[str, ...]) -> str:
    for aim in aims:
        if len(aim) <= SHORT:
            text = altered(text) if folded(text) == aim else text
        elif whole_words(aim).search(text):
            return whole_words(aim).sub(lambda found: altered(found.group()), text)
    return text


def _swapped_html(document: str, aims: tuple[str, ...]) -> str:
    pieces = _MARKUP.split(document)
    for at in range(0, len(pieces), 2):
        plain = html.unescape(pieces[at])
        told = _swapped_text(plain, aims)
        pieces[at] = pieces[at] if told == plain else html.escape(told, quote=False)
    for at in range(1, len(pieces), 2):
        if pieces[at].lower().startswith("<input"):
            pieces[at] = _HELD.sub(lambda found: found.group(1) + _swapped_value(found.group(2), aims), pieces[at])
    return "".join(pieces)


def _swapped_value(quoted: str, aims: tuple[str, ...]) -> str:
    held = html.unescape(quoted[1:-1])
    return f'"{html.escape(altered(held))}"' if folded(held) in aims else quoted


def _swapped_json(value: Any, aims: tuple[str, ...]) -> Any:
    match value:
        case dict():
            return {key: _swapped_json(held, aims) for key, held in value.items()}
        case list():
            return [_swapped_json(held, aims) for held in value]
        case str():
            return _swapped_text(value, aims)
        case int() if not isinstance(value, bool) and str(value) in aims:
            return value + 3
        case _:
            return value


def _dropped_html(document: str, aims: tuple[str, ...]) -> str:
    def kept(row: re.Match[str]) -> str:
        texts = _html_texts(row.group())
        return "" if any(_among(aim, texts) for aim in aims) else row.group()

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
    return any(_among(aim, texts) for aim in aims)
