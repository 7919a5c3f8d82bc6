"""The user's law, asked about what an attacker leaves in a run's worktree, or pushes. Real git,
real boxes for its tests."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, cast

from harness.domain.errors import ForgeError
from harness.domain.governance import Applies, Level, Status
from harness.domain.issue import CommitSha, Issue
from harness.domain.workflow import GateNode
from harness.factory.policy_gate.policy import PolicyDecision, decide_change
from harness.factory.run.node import Job
from harness.factory.run.policy_snapshot import PolicySnapshot, policy_at
from harness.factory.run.services import Places, Services
from harness.governance.checks import CHECKS
from harness.operations.drill import git_hand
from harness.operations.drill.attack import Seen, held, open_
from harness.operations.drill.players import ObeyingAgent, ObeyingModel, OpenTill, SigningJudge
from harness.operations.drill.shop import project
from harness.repository.candidate import TrustedCandidates
from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from harness.repository.worktrees.adapter import RunWorktrees
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger

if TYPE_CHECKING:
    from harness.operations.drill.scene import Ground
    from harness.ports.forge import Forge, ForgeWriter

NOON = "2026-05-01T12:00:00+00:00"


class _NoForge:
    """Nobody is asked: what only a forge knows is unknown here."""

    def issues(self, *, since: str | None = None) -> tuple[Issue, ...]:
        return ()

    def issue(self, number: int) -> Issue:
        raise ForgeError("there is no forge in this court")


class Court:
    """A base commit of the small project under the user's law, and what the law says of changes to
    it."""

    def __init__(
        self, ground: "Ground", *, name: str = "court", files: Mapping[str, str] | None = None
    ) -> None:
        """`files` are the project, where it is another than the shop."""
        self.home = ground.apart(name)
        self.forge = git_hand.bare(self.home / "forge.git")
        self.trusted = TrustedRepository(
            self.home / "repositories" / "shop.git", Remote(self.forge.as_uri())
        )
        self.worktrees = RunWorktrees(self.trusted, self.home / "worktrees")
        self.candidates = TrustedCandidates(self.trusted)
        self.base = self.pushed("main", dict(project(ground.law) if files is None else files))
        self.services = self._services(ground)
        self._harmless: PolicyDecision | None = None
        self._asking = Lock()

    @property
    def policy(self) -> PolicySnapshot:
        """The user's law at the base."""
        return policy_at(self.services, self.base)

    def pushed(
        self, branch: str, files: dict[str, str], *entries: tuple[str, str, str], onto: str = ""
    ) -> CommitSha:
        """A commit of these files, and of odd entries, on top of another or by itself; pushed, and
        fetched by the factory."""
        there = git_hand.listed(self.forge, onto) if onto else {}
        there |= {
            path: ("100644", git_hand.blob(self.forge, content), path)
            for path, content in files.items()
        }
        there |= {path: (mode, oid, path) for mode, oid, path in entries}
        commit = git_hand.committed(
            self.forge, there.values(), branch=branch, parents=(onto,) if onto else ()
        )
        self.trusted.fetch(branch)
        return CommitSha(commit)

    def left(self, name: str, attacker: Callable[[Path], object]) -> CommitSha:
        """The commit that the factory makes of what an attacker leaves in a worktree."""
        worktree = self.worktrees.open(name, self.base)
        attacker(worktree)
        return self.candidates.commit(
            self.worktrees.snapshot(worktree, self.base), [self.base], message="a change", at=NOON
        )

    def decided(self, name: str, head: CommitSha) -> PolicyDecision:
        """What the law says of a commit: of what is proposed and of what would land."""
        job = self.job(name)
        asked = [
            decide_change(job, self.base, head, applies=applies)
            for applies in (Applies.PR, Applies.MERGE)
        ]
        return replace(
            asked[0],
            refusals=tuple(one for decided in asked for one in decided.refusals),
            findings=[one for decided in asked for one in decided.findings],
        )

    def job(self, name: str) -> Job:
        """One run of the factory's, as far as the law looks at it."""
        policy = self.policy
        node = next(
            node for node in policy.workflows["implement"].nodes if isinstance(node, GateNode)
        )
        return Job(self.services, policy, issue=1, run=name, number=1, node=node, outputs={})

    def refused_by_check(
        self, name: str, attacker: Callable[[Path], object], *, check: str
    ) -> Seen:
        """Held when a rule of the user's with this check says no to what the attacker leaves, and
        yes to a harmless edit."""
        rules = frozenset(
            rule.id
            for rule in self.policy.governance.rules
            if isinstance(rule.check, CHECKS[check])
            and (rule.level, rule.status) == (Level.ENFORCED, Status.ENFORCE)
        )
        fix = f"add a rule to factory_rules.md: `level: enforced`, `check: {{{check}: {{}}}}`"
        if not rules:
            return open_(f"no enforced rule of this law asks `{check}`", fix)
        return self.refused(name, self.left(name, attacker), rules=rules, fix=fix)

    def refused(
        self, name: str, head: CommitSha, *, rules: frozenset[str], names: str = "", fix: str = ""
    ) -> Seen:
        """Held when one of `rules` says no to this commit, naming `names`, and each of them could
        have said yes."""
        said = [
            one
            for one in self.decided(name, head).findings
            if one["rule"] in rules and one["status"] == "enforce"
        ]
        no = [
            one
            for one in said
            if one["passed"] is False and names in f"{one['says']} {one['evidence']}"
        ]
        if not no:
            return open_(
                "; ".join(f"{one['rule']}: {one['says']}" for one in said)[:200]
                or "no rule said no",
                fix,
            )
        if never := rules - self._said_yes():
            return open_(
                f"{', '.join(sorted(never))} refuses a harmless edit, too, so its no shows nothing",
                fix,
            )
        return held(f"{no[0]['rule']}: {' '.join(str(no[0]['says']).split())[:110]}")

    def _said_yes(self) -> frozenset[str]:
        """The control: the rules that let an honest edit pass."""
        with self._asking:
            if self._harmless is None:
                honest = self.left(
                    "harmless",
                    lambda worktree: git_hand.write(worktree, "README.md", "# A small shop\n"),
                )
                self._harmless = self.decided("harmless", honest)
        return frozenset(one["rule"] for one in self._harmless.findings if one["passed"] is True)

    def _services(self, ground: "Ground") -> Services:
        clock, nobody = SystemClock(), _NoForge()
        judge = SigningJudge(self.home / "keys" / "validator.key")
        return ground.equipped(
            Services(
                places=Places(self.home, "drill.shop"),
                forge=cast("Forge", nobody),
                writer=cast("ForgeWriter", nobody),
                repository=self.trusted,
                worktrees=self.worktrees,
                candidates=self.candidates,
                sandbox=ground.sandbox,
                agent=ObeyingAgent(),
                model=ObeyingModel(),
                broker=OpenTill(),
                validator=judge,
                ledger=SqliteLedger(self.home, clock),
                clock=clock,
                wheels=ground.wheels,
                sandbox_command=(),
                trusted_keys=frozenset({judge.key_id}),
                link=str,
                tell=lambda *said: None,
            )
        )
