"""The HTML page of one verdict, for a person who has never seen this program.

Properties:
- The page uses no network: its content security policy allows pictures beside it and nothing else.
- All text of an issue or an app is escaped.
- The public rendering is made from a `Page` that holds nothing sealed."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from validators.evidence.terminal import Span

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the large numbers under the banner."""

    label: str
    value: str
    good: bool = True


@dataclass(frozen=True, slots=True)
class Shot:
    """A screenshot: whose page it shows, at which commit, and its path relative to the page."""

    label: str
    revision: str
    path: str


class Moment(StrEnum):
    """Which moment of a journey two pictures show, in words that may leave."""

    STEP = (
        "The page on which the code before the change could not go on, and the same page with the"
        " change."
    )
    LOOK = (
        "The page on which the code before the change did not show what was asked for, and the"
        " same page with the change."
    )
    END = "The end of the journey, before the change and after it."
    ALONE = "The end of the journey. There is no picture of the same moment before the change."


class Deed(StrEnum):
    """What a visitor may have done before a picture, in words that may leave: the picture shows
    more."""

    OPENED = "opened a page"
    FILLED = "filled in a field"
    CHOSE = "chose something"
    PRESSED = "pressed something"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One moment of a journey on base and on the candidate, with the same data and viewport.

    Without `before`, `after` is the end of the candidate's run; `end` is that end where it is
    another moment. `words`: of the journey, for the sealed page only. `promise`: what the journey
    looks at, in the words of the issue or the mission. `deeds`: what the visitor had done by then;
    empty where the judgement did not pass."""

    before: Shot | None
    after: Shot
    moment: Moment
    end: Shot | None = None
    words: str = ""
    promise: str = ""
    deeds: tuple[Deed, ...] = ()


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise in the words of the issue or the mission. `tone` is yes, no or unsure."""

    name: str
    words: str
    state: str
    tone: str
    observed: str = ""


@dataclass(frozen=True, slots=True)
class Control:
    """One check that shows that the judge could have failed the change."""

    name: str
    state: str
    tone: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Bound:
    """One thing that the verdict binds."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of the judgement: its seconds, and its start and width in percent of the whole."""

    name: str
    seconds: float
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Link:
    """A file of the evidence, relative to the page."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that a sandbox could not enforce: its kind (`disk`; may be empty), and the words."""

    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a filmstrip: a step, or the looks from one place. `picture` may be empty."""

    name: str
    what: str
    state: str
    tone: str
    seconds: float
    picture: str = ""


@dataclass(frozen=True, slots=True)
class LookRow:
    """One look: from where, what was expected, and what was there."""

    vantage: str
    what: str
    expected: str
    observed: str
    state: str
    tone: str


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """One request of the page and its answer. `status` is the number, or why there is none."""

    method: str
    path: str
    status: str
    kind: str
    octets: int
    millis: int
    good: bool


@dataclass(frozen=True, slots=True)
class Run:
    """One run, for the sealed page only. `messages` are breaches, errors and notes. `trace` is a
    path, or empty. A run with pictures is shown as a filmstrip (`strip`), any other as a list."""

    name: str
    journey: str
    state: str
    tone: str
    seconds: float
    summary: str
    frames: tuple[Frame, ...] = ()
    looks: tuple[LookRow, ...] = ()
    messages: tuple[str, ...] = ()
    console: tuple[str, ...] = ()
    network: tuple[NetworkRow, ...] = ()
    terminal: str = ""
    server: str = ""
    trace: str = ""
    files: tuple[Link, ...] = ()

    @property
    def strip(self) -> bool:
        return any(frame.picture for frame in self.frames)


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP call of a journey and its answer, without secrets. Headers are lines."""

    request: str
    headers: tuple[str, ...]
    body: str
    status: str
    tone: str
    answer_headers: tuple[str, ...]
    answer: str
    octets: int
    millis: int

    @property
    def question(self) -> tuple[object, ...]:
        """What was asked."""
        return self.request, self.headers, self.body


@dataclass(frozen=True, slots=True)
class CallRow:
    """The same call before the change and after it; None where it was not made."""

    before: Call | None
    after: Call | None

    @property
    def sides(self) -> tuple[tuple[str, Call | None], ...]:
        return ("Before", self.before), ("After", self.after)

    @property
    def questions(self) -> tuple[tuple[str, Call], ...]:
        """Each request with the name of its side; one without a name where both are the same."""
        made = tuple((name, call) for name, call in self.sides if call)
        if len(made) == 2 and made[0][1].question == made[1][1].question:
            return (("", made[0][1]),)
        return made

    @property
    def differs(self) -> bool:
        """Whether both were answered, and the answers are not the same."""
        if not self.before or not self.after:
            return False
        one, other = self.before, self.after
        return (one.status, one.answer) != (other.status, other.answer)


@dataclass(frozen=True, slots=True)
class Calls:
    """The HTTP calls of a journey."""

    journey: str
    rows: tuple[CallRow, ...]


@dataclass(frozen=True, slots=True)
class Screen:
    """A command in its terminal: the lines that it printed, and how it ended. `size` may be
    empty."""

    command: str
    lines: tuple[tuple[Span, ...], ...]
    errors: tuple[tuple[Span, ...], ...]
    ended: str
    size: str = ""


@dataclass(frozen=True, slots=True)
class Terminals:
    """What the commands of a journey printed, before the change and after it, as text and as
    pictures; each may be empty."""

    journey: str
    before: str
    after: str
    screens_before: tuple[Screen, ...] = ()
    screens_after: tuple[Screen, ...] = ()

    @property
    def sides(self) -> tuple[tuple[str, str, tuple[Screen, ...]], ...]:
        return (
            ("Before", self.before, self.screens_before),
            ("After", self.after, self.screens_after),
        )


@dataclass(frozen=True, slots=True)
class Page:
    """All that one page shows. Only a `sealed` page may have `runs`, `calls` and `terminals`.
    `further_checks`: the regression suite and exploring."""

    sealed: bool
    repository: str
    issue: int
    title: str
    kind: str
    outcome: str
    reason: str
    figures: tuple[Figure, ...]
    comparisons: tuple[Comparison, ...]
    promises: tuple[Promise, ...]
    controls: tuple[Control, ...]
    bound: tuple[Bound, ...]
    sandbox_form: str
    sandbox_words: str
    unheld: tuple[Limit, ...]
    signer: str
    key_id: str
    merkle_root: str
    files: int
    seed: int
    commitment: str
    run: str
    round: int
    began: str
    ended: str
    further_checks: tuple[Control, ...] = ()
    phases: tuple[Phase, ...] = ()
    runs: tuple[Run, ...] = ()
    calls: tuple[Calls, ...] = ()
    terminals: tuple[Terminals, ...] = ()


def html(page: Page) -> str:
    """The page as one HTML document."""
    import jinja2

    captions = any(pair.words for pair in page.comparisons)
    if (page.runs or page.calls or page.terminals or captions) and not page.sealed:
        raise ValueError("a public page may not show runs: they hold the steps of sealed journeys")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = ((HERE / name).read_text() for name in ("page.css", "page.js"))
    return environment.get_template("page.html.j2").render(
        page=page,
        style=_verbatim(style),
        script=_verbatim(script),
        style_hash=_source(style),
        script_hash=_source(script),
    )


def source() -> str:
    """Every word that all pages share."""
    files = ("page.html.j2", "runs.html.j2", "page.css", "page.js")
    return "\n".join((*((HERE / name).read_text() for name in files), *Moment, *Deed))


def _verbatim(text: str) -> object:
    import markupsafe

    return markupsafe.Markup(text)  # noqa: S704 (our own files, hashed into the page's policy)


def _source(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
