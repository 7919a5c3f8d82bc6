"""A small model of a forge, git and two pull requests, in which the factory's own decisions are
asked at every step.

What decides is the real thing: `decide_next`, the lifecycle's table, `refusals` and `gate_event`,
the rule of what may land and what a landing was. What is modelled is what they decide about:
branches that move, checks that flip, a process that dies between any two of its effects, and
people. As in the crew, one judgement or landing is under way at a time.

A commit is its name: `b` the first, `x…` somebody's on the default branch, `h1` the factory's head
of pull request 1, `e1` the one that an outsider pushed over it, and `m(base,head)` a merge."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple

from harness.domain.checks import (
    CheckRequirements,
    NotGreen,
    ReportedCheck,
    RequiredCheck,
    not_green,
)
from harness.domain.issue import CommitSha, TreeSha
from harness.domain.landing import JudgedCandidate, after_landing, objection
from harness.domain.lifecycle import ENDED, TABLE, Event, State, next_state
from harness.domain.merge import MergeFacts, gate_event, refusals
from harness.domain.verdict import Binding, Controls, Verdict, VerdictOutcome
from harness.factory.pipeline.tick import Next, decide_next
from harness.factory.records.history import History
from harness.factory.settings.config import read_config
from tests.events import entry_of
from tests.model.explorer import Step

MAIN, ELSEWHERE = "main", "elsewhere"
CI = RequiredCheck("ci", 1)
IDLE, JUDGING, TO_LAND, TO_SWAP, SWAPPED, TO_CONFIRM = range(6)
LATE = "late"  # of checks: not reported, and no time left
SAID = (None, "success", "failure", LATE)
OVER = frozenset(state.value for state in ENDED)
RESTING = OVER | {State.NEEDS_HUMAN.value, State.CHANGES_REQUESTED.value}
TRICKS = frozenset({"push", "base", "turn", "stop", "red"})
STEERING: Any = SimpleNamespace(config=read_config("schema = 1\n"))


class Signed(NamedTuple):
    """A verdict, as its envelope binds it."""

    base: str
    head: str
    passed: bool

    @property
    def candidate(self) -> str:
        return merged(self.base, self.head)


class Pull(NamedTuple):
    """One issue with its pull request: what the ledger says, what the forge shows, and where its
    run is."""

    number: int
    state: str = (
        State.VALIDATING.value
    )  # plain text: an enum's hash is slow, and is asked for millions of times
    branch: str = ""  # what the forge shows as its head
    target: str = MAIN
    verdict: Signed | None = None
    shown: bool = False  # the candidate of its verdict, to the checks
    awaited: bool = False
    at: int = IDLE
    base: str = ""  # that the run began on
    landed: bool = False  # the ledger says so


class World(NamedTuple):
    main: str
    one: Pull
    two: Pull
    frozen: bool = False
    stopped: bool = False
    left: frozenset[str] = TRICKS  # what may still be done to it, each once,
    most: int = len(TRICKS)  # and how many of these

    def pulls(self) -> tuple[Pull, Pull]:
        return self.one, self.two

    def spending(self, trick: str) -> "World":
        return self._replace(
            left=self.left - {trick} if self.most > 1 else frozenset(), most=self.most - 1
        )

    def having(self, pull: Pull) -> "World":
        return self._replace(one=pull) if pull.number == 1 else self._replace(two=pull)


@dataclass(frozen=True)
class Guards:
    """What the factory looks at. Each of these is taken out in a test, and has to be missed."""

    lease: bool = True  # the branch moves only from the base that was judged
    head: bool = True  # only the pushed head, as the forge shows it now
    freshness: bool = True  # a verdict speaks of what would land now
    freeze: bool = True
    stop: bool = True
    checks: bool = True
    target: bool = True  # the pull request still asks for the branch
    looks: bool = True  # whether it has landed already, before anything is asked
    compares: bool = True  # what landed with what was judged


WHOLE = Guards()


def merged(base: str, head: str) -> str:
    return f"m({base},{head})"


@cache
def parents(commit: str) -> tuple[str, ...]:
    """`m(a,b)` has a and b, `x(a)` and `h1`, `e1` have one."""
    if commit.startswith("m("):
        depth = 0
        for at, letter in enumerate(commit):
            depth += {"(": 1, ")": -1}.get(letter, 0)
            if letter == "," and depth == 1:
                return commit[2:at], commit[at + 1 : -1]
    return {"x": (commit[2:-1],), "h": ("b",), "e": (f"h{commit[1:]}",)}.get(commit[0], ())


@cache
def within(commit: str) -> frozenset[str]:
    """The commit and everything before it."""
    return frozenset({commit}).union(*(within(parent) for parent in parents(commit)))


@cache
def tree(commit: str) -> str:
    """What is in it: the changes that it holds, of which each is made by one commit."""
    return "+".join(
        sorted(
            one[0] + one[1] if one[0] in "he" else one[0]
            for one in within(commit)
            if one[0] in "xhe"
        )
    )


@cache
def _path(state: State) -> tuple[Event, ...]:
    """A shortest life that leads to a state."""
    ways: dict[State, tuple[Event, ...]] = {State.UNTRIAGED: ()}
    waiting = [State.UNTRIAGED]
    for here in waiting:
        for (before, event), there in TABLE.items():
            if before is here and there not in ways:
                ways[there] = (*ways[here], event)
                waiting.append(there)
    return ways[state]


@cache
def what_next(state: str, awaited: bool) -> Next | None:
    """The real decision, over a real history of a life that has come so far."""
    said = [("transition", {"event": event}) for event in _path(State(state))]
    if awaited:
        said += [
            ("candidate-shown", {"candidate": "c", "branch": "t", "base": "b"}),
            ("transition", {"event": Event.CHECKS_AWAITED}),
        ]
    entries = tuple(
        entry_of(seq, "2030-01-01T00:00:00+00:00", kind, str(seq), 1, "merge-1-1", data, "", "")
        for seq, (kind, data) in enumerate(said, start=1)
    )
    return decide_next(History(1, entries), STEERING)


@cache
def _signed(number: int, verdict: Signed) -> Verdict:
    binds = Binding(
        CommitSha(verdict.base),
        CommitSha(verdict.head),
        CommitSha(verdict.candidate),
        TreeSha(tree(verdict.candidate)),
        "j",
        "g",
    )
    return Verdict(
        VerdictOutcome.PASSED if verdict.passed else VerdictOutcome.FAILED,
        "",
        number,
        "r",
        1,
        binds,
        1,
        1,
        1,
        Controls(1, 1, 1, 1, True),
        "bwrap-root",
        (),
        1,
        "same-account",
        "k",
        "",
    )


@dataclass(frozen=True)
class Gate:
    """The real question before a merge, over the facts of a world, less what a guard that is taken
    out would have told."""

    guards: Guards

    @cache  # noqa: B019 - one gate lives as long as its model
    def __call__(
        self,
        number: int,
        verdict: Signed,
        branch: str,
        target: str,
        checks: str | None,
        main: str,
        *,
        frozen: bool,
        stopped: bool,
    ) -> tuple[str, bool]:
        """What the gate says, and whether nothing at all speaks against the landing. `checks` are
        the candidate's."""
        faults, guards = self._faults(checks), self.guards
        head = branch if guards.head else verdict.head
        facts = MergeFacts(
            verdict=_signed(number, verdict),
            trusted_key_ids=frozenset({"k"}),
            issue=number,
            kind="bug",
            in_sight=(),
            head=CommitSha(head),
            base=CommitSha(main if guards.freshness else verdict.base),
            pushed_head=CommitSha(f"h{number}" if guards.head else head),
            proposed=not guards.target or (target == MAIN and branch not in within(main)),
            candidate=CommitSha(verdict.candidate),
            tree=TreeSha(tree(verdict.candidate)),
            journeys="j",
            governance="g",
            policy=(),
            checks=faults,
            sandbox_sealed=True,
            issue_body_unchanged=True,
            reviews_read=True,
            stopped=stopped and guards.stop,
            frozen=frozen and guards.freeze,
        )
        found = tuple(refusals(facts))
        return gate_event(found, waits=() if checks == LATE else faults).value, not found

    def _faults(self, checks: str | None) -> tuple[NotGreen, ...]:
        seen = (ReportedCheck("ci", 1, checks),) if checks in ("success", "failure") else ()
        return not_green(CheckRequirements((CI,)), seen) if self.guards.checks else ()


class Model:
    """Everything that may happen next in a world. `by_api`: where only the forge's own merge may
    write the branch."""

    def __init__(
        self, guards: Guards = WHOLE, *, by_api: bool = False, most: int = len(TRICKS)
    ) -> None:
        self.guards, self.by_api, self.most, self.gate = guards, by_api, most, Gate(guards)

    def start(self) -> World:
        return World("b", Pull(1, branch="h1"), Pull(2, branch="h2"), most=self.most)

    def at_rest(self, world: World) -> bool:
        return all(pull.state in RESTING and pull.at == IDLE for pull in world.pulls())

    def steps(self, world: World) -> Iterator[Step[World]]:
        yield from self._hostile(world)
        yield from self._people(world)
        busy = [pull for pull in world.pulls() if pull.at != IDLE]
        for pull in world.pulls():
            if (not world.stopped or not self.guards.stop) and (not busy or pull in busy):
                yield from self._factory(world, pull)

    def _hostile(self, world: World) -> Iterator[Step[World]]:
        if any(pull.at not in (IDLE, JUDGING) for pull in world.pulls()):
            yield Step(
                "crash",
                world._replace(one=_crashed(world.one), two=_crashed(world.two)),
                kind=False,
            )
        if "base" in world.left:
            yield Step(
                "the base moves",
                world.spending("base")._replace(main=f"x({world.main})"),
                kind=False,
            )
        for pull in (pull for pull in world.pulls() if pull.state not in OVER):
            if "push" in world.left:
                pushed = world.spending("push").having(pull._replace(branch=f"e{pull.number}"))
                yield Step(f"a push to {pull.number}", pushed, kind=False)
            if "turn" in world.left:
                turned = world.spending("turn").having(pull._replace(target=ELSEWHERE))
                yield Step(f"{pull.number} is turned elsewhere", turned, kind=False)

    def _people(self, world: World) -> Iterator[Step[World]]:
        if world.stopped:
            yield Step("resume", world._replace(stopped=False), kind=True)
        elif "stop" in world.left:
            yield Step("stop", world.spending("stop")._replace(stopped=True), kind=False)
        for pull in world.pulls():
            if pull.state == State.MERGED and "red" in world.left:
                yield Step(
                    f"{pull.number} turns main red",
                    world.spending("red")._replace(frozen=True),
                    kind=False,
                )
        if world.frozen:
            yield Step("thaw", world._replace(frozen=False), kind=True)
        for pull in world.pulls():
            if pull.state == State.NEEDS_HUMAN and pull.at == IDLE and not pull.landed:
                again = world.having(_moved(pull, Event.APPROVED_BY_PERSON))
                yield Step(f"a person has {pull.number} judged again", again, kind=False)

    def _factory(self, world: World, pull: Pull) -> Iterator[Step[World]]:
        match pull.at:
            case _ if pull.at == JUDGING:
                for passed in (True, False):
                    yield self._verdict(world, pull, passed=passed)
            case _ if pull.at == TO_LAND:
                yield from (self._read(world, pull, said) for said in _reported(pull))
            case _ if pull.at == TO_SWAP:
                yield self._swap(world, pull)
            case _ if pull.at == SWAPPED:
                yield self._step("written down", world, pull._replace(at=TO_CONFIRM, landed=True))
            case _ if pull.at == TO_CONFIRM:
                yield self._confirm(world, pull)
            case _:
                yield from self._begin(world, pull)

    def _begin(self, world: World, pull: Pull) -> Iterator[Step[World]]:
        """What the tick would do with it now."""
        todo = what_next(pull.state, pull.awaited)
        if pull.awaited:
            yield self._step("answered", world, pull._replace(awaited=False))
        if todo is None:
            return
        if todo.workflow == "validate":
            yield self._candidate(world, pull)
        elif todo.workflow == "merge" and pull.state == State.MERGING:
            yield self._step("goes on landing", world, pull._replace(at=TO_LAND))
        elif todo.workflow == "merge" and not (world.frozen and self.guards.freeze):
            yield from (self._gate(world, pull, said) for said in _reported(pull))

    def _candidate(self, world: World, pull: Pull) -> Step[World]:
        if pull.branch in within(world.main) or f"h{pull.number}" in within(world.main):
            breaks = "what has landed is judged again"
            return self._step(
                "candidate",
                world,
                _moved(pull, Event.INCONCLUSIVE),
                breaks=breaks if not pull.landed else "",
            )
        if self.guards.head and pull.branch != f"h{pull.number}":
            return self._step("not our head", world, _moved(pull, Event.POLICY_REFUSED))
        if self.guards.target and pull.target != MAIN:
            return self._step("asks for another branch", world, _moved(pull, Event.POLICY_REFUSED))
        return self._step("candidate", world, pull._replace(at=JUDGING, base=world.main))

    def _verdict(self, world: World, pull: Pull, *, passed: bool) -> Step[World]:
        """It binds the head that the candidate was made of, whatever the branch shows by now."""
        head = pull.branch if not self.guards.head else f"h{pull.number}"
        signed = Signed(pull.base, head, passed)
        event = Event.VERDICT_PASSED if passed else Event.CHANGES_REQUESTED
        judged = _moved(pull, event)._replace(at=IDLE, base="", verdict=signed if passed else None)
        return self._step(f"verdict {'passed' if passed else 'failed'}", world, judged)

    def _gate(self, world: World, pull: Pull, said: str | None) -> Step[World]:
        event, _ = self._asked(world, pull, said)
        after = _moved(pull, Event(event))
        if event == Event.CHECKS_AWAITED:
            after = after._replace(shown=True, awaited=True)
        elif event == Event.GATES_OPEN:
            after = after._replace(at=TO_LAND)
        return self._step(f"gate, checks {said}: {event}", world, after)

    def _asked(self, world: World, pull: Pull, said: str | None) -> tuple[str, bool]:
        return self.gate(
            pull.number,
            _verdict_of(pull),
            pull.branch,
            pull.target,
            said,
            world.main,
            frozen=world.frozen,
            stopped=world.stopped,
        )

    def _read(self, world: World, pull: Pull, said: str | None) -> Step[World]:
        """All facts once more, right before the act; or the look that finds it done."""
        verdict = _verdict_of(pull)
        mark = verdict.head if self.by_api else verdict.candidate
        if self.guards.looks and mark in within(world.main):
            return self._step("found landed", world, pull._replace(at=SWAPPED))
        _, clear = self._asked(world, pull, said)
        if not clear:
            return self._step("refused", world, _moved(pull, Event.REFUSED)._replace(at=IDLE))
        return self._step(
            "facts read",
            world,
            pull._replace(at=TO_SWAP),
            breaks=_against_the_promises(world, pull, said),
        )

    def _swap(self, world: World, pull: Pull) -> Step[World]:
        """The one effect on the branch: the compare-and-swap, or the forge's own merge, which
        compares nothing but the head."""
        verdict = _verdict_of(pull)
        if self.by_api:
            if pull.branch != verdict.head or pull.target != MAIN:
                return self._step(
                    "the forge refuses", world, _moved(pull, Event.FORGE_REFUSED)._replace(at=IDLE)
                )
            lands = merged(world.main, pull.branch)
        else:
            lands = verdict.candidate
            judged = JudgedCandidate(
                CommitSha(verdict.base), CommitSha(verdict.head), TreeSha(tree(verdict.candidate))
            )
            if objection(
                judged, parents=tuple(map(CommitSha, parents(lands))), tree=TreeSha(tree(lands))
            ):
                return self._step(
                    "not what was judged",
                    world,
                    _moved(pull, Event.FORGE_REFUSED)._replace(at=IDLE),
                )
            if self.guards.lease and world.main != verdict.base:
                return self._step(
                    "the base has moved", world, _moved(pull, Event.REFUSED)._replace(at=IDLE)
                )
        return self._step(
            "lands",
            world._replace(main=lands),
            pull._replace(at=SWAPPED),
            breaks=_against_history(world, lands, verdict, by_api=self.by_api),
        )

    def _confirm(self, world: World, pull: Pull) -> Step[World]:
        verdict = _verdict_of(pull)
        landed = next(
            (
                one
                for one in within(world.main)
                if one.startswith("m(") and parents(one)[1] == verdict.head
            ),
            "",
        )
        event = after_landing(
            judged=TreeSha(tree(verdict.candidate)),
            found=TreeSha(tree(landed)),
            contained=bool(landed),
        )
        if not self.guards.compares:
            event = Event.LANDED
        frozen = world.frozen or event is Event.LANDED_TREE_DIFFERS
        missed = not frozen and tree(landed) != tree(verdict.candidate)
        return self._step(
            f"confirmed: {event}",
            world._replace(frozen=frozen),
            _moved(pull, event)._replace(at=IDLE),
            breaks="a tree that nobody judged is on the branch, and merging goes on"
            if missed
            else "",
        )

    def _step(self, name: str, world: World, pull: Pull, *, breaks: str = "") -> Step[World]:
        return Step(f"{pull.number}: {name}", world.having(pull), kind=True, breaks=breaks)


def _reported(pull: Pull) -> tuple[str | None, ...]:
    """What the checks on its candidate may say when somebody looks: they flip as they like, so that
    is anything at all."""
    return SAID if pull.shown else (None,)


def _verdict_of(pull: Pull) -> Signed:
    if pull.verdict is None:
        raise AssertionError("a landing was begun without a verdict")
    return pull.verdict


def _moved(pull: Pull, event: Event) -> Pull:
    """By the lifecycle's own table, which raises where it has no such edge. What nothing asks about
    any more is forgotten."""
    state = next_state(State(pull.state), event)
    if state in (State.APPROVED, State.MERGING):
        return pull._replace(state=state.value, awaited=False)
    return Pull(pull.number, state.value, pull.branch, pull.target, landed=pull.landed)


def _crashed(pull: Pull) -> Pull:
    """What a new process finds: the engine makes a node again whose result is not written down. A
    judgement goes on."""
    return (
        pull
        if pull.at in (IDLE, JUDGING)
        else pull._replace(at=TO_CONFIRM if pull.landed else IDLE)
    )


def _against_the_promises(world: World, pull: Pull, said: str | None) -> str:
    """What the last look before the act must not have let through, written down apart from the code
    that looks."""
    verdict = _verdict_of(pull)
    broken = {
        "there is no green verdict": not verdict.passed,
        "the verdict speaks of another base": verdict.base != world.main,
        "the head has moved since the verdict": verdict.head != pull.branch,
        "the factory did not push this head": verdict.head != f"h{pull.number}",
        "merging is frozen": world.frozen,
        "the owner has said stop": world.stopped,
        "the pull request asks for another branch": pull.target != MAIN,
        "the checks on the candidate are not green": said != "success",
    }
    return "; ".join(says for says, is_so in broken.items() if is_so)


def _against_history(world: World, lands: str, verdict: Signed, *, by_api: bool) -> str:
    """What must hold of the branch, after every landing."""
    bound = lands == verdict.candidate and tree(lands) == tree(verdict.candidate) and verdict.passed
    broken = {
        "a tree on the branch has no green verdict for it, its base and its head": not bound
        and not by_api,
        "what was on the branch is gone from it": world.main not in within(lands),
        "it lands twice": any(
            one.startswith("m(") and parents(one)[1] == verdict.head for one in within(world.main)
        ),
    }
    return "; ".join(says for says, is_so in broken.items() if is_so)


def without(*names: str) -> Guards:
    """The factory with some of its guards taken out."""
    return replace(Guards(), **dict.fromkeys(names, False))
