"""A journey: what a person does, what they must then see, what must never happen, and the control that must fail.

Values only; reading YAML is `validators.language`, performing is `validators.judge`. Every part carries the line it
was written on, so that a message can name it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from validators.domain.values import Template


@dataclass(frozen=True, slots=True)
class Target:
    """One element, the way a person names it. Exactly one of `role` or `label` is set.

    `name` is the accessible name, exact. `words` must occur inside the element (how rows and list items are told
    apart: they have no name of their own). `within` narrows the search to another element.
    """

    line: int
    role: str = ""
    name: Template | None = None
    label: Template | None = None
    words: Template | None = None
    within: Target | None = None

    def __str__(self) -> str:
        own = f'field "{self.label.source}"' if self.label else self.role
        own += f' "{self.name.source}"' if self.name else ""
        own += f' with "{self.words.source}"' if self.words else ""
        return f"{own} in {self.within}" if self.within else own


@dataclass(frozen=True, slots=True)
class Open:
    line: int
    path: Template


@dataclass(frozen=True, slots=True)
class Fill:
    line: int
    target: Target
    value: Template


@dataclass(frozen=True, slots=True)
class Click:
    line: int
    target: Target


@dataclass(frozen=True, slots=True)
class Press:
    line: int
    key: str
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class Select:
    line: int
    target: Target
    option: Template


@dataclass(frozen=True, slots=True)
class Tick:
    """`check` and `uncheck`."""

    line: int
    target: Target
    on: bool


@dataclass(frozen=True, slots=True)
class Clear:
    line: int
    target: Target


@dataclass(frozen=True, slots=True)
class Reload:
    line: int


@dataclass(frozen=True, slots=True)
class Back:
    line: int


@dataclass(frozen=True, slots=True)
class SwitchTo:
    """`as`: go on as another person, in a browser session of their own (created at first use)."""

    line: int
    actor: str


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep the text of an element under a name, for later `{{ name }}`."""

    line: int
    target: Target
    name: str


Step = Open | Fill | Click | Press | Select | Tick | Clear | Reload | Back | SwitchTo | Remember


class Match(StrEnum):
    """How an observed text is compared. `CONTAINS` is by whole words; `NUMBER` compares the one number in the text."""

    EQUALS = "equals"
    CONTAINS = "contains"
    NUMBER = "matches_number"


@dataclass(frozen=True, slots=True)
class TextIs:
    """The text of an element; of the whole page when `target` is None."""

    line: int
    target: Target | None
    match: Match
    value: Template


@dataclass(frozen=True, slots=True)
class ValueIs:
    """The value in a form field."""

    line: int
    target: Target
    match: Match
    value: Template


@dataclass(frozen=True, slots=True)
class Visible:
    line: int
    target: Target


@dataclass(frozen=True, slots=True)
class Absent:
    line: int
    target: Target


@dataclass(frozen=True, slots=True)
class CountIs:
    line: int
    target: Target
    value: Template


@dataclass(frozen=True, slots=True)
class PathIs:
    line: int
    match: Match
    value: Template


@dataclass(frozen=True, slots=True)
class TitleIs:
    line: int
    match: Match
    value: Template


@dataclass(frozen=True, slots=True)
class RowHas:
    """`times` rows whose cells include every one of `cells`, each the whole text of a cell. None: at least one row."""

    line: int
    cells: tuple[Template, ...]
    within: Target | None = None
    times: int | None = None


Look = TextIs | ValueIs | Visible | Absent | CountIs | PathIs | TitleIs | RowHas


class Vantage(StrEnum):
    """From where a look is taken."""

    HERE = "here"
    AFTER_RELOAD = "after_reload"
    OTHER_SESSION = "other_session"


@dataclass(frozen=True, slots=True)
class Block:
    """Looks taken from one vantage. `opens` is the path another session opens; None means the page we are on."""

    line: int
    vantage: Vantage
    looks: tuple[Look, ...]
    opens: Template | None = None


class Forbidden(StrEnum):
    HTTP_STATUS = "http_status"
    CONSOLE = "console"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Never:
    """What must not happen at any moment: a status like `>=500`, a console level, a text on a page."""

    line: int
    kind: Forbidden
    value: str


@dataclass(frozen=True, slots=True)
class Twin:
    """The negative control: on a correct app its expectations must not all hold. `steps` None: the journey's own."""

    line: int
    expect: tuple[Block, ...]
    steps: tuple[Step, ...] | None = None


@dataclass(frozen=True, slots=True)
class Journey:
    name: str
    promise: str
    steps: tuple[Step, ...]
    expect: tuple[Block, ...]
    twin: Twin | None
    let: tuple[tuple[str, Template], ...] = ()
    never: tuple[Never, ...] = ()
    seed: str | None = None
    canary: str | None = None
    source: str = field(default="", compare=False, repr=False)
