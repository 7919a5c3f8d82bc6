"""Between a verdict and the branch: what moves there, what is forged there, and what is told
twice."""

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.domain.errors import PortError
from harness.domain.events import VerdictRecorded
from harness.domain.issue import CommitSha, TreeSha
from harness.domain.lifecycle import State
from harness.factory.records.history import is_frozen
from harness.factory.reporting.comments import ISSUE_MARKER
from harness.operations.drill import git_hand
from harness.operations.drill.attack import Attack, Seen, held, open_
from harness.operations.drill.players import SigningJudge
from harness.ports.git import Candidates, Landing

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.operations.drill.pipeline import Lap
    from harness.operations.drill.scene import Ground

VERDICT, LANDING = "the verdict", "landing"
LANDS = frozenset({State.APPROVED, State.MERGING})


def changed(ground: "Ground") -> Seen:
    """One word of a verdict, changed where it lies."""
    return _forged(
        ground,
        "changed verdict",
        lambda lap, request: _reworded(lap.judge.envelope(request)),
        gate="verdict",
    )


def _reworded(envelope: bytes) -> bytes:
    told = json.loads(envelope)
    payload = base64.b64decode(told["payload"]).replace(b"all 1 sealed", b"all 9 sealed")
    return json.dumps({**told, "payload": base64.b64encode(payload).decode("ascii")}).encode()


def other_key(ground: "Ground") -> Seen:
    """The same verdict, signed by somebody else."""
    return _forged(
        ground,
        "other key",
        lambda lap, request: SigningJudge(lap.home / "forged.key").envelope(request),
        gate="verdict",
    )


def other_tree(ground: "Ground") -> Seen:
    """A verdict that the right key signed, on another tree."""
    return _forged(
        ground,
        "other tree",
        lambda lap, request: lap.judge.envelope(request, tree="f" * 40),
        gate="freshness",
    )


def _forged(
    ground: "Ground", name: str, forge: "Callable[[Lap, dict[str, object]], bytes]", *, gate: str
) -> Seen:
    """Held when nothing lands on the forged verdict; the same change lands when its own is put
    back."""
    lap = ground.lap(name)
    issue = lap.until_approved()
    verdict = lap.history(issue).verdicts[-1].event
    envelope = lap.home / verdict.envelope
    honest = envelope.read_bytes()
    envelope.write_bytes(forge(lap, _request(issue, verdict)))
    lap.tick(states=LANDS)
    if lap.tip() != lap.base:
        return open_("it landed on the forged verdict")
    said = lap.last_words(issue)
    if gate not in said:
        return open_(f"it did not land, but not for its verdict: {said}")
    envelope.write_bytes(honest)
    lap.ask(
        "POST", f"/issues/{issue}/comments", by=lap.owner.token, json={"body": "/factory retry"}
    )
    lap.tick()
    return (
        held(said[:110])
        if lap.tip() != lap.base
        else open_(
            "with its own verdict it does not land either, so nothing was shown:"
            f" {lap.last_words(issue)}"
        )
    )


def _request(issue: int, verdict: VerdictRecorded) -> dict[str, object]:
    """What the judge was asked, from what its verdict binds."""
    binds = verdict.binds
    return {
        "issue": {"number": issue},
        "base": {"commit": binds.base},
        "head": {"commit": binds.head},
        "candidate": {"commit": binds.candidate, "tree": binds.tree},
        "governance": {"digest": binds.governance},
        "run": verdict.envelope.split("/")[1],
        "round": verdict.round,
        "sandbox": {"form": verdict.sandbox_form},
    }


def head_moved(ground: "Ground") -> Seen:
    """Somebody with the right to write pushes to the factory's branch, after the verdict."""
    lap = ground.lap("head moved")
    issue = lap.until_approved()
    branch = f"factory/issue-{issue}"
    lap.push({"shop.py": "import os\n\nos.system('evil')\n"}, branch=branch)
    lap.tick()
    landed = lap.services.repository.read(CommitSha(lap.tip()), "shop.py") or b""
    if b"evil" in landed or lap.tip() != lap.base:
        return open_("what was pushed after the verdict landed")
    said = lap.last_words(issue)
    return (
        held(said[:110])
        if "pushed" in said or "head" in said
        else open_(f"nothing landed, but not for this: {said}")
    )


def base_moved(ground: "Ground") -> Seen:
    """Main moves on after the verdict: what lands was judged on what is there."""
    lap = ground.lap("base moved")
    issue = lap.until_approved()
    moved = lap.push({"README.md": "# Another shop\n"})
    lap.tick()
    history = lap.history(issue)
    landed = lap.services.repository.tree_of(CommitSha(lap.tip()))
    judged = [verdict.event.binds.tree for verdict in history.verdicts]
    if history.state is not State.MERGED or lap.judge.judged < 2:
        return open_(f"judged {lap.judge.judged} times, and {lap.last_words(issue)}")
    first = judged[0]
    return (
        held(f"judged again on {moved:.7}; that tree landed, not {first:.7}")
        if landed == judged[-1] != first
        else open_("what landed is not what was judged last")
    )


class Meddling:
    """Candidates between whose looking and landing somebody acts. All else is theirs."""

    def __init__(self, own: Candidates, acts: "Callable[[], object]") -> None:
        self._own, self._acts = own, acts
        self.commit, self.merge, self.push = own.commit, own.merge, own.push
        self.remove, self.keep = own.remove, own.keep

    def land(
        self, candidate: CommitSha, branch: str, *, base: CommitSha, head: CommitSha, tree: TreeSha
    ) -> Landing:
        """See the port."""
        self._acts()
        return self._own.land(candidate, branch, base=base, head=head, tree=tree)


def inside_the_merge(ground: "Ground") -> Seen:
    """Main moves within the merge call itself, after every fact was read."""
    lap = ground.lap("inside the merge")
    pushed: list[str] = []

    def meddle() -> None:
        if not pushed:
            pushed.append(lap.push({"README.md": "# A shop that somebody else changed\n"}))

    lap.equip(lambda services: replace(services, candidates=Meddling(services.candidates, meddle)))
    issue = lap.file()
    lap.tick()
    if not pushed:
        return open_(f"nothing came as far as landing: {lap.last_words(issue)}")
    kept = lap.services.repository.contains(CommitSha(lap.tip()), CommitSha(pushed[0]))
    if not kept:
        return open_("what somebody else pushed is gone from the branch")
    return (
        _without_compare(ground, lap)
        if lap.judge.judged > 1
        else open_("it landed without being judged again")
    )


def _without_compare(ground: "Ground", lap: "Lap") -> Seen:
    """The control: a plain forced push of a commit that was judged on an older base loses what came
    between."""
    store = git_hand.bare(ground.apart("inside the merge") / "control.git")
    base = git_hand.committed(store, [("100644", git_hand.blob(store, "1"), "a")], branch="main")
    between = git_hand.committed(
        store, [("100644", git_hand.blob(store, "2"), "a")], branch="main", parents=[base]
    )
    judged = git_hand.committed(
        store, [("100644", git_hand.blob(store, "3"), "b")], branch="judged", parents=[base]
    )
    git_hand.git(store, "update-ref", "refs/heads/main", judged)
    if between in git_hand.git(store, "log", "--format=%H", "main").decode("ascii").split():
        return open_("a forced push loses nothing on this machine, so nothing was shown")
    return held(f"judged {lap.judge.judged} times; a forced push loses what came between")


class Swapping:
    """A forge on which another tree lands than the one that it was given, and which says that all
    is well."""

    def __init__(self, own: Candidates, swapped: "Callable[[], object]") -> None:
        self._own, self._swapped = own, swapped
        self.commit, self.merge, self.push = own.commit, own.merge, own.push
        self.remove, self.keep = own.remove, own.keep

    def land(
        self, candidate: CommitSha, branch: str, *, base: CommitSha, head: CommitSha, tree: TreeSha
    ) -> Landing:
        """See the port, and do not believe it."""
        self._swapped()
        return Landing("landed", candidate, f"{candidate:.12} is on {branch}")


def tree_differs(ground: "Ground") -> Seen:
    """The forge says that it landed, and something else did."""
    lap = ground.lap("tree differs")
    lap.equip(
        lambda services: replace(
            services,
            candidates=Swapping(
                services.candidates, lambda: lap.push({"shop.py": "evil = True\n"})
            ),
        )
    )
    issue = lap.file()
    lap.tick()
    if lap.history(issue).state is State.MERGED or not is_frozen(lap.ledger):
        return open_(f"merging is not frozen: {lap.last_words(issue)}")
    lap.equip(lambda services: services)
    other, tip = lap.file(title="Another till"), lap.tip()
    lap.tick()
    return (
        held("frozen; the next change, a good one, did not land either")
        if lap.tip() == tip
        else open_(f"#{other} landed on a frozen branch")
    )


def told_twice(ground: "Ground") -> Seen:
    """Each pass sees all events again, and a restarted factory remembers nothing but its ledger. A
    stranger who gives a command is answered, once, however often it is given."""
    lap = ground.lap("told twice")
    issue = lap.file()
    lap.tick()
    before = _state_of(lap, issue)
    for _ in range(2):
        lap.done.clear()
        lap.tick()
        lap.ask(
            "POST",
            f"/issues/{issue}/comments",
            by=lap.stranger.token,
            json={"body": "/factory retry"},
        )
        lap.tick()
    after = _state_of(lap, issue)
    if before[0] == lap.base:
        return open_(f"nothing landed in the first place: {lap.last_words(issue)}")
    return (
        held("one landing, one pull request, one comment, and one answer to a stranger")
        if (before, after) == ((before[0], 1, 1, 0), (before[0], 1, 1, 1))
        else open_(f"before {before}, after {after}")
    )


def _state_of(lap: "Lap", issue: int) -> tuple[str, int, int, int]:
    """The branch's tip; how many pull requests, sticky comments and other comments of the factory's
    there are."""
    pulls = lap.ask("GET", "/pulls?state=all", by=lap.owner.token)
    try:
        ours = [
            one.body
            for one in lap.services.forge.comments(issue)
            if one.author.id == lap.factory.id
        ]
    except PortError:
        ours = []
    sticky = sum(ISSUE_MARKER in body for body in ours)
    return lap.tip(), len(pulls), sticky, len(ours) - sticky


ATTACKS = (
    Attack(
        "a changed verdict",
        VERDICT,
        (95,),
        "the signature",
        "changes a signed verdict where it lies",
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
        "judged on what is there",
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
        "everything told twice",
        LANDING,
        (100,),
        "the ledger's keys",
        "shows the factory all events again",
        told_twice,
    ),
)
