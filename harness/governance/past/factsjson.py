"""The facts of a change as JSON, and back again: the form in which a change is recorded.

Properties: reading what was written gives the same value, whatever the facts; UNKNOWN is written as
nothing at all, and what is not there is read as UNKNOWN; a document that is not of this form is
refused with the key that is not. The form follows the types in `harness.domain.facts`, so a fact
that is new there is recorded without a word here."""

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from harness.domain.facts import UNKNOWN, ChangeFacts, Unknown

Json: TypeAlias = Any
Encoder: TypeAlias = Callable[[Any], Json]
Decoder: TypeAlias = Callable[[Json], Any]
_T = TypeVar("_T")


class FactsMisfit(ValueError):
    """A document that does not have the form. `key` is the way to what does not fit, as in
    `files[2].added`."""

    def __init__(self, message: str, *, key: str = "") -> None:
        super().__init__(message)
        self.message, self.key = message, key

    def below(self, key: str) -> "FactsMisfit":
        """The same fault, seen from the document around it."""
        glue = "" if not self.key or self.key.startswith("[") else "."
        return FactsMisfit(self.message, key=f"{key}{glue}{self.key}")


def facts_as_json(facts: ChangeFacts) -> dict[str, Json]:
    """What is known, by the names of the facts. Paths that are not UTF-8 become lone surrogates, as
    Python has them."""
    return cast("dict[str, Json]", _form(ChangeFacts).encode(facts))


def facts_from_json(document: Json) -> ChangeFacts:
    """The facts that a document states. Raises Misfit."""
    return cast(ChangeFacts, _form(ChangeFacts).decode(document))


class _Form:
    """How values of one type are written and read."""

    __slots__ = ("decode", "encode")

    def __init__(self, encode: Encoder, decode: Decoder) -> None:
        self.encode, self.decode = encode, decode


@cache
def _form(kind: Any) -> _Form:
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _Form(lambda value: value.value, lambda given: _one_of(kind, given))
    if is_dataclass(kind):
        return _record(cast(type, kind))
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _either(tuple(one for one in inner if one is not Unknown))
    if origin is tuple and inner[1:] == (...,):
        return _many(inner[0], tuple, ordered=True)
    if origin is tuple:
        return _row(inner)
    if origin is frozenset:
        return _many(inner[0], frozenset, ordered=False)
    if origin is Literal:
        return _Form(lambda value: value, lambda given: _word(inner, given))
    raise TypeError(f"facts of type {kind} have no form in JSON; say one in {__name__}")


def _record(kind: type) -> _Form:
    """A dataclass is an object; a field that has its default value of UNKNOWN is left out."""
    hints = get_type_hints(kind)
    forms = {field.name: _form(hints[field.name]) for field in fields(kind)}
    # A fact that is new in this version is missing in older records, and so unknown there.
    absent = {name: UNKNOWN for name in forms if _may_be_unknown(hints[name])}
    needed = frozenset(
        field.name
        for field in fields(kind)
        if field.name not in absent
        and field.default is MISSING
        and field.default_factory is MISSING
    )

    def encode(value: Any) -> Json:
        return {
            name: form.encode(found)
            for name, form in forms.items()
            if (found := getattr(value, name)) is not UNKNOWN
        }

    def decode(given: Json) -> Any:
        stated = fields_of(given, forms, required=needed)
        return kind(
            **{
                **absent,
                **{name: placed(name, forms[name].decode, found) for name, found in stated.items()},
            }
        )

    return _Form(encode, decode)


def _may_be_unknown(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType) and Unknown in get_args(kind)


def _either(kinds: tuple[Any, ...]) -> _Form:
    """One type, or null. No fact is one of two types, so no document is ambiguous here."""
    inner = tuple(kind for kind in kinds if kind is not NoneType)
    if len(inner) != 1:
        raise TypeError(
            f"a fact is of one type, not of {kinds}; define in {__name__} how to tell them apart"
        )
    form = _form(inner[0])
    if NoneType not in kinds:
        return form
    return _Form(
        lambda value: None if value is None else form.encode(value),
        lambda given: None if given is None else form.decode(given),
    )


def _many(inner: Any, kind: Callable[[Any], Any], *, ordered: bool) -> _Form:
    """A list; what has no order of its own is written in one that is always the same."""
    form = _form(inner)

    def encode(values: Any) -> Json:
        written = [form.encode(value) for value in values]
        # Sorted, so that one fact always gives the same bytes.
        return written if ordered else sorted(written, key=str)

    def decode(given: Json) -> Any:
        return kind(
            placed(f"[{place}]", form.decode, found) for place, found in enumerate(items_of(given))
        )

    return _Form(encode, decode)


def _row(kinds: tuple[Any, ...]) -> _Form:
    forms = [_form(kind) for kind in kinds]

    def decode(given: Json) -> Any:
        if not isinstance(given, list) or len(given) != len(forms):
            raise FactsMisfit(f"expected a list of {len(forms)}, found {shown(given)}")
        return tuple(
            placed(f"[{place}]", form.decode, found)
            for place, (form, found) in enumerate(zip(forms, given, strict=True))
        )

    return _Form(
        lambda values: [form.encode(value) for form, value in zip(forms, values, strict=True)],
        decode,
    )


def placed(key: str, decode: Callable[[Json], _T], given: Json) -> _T:
    """What `decode` reads, its faults named by where they stand. Raises Misfit."""
    try:
        return decode(given)
    except FactsMisfit as fault:
        raise fault.below(key) from None


def fields_of(
    given: Json, known: Collection[str], *, required: Iterable[str] = ()
) -> dict[str, Json]:
    """An object of known keys, with all that are required. Raises Misfit, naming the nearest known
    key."""
    if not isinstance(given, dict):
        raise FactsMisfit(f"expected an object, found {shown(given)}")
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise FactsMisfit(
                f"unknown key; did you mean `{near[0]}`?"
                if near
                else f"unknown key; known: {', '.join(known)}",
                key=shown(name)[1:-1],
            )
    if missing := sorted(set(required).difference(given)):
        raise FactsMisfit(f"expected `{missing[0]}`, which is not there")
    return given


def items_of(given: Json) -> list[Json]:
    """A list. Raises Misfit."""
    if not isinstance(given, list):
        raise FactsMisfit(f"expected a list, found {shown(given)}")
    return given


def text(given: Json) -> str:
    """A text. Raises Misfit."""
    if not isinstance(given, str):
        raise FactsMisfit(f"expected text, found {shown(given)}")
    return given


def raw(given: Json) -> bytes:
    """A path, to the byte. Raises Misfit."""
    try:
        return text(given).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise FactsMisfit(
            "expected text that bytes can be made of, found half of a surrogate pair"
        ) from None


def whole(given: Json) -> int:
    """A count. Raises Misfit."""
    # JSON's true is an int in Python
    if not isinstance(given, int) or isinstance(given, bool) or given < 0:
        raise FactsMisfit(f"expected a whole number, 0 or more, found {shown(given)}")
    return given


def _flag(given: Json) -> bool:
    if not isinstance(given, bool):
        raise FactsMisfit(f"expected true or false, found {shown(given)}")
    return given


def _money(given: Json) -> Decimal:
    """Written as text, because a binary fraction is not the amount that was spent."""
    try:
        found = Decimal(text(given))
    except InvalidOperation:
        raise FactsMisfit(f'expected an amount such as "1.50", found {shown(given)}') from None
    if not found.is_finite() or found < 0:
        raise FactsMisfit(f'expected an amount such as "1.50", found {shown(given)}')
    return found


def _one_of(kind: type[Enum], given: Json) -> Enum:
    try:
        return kind(given)
    except ValueError:
        raise FactsMisfit(
            f"expected one of {', '.join(str(one.value) for one in kind)}, found {shown(given)}"
        ) from None


def _word(known: tuple[Any, ...], given: Json) -> Any:
    if given not in known:
        raise FactsMisfit(f"expected one of {', '.join(map(str, known))}, found {shown(given)}")
    return given


_PLAIN: Mapping[Any, _Form] = {
    str: _Form(lambda value: value, text),
    bytes: _Form(lambda value: value.decode("utf-8", "surrogateescape"), raw),
    int: _Form(lambda value: value, whole),
    bool: _Form(lambda value: value, _flag),
    Decimal: _Form(str, _money),
}


def shown(given: Json) -> str:
    """What was found, for a message: short, and every character visible."""
    words = ascii(given)
    return words if len(words) <= 40 else f"{words[:40]}…"
