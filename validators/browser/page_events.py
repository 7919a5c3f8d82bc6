"""What a page hands a person unasked: dialogs and files. Dismissed and refused, but for what a step
is waiting for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from validators.domain.errors import Unable
from validators.domain.evidence import Trouble
from validators.domain.journeys.dialog_answer import DialogAnswer
from validators.domain.journeys.files import File

if TYPE_CHECKING:
    from playwright.async_api import Dialog, Download

LARGEST_FILE = 4 * 1024 * 1024  # bytes of a download that is taken


@dataclass
class PageEvents:
    """One person's. `note` keeps a sentence for the evidence; `later` does work beside the run.

    Not slotted: the library marks the owner of each callback."""

    note: Callable[[str], None]
    later: Callable[[Awaitable[None]], None]
    prepared: deque[DialogAnswer] = field(default_factory=deque)
    otherwise: str = ""  # what a dialog said that is not the prepared one
    # since the act began, a page asked whether it may be left, and was told no
    stayed: bool = False
    met: bool = False  # since the act began, a prepared dialog came
    _file: asyncio.Future[Download] | None = None

    def asked(self, dialog: Dialog) -> None:
        """Answer a dialog as was prepared, dismiss any other."""
        meant = self.prepared[0] if self.prepared else None
        fits = meant is not None and meant.fits(dialog.type, dialog.message)
        accept = meant is not None and fits and meant.accept
        self.note(
            f"{'accepted' if accept else 'dismissed'} a dialog ({dialog.type}): {dialog.message}"
        )
        self.stayed = self.stayed or (dialog.type == "beforeunload" and not accept)
        self.later(dialog.accept(meant.text or "") if meant and accept else dialog.dismiss())
        if fits:
            self.prepared.popleft()
            self.met = True
        elif meant:
            self.otherwise = (
                f"a dialog ({dialog.type}) says {dialog.message!r}, and not what was expected:"
                f" {meant}"
            )

    def refuse_otherwise(self) -> None:
        """Raises Unable when a dialog came that is not the prepared one."""
        if self.otherwise:
            raise Unable(Trouble.OTHER_DIALOG, self.otherwise)

    def forget(self) -> None:
        """An act is over: what was prepared for it does not hold for the next."""
        self.prepared.clear()
        self.otherwise = ""

    @contextmanager
    def one_file(self) -> Iterator[asyncio.Future[Download]]:
        """While the block lasts, the first file that is handed over is taken; it is what the future
        is told."""
        self._file = asyncio.get_running_loop().create_future()
        try:
            yield self._file
        finally:
            self._file = None

    def handed(self, download: Download) -> None:
        """Take a download that is waited for, refuse any other."""
        if self._file is not None and not self._file.done():
            self._file.set_result(download)
        else:
            self.note(f"refused a download: {download.suggested_filename}")
            self.later(download.cancel())


async def taken_file(download: Download, *, patience: float) -> File:
    """The whole file, as soon as all of it is there. Raises Unable for one that breaks off or is
    too large."""
    from playwright.async_api import Error

    name = download.suggested_filename
    try:
        path = await asyncio.wait_for(download.path(), patience)
        size = path.stat().st_size
        content = path.read_bytes() if size <= LARGEST_FILE else b""
        await download.delete()
    except TimeoutError:
        raise Unable(
            Trouble.TIMED_OUT, f"the download of {name!r} did not end in {patience:g} s"
        ) from None
    except (Error, OSError):
        raise Unable(Trouble.NO_ANSWER, f"the download of {name!r} broke off") from None
    if size > LARGEST_FILE:
        raise Unable(
            Trouble.TOO_LARGE, f"the download {name!r} has {size} bytes; {LARGEST_FILE} are taken"
        )
    return File(name, content)
