"""Attacks by number and size: floods of issues, and proposals too large to read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.domain.errors import GitError
from harness.domain.events import IssueSeen, PolicyEditReported
from harness.domain.issue import CommitSha
from harness.domain.ledger import Recorded
from harness.domain.lifecycle import State
from harness.factory.intake.queue import Queue
from harness.factory.records.history import History
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.operations.drill import attacker_git
from harness.operations.drill.attack import Attack, AttackOutcome, held, not_held
from harness.operations.drill.attacks.strangers import SUBJECT
from harness.operations.drill.shop import RULES
from harness.ports.ledger import recorded
from harness.repository.plumbing import Git
from harness.repository.remote import Remote

if TYPE_CHECKING:
    from harness.factory.run.services import Services
    from harness.operations.drill.environment import DrillEnvironment
    from harness.operations.drill.scratch_factory import ScratchFactory
    from harness.ports.git import Candidates, Repository

FLOOD = 300
OWNER, STRANGER = 5, 7


def flood(drill: "DrillEnvironment") -> AttackOutcome:
    """Hundreds of issues by one account, beside one of the owner's; as the control, the same
    without the user's limits."""
    return _flooded(drill, lambda number: STRANGER)


def sybils(drill: "DrillEnvironment") -> AttackOutcome:
    """Hundreds of accounts with one issue each, beside one of the owner's."""
    return _flooded(drill, lambda number: 100 + number)


def _flooded(drill: "DrillEnvironment", author_of: Callable[[int], int]) -> AttackOutcome:
    policy = drill.policy_bench.policy
    waiting = [_waiting_issue(number, author_of(number)) for number in range(1, FLOOD + 1)]
    waiting.append(_waiting_issue(FLOOD + 1, OWNER, may_command=True))
    triaged = _triaged(drill, policy, waiting)
    unlimited = replace(policy.config.triage, per_author=100_000, per_day=100_000, batch=100_000)
    without_limits = replace(policy, config=replace(policy.config, triage=unlimited))
    fix = "lower `per_author`, `per_day` and `batch` under [triage] in factory.toml"
    if FLOOD + 1 not in triaged or triaged[0] != FLOOD + 1:
        return not_held("the owner's issue was not triaged first", fix)
    if len(triaged) > FLOOD // 2:
        return not_held(f"{len(triaged) - 1} of {FLOOD} are triaged in one tick", fix)
    # Rules about issues may limit the control too, so it proves something only without them.
    has_issue_rules = any(rule.applies == "issue" for rule in policy.governance.rules)
    if not has_issue_rules and len(_triaged(drill, without_limits, waiting)) <= FLOOD:
        return not_held("without limits they are not all triaged either, so nothing was proven")
    return held(f"{len(triaged) - 1} of {FLOOD} are triaged in one tick, the owner's first")


def _triaged(
    drill: "DrillEnvironment", policy: PolicySnapshot, waiting: list[History]
) -> list[int]:
    """The issues that the queue admits in one tick, in their order."""
    queue = Queue(drill.policy_bench.services, [])
    left = {history.issue: history for history in waiting}
    admitted: list[int] = []
    while history := queue.next(list(left.values()), policy):
        queue.begin(left.pop(history.issue))
        admitted.append(history.issue)
    return admitted


def _waiting_issue(number: int, author: int, *, may_command: bool = False) -> History:
    at = datetime.now(UTC).isoformat()
    seen = IssueSeen(f"Totals {number}", author, f"account-{author}", may_command=may_command)
    entry = Recorded(
        seq=number,
        at=at,
        kind=seen.kind,
        key=f"issue/{number}",
        issue=number,
        run=None,
        data=seen.document(),
        prev="",
        hash="",
        event=seen,
    )
    return History(number, (entry,))


DEEP, WIDE = 9, 10
_READABLE = RULES.replace("max: 100", "max: 90")
_NESTED = RULES.replace("{changed_lines: {max: 100}}", "[" * 20_000)


def proposals(drill: "DrillEnvironment") -> AttackOutcome:
    """A fork proposes a tree of trees, and rules that nest without end; as the control,
    rules that can be read."""
    factory, fetches = drill.factory("proposals"), list[tuple[str, State]]()
    fork = _Fork(factory, drill.folder_for("proposals"))
    honest = fork.propose("honest", fork.rules(_READABLE))
    bomb, nested = fork.propose("bomb", fork.bomb()), fork.propose("nested", fork.rules(_NESTED))
    issue = factory.file()

    def on_fetch(ref: str) -> None:
        fetches.append((ref, factory.history(issue).state))

    def watched(services: "Services") -> "Services":
        candidates = cast("Candidates", _WatchedCandidates(services.candidates, on_fetch))
        return replace(services, candidates=candidates)

    factory.customize(watched)
    # Two ticks: the second one shows whether a refused proposal is fetched again.
    for _ in range(2):
        factory.tick(states=frozenset({State.UNTRIAGED}))
    reports = [entry.event for entry in recorded(factory.ledger, PolicyEditReported)]
    effects = {report.pull_request: report for report in reports}
    if honest not in effects or effects[honest].conclusion != "success":
        return not_held(
            f"readable rules were not read either, so nothing was proven: {effects.get(honest)}"
        )

    def is_kept(head: CommitSha) -> bool:
        with suppress(GitError):
            return bool(factory.services.repository.tree_of(head))
        return False

    refs, states = [ref for ref, _ in fetches], {state for _, state in fetches}
    happened = {
        "the tree of trees was not refused as too large": (
            bomb not in effects or "more than" not in effects[bomb].failed
        ),
        "rules that nest without end were accepted": (
            nested not in effects or effects[nested].conclusion != "failure"
        ),
        "what they proposed stays in the trusted repository": any(map(is_kept, fork.heads)),
        "one of them was fetched again": len(refs) > len(set(refs)),
        "the tick's own work waited for them": states != {State.ACCEPTED},
    }
    if wrong := [what for what, is_so in happened.items() if is_so]:
        return not_held("; ".join(wrong))
    return held("10^9 paths and endless rules were refused, once each, after the tick's own work")


class _WatchedRepository:
    """A repository that reports which pull requests' heads it fetches. All else is
    passed on to `inner`."""

    def __init__(self, inner: object, on_fetch: Callable[[str], object]) -> None:
        self._inner, self._on_fetch = inner, on_fetch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def fetch(self, *refs: str) -> None:
        """See the port."""
        for ref in refs:
            if ref.startswith("refs/pull/"):
                self._on_fetch(ref)
        self.__getattr__("fetch")(*refs)


class _WatchedCandidates:
    """Candidates that report which pull requests' heads are fetched apart. All else is passed on
    to `inner`."""

    def __init__(self, inner: "Candidates", on_fetch: Callable[[str], object]) -> None:
        self._inner, self._on_fetch = inner, on_fetch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @contextmanager
    def apart(self) -> "Iterator[tuple[Repository, Candidates]]":
        """See the port."""
        with self._inner.apart() as (repository, candidates):
            yield cast("Repository", _WatchedRepository(repository, self._on_fetch)), candidates


class _Fork:
    """The stranger's fork of a factory's repository, and the store in which they make
    commits by hand."""

    def __init__(self, factory: "ScratchFactory", folder: Path) -> None:
        self._factory, self._store = factory, attacker_git.bare(folder / "fork.git")
        made = factory.request("POST", "/forks", by=factory.stranger.token)
        self._remote = Remote(made["clone_url"], lambda: factory.stranger.token)
        self.heads: list[CommitSha] = []
        self._remote.output(Git(self._store), "fetch", "--quiet", self._remote.url, "main")

    def propose(self, branch: str, entry: bytes) -> int:
        """Open a pull request that replaces or adds one entry of the root folder. Returns
        its number."""
        name, base = entry.partition(b"\t")[2], self._factory.base
        others = [
            line
            for line in attacker_git.git(self._store, "ls-tree", base).splitlines()
            if not line.endswith(b"\t" + name)
        ]
        tree = attacker_git.word(self._store, "mktree", stdin=b"\n".join([*others, entry, b""]))
        commit = attacker_git.word(self._store, "commit-tree", tree, "-p", base, "-m", branch)
        self.heads.append(CommitSha(commit))
        self._remote.output(
            Git(self._store), "push", "--quiet", self._remote.url, f"{commit}:refs/heads/{branch}"
        )
        body = {"title": branch, "head": f"{self._factory.stranger.login}:{branch}", "base": "main"}
        return int(
            self._factory.request("POST", "/pulls", by=self._factory.stranger.token, json=body)[
                "number"
            ]
        )

    def rules(self, text: str) -> bytes:
        """The entry of another text of the rules."""
        return b"100644 blob %s\tfactory_rules.md" % attacker_git.blob(self._store, text).encode()

    def bomb(self) -> bytes:
        """The entry of a folder with a thousand million paths, made of ten objects."""
        kind, inner = b"100644 blob", attacker_git.blob(self._store, "x\n")
        for _ in range(DEEP):
            # Every folder names the one below it ten times, so paths grow and objects do not.
            lines = b"".join(b"%s %s\t%d\n" % (kind, inner.encode(), at) for at in range(WIDE))
            inner = attacker_git.word(self._store, "mktree", stdin=lines)
            kind = b"040000 tree"
        return b"%s %s\tbomb" % (kind, inner.encode())


ATTACKS = (
    Attack(
        "a flood",
        SUBJECT,
        (16,),
        "[triage] per_author",
        f"files {FLOOD} issues from one account",
        flood,
    ),
    Attack(
        "proposals too large to read",
        SUBJECT,
        (31,),
        "bounds on what is read",
        "proposes a thousand million paths, and rules that nest without end",
        proposals,
    ),
    Attack(
        "a flood of accounts",
        SUBJECT,
        (17,),
        "[triage] per_day",
        f"files one issue each from {FLOOD} accounts",
        sybils,
    ),
)
