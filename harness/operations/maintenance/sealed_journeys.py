"""The sealed journeys of a home, for a maintainer at a terminal: the store is the validators'
program, asked as anybody asks it; who decided what, and why, is signed there and written into the
ledger here, by digest and never by name."""

import json
import os
import pwd
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.domain.errors import ConfigError, GitError
from harness.domain.events import JourneyEdited, Landed, RunStarted
from harness.domain.issue import CommitSha
from harness.factory.records.history import History, history_of
from harness.factory.run.policy_snapshot import PolicySnapshot, read_policy
from harness.factory.run.services import Places
from harness.factory.stages.validator_request import RequestContext, base_request, issue_text
from harness.home.document import read_home, wheels_folder
from harness.ports.git import Repository
from harness.ports.ledger import Ledger, recorded
from harness.programs.sandbox.client import COMMAND
from harness.validator.program import STOP_SECONDS, ValidatorProgram
from harness.wiring import open_archive

MISSION = 0
ENTRY = "journey"
MISSION_TEXT = {"number": MISSION, "title": "", "body": "", "kind": "chore"}


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a maintainer's word: `sealed`, `refused` or `retired`, and a sentence."""

    outcome: str
    says: str


@dataclass(frozen=True, slots=True)
class JourneyStore:
    """The store of one home, on the base that is the newest known there."""

    program: ValidatorProgram
    ledger: Ledger
    context: RequestContext
    policy: PolicySnapshot

    def entries(self) -> tuple[Mapping[str, Any], ...]:
        """Every event in the life of every journey, oldest first, as the store tells it."""
        return tuple(json.loads(line) for line in self._asked("list", MISSION).splitlines())

    def shown(self, digest: str) -> Mapping[str, Any]:
        """One journey with all that is known of it; the first letters of its digest are enough."""
        found: Mapping[str, Any] = json.loads(self._asked("show", MISSION, "--digest", digest))
        return found

    def added(self, text: str, *, issue: int, reason: str) -> Decided:
        """Prove a journey on the base and seal it for an issue, or for the mission."""
        return self._sealing("add", issue, text, reason=reason, digest="")

    def superseded(self, digest: str, text: str, *, reason: str) -> Decided:
        """Prove a journey and put it in the place of one that stands."""
        old = self.shown(digest)["entry"]
        return self._sealing(
            "supersede", int(old["issue"]), text, reason=reason, digest=str(old["digest"])
        )

    def retired(self, digest: str, *, reason: str) -> Decided:
        """A journey binds nobody any more. What it was is kept."""
        old = self.shown(digest)["entry"]
        said = self._asked(
            "retire",
            int(old["issue"]),
            "--digest",
            str(old["digest"]),
            "--actor",
            _actor(),
            "--reason",
            reason,
        )
        if not said.startswith("retired"):
            return Decided("refused", said.strip())
        self._written("retired", int(old["issue"]), reason, str(old["digest"]))
        return Decided("retired", f"{old['digest']} binds no change any more")

    def _sealing(self, action: str, issue: int, text: str, *, reason: str, digest: str) -> Decided:
        gone = ("--digest", digest) if digest else ()
        with tempfile.NamedTemporaryFile(
            "w", prefix="factory-journey-", suffix=".yaml", encoding="utf-8"
        ) as file:
            file.write(text)
            file.flush()
            said = self._asked(
                action,
                issue,
                *gone,
                "--journey",
                file.name,
                "--actor",
                _actor(),
                "--reason",
                reason,
            )
        outcome, _, says = said.strip().partition(": ")
        if outcome == "sealed":
            self._written("superseded" if digest else "added", issue, reason, digest)
        return Decided(outcome, says)

    def _asked(self, action: str, issue: int, *arguments: str) -> str:
        text = MISSION_TEXT if issue == MISSION else issue_text(_known(self.ledger, issue))
        request = base_request(
            self.context, self.policy, issue=text, run="maintainer", round_number=1
        )
        seconds = self.policy.config.limits.judge_seconds + STOP_SECONDS
        return self.program.store(request, action, *arguments, seconds=seconds)

    def _written(self, action: str, issue: int, reason: str, digest: str) -> None:
        number = len(recorded(self.ledger, JourneyEdited))
        edited = JourneyEdited(action, digest, actor=_actor(), reason=reason)
        self.ledger.append(edited, f"{edited.kind}/{number}/{action}", issue=issue or None)


@contextmanager
def open_journeys(home: Path) -> Iterator[JourneyStore]:
    """The store, without the forge and without the network. Raises ConfigError where no issue was
    ever worked on."""
    document = read_home(home)
    places = Places(home, document.repository_id)
    with open_archive(home) as archive:
        base = _base(archive.ledger, archive.repository)
        context = RequestContext(places, archive.repository, wheels_folder(), COMMAND, "auto")
        yield JourneyStore(
            archive.program, archive.ledger, context, read_policy(archive.repository, base)
        )


def _base(ledger: Ledger, repository: Repository) -> CommitSha:
    """The newest base that this home knows: the branch it landed on last, as it was fetched then,
    or its last run's."""
    for landing in reversed(recorded(ledger, Landed)):
        try:
            return repository.fetched(landing.event.branch)
        except GitError:
            break
    runs = recorded(ledger, RunStarted)
    if not runs:
        raise ConfigError(
            "no issue was ever worked on here, so there is no base to prove a journey on; run"
            " `factory tick` first"
        )
    return CommitSha(runs[-1].event.base)


def _known(ledger: Ledger, issue: int) -> History:
    history = history_of(ledger, issue)
    if history.triage is None:
        raise ConfigError(
            f"issue #{issue} was never triaged here; `factory status` lists those that were"
        )
    return history


def _actor() -> str:
    """The account at the terminal, as the system knows it."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"
