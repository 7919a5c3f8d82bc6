"""A stage without a browser: pages are plain facts, acts change them, nothing takes time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from validators.domain.errors import Unable
from validators.domain.evidence import Trouble
from validators.domain.journeys.calls import Answer, Request
from validators.domain.journeys.dialog_answer import DialogAnswer
from validators.domain.journeys.files import File
from validators.domain.journeys.spot import Spot


@dataclass
class FakeApp:
    """What a server would hold: shared by every session of a run."""

    bookings: list[tuple[str, str]] = field(default_factory=list)
    statuses: list[tuple[int, str]] = field(default_factory=list)
    pages: dict[str, int] = field(default_factory=dict)
    console: list[tuple[str, str]] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    # Whether it was asked for more than is recorded.
    unrecorded: bool = False
    # Why the text of the whole page cannot be read.
    unread: Trouble | None = None
    # What the console has once the pages have loaded.
    at_last: list[tuple[str, str]] = field(default_factory=list)
    stores: bool = True
    shared: bool = True
    text: str = "Tide walks"
    down: bool = False


@dataclass
class FakeSession:
    app: FakeApp
    fields: dict[str, str] = field(default_factory=dict)
    own: list[tuple[str, str]] = field(default_factory=list)
    at: str = ""
    acts: list[str] = field(default_factory=list)

    def _bookings(self) -> list[tuple[str, str]]:
        return self.app.bookings if self.app.stores and self.app.shared else self.own

    async def open(self, path: str, *, patience: float) -> None:
        if self.app.down:
            raise Unable(Trouble.NO_ANSWER, "refused")
        self.app.statuses.append((self.app.pages.setdefault(path, 200), path))
        self.at = path
        self.acts.append(f"open {path}")

    async def call(self, request: Request, *, patience: float) -> Answer:
        """Bookings as JSON: POST adds one, GET lists them."""
        self.acts.append(f"call {request.method} {request.path}")
        status = 200
        if request.method == "POST":
            asked = json.loads(request.content)
            self._bookings().append((asked["name"], str(asked["size"])))
            status = 201
        self.app.statuses.append((status, request.path))
        found = [{"name": name, "size": int(size)} for name, size in self._bookings()]
        content = json.dumps({"bookings": found, "last": found[-1] if found else None}).encode()
        headers = (("Content-Type", "application/json"), ("Location", "http://app/b/1"))
        return Answer(request, status, headers, content, request.path, "http://app")

    async def reload(self, *, patience: float) -> None:
        self.acts.append("reload")
        if not self.app.stores:
            self.own.clear()

    async def back(self, *, patience: float) -> None:
        self.acts.append("back")

    async def fill(self, spot: Spot, text: str, *, patience: float) -> None:
        self.fields[spot.label or spot.name or ""] = text

    async def click(self, spot: Spot, *, patience: float) -> None:
        if spot.name != "Book":
            raise Unable(Trouble.MISSING, "no such element")
        self._bookings().append((self.fields.get("Name", ""), self.fields.get("Group size", "")))

    async def press(self, key: str, spot: Spot | None, *, patience: float) -> None:
        self.acts.append(f"press {key}")

    async def hover(self, spot: Spot, *, patience: float) -> None:
        self.acts.append(f"hover {spot.name}")

    async def type(self, text: str, *, patience: float) -> None:
        self.acts.append(f"type {text}")

    async def upload(self, spot: Spot, files: tuple[File, ...], *, patience: float) -> None:
        self.fields[spot.label or ""] = ", ".join(one.name for one in files)

    async def download(self, source: Spot | str, *, patience: float) -> File:
        lines = "".join(f"{name},{size}\r\n" for name, size in self._bookings())
        return File("bookings.csv", f"Name,Size\r\n{lines}".encode())

    def prepare(self, answer: DialogAnswer) -> None:
        self.acts.append(f"prepare {answer}")

    async def focused(self, spot: Spot) -> bool:
        return spot.label in self.fields

    async def select(self, spot: Spot, option: str, *, patience: float) -> None:
        self.fields[spot.label or ""] = option

    async def tick(self, spot: Spot, *, on: bool, patience: float) -> None:
        self.fields[spot.label or ""] = str(on)

    async def wait_visible(self, spot: Spot, *, patience: float) -> None:
        await self.text(spot)

    async def text(self, spot: Spot | None) -> str:
        if spot is None and self.app.unread:
            raise Unable(self.app.unread, "no text")
        if spot is None:
            return self.app.text
        if spot.role == "log":
            raise Unable(Trouble.AMBIGUOUS, "2 such elements")
        if spot.role != "status" or not self._bookings():
            raise Unable(Trouble.MISSING, "no such element")
        return f"Booked for {self._bookings()[-1][1]}"

    async def value(self, spot: Spot) -> str:
        return self.fields.get(spot.label or "", "")

    async def count(self, spot: Spot) -> int:
        return sum(spot.words in booking for booking in self._bookings()) if spot.words else 0

    async def rows(self, within: Spot | None) -> tuple[tuple[str, ...], ...]:
        return tuple(self._bookings())

    async def title(self) -> str:
        return "Tide walks"

    async def path(self) -> str:
        return self.at

    async def watch(self) -> None:
        pass

    async def unchanged(self) -> bool:
        return True

    def awaits_answer(self) -> bool:
        return False

    async def at_rest(self) -> bool:
        return False


@dataclass
class FakeStage:
    app: FakeApp = field(default_factory=FakeApp)
    make: Callable[[FakeApp], FakeSession] = FakeSession
    people: dict[str, FakeSession] = field(default_factory=dict)
    pictures: list[tuple[str, str]] = field(default_factory=list)
    ahead: int = 0

    async def person(self, actor: str) -> FakeSession:
        return self.people.setdefault(actor, self.make(self.app))

    async def wait_until_quiet(self, seconds: float) -> None:
        self.app.console += self.app.at_last

    async def travel(self, seconds: int) -> None:
        self.ahead += seconds

    async def take_picture(self, actor: str, name: str) -> None:
        self.pictures.append((actor, name))

    @property
    def answered(self) -> bool:
        return bool(self.app.statuses)

    @property
    def statuses(self) -> tuple[tuple[int, str, bool], ...]:
        return tuple((status, path, path in self.app.pages) for status, path in self.app.statuses)

    @property
    def requests(self) -> tuple[str, ...]:
        return tuple(path for _, path in self.app.statuses)

    @property
    def unrecorded(self) -> bool:
        return self.app.unrecorded

    @property
    def refused_requests(self) -> tuple[str, ...]:
        return tuple(self.app.elsewhere)

    @property
    def console(self) -> tuple[tuple[str, str], ...]:
        return tuple(self.app.console)
