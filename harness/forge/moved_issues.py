"""An issue that was transferred to another repository: the forge sends whoever asks for its number
to the new one, with 301, and what is written by that number is written there.

So what the forge answers is compared with what was asked for. A repository that was renamed answers
under its new name, and keeps its issues."""

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.domain.errors import ForgeError

if TYPE_CHECKING:
    from github.Repository import Repository

_ISSUE = re.compile(r"/repos/([^/]+/[^/]+)/issues/(\d+)")


def raise_if_moved(repository: "Repository", number: int, *, answered: str) -> None:
    """Raise ForgeError, not retryable, where the issue at the API's address `answered` is not
    `number` of the repository."""
    found = _ISSUE.search(urlsplit(answered).path)
    if found is None:
        raise ValueError(f"{answered[:60]!r} is no issue's address")
    name, there = found[1], int(found[2])
    if there != number or not _is_name_of(repository, name):
        raise ForgeError(f"#{number} is now #{there} of another repository, {name}")


def _is_name_of(repository: "Repository", name: str) -> bool:
    if urlsplit(repository.url).path.lower().endswith(f"/repos/{name}".lower()):
        return True
    # It may have been renamed since it was read.
    repository.update()
    return repository.full_name.lower() == name.lower()
