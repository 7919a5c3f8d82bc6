"""The digest of a home, computed from its ledger alone and written to a file once a day."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from harness.domain.errors import PortError
from harness.domain.events import DigestWritten, EffectDone
from harness.domain.ledger import Entry
from harness.factory.records.brakes import is_stop_requested, why_frozen
from harness.factory.records.error_groups import overview_of
from harness.factory.records.link import UrlFor
from harness.factory.records.own_runs import OwnRunIndex
from harness.factory.records.regressions import last_look, look_words
from harness.factory.records.releases import ReleaseIndex
from harness.factory.reporting.digest import Digest, ErrorSummary, digest, last_digest
from harness.factory.reporting.digest_page import markdown
from harness.factory.reporting.workflow_runs import workflow_rows
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
        errors=_errors(home, entries, since),
        releases=ReleaseIndex(ledger, entries),
        watched=look_words(last.event) if (last := last_look(ledger)) else "",
        workflows=workflow_rows(OwnRunIndex(ledger, entries)),
    )


def _errors(home: Path, entries: Sequence[Entry], since: datetime) -> tuple[ErrorSummary, ...]:
    """The groups of errors of which one came after `since`, the latest first."""
    # Who only looks at a home loads neither a database nor the rules.
    from harness.factory.reporting.comments.error_issue import error_words
    from harness.home.error_intake import spool_of

    spool = spool_of(home)
    try:
        groups = spool.groups()
        done = [entry for entry in entries if isinstance(entry.event, EffectDone)]
        return tuple(
            ErrorSummary(
                one["group"],
                error_words(sample) if (sample := spool.sample(one["group"])) else one["group"],
                one["count"],
                one["releases"][0],
                one["landed"],
                one["issue"],
            )
            for one in (overview_of(groups, done) if groups else ())
            if datetime.fromisoformat(one["last_at"]) > since
        )
    except PortError:
        # `factory doctor` looks at it more closely.
        return ()


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
