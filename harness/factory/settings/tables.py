"""Tables of `factory.toml` as frozen values. An unknown key is an error with a hint."""

import difflib
from collections.abc import Mapping
from dataclasses import Field, fields
from decimal import Decimal
from typing import Any, TypeVar

from harness.domain.errors import ConfigError
from harness.domain.plain import JsonObject
from harness.domain.setting import setting_of

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
    try:
        return kind(
            **{key: _bounded(known[key], value, f"{name}.{key}") for key, value in given.items()}
        )
    except TypeError as error:
        raise ConfigError(str(error).split("()", 1)[-1].strip(), file=FILE, key=name) from error


def _bounded(field: "Field[Any]", given: Any, key: str) -> Any:
    """The value of a field, within the bounds that its setting has. Amounts of money have a reader
    of their own."""
    value, bounds = _value(field.type, given, key), setting_of(field)
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


def _value(kind: Any, value: Any, key: str) -> Any:
    """`value` as the type of the field: lists become tuples, tables become pairs, money becomes
    Decimal."""
    wanted = "a number" if kind is float else getattr(kind, "__name__", str(kind))
    match value:
        case list() if all(isinstance(item, str) for item in value) and "tuple" in str(kind):
            return tuple(value)
        case dict() if "tuple" in str(kind):
            return tuple(sorted((str(k), str(v)) for k, v in value.items()))
        # bool is a subclass of int, and no amount of money.
        case int() | float() if kind is Decimal and not isinstance(value, bool):
            return Decimal(str(value))
        case int() | float() if kind is float and not isinstance(value, bool):
            return value
        case _ if kind in (int, str, bool) and type(value) is kind:
            return value
    raise ConfigError(f"expected {wanted}, found {value!r}", file=FILE, key=key)
