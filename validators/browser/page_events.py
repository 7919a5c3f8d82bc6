"""Dialogs and downloads of a page: dismissed and refused, except for those that a step waits
for."""

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

# The largest download that is taken, in bytes.
LARGEST_FILE = 4 * 1024 * 1024


@dataclass
class PageEvents:
    """The dialogs and downloads of one person. `note` keeps a sentence for the evidence; `later`
    does work in the background.

    Not slotted: the library sets an attribute on the owner of each callback."""

    note: Callable[[str], None]
    later: Callable[[Awaitable[None]], None]
    prepared: deque[DialogAnswer] = field(default_factory=deque)
    # Why a dialog that came is not the prepared one; empty if none such came.
    otherwise: str = ""
    # Since the act began, a page asked whether it may be left, and the answer was no.
    stayed: bool = False
    # Since the act began, a prepared dialog came.
    met: bool = False
    _file: asyncio.Future[Download] | None = None

    def on_dialog(self, dialog: Dialog) -> None:
        """Answer a dialog as was prepared, dismiss any other."""
        # A dialog blocks its page until somebody answers, so each one gets an answer at once.
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
                f"a dialog ({dialog.type}) came with {dialog.message!r} in place of the expected"
                f" one: {meant}"
            )

    def refuse_otherwise(self) -> None:
        """Raise Unable when a dialog came that is not the prepared one."""
        if self.otherwise:
            raise Unable(Trouble.OTHER_DIALOG, self.otherwise)

    def forget(self) -> None:
        """End an act: what was prepared for it does not hold for the next."""
        self.prepared.clear()
        self.otherwise = ""

    @contextmanager
    def one_file(self) -> Iterator[asyncio.Future[Download]]:
        """Take the first download that comes while the block lasts: the result of the future."""
        self._file = asyncio.get_running_loop().create_future()
        try:
            yield self._file
        finally:
            self._file = None

    def on_download(self, download: Download) -> None:
        """Take the download that a step waits for, refuse any other."""
        if self._file is not None and not self._file.done():
            self._file.set_result(download)
        else:
            self.note(f"refused a download: {download.suggested_filename}")
            self.later(download.cancel())


async def taken_file(download: Download, *, patience: float) -> File:
    """The whole file, once all of it is there. Raises Unable if the download breaks off, takes
    longer than `patience` or is larger than LARGEST_FILE."""
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
