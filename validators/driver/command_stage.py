"""The stage of a run without pages: commands alone, and no browser."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from validators.domain.errors import Unable
from validators.domain.evidence import Trouble
from validators.domain.journeys.command_result import CommandResult
from validators.domain.journeys.commands import Run
from validators.domain.journeys.values import Values
from validators.driver.commands import RunCommands

TRANSCRIPT, SCREENS = "terminal.txt", "screens.json"


class NoPage:
    """Nobody at a browser. Looks at commands ask it only whether anything can still change."""

    def __getattr__(self, name: str) -> NoReturn:
        raise Unable(Trouble.BROKEN, f"no page is open for `{name}`")

    async def watch(self) -> None: ...

    async def unchanged(self) -> bool:
        return True

    def awaits_answer(self) -> bool:
        return False

    async def at_rest(self) -> bool:
        return True

    async def text(self, spot: object) -> str:
        raise Unable(Trouble.BROKEN, "no page is open")


@dataclass(slots=True)
class CommandStage:
    """Implements `validators.ports.browser.Stage` as far as a journey of commands asks."""

    commands: RunCommands
    notes: tuple[str, ...] = ()
    statuses: tuple[tuple[int, str, bool], ...] = ()
    requests: tuple[str, ...] = ()
    unrecorded: bool = False
    refused_requests: tuple[str, ...] = ()
    console: tuple[tuple[str, str], ...] = ()

    async def person(self, actor: str) -> NoPage:
        return NoPage()

    async def run(self, step: Run, values: Values) -> CommandResult:
        return await self.commands.run(step, values)

    async def take_picture(self, actor: str, name: str) -> None: ...

    async def wait_until_quiet(self, seconds: float) -> None: ...

    async def travel(self, seconds: int) -> None:
        raise Unable(Trouble.NO_VALUE, "without a page there is no clock to put forward")

    @property
    def answered(self) -> bool:
        return self.commands.ran

    async def save_evidence(self, folder: Path) -> tuple[str, ...]:
        """Write what was printed into a folder. Returns the names of the files."""
        return save_transcript(self.commands, folder)


def save_transcript(commands: RunCommands, folder: Path) -> tuple[str, ...]:
    """Write what the commands printed, as text and with colours; nothing where none has run."""
    if not commands.printed:
        return ()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TRANSCRIPT).write_text(commands.transcript)
    (folder / SCREENS).write_text(json.dumps(commands.screens))
    return (SCREENS, TRANSCRIPT)
