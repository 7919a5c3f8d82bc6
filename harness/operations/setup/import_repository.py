"""Imports somebody's repository, with its history, into a local forge."""

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.errors import ConfigError
from harness.repository.original.address import address_of
from harness.repository.original.fetch import FetchLimits, fetch_whole_original

if TYPE_CHECKING:
    from harness.programs.local_forge.seed import Administrator

SECONDS, PACK_BYTES, MOST_REFS = 1_800.0, 4 * 1024**3, 20_000


@dataclass(frozen=True, slots=True)
class ImportedRepository:
    """A repository that was imported, and its page."""

    full_name: str
    branch: str
    refs: int
    page: str


def import_repository(
    source: str, repository: str, *, admin: "Administrator", home: Path, here: Path
) -> ImportedRepository:
    """Fetch `source` and have the forge in `home` create `repository` from it. A relative folder is
    relative to `here`.

    Raises ConfigError or GitError, and then leaves nothing behind.
    """
    from harness.programs.local_forge.settings import Settings

    owner, slash, name = repository.partition("/")
    if not (owner and slash and name) or "/" in name:
        raise ConfigError(
            f"{repository} is not the name of a repository: expected OWNER/NAME, such as"
            " ana/tidebook"
        )
    address = address_of(source, here=here)
    # The forge accepts only 32 hexadecimal digits here, so no name leads to another folder.
    waiting = secrets.token_hex(16)
    incoming = Settings(home).incoming
    incoming.mkdir(mode=0o700, exist_ok=True)
    store = incoming / waiting
    try:
        branch, refs = fetch_whole_original(address, store, limits=FetchLimits(SECONDS, PACK_BYTES))
        if refs > MOST_REFS:
            raise ConfigError(
                f"{address.shown} has {refs:,} branches and tags; a forge takes at most"
                f" {MOST_REFS:,}"
            )
        made = admin.create_repository(
            owner,
            name,
            default_branch=branch,
            description=f"From {address.shown}",
            incoming=waiting,
        )
    finally:
        # Gone already if the forge took it over.
        shutil.rmtree(store, ignore_errors=True)
    return ImportedRepository(made.full_name, branch, refs, made.html_url)
