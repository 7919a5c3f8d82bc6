"""The stage of a run that calls an API and opens no page: a wire, people with a client each, and no
browser."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from validators.browser.api_client import ApiClient
from validators.browser.calling import Caller
from validators.browser.clock import Clocks
from validators.browser.network import exchange
from validators.browser.network.clients import Callers, client
from validators.browser.network.exchange import Tamper
from validators.browser.network.wire import Wire
from validators.domain.device import Device
from validators.domain.errors import Unable
from validators.domain.evidence import Identity, Trouble
from validators.domain.journeys.calls import Answer, Request
from validators.domain.journeys.command_result import CommandResult
from validators.domain.journeys.commands import Run
from validators.domain.journeys.values import Values
from validators.driver.command_stage import NoPage
from validators.driver.commands import RunCommands


@dataclass(slots=True)
class CallingPerson(NoPage):
    """One person who calls the API, with cookies of their own."""

    caller: Caller
    client: ApiClient

    async def call(self, request: Request, *, patience: float) -> Answer:
        return await self.caller.answer(self.client.fetch, request, page="", patience=patience)


@dataclass(slots=True)
class CallStage:
    """Implements `validators.ports.browser.Stage` as far as calls and commands ask."""

    wire: Wire
    caller: Caller
    commands: RunCommands
    clocks: Clocks
    people: dict[str, CallingPerson] = field(default_factory=dict)
    console: tuple[tuple[str, str], ...] = ()

    async def person(self, actor: str) -> CallingPerson:
        if actor not in self.people:
            self.people[actor] = CallingPerson(self.caller, ApiClient(self.wire))
        return self.people[actor]

    async def run(self, step: Run, values: Values) -> CommandResult:
        return await self.commands.run(step, values)

    async def take_picture(self, actor: str, name: str) -> None: ...

    async def wait_until_quiet(self, seconds: float) -> None:
        """Every answer has come whole, and no page is there that could ask for more."""

    async def travel(self, seconds: int) -> None:
        if self.clocks.folder is None:
            raise Unable(Trouble.NO_VALUE, "this app has no clock that can be put forward")
        await self.clocks.forward(seconds, [])

    @property
    def answered(self) -> bool:
        return self.wire.answered or self.commands.ran

    @property
    def statuses(self) -> tuple[tuple[int, str, bool], ...]:
        return exchange.statuses(self.wire.exchanges)

    @property
    def requests(self) -> tuple[str, ...]:
        return exchange.paths(self.wire.exchanges)

    @property
    def unrecorded(self) -> bool:
        return self.wire.unrecorded

    @property
    def refused_requests(self) -> tuple[str, ...]:
        return exchange.refused(self.wire.exchanges)

    @property
    def notes(self) -> tuple[str, ...]:
        return exchange.refusals(self.wire.exchanges)

    async def save_evidence(self, folder: Path) -> tuple[str, ...]:
        """Write what was asked and answered into a folder. Returns the names of the files."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "network.json").write_text(exchange.log(self.wire.exchanges))
        if self.caller.answers:
            (folder / "calls.json").write_text(self.caller.log())
        return tuple(sorted(path.name for path in folder.iterdir()))


@asynccontextmanager
async def call_stage(
    identity: Identity,
    host: str,
    *,
    port: int,
    device: Device,
    clocks: Clocks,
    commands: RunCommands,
    tamper: Tamper | None = None,
) -> AsyncIterator[CallStage]:
    """A stage for one run against the app at this port."""
    masked, drawn = identity is Identity.MASKED, device.pointer_seed
    callers = Callers(host, client(drawn) if masked else None)
    async with Wire(host=host, port=port, tamper=tamper, callers=callers) as wire:
        pace = random.Random(drawn) if masked else None  # noqa: S311  (no secret)
        yield CallStage(wire, Caller(wire, f"http://{host}", pace), commands, clocks)
