"""What a key of `factory.toml` means, beside its type and its default: the part of a settings field
that the reader, the reference and the editors' schema share."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field
from typing import TypeVar

MOST = 100_000
"""The highest number of pieces, rounds, seconds or days: anything above is a typing error."""

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
