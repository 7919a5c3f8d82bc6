"""The real things, named once: the clock, the desk, and one function for each command."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from validators.domain.errors import JourneyInvalid
from validators.domain.stops import UsageError

if TYPE_CHECKING:
    from validators.launcher.desk import Desk


def judge(request: Path, out: Path) -> int:
    """Judge the request's candidate: verdict.json, public.json, index.html and evidence/ in `out`."""
    from validators.launcher.judging import judgement_of
    from validators.launcher.publish import EVIDENCE, published

    out.mkdir(parents=True, exist_ok=True)
    (out / "verdict.json").unlink(missing_ok=True)  # an old verdict must not outlive this judgement, however it ends
    desk = _desk(request)
    judged = desk.shelf.folder / "judged"
    judged.mkdir(mode=0o700, exist_ok=True)
    kept = Path(tempfile.mkdtemp(prefix=".fresh-", dir=judged))
    judgement = judgement_of(desk, keep=kept / EVIDENCE)
    published(judgement, kept=kept, out=out, ended=_now())
    _log(desk)
    print(f"{judgement.verdict.outcome}: {judgement.verdict.reason}")
    return 0


def author(request: Path, out: Path) -> int:
    """Have journeys written for the request's issue, prove them on base and seal them: authored.json in `out`."""
    from validators.launcher.authoring import authored
    from validators.store.files import placed

    out.mkdir(parents=True, exist_ok=True)
    (out / "authored.json").unlink(missing_ok=True)
    desk = _desk(request)
    found = authored(desk)
    placed(out / "authored.json", json.dumps(asdict(found), indent=1).encode(), replace=True, mode=0o644)
    _log(desk)
    print(f"{found.outcome}: {found.reason}")
    return 0


def prove(request: Path, files: Sequence[Path]) -> int:
    """Perform journeys on base, and on the candidate if there is one, and print what they showed. Seals nothing."""
    from validators.launcher.rehearsal import rehearsed

    found = rehearsed(_desk(request), {file: file.read_text() for file in files})
    print(json.dumps(found, indent=1))
    return 0 if found["proved"] else 1


def key(path: Path) -> int:
    """Print the id of the signing key at `path`, which is made where there is none."""
    from validators.signing.key import signer_at

    print(signer_at(path).public_key.keyid)
    return 0


def check(files: Sequence[Path]) -> int:
    """Lint journeys; every problem is printed with its file and line."""
    from validators.language.check import checked

    bad = 0
    for file in files:
        try:
            checked(file.read_text(), file=str(file))
        except JourneyInvalid as invalid:
            bad += 1
            print(invalid)
        except OSError as error:
            raise UsageError(f"{file}: cannot be read ({error.strerror})") from error
    print(f"{len(files) - bad} of {len(files)} journeys may be sealed", file=sys.stderr)
    return 1 if bad else 0


def verify(verdict: Path, public_key: Path, *, key_id: str | None, evidence: Path | None) -> int:
    """Check a verdict offline and print what it binds."""
    from validators.launcher.verify import checked_verdict, words

    for line in words(checked_verdict(verdict, public_key, key_id=key_id, evidence=evidence)):
        print(line)
    return 0


def store_digest(request: Path) -> int:
    """Print the digest of the journeys that stand for the request's issue, null when there are none."""
    from validators.store.shelf import set_digest

    desk = _desk(request)
    digests = [one.entry.digest for one in desk.shelf.journeys(desk.request.issue.number)]
    print(json.dumps({"journeys": len(digests), "digest": set_digest(digests) if digests else None}))
    return 0


def store_list(request: Path) -> int:
    """Print the history of every journey, oldest first, one JSON object a line."""
    for entry in _desk(request).shelf.entries():
        print(json.dumps(asdict(entry)))
    return 0


def retire(request: Path, digest: str, *, actor: str, reason: str) -> int:
    """A journey no longer binds. It, its proofs and this decision are kept for ever."""
    from validators.launcher.predicate import stamp
    from validators.store.entries import Event

    entry = _desk(request).shelf.closed(digest, event=Event.RETIRED, actor=actor, reason=reason, at=stamp(_now()))
    print(f"retired {entry.journey} ({digest}) of issue {entry.issue}")
    return 0


def supersede(request: Path, digest: str, journey: Path, *, actor: str, reason: str) -> int:
    """Put a journey that a maintainer wrote, once it is proved, in the place of another."""
    from validators.launcher.authoring import replaced

    found = replaced(_desk(request), digest, journey.read_text(), actor=actor, reason=reason)
    print(f"{found.outcome}: {found.reason}")
    return 0 if found.outcome == "sealed" else 1


def _desk(request: Path) -> Desk:
    from validators.launcher.desk import opened_desk
    from validators.launcher.request import request_at

    return opened_desk(request_at(request), caller=request, now=_now)


def _log(desk: Desk) -> None:
    """Where the time has gone, on standard error, which whoever started this keeps as a log."""
    for line in desk.phases.lines():
        print(line, file=sys.stderr)


def _now() -> datetime:
    return datetime.now(UTC)
