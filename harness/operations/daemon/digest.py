"""The digest of a home, computed from its ledger alone and written to a file once a day."""

from datetime import datetime, timedelta
from pathlib import Path

from harness.domain.events import DigestWritten
from harness.factory.records.history import is_stop_requested, why_frozen
from harness.factory.records.link import UrlFor
from harness.factory.reporting.digest import Digest, digest, last_digest
from harness.factory.reporting.digest_page import markdown
from harness.factory.run.effects import is_flagged
from harness.factory.run.pause import pause_in_force
from harness.home.document import EVIDENCE, read_home
from harness.ports.ledger import Ledger
from harness.store.files import replace

USUAL = timedelta(hours=24)


def digest_of(home: Path, ledger: Ledger, *, at: datetime, since: datetime | None = None) -> Digest:
    """The digest at `at`. It begins at `since`; by default at the last digest, or 24 hours ago if
    there was none."""
    entries = ledger.entries()
    fault, paused = ledger.fault(), pause_in_force(ledger, at)
    since = since or last_digest(entries) or at - USUAL
    return digest(
        entries,
        since=since.astimezone(at.tzinfo),
        at=at,
        stopped=is_flagged(home / "STOP") is not False or is_stop_requested(ledger),
        frozen=why_frozen(ledger),
        fault=fault.message if fault else "",
        paused=paused.summary if paused else "",
    )


def write_digest(home: Path, ledger: Ledger, *, at: datetime, link: UrlFor) -> Path | None:
    """Write today's digest to `home/digests/DATE.md` and record it in the ledger. Returns its path;
    None if today's was written before."""
    day = f"{at:%Y-%m-%d}"
    if ledger.find(f"{DigestWritten.kind}/{day}"):
        return None
    found = digest_of(home, ledger, at=at)
    path = home / "digests" / f"{day}.md"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    replace(path, markdown(found, link).encode(), mode=0o600)
    ledger.append(
        DigestWritten(f"digests/{day}.md", since=found.since.isoformat()),
        f"{DigestWritten.kind}/{day}",
    )
    return path


def link_of(home: Path) -> UrlFor:
    """A function that makes links from paths below the repository's address. The forge need not
    run. Evidence that is not published anywhere becomes the path of a file in the home."""
    document = read_home(home)

    def link(path: str) -> str:
        address = document.address(document.web, path)
        if address or not path.startswith(EVIDENCE):
            return address
        return str(home / "evidence" / path.removeprefix(EVIDENCE))

    return link
