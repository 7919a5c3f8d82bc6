"""A journey: what a person does, what they must see then, what must never happen, and the negative
control that must fail.

Values only. `validators.language` reads them from YAML, `validators.performance` performs them.
Every part carries the line on which it was written, so that a message can name it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from validators.domain.journeys.calls import AnswerIs, Call, RememberAnswer
from validators.domain.journeys.claim import Claim
from validators.domain.journeys.commands import CommandLook, Run
from validators.domain.journeys.looks import (
    ColumnHas,
    DescriptionIs,
    FileHas,
    Focused,
    HeadersAre,
    ItemsAre,
    LeadsTo,
    NamedCell,
    OptionsAre,
    ParameterIs,
    RowsAre,
    StateIs,
    StatusIs,
    TreeIs,
)
from validators.domain.journeys.steps import (
    Dialog,
    Download,
    Hover,
    Travel,
    Type,
    Upload,
)
from validators.domain.journeys.target import Target
from validators.domain.journeys.values import Template


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
    """`as`: continue as another person, in a browser session of their own (opened at first use)."""

    line: int
    actor: str


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep the text of an element under a name, for later `{{ name }}`."""

    line: int
    target: Target
    name: str


@dataclass(frozen=True, slots=True)
class Expect:
    """Looks between two steps. The journey goes on only if all of them hold together."""

    line: int
    looks: tuple[Look, ...]


Step = (
    Open
    | Call
    | Expect
    | Fill
    | Click
    | Press
    | Select
    | Tick
    | Clear
    | Hover
    | Type
    | Upload
    | Download
    | Dialog
    | Travel
    | Reload
    | Back
    | SwitchTo
    | Remember
    | RememberAnswer
    | Run
)


@dataclass(frozen=True, slots=True)
class TextIs:
    """The text of an element; of the whole page when `target` is None."""

    line: int
    target: Target | None
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class ValueIs:
    """The value of a form field; for a list, the words of the picked options."""

    line: int
    target: Target
    claims: tuple[Claim, ...]


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
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class PathIs:
    line: int
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class TitleIs:
    line: int
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class RowHas:
    """`times` rows that have every one of `cells`, each as the whole text of a cell. None: at least
    one row.

    If `named` is given instead, the cells in the columns of these headers are as claimed. `at` is
    the place of the row in its table: from 1 at the top, or from -1 at the end."""

    line: int
    cells: tuple[Template, ...]
    within: Target | None = None
    times: int | None = None
    named: tuple[NamedCell, ...] = ()
    at: int | None = None


Look = (
    TextIs
    | ValueIs
    | Visible
    | Absent
    | CountIs
    | PathIs
    | TitleIs
    | RowHas
    | ColumnHas
    | HeadersAre
    | RowsAre
    | OptionsAre
    | ItemsAre
    | ParameterIs
    | StateIs
    | DescriptionIs
    | LeadsTo
    | StatusIs
    | TreeIs
    | Focused
    | FileHas
    | AnswerIs
    | CommandLook
)


class Vantage(StrEnum):
    """From where a look is taken."""

    HERE = "here"
    AFTER_RELOAD = "after_reload"
    OTHER_SESSION = "other_session"
    ACTOR = "as"


@dataclass(frozen=True, slots=True)
class Block:
    """Looks from one vantage. `opens` is the path that another session, or the actor, opens first.

    None: another session opens the page that is shown, and an actor looks at the page where they
    left."""

    line: int
    vantage: Vantage
    looks: tuple[Look, ...]
    opens: Template | None = None
    actor: str = ""

    @property
    def place(self) -> tuple[Vantage, str, Template | None]:
        """Who looks, from where, and at which page."""
        return self.vantage, self.actor, self.opens


class Regardless(StrEnum):
    """What the author promises makes no difference to a journey: people who did the same before,
    the date, or whether a command prints to a terminal."""

    OTHERS = "others"
    DATE = "date"
    TERMINAL = "terminal"


class Forbidden(StrEnum):
    HTTP_STATUS = "http_status"
    CONSOLE = "console"
    TEXT = "text"
    REQUEST = "request"
    OTHER_HOST = "other_host"


@dataclass(frozen=True, slots=True)
class Never:
    """What must not happen at any moment. `value` is a status like `>=500`, a console level, a text
    on a page, the path of a request to the app (with `*` at its end for any continuation), or the
    name of another host, or `any`."""

    line: int
    kind: Forbidden
    value: str


@dataclass(frozen=True, slots=True)
class NegativeControl:
    """The variant that must fail: on a correct app its expectations must not all hold. `steps`
    None: the steps of the journey."""

    line: int
    expect: tuple[Block, ...]
    steps: tuple[Step, ...] | None = None


@dataclass(frozen=True, slots=True)
class Journey:
    name: str
    promise: str
    steps: tuple[Step, ...]
    expect: tuple[Block, ...]
    negative_control: NegativeControl | None
    let: tuple[tuple[str, Template], ...] = ()
    never: tuple[Never, ...] = ()
    regardless: frozenset[Regardless] = frozenset()
    seed: str | None = None
    canary: str | None = None
    source: str = field(default="", compare=False, repr=False)

    @property
    def all_steps(self) -> tuple[Step, ...]:
        """Its steps, and those of its negative control."""
        return (
            *self.steps,
            *((self.negative_control.steps or ()) if self.negative_control else ()),
        )

    @property
    def negative_control_apart(self) -> bool:
        """Whether the negative control needs a run of its own: it has other steps, or looks from a
        place from where the journey does not."""
        places = {block.place for block in self.expect}
        return self.negative_control is not None and (
            self.negative_control.steps is not None
            or any(one.place not in places for one in self.negative_control.expect)
        )

    @property
    def looks_on_the_way(self) -> tuple[Look, ...]:
        """The looks between its steps."""
        return tuple(look for step in self.steps if isinstance(step, Expect) for look in step.looks)

    @property
    def calls(self) -> bool:
        """Whether it calls the app's API."""
        return any(isinstance(step, Call) for step in self.all_steps)

    @property
    def travels(self) -> bool:
        """Whether it puts clocks forward, which not every app supports."""
        return any(isinstance(step, Travel) for step in self.all_steps)

    @property
    def runs_commands(self) -> bool:
        """Whether it runs tools."""
        return any(isinstance(step, Run) for step in self.all_steps)

    @property
    def needs_app(self) -> bool:
        """Whether it needs an app that answers: a step or a look is not about commands alone."""
        steps = (step for step in self.all_steps if not isinstance(step, Run | Expect))
        return any(steps) or any(not isinstance(look, CommandLook) for look in self._every_look)

    @property
    def has_pages(self) -> bool:
        """Whether it needs a browser: a step or a look is not about commands and calls alone."""
        beside = Run | Expect | Call | RememberAnswer | SwitchTo | Travel
        steps = (step for step in self.all_steps if not isinstance(step, beside))
        looks = (look for look in self._every_look if not isinstance(look, CommandLook | AnswerIs))
        # From elsewhere an answer alone is asked for again; anything else is looked at on a page.
        apart = (block for block in self._all_blocks if block.vantage is not Vantage.HERE)
        return (
            any(steps)
            or any(looks)
            or any(
                block.opens or not all(isinstance(look, AnswerIs) for look in block.looks)
                for block in apart
            )
        )

    @property
    def _every_look(self) -> tuple[Look, ...]:
        looks = (look for block in self._all_blocks for look in block.looks)
        return (*self.looks_on_the_way, *looks)

    @property
    def _all_blocks(self) -> tuple[Block, ...]:
        control = self.negative_control
        return (*self.expect, *(control.expect if control else ()))

    @property
    def downloads(self) -> bool:
        """Whether it takes files. If not, the browser refuses all downloads."""
        return any(isinstance(step, Download) for step in self.all_steps)
