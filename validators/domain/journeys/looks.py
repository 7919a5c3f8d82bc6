"""Looks at more than a text: tables, options, states, links, the page's status, the accessibility
tree, files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from validators.domain.journeys.aria import AriaPattern
from validators.domain.journeys.claim import Claim, ListClaim, SortOrder
from validators.domain.journeys.target import Target
from validators.domain.journeys.values import Template


@dataclass(frozen=True, slots=True)
class ColumnHas:
    """The cells of one column, from top to bottom, of the one table in reach that has it. There is
    at least one claim.

    `each` must hold for every cell, and fails for a table without rows. `order` fails unless two
    values differ."""

    line: int
    header: Template
    within: Target | None = None
    lists: tuple[ListClaim, ...] = ()
    each: tuple[Claim, ...] = ()
    order: SortOrder | None = None


@dataclass(frozen=True, slots=True)
class HeadersAre:
    """The names of the columns of the one table in reach, from left to right."""

    line: int
    lists: tuple[ListClaim, ...]
    within: Target | None = None


@dataclass(frozen=True, slots=True)
class RowsAre:
    """How many rows the one table in reach has, without rows of headings."""

    line: int
    claims: tuple[Claim, ...]
    within: Target | None = None


@dataclass(frozen=True, slots=True)
class OptionsAre:
    """The words of all options of a list, in order."""

    line: int
    target: Target
    lists: tuple[ListClaim, ...]


@dataclass(frozen=True, slots=True)
class ItemsAre:
    """The texts of the items of one list, from top to bottom. `order` fails unless two values
    differ."""

    line: int
    target: Target
    lists: tuple[ListClaim, ...] = ()
    order: SortOrder | None = None


@dataclass(frozen=True, slots=True)
class ParameterIs:
    """The values of one parameter of an address, in order: of the page that is shown, or of where a
    link leads. `claims` are about how many there are."""

    line: int
    name: Template
    target: Target | None = None
    lists: tuple[ListClaim, ...] = ()
    claims: tuple[Claim, ...] = ()


class State(StrEnum):
    """A state of an element that a browser announces. Most come in pairs of opposites."""

    CHECKED = "checked"
    UNCHECKED = "unchecked"
    ENABLED = "enabled"
    DISABLED = "disabled"
    EXPANDED = "expanded"
    COLLAPSED = "collapsed"
    PRESSED = "pressed"
    UNPRESSED = "unpressed"
    SELECTED = "selected"
    UNSELECTED = "unselected"
    REQUIRED = "required"
    OPTIONAL = "optional"
    INVALID = "invalid"
    VALID = "valid"
    EDITABLE = "editable"
    READONLY = "readonly"
    CURRENT = "current"
    LOADED = "loaded"


@dataclass(frozen=True, slots=True)
class StateIs:
    """The element is in all of these states."""

    line: int
    target: Target
    states: tuple[State, ...]


@dataclass(frozen=True, slots=True)
class DescriptionIs:
    """What describes an element beside its name: a hint or an error message (aria-describedby,
    aria-errormessage)."""

    line: int
    target: Target
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class LeadsTo:
    """Where a link leads: path and query within the app, the whole address beyond it."""

    line: int
    target: Target
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class StatusIs:
    """The HTTP status of the page that is shown."""

    line: int
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class TreeIs:
    """The accessibility tree of an element, or of the page, has these elements in one place and in
    this order."""

    line: int
    patterns: tuple[AriaPattern, ...]
    within: Target | None = None


@dataclass(frozen=True, slots=True)
class NamedCell:
    """The claims about the cell in the column of this header."""

    header: Template
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Focused:
    """The element has the keyboard's focus."""

    line: int
    target: Target


class FilePart(StrEnum):
    """The part of a downloaded file that is compared. `CONTAINS`: whole words. `ROW`: a CSV row.
    `ROWS`: how many CSV rows."""

    NAME = "name"
    EQUALS = "equals"
    CONTAINS = "contains"
    LINES = "lines"
    ROW = "row"
    ROWS = "rows"


@dataclass(frozen=True, slots=True)
class FileHas:
    """A claim about a downloaded file. `columns` are the headings of the `values` of a row; empty:
    in any cells. With `exact`, the `values` are all its lines, in order."""

    line: int
    file: str
    part: FilePart
    values: tuple[Template, ...]
    columns: tuple[str, ...] = ()
    exact: bool = False
