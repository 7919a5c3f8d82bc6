"""A stage on which one journey is performed once, and the people on it.

Times are seconds. Acts wait for their element up to `patience`; readings are taken at once (the judge polls). Both
raise `Unable` with the trouble; nothing else escapes an adapter.
"""

from __future__ import annotations

from typing import Protocol

from validators.domain.spot import Spot


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

    async def seen(self, spot: Spot, *, patience: float) -> None:
        """Return once the element is visible."""

    async def text(self, spot: Spot | None) -> str:
        """The visible text of one element, of the whole page when None."""

    async def value(self, spot: Spot) -> str:
        """What a form field holds."""

    async def count(self, spot: Spot) -> int:
        """How many such elements are visible."""

    async def rows(self, within: Spot | None) -> tuple[tuple[str, ...], ...]:
        """The texts of the cells of every visible table row."""

    async def title(self) -> str: ...

    async def path(self) -> str:
        """Path and query of the page that is shown."""

    async def at_rest(self) -> bool:
        """Whether what is shown cannot change any more unless somebody acts, so that waiting is in vain."""


class Stage(Protocol):
    """Everything one run has: an app, people, and what was heard on the wire and the console."""

    async def person(self, actor: str) -> Session:
        """The person of that name, with a fresh session at first use."""

    @property
    def answered(self) -> bool:
        """Whether the app has answered anything at all."""

    @property
    def statuses(self) -> tuple[tuple[int, str], ...]:
        """Every HTTP status so far, with its path."""

    @property
    def console(self) -> tuple[tuple[str, str], ...]:
        """Every console message so far: level (error, warning, …) and text. Uncaught page errors are errors."""
