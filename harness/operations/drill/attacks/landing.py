"""Attacks between a verdict and the branch: what moves there, what is forged there,
and events that come twice."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.domain.errors import PortError
from harness.domain.issue import CommitSha, TreeSha
from harness.domain.judge_request import JudgeRequest
from harness.domain.lifecycle import State
from harness.factory.records.brakes import is_frozen
from harness.factory.reporting.comments import ISSUE_MARKER
from harness.operations.drill import attacker_git
from harness.operations.drill.attack import Attack, AttackOutcome, held, not_held
from harness.operations.drill.stand_ins import SigningJudge
from harness.ports.git import Candidates, Landing

if TYPE_CHECKING:
    from harness.factory.run.services import Services
    from harness.operations.drill.environment import DrillEnvironment
    from harness.operations.drill.scratch_factory import ScratchFactory

VERDICT, LANDING = "the verdict", "landing"
LANDS = frozenset({State.APPROVED, State.MERGING})
ForgeEnvelope = Callable[["ScratchFactory", JudgeRequest], bytes]
"""Makes a forged verdict from the factory and what its judge was asked."""


def changed(drill: "DrillEnvironment") -> AttackOutcome:
    """One word of a stored verdict is changed."""
    return _forged(
        drill,
        "changed verdict",
        lambda factory, request: _reworded(factory.judge.envelope(request)),
        gate="verdict",
    )


def _reworded(envelope: bytes) -> bytes:
    document = json.loads(envelope)
    payload = base64.b64decode(document["payload"]).replace(b"all 1 sealed", b"all 9 sealed")
    document["payload"] = base64.b64encode(payload).decode("ascii")
    return json.dumps(document).encode()


def other_key(drill: "DrillEnvironment") -> AttackOutcome:
    """The same verdict, signed with another key."""
    return _forged(
        drill,
        "other key",
        lambda factory, request: SigningJudge(factory.home / "forged.key").envelope(request),
        gate="verdict",
    )


def other_tree(drill: "DrillEnvironment") -> AttackOutcome:
    """A verdict on another tree, signed with the right key."""
    return _forged(
        drill,
        "other tree",
        lambda factory, request: factory.judge.envelope(request, tree="f" * 40),
        gate="freshness",
    )


def _forged(
    drill: "DrillEnvironment", name: str, forge_envelope: ForgeEnvelope, *, gate: str
) -> AttackOutcome:
    """Held if nothing lands on the forged verdict because of this gate, and the same change lands
    once its own verdict is put back."""
    factory = drill.factory(name)
    issue = factory.approved_issue()
    verdict = factory.history(issue).verdicts[-1].event
    envelope = factory.home / verdict.envelope
    honest = envelope.read_bytes()
    envelope.write_bytes(forge_envelope(factory, factory.judge.requests[-1]))
    factory.tick(states=LANDS)
    if factory.tip() != factory.base:
        return not_held("it landed on the forged verdict")
    status = factory.status(issue)
    # Something else may have stopped it, and then this gate is still untested.
    if gate not in status:
        return not_held(f"it did not land, but not because of its verdict: {status}")
    # The control: with its own verdict back in place the same change must land.
    envelope.write_bytes(honest)
    factory.request(
        "POST", f"/issues/{issue}/comments", by=factory.owner.token, json={"body": "/factory retry"}
    )
    factory.tick()
    if factory.tip() == factory.base:
        return not_held(
            "with its own verdict it does not land either, so nothing was proven:"
            f" {factory.status(issue)}"
        )
    return held(status[:110])


def head_moved(drill: "DrillEnvironment") -> AttackOutcome:
    """Somebody with write access pushes to the factory's branch after the verdict."""
    factory = drill.factory("head moved")
    issue = factory.approved_issue()
    branch = f"factory/issue-{issue}"
    factory.push({"shop.py": "import os\n\nos.system('evil')\n"}, branch=branch)
    factory.tick()
    landed = factory.services.repository.read(CommitSha(factory.tip()), "shop.py") or b""
    if b"evil" in landed or factory.tip() != factory.base:
        return not_held("what was pushed after the verdict landed")
    status = factory.status(issue)
    if "pushed" not in status and "head" not in status:
        return not_held(f"nothing landed, but for another reason: {status}")
    return held(status[:110])


def base_moved(drill: "DrillEnvironment") -> AttackOutcome:
    """Main moves after the verdict: what lands was judged on the new main."""
    factory = drill.factory("base moved")
    issue = factory.approved_issue()
    moved = factory.push({"README.md": "# Another shop\n"})
    factory.tick()
    history = factory.history(issue)
    landed = factory.services.repository.tree_of(CommitSha(factory.tip()))
    judged = [verdict.event.binds.tree for verdict in history.verdicts]
    if history.state is not State.MERGED or factory.judge.judged < 2:
        return not_held(f"judged {factory.judge.judged} times, and {factory.status(issue)}")
    first = judged[0]
    if not landed == judged[-1] != first:
        return not_held("what landed is not what was judged last")
    return held(f"judged again on {moved:.7}; that tree landed, not {first:.7}")


class RacedCandidates:
    """Candidates that let somebody act between the last check and the landing."""

    def __init__(self, inner: Candidates, act: Callable[[], object]) -> None:
        self._inner, self._act = inner, act
        self.commit, self.merge, self.push = inner.commit, inner.merge, inner.push
        self.remove, self.keep, self.apart = inner.remove, inner.keep, inner.apart

    def land(
        self, candidate: CommitSha, branch: str, *, base: CommitSha, head: CommitSha, tree: TreeSha
    ) -> Landing:
        """See the port."""
        self._act()
        return self._inner.land(candidate, branch, base=base, head=head, tree=tree)


def inside_the_merge(drill: "DrillEnvironment") -> AttackOutcome:
    """Main moves inside the merge call itself, after every fact was read."""
    factory = drill.factory("inside the merge")
    pushed: list[str] = []

    def push_once() -> None:
        if not pushed:
            pushed.append(factory.push({"README.md": "# A shop that somebody else changed\n"}))

    def raced(services: "Services") -> "Services":
        return replace(services, candidates=RacedCandidates(services.candidates, push_once))

    factory.customize(raced)
    issue = factory.file()
    factory.tick()
    if not pushed:
        return not_held(f"nothing came as far as landing: {factory.status(issue)}")
    tip = CommitSha(factory.tip())
    if not factory.services.repository.contains(tip, CommitSha(pushed[0])):
        return not_held("what somebody else pushed is gone from the branch")
    if factory.judge.judged < 2:
        return not_held("it landed without being judged again")
    return _without_compare(drill, factory)


def _without_compare(drill: "DrillEnvironment", factory: "ScratchFactory") -> AttackOutcome:
    """The control: a plain forced push of a commit that was judged on an older base
    loses the commits made since."""
    store = attacker_git.bare(drill.folder_for("inside the merge") / "control.git")

    def commit(content: str, path: str, branch: str, *parents: str) -> str:
        entry = ("100644", attacker_git.blob(store, content), path)
        return attacker_git.committed(store, [entry], branch=branch, parents=parents)

    base = commit("1", "a", "main")
    between = commit("2", "a", "main", base)
    judged = commit("3", "b", "judged", base)
    attacker_git.git(store, "update-ref", "refs/heads/main", judged)
    if between in attacker_git.git(store, "log", "--format=%H", "main").decode("ascii").split():
        return not_held("a forced push loses nothing on this machine, so nothing was proven")
    return held(f"judged {factory.judge.judged} times; a forced push loses what came between")


class SwappingCandidates:
    """Candidates whose forge lands another tree than the one it was given, and reports success."""

    def __init__(self, inner: Candidates, land_other: Callable[[], object]) -> None:
        self._land_other = land_other
        self.commit, self.merge, self.push = inner.commit, inner.merge, inner.push
        self.remove, self.keep, self.apart = inner.remove, inner.keep, inner.apart

    def land(
        self, candidate: CommitSha, branch: str, *, base: CommitSha, head: CommitSha, tree: TreeSha
    ) -> Landing:
        """See the port; this one lies."""
        self._land_other()
        return Landing("landed", candidate, f"{candidate:.12} is on {branch}")


def tree_differs(drill: "DrillEnvironment") -> AttackOutcome:
    """The forge reports that the candidate landed, and something else did."""
    factory = drill.factory("tree differs")

    def push_evil() -> object:
        return factory.push({"shop.py": "evil = True\n"})

    def swapping(services: "Services") -> "Services":
        return replace(services, candidates=SwappingCandidates(services.candidates, push_evil))

    factory.customize(swapping)
    issue = factory.file()
    factory.tick()
    if factory.history(issue).state is State.MERGED or not is_frozen(factory.ledger):
        return not_held(f"merging is not frozen: {factory.status(issue)}")
    # From here the forge is honest again: only the freeze may stop the next change.
    factory.customize(lambda services: services)
    other, tip = factory.file(title="Another till"), factory.tip()
    factory.tick()
    if factory.tip() != tip:
        return not_held(f"#{other} landed on a frozen branch")
    return held("frozen; the next change, a good one, did not land either")


def every_event_twice(drill: "DrillEnvironment") -> AttackOutcome:
    """Each tick sees all events again, and a restarted factory knows only its ledger. A stranger
    who gives a command gets one answer, however often it is given."""
    factory = drill.factory("every event twice")
    issue = factory.file()
    factory.tick()
    before = _state_of(factory, issue)
    for _ in range(2):
        factory.done.clear()
        factory.tick()
        factory.request(
            "POST",
            f"/issues/{issue}/comments",
            by=factory.stranger.token,
            json={"body": "/factory retry"},
        )
        factory.tick()
    after = _state_of(factory, issue)
    if before[0] == factory.base:
        return not_held(f"nothing landed in the first place: {factory.status(issue)}")
    if (before, after) != ((before[0], 1, 1, 0), (before[0], 1, 1, 1)):
        return not_held(f"before {before}, after {after}")
    return held("one landing, one pull request, one comment, and one answer to a stranger")


def _state_of(factory: "ScratchFactory", issue: int) -> tuple[str, int, int, int]:
    """The branch's tip, and the numbers of pull requests, of sticky comments and of
    other comments by the factory."""
    pulls = factory.request("GET", "/pulls?state=all", by=factory.owner.token)
    try:
        comments = factory.services.forge.comments(issue)
        ours = [comment.body for comment in comments if comment.author.id == factory.bot.id]
    except PortError:
        ours = []
    sticky = sum(ISSUE_MARKER in body for body in ours)
    return factory.tip(), len(pulls), sticky, len(ours) - sticky


ATTACKS = (
    Attack(
        "a changed verdict",
        VERDICT,
        (95,),
        "the signature",
        "changes a stored, signed verdict",
        changed,
    ),
    Attack(
        "somebody else's signature",
        VERDICT,
        (95,),
        "the signature",
        "signs the verdict with another key",
        other_key,
    ),
    Attack(
        "another tree",
        VERDICT,
        (95,),
        "what a verdict binds",
        "puts a good verdict on another tree in its place",
        other_tree,
    ),
    Attack(
        "a push after the verdict",
        LANDING,
        (29, 95),
        "only the pushed head lands",
        "pushes to the factory's branch",
        head_moved,
    ),
    Attack(
        "a base that moved",
        LANDING,
        (96,),
        "judged on the current base",
        "moves main after the verdict",
        base_moved,
    ),
    Attack(
        "a push within the merge",
        LANDING,
        (95,),
        "compare-and-swap",
        "moves main inside the merge call",
        inside_the_merge,
    ),
    Attack(
        "another tree lands",
        LANDING,
        (80, 95),
        "compared after landing",
        "has the forge land something else",
        tree_differs,
    ),
    Attack(
        "every event twice",
        LANDING,
        (100,),
        "the ledger's keys",
        "shows the factory all events again",
        every_event_twice,
    ),
)
