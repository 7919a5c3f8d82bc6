"""Tables of `factory.toml` as frozen values. An unknown key is an error with a hint."""

import difflib
from collections.abc import Mapping
from dataclasses import Field, fields
from decimal import Decimal
from typing import Any, TypeVar

from harness.domain.errors import ConfigError
from harness.domain.plain import JsonObject
from harness.domain.setting import PAIRS, TEXTS, expected_words, missing_words, setting_of

FILE = "factory.toml"

_T = TypeVar("_T")


def table(document: JsonObject, name: str) -> JsonObject:
    """The table of that name, empty if there is none. Raises ConfigError if the key is no table."""
    found = document.get(name, {})
    if not isinstance(found, Mapping):
        raise ConfigError(f"expected a table `[{name}]`", file=FILE, key=name)
    return found


def only_known(given: JsonObject, known: tuple[str, ...], prefix: str) -> None:
    """Raises ConfigError for a key that is not among `known`, with the nearest one that is."""
    for key in given:
        if key not in known:
            nearest = difflib.get_close_matches(key, known, n=1)
            hint = (
                f"; did you mean `{prefix}{nearest[0]}`?"
                if nearest
                else f"; known here: {', '.join(known)}"
            )
            raise ConfigError(f"no such key{hint}", file=FILE, key=f"{prefix}{key}")


def read(kind: type[_T], given: JsonObject, name: str) -> _T:
    """The table called `name` as a `kind`, a dataclass. Raises ConfigError naming the key and what
    was expected."""
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    only_known(given, tuple(known), f"{name}.")
    if lacking := missing_words(kind, given):
        raise ConfigError(lacking, file=FILE, key=name)
    return kind(
        **{key: _bounded(known[key], value, f"{name}.{key}") for key, value in given.items()}
    )


def _bounded(field: "Field[Any]", given: Any, key: str) -> Any:
    """The value of a field, within the bounds that its setting has. Amounts of money have a reader
    of their own."""
    bounds = setting_of(field)
    value = _value(field.type, given, key, example=bounds.example if bounds else "")
    if bounds is None or bounds.least is None or bounds.most is None or field.type is Decimal:
        return value
    # `nan` is between no two bounds.
    if not bounds.least <= value <= bounds.most:
        noun = "seconds" if field.type is float else "a number"
        raise ConfigError(
            f"expected {noun} from {bounds.least:.10g} to {bounds.most:.10g}, found {value!r}",
            file=FILE,
            key=key,
        )
    return value


def _value(kind: Any, value: Any, key: str, *, example: str) -> Any:
    """`value` as the type of the field: lists become tuples, tables become pairs, money becomes
    Decimal."""
    match value:
        case list() if kind == TEXTS and all(isinstance(item, str) for item in value):
            return tuple(value)
        case dict() if kind == PAIRS:
            return tuple(sorted((str(k), str(v)) for k, v in value.items()))
        # bool is a subclass of int, and no amount of money.
        case int() | float() if kind is Decimal and not isinstance(value, bool):
            return Decimal(str(value))
        case int() | float() if kind is float and not isinstance(value, bool):
            return value
        case _ if kind in (int, str, bool) and type(value) is kind:
            return value
    such = f", such as `{example}`" if example else ""
    raise ConfigError(
        f"expected {expected_words(kind)}{such}, found {value!r:.80}", file=FILE, key=key
    )
