"""How long a release was in each state, by what the ledger has of it. Pure."""

from datetime import datetime

from harness.domain.release import ReleaseState, next_release_state
from harness.factory.records.releases import Release

WORDS = {
    ReleaseState.DEPLOYING: "deployed",
    ReleaseState.PRODUCTION: "deployed",
    ReleaseState.SMOKE: "smoke",
    ReleaseState.PRODUCTION_SMOKE: "smoke",
    ReleaseState.SOAK: "soak",
    ReleaseState.WATCHED: "watched",
    ReleaseState.ROLLING_BACK: "switched back",
}


def timeline(release: Release) -> str:
    """`staging: deployed 1.1 s, smoke 3.0 s; production: …`, in the order in which it was there."""
    places: list[tuple[str, list[str]]] = []
    state, place, since = ReleaseState.LANDED, "", release.began.at
    for move in release.moves:
        if state in WORDS:
            if not places or places[-1][0] != place:
                places.append((place, []))
            places[-1][1].append(f"{WORDS[state]} {_seconds(since, move.at):.1f} s")
        state = next_release_state(state, move.event.event)
        place, since = move.event.environment, move.at
    return "; ".join(f"{name}: {', '.join(spans)}" for name, spans in places)


def _seconds(since: str, until: str) -> float:
    return (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()
