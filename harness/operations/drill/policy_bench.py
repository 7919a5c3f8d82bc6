"""Asks the user's policy about what an attacker leaves in a run's worktree, or pushes. Git is real,
and so are the sandboxes of its tests."""

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
from harness.log import Log
from harness.operations.drill import attacker_git
from harness.operations.drill.attack import AttackOutcome, held, not_held
from harness.operations.drill.shop import project
from harness.operations.drill.stand_ins import (
    FreeBroker,
    ObedientAgent,
    ObedientModel,
    SigningJudge,
)
from harness.repository.candidate import TrustedCandidates
from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from harness.repository.worktrees.adapter import RunWorktrees
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger

if TYPE_CHECKING:
    from harness.operations.drill.environment import DrillEnvironment
    from harness.ports.forge import Forge, ForgeWriter

NOON = "2026-05-01T12:00:00+00:00"


class _NoForge:
    """A forge that knows nothing: no attack on the policy alone needs one."""

    def issues(self, *, since: str | None = None) -> tuple[Issue, ...]:
        return ()

    def issue(self, number: int) -> Issue:
        raise ForgeError("this bench has no forge")


class PolicyBench:
    """A base commit of the small project under the user's policy, and the policy's
    decisions on changes to it."""

    def __init__(
        self,
        drill: "DrillEnvironment",
        *,
        name: str = "policy",
        files: Mapping[str, str] | None = None,
    ) -> None:
        """`files` replace the shop as the project."""
        self.home = drill.folder_for(name)
        self.forge = attacker_git.bare(self.home / "forge.git")
        self.trusted = TrustedRepository(
            self.home / "repositories" / "shop.git", Remote(self.forge.as_uri())
        )
        self.worktrees = RunWorktrees(self.trusted, self.home / "worktrees")
        self.candidates = TrustedCandidates(self.trusted)
        self.base = self.pushed(
            "main", dict(project(drill.policy_files) if files is None else files)
        )
        self.services = self._services(drill)
        self._harmless: PolicyDecision | None = None
        self._asking = Lock()

    @property
    def policy(self) -> PolicySnapshot:
        """The user's policy at the base."""
        return policy_at(self.services, self.base)

    def pushed(
        self, branch: str, files: dict[str, str], *entries: tuple[str, str, str], onto: str = ""
    ) -> CommitSha:
        """A commit of these files and of odd `entries` (mode, object, path), which the attacker
        pushes and the factory fetches. Without `onto` it has no parent."""
        there = attacker_git.listed(self.forge, onto) if onto else {}
        there |= {
            path: ("100644", attacker_git.blob(self.forge, content), path)
            for path, content in files.items()
        }
        there |= {path: (mode, oid, path) for mode, oid, path in entries}
        commit = attacker_git.committed(
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
        """The policy's decision on a commit, both as a proposal and as what would land."""
        job = self.job(name)
        asked = [
            decide_change(job, self.base, head, applies=applies)
            for applies in (Applies.PR, Applies.MERGE)
        ]
        return replace(
            asked[0],
            # Both decisions count: a rule may apply to the proposal only, or to the landing only.
            refusals=tuple(one for decided in asked for one in decided.refusals),
            findings=[one for decided in asked for one in decided.findings],
        )

    def job(self, name: str) -> Job:
        """One run of the factory, as far as the policy looks at it."""
        policy = self.policy
        node = next(
            node for node in policy.workflows["implement"].nodes if isinstance(node, GateNode)
        )
        return Job(self.services, policy, issue=1, run=name, number=1, node=node, outputs={})

    def refused_by_check(
        self, name: str, attacker: Callable[[Path], object], *, check: str
    ) -> AttackOutcome:
        """Held if a rule of the user's with this check refuses what the attacker leaves, and
        passes a harmless edit."""
        rules = frozenset(
            rule.id
            for rule in self.policy.governance.rules
            if isinstance(rule.check, CHECKS[check])
            and (rule.level, rule.status) == (Level.ENFORCED, Status.ENFORCE)
        )
        fix = f"add a rule to factory_rules.md: `level: enforced`, `check: {{{check}: {{}}}}`"
        if not rules:
            return not_held(f"no enforced rule of this policy asks `{check}`", fix)
        return self.refused(name, self.left(name, attacker), rules=rules, fix=fix)

    def refused(
        self, name: str, head: CommitSha, *, rules: frozenset[str], names: str = "", fix: str = ""
    ) -> AttackOutcome:
        """Held if one of `rules` refuses this commit and names `names`, and each of `rules`
        can also pass a commit."""
        findings = [
            finding
            for finding in self.decided(name, head).findings
            if finding["rule"] in rules and finding["status"] == "enforce"
        ]
        refusals = [
            finding
            for finding in findings
            if finding["passed"] is False and names in f"{finding['says']} {finding['evidence']}"
        ]
        if not refusals:
            seen = "; ".join(f"{finding['rule']}: {finding['says']}" for finding in findings)
            return not_held(seen[:200] or "no rule refused it", fix)
        # A rule that refuses everything would look like a brake that holds.
        if never := rules - self._rules_that_can_pass():
            return not_held(
                f"{', '.join(sorted(never))} refuses a harmless edit too, so a refusal proves"
                " nothing",
                fix,
            )
        first = refusals[0]
        return held(f"{first['rule']}: {' '.join(str(first['says']).split())[:110]}")

    def _rules_that_can_pass(self) -> frozenset[str]:
        """The control: the rules that let an honest edit pass."""
        with self._asking:
            if self._harmless is None:
                honest = self.left(
                    "harmless",
                    lambda worktree: attacker_git.write(worktree, "README.md", "# A small shop\n"),
                )
                self._harmless = self.decided("harmless", honest)
        return frozenset(one["rule"] for one in self._harmless.findings if one["passed"] is True)

    def _services(self, drill: "DrillEnvironment") -> Services:
        clock, nobody = SystemClock(), _NoForge()
        judge = SigningJudge(self.home / "keys" / "validator.key")
        return drill.customize(
            Services(
                places=Places(self.home, "drill.shop"),
                forge=cast("Forge", nobody),
                writer=cast("ForgeWriter", nobody),
                repository=self.trusted,
                worktrees=self.worktrees,
                candidates=self.candidates,
                sandbox=drill.sandbox,
                agent=ObedientAgent(),
                model=ObedientModel(),
                broker=FreeBroker(),
                validator=judge,
                ledger=SqliteLedger(self.home, clock),
                clock=clock,
                wheels=drill.wheels,
                sandbox_command=(),
                trusted_keys=frozenset({judge.key_id}),
                link=str,
                log=Log(),
            )
        )
