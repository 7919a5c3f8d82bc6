"""Where a forge stores its files, and its options."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """How one server runs. Everything that lasts is under `home`."""

    home: Path
    # May a visitor file an issue under a name of their own, without a token?
    open_door: bool = False
    # Requests an hour and account.
    rate_limit: int = 100_000
    # may a person's token write check runs? On github.com only Apps may
    people_write_checks: bool = False
    # A folder of static pages, served under /-/evidence/.
    evidence: Path | None = None
    # may a visitor say who of the people here they are, without a token? For one's own machine
    # alone
    pick: bool = False

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.home / "forge.sqlite"

    @property
    def repositories(self) -> Path:
        """The folder of bare repositories, each named by its number."""
        return self.home / "repositories"

    @property
    def incoming(self) -> Path:
        """Bare repositories that wait to be adopted, each named by 32 hexadecimal digits."""
        return self.home / "incoming"

    @property
    def admin_token(self) -> Path:
        """The file with the administrator's token, readable by its owner only."""
        return self.home / "admin.token"

    @property
    def lock(self) -> Path:
        """Locked while a server runs on this home."""
        return self.home / "forge.lock"

    @property
    def port(self) -> Path:
        """The file with the last port."""
        return self.home / "port"

    @property
    def ready(self) -> Path:
        """The running server's address, port and pid as JSON; absent when none runs."""
        return self.home / "forge.json"


def prepare(settings: Settings) -> None:
    """Create the home and the administrator's token where they are missing."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.repositories.mkdir(mode=0o700, exist_ok=True)
    if not settings.admin_token.exists():
        # O_EXCL with the mode: the file is never readable by others, not even for a moment.
        descriptor = os.open(settings.admin_token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32))
