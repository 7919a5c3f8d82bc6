"""The browser port: a stage on which one journey is performed once, and the people on it.

Times are in seconds. Acts wait for their element up to `patience`. Readings are taken at once; the
judge polls. Both raise `Unable` with the trouble. An adapter raises nothing else."""

from __future__ import annotations

from typing import Protocol

from validators.domain.journeys.aria import AriaNode, Table
from validators.domain.journeys.calls import Answer, Request
from validators.domain.journeys.command_result import CommandResult
from validators.domain.journeys.commands import Run
from validators.domain.journeys.dialog_answer import DialogAnswer
from validators.domain.journeys.files import File
from validators.domain.journeys.looks import State
from validators.domain.journeys.spot import Spot
from validators.domain.journeys.values import Values


class Session(Protocol):
    """One person at a browser, with cookies and storage of their own."""

    async def open(self, path: str, *, patience: float) -> None:
        """Go to a path of the app."""

    async def call(self, request: Request, *, patience: float) -> Answer:
        """Send the app a request beside the page, with this person's cookies, and take its whole
        answer. Raises Unable when none comes in time, or one that is too large."""

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
        """Click the element and choose these files in the file chooser that opens."""

    async def download(self, source: Spot | str, *, patience: float) -> File:
        """The one file that comes from a click on the element, or from opening the path."""

    def prepare(self, answer: DialogAnswer) -> None:
        """Prepare the answer to the dialog that the next act must cause. That act raises Unable if
        no such dialog comes."""

    async def wait_visible(self, spot: Spot, *, patience: float) -> None:
        """Return once the element is visible."""

    async def text(self, spot: Spot | None) -> str:
        """The visible text of one element; None: of the whole page."""

    async def value(self, spot: Spot) -> str:
        """The value of a form field; for a list, the words of the picked options, with commas."""

    async def options(self, spot: Spot) -> tuple[str, ...]:
        """The words of all options of a list, in order."""

    async def in_state(self, spot: Spot, state: State) -> bool:
        """Whether the element is in this state."""

    async def description(self, spot: Spot) -> str:
        """What describes the element beside its name; empty if nothing does."""

    async def leads_to(self, spot: Spot) -> str:
        """Where a link leads: path, query and fragment within the app; otherwise the whole
        address."""

    async def focused(self, spot: Spot) -> bool:
        """Whether the element has the keyboard's focus."""

    async def count(self, spot: Spot) -> int:
        """How many such elements are visible."""

    async def rows(self, within: Spot | None) -> tuple[tuple[str, ...], ...]:
        """The texts of the cells of every table row, with rows of headings."""

    async def tables(self, within: Spot | None) -> tuple[Table, ...]:
        """Every table in the element, or on the page."""

    async def tree(self, within: Spot | None) -> tuple[AriaNode, ...]:
        """The accessibility tree of the element, or of the page."""

    async def status(self) -> int:
        """The HTTP status of the page that is shown."""

    async def title(self) -> str: ...

    async def path(self) -> str:
        """Path and query of the page that is shown."""

    async def watch(self) -> None:
        """From now on, note whether the visible page changes or another page replaces it."""

    async def unchanged(self) -> bool:
        """Whether the page has stayed the same since `watch`, so that everything that was read
        since then was true at one moment."""

    def awaits_answer(self) -> bool:
        """Whether a page, or an answer to a request since the act before the latest, is
        outstanding. It may yet bring what the judge waits for."""

    async def at_rest(self) -> bool:
        """Whether the page cannot change any more unless somebody acts, so that waiting is
        useless."""


class Stage(Protocol):
    """Everything of one run: an app, people, and what was recorded of requests and the console."""

    async def person(self, actor: str) -> Session:
        """The person of that name. The session is opened at first use."""

    async def take_picture(self, actor: str, name: str) -> None:
        """Keep a small picture of what this person sees now, if pictures of this run are wanted.

        If it cannot be taken, that is noted; it never raises."""

    async def wait_until_quiet(self, seconds: float) -> None:
        """Wait until every page is loaded, at most so many seconds each, and then until none waits
        for an answer of the app, as long as a step waits for background requests."""

    async def run(self, step: Run, values: Values) -> CommandResult:
        """Run a tool in the app's sandbox. Raises Unable or ExpressionInvalid."""

    async def travel(self, seconds: int) -> None:
        """Put the clocks of the app and of all browsers forward. Raises Unable if the app has no
        clock that can be set."""

    @property
    def answered(self) -> bool:
        """Whether the app has answered anything at all, or a command was run."""

    @property
    def statuses(self) -> tuple[tuple[int, str, bool], ...]:
        """Every HTTP status so far: the status, the path, and whether it is that of a page which
        somebody opened, by an address, a link or a form with GET. A form with POST, a request of a
        script and a picture are not pages."""

    @property
    def requests(self) -> tuple[str, ...]:
        """The path and query of every request to the app so far, with or without an answer."""

    @property
    def unrecorded(self) -> bool:
        """Whether there were more requests than these three have."""

    @property
    def refused_requests(self) -> tuple[str, ...]:
        """The address of every request to another host or port so far. All were refused."""

    @property
    def console(self) -> tuple[tuple[str, str], ...]:
        """Every console message so far: level (error, warning, …) and text. An uncaught error of a
        page has the level error."""
