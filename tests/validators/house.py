"""One browser of each identity for all tests of a worker, the loop they live on, and the stages
that plays are given."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.validators.apps import served
from tests.validators.patience import LONG, PATIENT
from validators.browser.chromium import browsers
from validators.browser.network.exchange import Tamper
from validators.browser.session import BrowserSession
from validators.browser.stage import BrowserStage, Setting, stage
from validators.domain.errors import Unable
from validators.domain.evidence import Identity
from validators.domain.journeys.spot import Spot

PATIENCE = LONG
PLAIN = Setting(Identity.PLAIN, "app.localhost", "en-GB", "Asia/Tokyo", (1280, 800), bounds=PATIENT)

Play = Callable[[BrowserStage], Awaitable[Any]]
PersonsPlay = Callable[[BrowserSession, BrowserStage], Awaitable[Any]]


class House:
    """Browsers from an executable. Every play gets contexts of its own, so that no test sees
    another's cookies."""

    def __init__(self, executable: str) -> None:
        self.runner, self.stack = asyncio.Runner(), AsyncExitStack()
        self.downloads = Path(tempfile.mkdtemp(prefix="downloads-"))
        self.downloads.chmod(0o777)  # the browser's user is another one than ours, see conftest
        # No executable yet: a browser of each identity starts when it is asked for, and not where
        # none is needed.
        opening = browsers("", downloads=self.downloads, bounds=PATIENT)
        self.browsers = self.runner.run(self.stack.enter_async_context(opening))
        self.browsers.executable = executable

    def close(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()
        shutil.rmtree(self.downloads)

    def on_stage(
        self, app: Any, play: Play, *, tamper: Tamper | None = None, **setting: Any
    ) -> Any:
        """What a play returns that was given a stage with this app; the setting is PLAIN but for
        what is named."""

        async def work() -> Any:
            how = replace(PLAIN, **setting)
            with served(app) as port:
                async with stage(
                    await self.browsers.of(how.identity), how, port=port, tamper=tamper
                ) as on:
                    return await play(on)

        return self.runner.run(work())

    def on_page(
        self, app: Any, play: PersonsPlay, *, downloads: bool = True, **setting: Any
    ) -> Any:
        """What a play returns that was given a person at the first page of this app, who may take
        files."""

        async def opened(on: BrowserStage) -> Any:
            person = await on.person("")
            await person.open("/", patience=PATIENCE)
            return await play(person, on)

        return self.on_stage(app, opened, downloads=downloads, **setting)


def link(name: str) -> Spot:
    return Spot(role="link", name=name)


def button(name: str, **more: Any) -> Spot:
    return Spot(role="button", name=name, **more)


async def trouble(work: Awaitable[Any]) -> tuple[str, str]:
    """What a person could not do, and in which words; ("none", "") when it was done."""
    try:
        await work
    except Unable as unable:
        return unable.trouble, str(unable)
    return "none", ""
