"""A release's life, as one table. What is not in it cannot happen.

A release brings one landed commit through the environments, in their order. In each it is deployed,
tried by sealed journeys, and watched; the last one is production. Whatever turns red is taken back
there, and no release follows until a person or a mend decides it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from harness.domain.errors import IllegalTransition


class ReleaseState(StrEnum):
    """Where a release stands. The value is what the ledger has."""

    LANDED = "landed"
    DEPLOYING = "deploying"
    SMOKE = "smoke"
    SOAK = "soak"
    PRODUCTION = "production"
    PRODUCTION_SMOKE = "production-smoke"
    WATCHED = "watched"
    ROLLING_BACK = "rolling-back"
    DONE = "done"
    HELD = "held"
    ROLLED_BACK = "rolled-back"
    SUPERSEDED = "superseded"
    NEEDS_HUMAN = "needs-human"


class ReleaseEvent(StrEnum):
    """What may happen to a release."""

    SUPERSEDED = "superseded"
    STAGED = "staged"
    PROMOTED = "promoted"
    DEPLOY_FAILED = "deploy-failed"
    LIVE = "live"
    SMOKE_UNCLEAR = "smoke-unclear"
    SMOKE_PASSED = "smoke-passed"
    SOAKED = "soaked"
    TURNED_RED = "turned-red"
    HELD = "held"
    TAKEN_BACK = "taken-back"
    NOT_TAKEN_BACK = "not-taken-back"
    GAVE_UP = "gave-up"


_S, _E = ReleaseState, ReleaseEvent

TABLE: Mapping[tuple[ReleaseState, ReleaseEvent], ReleaseState] = MappingProxyType(
    {
        (_S.LANDED, _E.SUPERSEDED): _S.SUPERSEDED,
        (_S.LANDED, _E.STAGED): _S.DEPLOYING,
        (_S.LANDED, _E.PROMOTED): _S.PRODUCTION,
        (_S.DEPLOYING, _E.DEPLOY_FAILED): _S.DEPLOYING,
        (_S.DEPLOYING, _E.LIVE): _S.SMOKE,
        (_S.DEPLOYING, _E.TURNED_RED): _S.ROLLING_BACK,
        (_S.SMOKE, _E.SMOKE_UNCLEAR): _S.SMOKE,
        (_S.SMOKE, _E.SMOKE_PASSED): _S.SOAK,
        (_S.SMOKE, _E.TURNED_RED): _S.ROLLING_BACK,
        (_S.SOAK, _E.STAGED): _S.DEPLOYING,
        (_S.SOAK, _E.PROMOTED): _S.PRODUCTION,
        (_S.SOAK, _E.TURNED_RED): _S.ROLLING_BACK,
        (_S.PRODUCTION, _E.DEPLOY_FAILED): _S.PRODUCTION,
        (_S.PRODUCTION, _E.LIVE): _S.PRODUCTION_SMOKE,
        (_S.PRODUCTION, _E.TURNED_RED): _S.ROLLING_BACK,
        (_S.PRODUCTION_SMOKE, _E.SMOKE_UNCLEAR): _S.PRODUCTION_SMOKE,
        (_S.PRODUCTION_SMOKE, _E.SMOKE_PASSED): _S.WATCHED,
        (_S.PRODUCTION_SMOKE, _E.TURNED_RED): _S.ROLLING_BACK,
        (_S.WATCHED, _E.SOAKED): _S.DONE,
        (_S.WATCHED, _E.TURNED_RED): _S.ROLLING_BACK,
        (_S.ROLLING_BACK, _E.NOT_TAKEN_BACK): _S.ROLLING_BACK,
        (_S.ROLLING_BACK, _E.HELD): _S.HELD,
        (_S.ROLLING_BACK, _E.TAKEN_BACK): _S.ROLLED_BACK,
        (_S.ROLLING_BACK, _E.GAVE_UP): _S.NEEDS_HUMAN,
    }
)

SMOKES = frozenset({_S.SMOKE, _S.PRODUCTION_SMOKE})
SOAKS = frozenset({_S.SOAK, _S.WATCHED})
ENDED = frozenset({_S.DONE, _S.HELD, _S.ROLLED_BACK, _S.SUPERSEDED, _S.NEEDS_HUMAN})
RED = frozenset({_S.HELD, _S.ROLLED_BACK, _S.NEEDS_HUMAN})
"""The ends after which no release follows, until a person or a mend decides it."""


def next_release_state(state: ReleaseState, event: ReleaseEvent) -> ReleaseState:
    """The state after `event`. Raises IllegalTransition, naming both and what would have been
    allowed."""
    found = TABLE.get((state, event))
    if found is None:
        allowed = ", ".join(sorted(known for at, known in TABLE if at is state)) or "nothing"
        raise IllegalTransition(
            f"a release that is {state} cannot take {event}; from there: {allowed}"
        )
    return found


@dataclass(frozen=True, slots=True)
class WatchedPlace:
    """What has been seen of a release in one environment since it is live there. `well` answers are
    wanted `wanted` times; `in_row` were not healthy without one in between."""

    well: int
    wanted: int
    in_row: int
    unhealthy: int
    errors: int
    most_errors: int


def fault_of(seen: WatchedPlace, message: str = "") -> str:
    """Why the release is red there; empty where it is not. `message` is what was answered last."""
    if seen.in_row >= seen.unhealthy:
        return f"it was not healthy {seen.in_row} times in a row: {message or 'no answer'}"
    if seen.errors > seen.most_errors:
        return f"{seen.errors} errors of it came in, {seen.most_errors} may"
    return ""


def is_soaked(seen: WatchedPlace) -> bool:
    """Whether it was healthy for long enough. Answers are counted, not hours: neither a clock that
    jumps nor a factory that was not there to ask makes a soak shorter."""
    return not fault_of(seen) and seen.well >= seen.wanted


def answers_wanted(soak_seconds: int, health_every: int) -> int:
    """How many healthy answers make a soak: at least one."""
    return max(1, -(-soak_seconds // health_every))


def release_page() -> str:
    """docs/release-lifecycle.md, whole. A test compares the file with this."""
    ways: dict[ReleaseState, dict[ReleaseState, list[ReleaseEvent]]] = {}
    for (state, event), there in TABLE.items():
        ways.setdefault(state, {}).setdefault(there, []).append(event)
    rows = []
    for state, ends in ways.items():
        cells = [f"{there}: {', '.join(found)}" for there, found in ends.items()]
        rows.append(f"| {state} | {'; '.join(cells)} |")
    return "\n".join(
        (
            "# A release's life",
            "",
            "Generated from `harness/domain/release.py` by `make docs`; what is not in this table"
            " cannot happen.",
            "",
            "| state | next state: events that lead there |",
            "|---|---|",
            *rows,
            "",
            f"A release has ended when it is {', '.join(sorted(ENDED))}. After"
            f" {', '.join(sorted(RED))} no release follows until a person or a mend decides it.",
            "",
        )
    )
