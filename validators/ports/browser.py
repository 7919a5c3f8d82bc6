"""A stage on which one journey is performed once, and the people on it.

Times are seconds. Acts wait for their element up to `patience`; readings are taken at once (the
judge polls). Both raise `Unable` with the trouble; nothing else escapes an adapter."""

from __future__ import annotations

from typing import Protocol

from validators.domain.journeys.aria import AriaNode, Table
from validators.domain.journeys.dialog_answer import DialogAnswer
from validators.domain.journeys.files import File
from validators.domain.journeys.looks import State
from validators.domain.journeys.spot import Spot


class Session(Protocol):
    """One person at one browser, with cookies and storage of their own."""

    async def open(self, path: str, *, patience: float) -> None:
        """Go to a path of the app."""

    async def reload(self, *, patience: float) -> None: ...

    async def back(self, *, patience: float) -> None: ...

    async def fill(self, spot: Spot, text: str, *, patience: float) -> None: ...

    async def click(self, spot: Spot, *, patience: float) -> None: ...

    async def press(self, key: str, spot: Spot | None, *, patience: float) -> None: ...

    async def select(self, spot: Spot, option: str, *, patience: float) -> None: ...

    async def tick(self, spot: Spot, *, on: bool, patience: float) -> None: ...

    async def hover(self, spot: Spot, *, patience: float) -> None: ...

    async def type(self, text: str, *, patience: float) -> None:
        """Type into whatever has the focus."""

    async def upload(self, spot: Spot, files: tuple[File, ...], *, patience: float) -> None:
        """Choose the files where the element, when it is clicked, asks for them."""

    async def download(self, source: Spot | str, *, patience: float) -> File:
        """The one file that a click on the element hands over, or that opening the path does."""

    def prepare(self, answer: DialogAnswer) -> None:
        """The next act must be asked this, and gives this answer; an act that is not raises
        Unable."""

    async def seen(self, spot: Spot, *, patience: float) -> None:
        """Return once the element is visible."""

    async def text(self, spot: Spot | None) -> str:
        """The visible text of one element, of the whole page when None."""

    async def value(self, spot: Spot) -> str:
        """What a form field holds; of a list to pick from, the words of what is picked, commas
        between them."""

    async def options(self, spot: Spot) -> tuple[str, ...]:
        """The words of everything that can be picked from a list, in order."""

    async def in_state(self, spot: Spot, state: State) -> bool:
        """Whether the element is in this state."""

    async def description(self, spot: Spot) -> str:
        """What describes the element beside its name, empty when nothing does."""

    async def leads_to(self, spot: Spot) -> str:
        """Where a link leads: path, query and fragment within the app, the whole address beyond
        it."""

    async def focused(self, spot: Spot) -> bool:
        """Whether the element has the keyboard's focus."""

    async def count(self, spot: Spot) -> int:
        """How many such elements are visible."""

    async def rows(self, within: Spot | None) -> tuple[tuple[str, ...], ...]:
        """The texts of the cells of every table row, rows of headings included."""

    async def tables(self, within: Spot | None) -> tuple[Table, ...]:
        """Every table in the element, or on the page."""

    async def tree(self, within: Spot | None) -> tuple[AriaNode, ...]:
        """The accessibility tree of the element, or of the page."""

    async def status(self) -> int:
        """The HTTP status with which the page that is shown was answered."""

    async def title(self) -> str: ...

    async def path(self) -> str:
        """Path and query of the page that is shown."""

    async def watch(self) -> None:
        """From now on note whether what the page shows changes, or another page comes in its
        place."""

    async def unchanged(self) -> bool:
        """Whether neither has happened since `watch`: all that was read in between was so at one
        and the same moment."""

    def owed(self) -> bool:
        """Whether a page, or what the latest two acts asked for, is still outstanding: it may yet
        bring what is waited for."""

    async def at_rest(self) -> bool:
        """Whether what is shown cannot change any more unless somebody acts, so that waiting is in
        vain."""


class Stage(Protocol):
    """Everything one run has: an app, people, and what was heard on the wire and the console."""

    async def person(self, actor: str) -> Session:
        """The person of that name, with a fresh session at first use."""

    async def pictured(self, actor: str, name: str) -> None:
        """Keep a small picture of what this person sees now, under this name, if this run is one
        that is shown.

        One that cannot be taken is noted; it is never trouble."""

    async def quieted(self, seconds: float) -> None:
        """Wait until every page is loaded, at most so many seconds each, and none waits for an
        answer of the app's any more: for that as long as a step does."""

    async def travel(self, seconds: int) -> None:
        """Put the clocks of the app and of everybody's browser forward. Raises Unable where the app
        has none to set."""

    @property
    def answered(self) -> bool:
        """Whether the app has answered anything at all."""

    @property
    def statuses(self) -> tuple[tuple[int, str, bool], ...]:
        """Every HTTP status so far, with its path, and whether it is that of a page which somebody
        opened: by an address, a link or a form that asks. What a form sends, what a page fetches
        and what it shows is none."""

    @property
    def asked(self) -> tuple[str, ...]:
        """The path and query of every request to the app so far, answered or not."""

    @property
    def refused(self) -> tuple[str, ...]:
        """The address of every request to another host or port so far. None of them left the
        stage."""

    @property
    def console(self) -> tuple[tuple[str, str], ...]:
        """Every console message so far: level (error, warning, …) and text. Uncaught page errors
        are errors."""
