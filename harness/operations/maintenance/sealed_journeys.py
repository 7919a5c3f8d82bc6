"""The sealed journeys of a home, for a maintainer at a terminal.

The store belongs to the validators' program and signs who decided what, and why. The ledger here
records each decision by digest, never by the journey's name."""

import json
import os
import pwd
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import ConfigError, GitError
from harness.domain.events import JourneyEdited, Landed, RunStarted
from harness.domain.issue import CommitSha
from harness.domain.judge_request import IssueText
from harness.domain.plain import JsonObject
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
MISSION_TEXT = IssueText(MISSION, "", "", "chore")


@dataclass(frozen=True, slots=True)
class JourneyDecision:
    """The result of a maintainer's command: `sealed`, `refused` or `retired`, and a sentence."""

    outcome: str
    message: str


@dataclass(frozen=True, slots=True)
class HomeJourneys:
    """The journeys of one home, on the newest base that the home knows."""

    program: ValidatorProgram
    ledger: Ledger
    context: RequestContext
    policy: PolicySnapshot

    def entries(self) -> tuple[JsonObject, ...]:
        """Every event of every journey, oldest first, as the store lists them."""
        return tuple(json.loads(line) for line in self._run("list", MISSION).splitlines())

    def shown(self, digest: str) -> JsonObject:
        """One journey with all that the store knows of it. The first letters of its digest are
        enough."""
        found: JsonObject = json.loads(self._run("show", MISSION, "--digest", digest))
        return found

    def added(self, text: str, *, issue: int, reason: str) -> JourneyDecision:
        """Prove a journey on the base and seal it for an issue, or for the mission."""
        return self._seal("add", issue, text, reason=reason, digest="")

    def superseded(self, digest: str, text: str, *, reason: str) -> JourneyDecision:
        """Prove a journey and put it in the place of one in force."""
        old = self.shown(digest)["entry"]
        return self._seal(
            "supersede", int(old["issue"]), text, reason=reason, digest=str(old["digest"])
        )

    def retired(self, digest: str, *, reason: str) -> JourneyDecision:
        """Retire a journey: it binds no change any more. Its record stays."""
        entry = self.shown(digest)["entry"]
        issue, full = int(entry["issue"]), str(entry["digest"])
        output = self._run("retire", issue, "--digest", full, *_signature(reason))
        if not output.startswith("retired"):
            return JourneyDecision("refused", output.strip())
        self._record("retired", issue, reason, full)
        return JourneyDecision("retired", f"{full} binds no change any more")

    def _seal(
        self, action: str, issue: int, text: str, *, reason: str, digest: str
    ) -> JourneyDecision:
        replaces = ("--digest", digest) if digest else ()
        with tempfile.NamedTemporaryFile(
            "w", prefix="factory-journey-", suffix=".yaml", encoding="utf-8"
        ) as file:
            file.write(text)
            # Another program reads the file by its name, while it is still open here.
            file.flush()
            output = self._run(
                action, issue, *replaces, "--journey", file.name, *_signature(reason)
            )
        outcome, _, message = output.strip().partition(": ")
        if outcome == "sealed":
            self._record("superseded" if digest else "added", issue, reason, digest)
        return JourneyDecision(outcome, message)

    def _run(self, action: str, issue: int, *arguments: str) -> str:
        """What the store's program prints for one action."""
        text = MISSION_TEXT if issue == MISSION else issue_text(_triaged(self.ledger, issue))
        request = base_request(
            self.context, self.policy, issue=text, run="maintainer", round_number=1
        )
        seconds = self.policy.config.limits.judge_seconds + STOP_SECONDS
        return self.program.store(request, action, *arguments, seconds=seconds)

    def _record(self, action: str, issue: int, reason: str, digest: str) -> None:
        # The number makes each key new: the same journey may be edited more than once.
        number = len(recorded(self.ledger, JourneyEdited))
        edited = JourneyEdited(action, digest, actor=_actor(), reason=reason)
        self.ledger.append(edited, f"{edited.kind}/{number}/{action}", issue=issue or None)


@contextmanager
def open_journeys(home: Path) -> Iterator[HomeJourneys]:
    """The journeys of a home, without its forge and without the network. Raises ConfigError if no
    issue was ever worked on."""
    document = read_home(home)
    places = Places(home, document.repository_id)
    with open_archive(home) as archive:
        base = _base(archive.ledger, archive.repository)
        context = RequestContext(places, archive.repository, wheels_folder(), COMMAND, "auto")
        policy = read_policy(archive.repository, base)
        yield HomeJourneys(archive.program, archive.ledger, context, policy)


def _base(ledger: Ledger, repository: Repository) -> CommitSha:
    """The newest base that this home knows: the branch of the last landing, as it was last fetched,
    or the base of the last run."""
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


def _triaged(ledger: Ledger, issue: int) -> History:
    history = history_of(ledger, issue)
    if history.triage is None:
        raise ConfigError(
            f"issue #{issue} was never triaged here; `factory status` lists the triaged ones"
        )
    return history


def _signature(reason: str) -> tuple[str, ...]:
    return ("--actor", _actor(), "--reason", reason)


def _actor() -> str:
    """The account at the terminal, as the system knows it."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        # A container may run under a number that has no account.
        return f"uid {os.geteuid()}"
