"""Reads single values of a workflow document; each refusal names line and key."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation

from harness.workflow.document import DocumentValue, nearest
from harness.workflow.language import DURATION, SECONDS


def only(keys: Mapping[str, DocumentValue], known: Collection[str]) -> None:
    for key, value in keys.items():
        if key not in known:
            raise value.error(f"no such key; {nearest(key, known)}")


def among(value: DocumentValue, name: str, known: Collection[str] | None, what: str) -> str:
    if known is not None and name not in known:
        raise value.error(f"there is no {what} `{name}`; {nearest(name, known)}")
    return name


def texts(
    value: DocumentValue | None, pattern: re.Pattern[str], *, expected: str, least: int = 1
) -> tuple[str, ...]:
    if value is None:
        return ()
    found = tuple(item.text(pattern, expected=expected) for item in value.sequence())
    if len(found) < least:
        raise value.error(f"expected at least {least} of them")
    if twice := next((name for name in found if found.count(name) > 1), None):
        raise value.error(f"names `{twice}` twice")
    return found


def seconds(value: DocumentValue) -> int:
    text = value.text(DURATION, expected="a duration like `90s`, `10m` or `1h`")
    return int(text[:-1]) * SECONDS[text[-1]]


def whole(value: DocumentValue, least: int, most: int) -> int:
    found = value.plain()
    if not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most:
        raise value.error(f"expected a whole number from {least} to {most}, found {value.shown}")
    return found


def number(value: DocumentValue, least: float, most: float) -> float:
    found = value.plain()
    if not isinstance(found, int | float) or isinstance(found, bool) or not least <= found <= most:
        raise value.error(f"expected a number from {least} to {most}, found {value.shown}")
    return float(found)


def dollars(value: DocumentValue) -> Decimal:
    """From the digits as they were written: money never passes through a float."""
    found = value.plain()
    try:
        exact = Decimal(str(value.node.value))
    except InvalidOperation:
        exact = Decimal(0)
    if not isinstance(found, int | float) or isinstance(found, bool) or not 0 < exact <= 1000:
        raise value.error(f"expected dollars above 0 and up to 1000, found {value.shown}")
    return exact
