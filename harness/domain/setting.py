"""What a key of `factory.toml` means, beside its type and its default: the part of a settings field
that the reader, the reference and the editors' schema share."""

from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from decimal import Decimal
from typing import Any, TypeVar

MOST = 100_000
"""The highest number of pieces, rounds, seconds or days: anything above is a typing error."""

TEXTS, PAIRS = tuple[str, ...], tuple[tuple[str, str], ...]
KIND_WORDS: Mapping[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    Decimal: "number",
    bool: "true or false",
    TEXTS: "list of texts",
    PAIRS: "table of texts",
}
"""What the type of a field is called by those who write its value."""

_T = TypeVar("_T")
_KEY = "setting"


@dataclass(frozen=True, slots=True)
class Setting:
    """One sentence about a key, and an example as it stands in the file.

    `least` and `most` bound a number, both inclusive. `choices` are all words that are accepted;
    empty: any. `required`: a table without the key is refused."""

    sentence: str
    example: str
    unit: str = ""
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    required: bool = False


def setting(
    default: _T,
    sentence: str,
    *,
    example: str,
    unit: str = "",
    least: float | None = None,
    most: float | None = None,
    choices: tuple[str, ...] = (),
    required: bool = False,
) -> _T:
    """A field with a default."""
    found = Setting(sentence, example, unit, least, most, choices, required)
    return field(default=default, metadata={_KEY: found})


def required(
    sentence: str,
    *,
    example: str,
    unit: str = "",
    least: float | None = None,
    most: float | None = None,
) -> Mapping[str, Setting]:
    """The metadata of a field that has no default."""
    return {_KEY: Setting(sentence, example, unit, least, most, required=True)}


def setting_of(one: "Field[object]") -> Setting | None:
    """What the field means as a key; None for one that no key sets."""
    return one.metadata.get(_KEY)


def expected_words(kind: object) -> str:
    """What a value of this type is called in a message: `a whole number`, `true or false`."""
    return KIND_WORDS[kind] if kind is bool else f"a {KIND_WORDS[kind]}"


def missing_words(kind: type, given: Collection[str]) -> str:
    """Which fields without a default a dataclass lacks among these names; empty: none."""
    lacking = [
        f"`{one.name}`"
        for one in fields(kind)
        if one.default is MISSING and one.default_factory is MISSING and one.name not in given
    ]
    if not lacking:
        return ""
    *others, last = lacking
    return f"needs {', '.join(others)} and {last}" if others else f"needs {last}"
