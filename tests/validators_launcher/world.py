"""A factory's surroundings for the judge: a repository, a home outside of it, requests, and the
program itself as a process."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests import warm
from tests.validators_launcher.git_repository import Commit, Source
from validators.launcher.context import Context, opened_context
from validators.launcher.request import request_at
from validators.store.entries import Entry, Event
from validators.store.journeys import SealedJourney, journey_digest, purpose_of, with_canary

MISSION = """# Seaside

## Walks can be booked {#M-BOOK}
A guest books a walk up to its last free place, and the booking is there for everybody after that.
"""
AMPLE = {"wall_seconds": 1200, "journey_seconds": 120}
"""The limits of a judgement on a machine with much else to do: nobody waits for their end."""
PATIENT = {"start_seconds": 60, "read_seconds": 20, "picture_seconds": 20}
"""Such a machine's bounds: a page that answers does so long before."""
TITLE = "A group of six is refused although the walk has room for eight"
BODY = (
    "I fill in my name and 6, press Book, and it says that the group is too large. There is room"
    " for 8."
)


@dataclass
class World:
    """`home` holds everything of the factory, below a temporary folder."""

    source: Source
    home: Path
    issue: dict[str, Any] = field(
        default_factory=lambda: {"number": 2, "title": TITLE, "body": BODY, "kind": "bug"}
    )
    app: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def merge(self, base: dict[str, str], change: dict[str, str]) -> tuple[Commit, Commit, Commit]:
        """Base, head and the candidate that merges them."""
        first = self.source.commit(base)
        head = self.source.commit(change, parents=(first.commit,))
        return first, head, self.source.commit(change, parents=(first.commit, head.commit))

    def request(
        self, base: Commit, head: Commit | None = None, candidate: Commit | None = None
    ) -> Path:
        """A request written to a file."""
        document = {
            "repository": "seaside",
            "sealed": str(self.home / "sealed" / "seaside"),
            "git_dir": str(self.source.git_dir),
            "issue": self.issue,
            "base": base.document(),
            "head": head.document() if head else None,
            "candidate": candidate.document() if candidate else None,
            "governance": {"digest": "sha256:" + "9" * 64, "files": {"mission.md": MISSION}},
            "app": {
                "start": ["python", "seaside.py"],
                "port_env": "PORT",
                "ready": "/",
                "ready_seconds": 120,
                "env": {"SEASIDE_GREETING": "hello"},
                "data": "SEASIDE_DATA",
                "seed_command": ["python", "seed.py"],
                **self.app,
            },
            "layers": str(self.home / "layers"),
            "wheels": str(self.home / "wheels"),
            "sandbox": {
                "command": [sys.executable, "-I", "-m", "harness.programs.sandbox"],
                "form": "auto",
            },
            "signing_key": str(self.home / "keys" / "validator.key"),
            "limits": AMPLE,
            "bounds": PATIENT,
            "run": "run-1",
            "round": 1,
            **self.extra,
        }
        file = self.home / "request.json"
        file.write_text(json.dumps(document))
        return file

    def context(self, request: Path) -> Context:
        return opened_context(request_at(request), caller=request, now=lambda: datetime.now(UTC))

    def seal(self, request: Path, text: str) -> SealedJourney:
        """Seal a journey as it stands, as if its author had."""
        whole = with_canary(text)
        purpose = purpose_of(self.issue["kind"])
        name = text.split("\n", 1)[0].removeprefix("journey: ")
        number = self.issue["number"]
        entry = Entry(
            Event.SEALED,
            number,
            name,
            journey_digest(whole),
            purpose,
            "sha256:0",
            "author",
            "",
            "2026-01-02",
        )
        self.context(request).journey_store.seal((whole,), (entry,))
        return SealedJourney(entry, whole)

    def validators(
        self, *arguments: str | Path, seconds: float = 1500
    ) -> subprocess.CompletedProcess[str]:
        """The program, run to its end."""
        return run_program(*arguments, seconds=seconds)


ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-I", "-m", "validators", *map(str, arguments)]


def run_program(*arguments: str | Path, seconds: float = 1500) -> subprocess.CompletedProcess[str]:
    """The program, run to its end. It is forked from a process that has imported it: see `warm`."""
    return warm.run(arguments, env=ENV, timeout=seconds, cwd=Path("/"), program="validators")


def predicate(verdict: Path) -> dict[str, Any]:
    """A verdict's predicate, unverified."""
    statement: dict[str, Any] = json.loads(
        base64.b64decode(json.loads(verdict.read_text())["payload"])
    )
    found: dict[str, Any] = statement["predicate"]
    return found


def world_at(folder: Path) -> World:
    from tests.validators_launcher.git_repository import repository_at

    home = folder / "home"
    home.mkdir(parents=True)
    return World(repository_at(folder / "trusted.git"), home)
