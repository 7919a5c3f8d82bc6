"""Looks at more than one text: tables, lists to pick from, states, links, the page's status, the
accessibility tree."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from validators.domain.journeys.aria import AriaPattern
from validators.domain.journeys.claim import Claim, ListClaim, SortOrder
from validators.domain.journeys.target import Target
from validators.domain.journeys.values import Template


@dataclass(frozen=True, slots=True)
class ColumnHas:
    """The cells of one column, from top to bottom, of the one table in reach that has it. At least
    one claim is made.

    `each` is claimed of every cell, and is false of a table without rows; so is `order`, unless two
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
    """How many rows the one table in reach has, rows of headings not counted."""

    line: int
    claims: tuple[Claim, ...]
    within: Target | None = None


@dataclass(frozen=True, slots=True)
class OptionsAre:
    """The words of everything that can be picked from a list, in order."""

    line: int
    target: Target
    lists: tuple[ListClaim, ...]


class State(StrEnum):
    """What an element can be, as a person at any browser is told. Each but the last has its
    opposite beside it."""

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
    """What describes an element beside its name: a hint, a complaint (aria-describedby,
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
    """The HTTP status with which the page that is shown was answered."""

    line: int
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class TreeIs:
    """The accessibility tree of an element, or of the page, holds these nodes, in this order,
    somewhere."""

    line: int
    wishes: tuple[AriaPattern, ...]
    within: Target | None = None


@dataclass(frozen=True, slots=True)
class NamedCell:
    """What is claimed of the cell in the column of this header."""

    header: Template
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Focused:
    """The element has the keyboard's focus."""

    line: int
    target: Target


class FilePart(StrEnum):
    """What of a downloaded file is looked at. `CONTAINS` is by whole words; `ROW` is a CSV row,
    `ROWS` how many there are."""

    NAME = "name"
    EQUALS = "equals"
    CONTAINS = "contains"
    LINES = "lines"
    ROW = "row"
    ROWS = "rows"


@dataclass(frozen=True, slots=True)
class FileHas:
    """A downloaded file. `columns` are the headings under which the `values` of a row stand; empty:
    in any cell."""

    line: int
    file: str
    part: FilePart
    values: tuple[Template, ...]
    columns: tuple[str, ...] = ()
