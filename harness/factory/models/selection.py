"""Casting: which model plays a role in a run, and what is heard of it.

Properties: the first model of a ladder plays unless it failed too often of late, or the attempt
asks for a later one; whoever plays in its place, and why, is in the ledger before it is asked; only
an answer in no agreed form, or an attempt that came to nothing, is heard against a model, and of
one issue once; where every model of a role rests, nothing is asked and no issue fails for it: the
factory waits until the first of them may be asked again."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from harness.domain.errors import AnswerError, ModelsPaused
from harness.domain.events import ModelSubstituted, ModelTried, UsageRecorded
from harness.domain.ledger import Entry, of_kind
from harness.domain.model_choice.breaker import Breaker, Circuit, Heard, Sound, breaker
from harness.domain.model_choice.roles import FallbackChain, Tier, others
from harness.factory.models.sessions import session
from harness.factory.records.history import History
from harness.factory.run.node import Job
from harness.factory.settings.config import Config
from harness.ports.model import Session

MODEL, CAST = "model", "cast"
NOBODY = "every model under `models.reviewer` is of a family that wrote some of it"
LATER_TIERS = 100
"""Sessions of later tiers are numbered beyond those of the first: 100 and the place for each run
before it."""

_T = TypeVar("_T")


def cast(
    job: Job,
    role: str,
    fallbacks: FallbackChain,
    *,
    at_least: int = 0,
    tried: frozenset[str] = frozenset(),
    why: str = "",
) -> Tier:
    """The model that plays `role` now: of the ladder the first from place `at_least` on, or else
    before it, that was not `tried` and does not rest. `why` says what asked for a later one.

    Raises ModelsPaused where all that are left rest."""
    order = [
        tier
        for tier in (*fallbacks[at_least:], *reversed(fallbacks[:at_least]))
        if tier.name not in tried
    ]
    stands = [(tier, circuit(job, role, tier)) for tier in order]
    chosen = next(((tier, its) for tier, its in stands if its.circuit is not Circuit.OPEN), None)
    if chosen is None:
        raise _all_rest(
            role, [its.until for _, its in stands if its.until], names=[tier.name for tier in order]
        )
    tier, its = chosen
    if its.circuit is Circuit.HALF_OPEN:
        _hear(job, role, tier, Sound.PROBE, "its rest is over: it is asked once, to see")
        if circuit(job, role, tier).circuit is Circuit.OPEN:  # another run was quicker by a blink
            return cast(job, role, fallbacks, at_least=at_least, tried=tried, why=why)
    if tier != fallbacks[0]:
        _write_down(
            job, role, tier, fallbacks[0], "; ".join(filter(None, (why, *_resting(role, stands))))
        )
    return tier


def circuit(job: Job, role: str, tier: Tier) -> Breaker:
    """How the breaker of a model in a role stands for this run."""
    services = job.services
    return breaker(
        heard_of(services.ledger.entries(kind=ModelTried.kind), role, tier),
        breaker_settings=job.policy.config.breaker,
        now=services.clock.now(),
        run=job.run,
    )


def heard_of(entries: Iterable[Entry], role: str, tier: Tier) -> Iterator[Heard]:
    """What the ledger has of a model in a role, oldest first."""
    return (
        Heard(
            entry.event.sound,
            str(entry.run),
            datetime.fromisoformat(entry.at),
            entry.issue or 0,
        )
        for entry in of_kind(entries, ModelTried)
        if (entry.event.role, entry.event.model) == (role, tier.name)
    )


def fell_short(job: Job, role: str, tier: Tier, says: str) -> None:
    """Hear that a model failed in this run, in these words."""
    _hear(job, role, tier, Sound.FAILED, says)


def did_well(job: Job, role: str, tier: Tier) -> None:
    """Hear that a model did its part. Where nothing stood against it there is nothing to write."""
    its = circuit(job, role, tier)
    if its.failures or its.circuit is not Circuit.CLOSED:
        _hear(job, role, tier, Sound.ANSWERED, "it did its part")


def asked(
    job: Job,
    role: str,
    fallbacks: FallbackChain,
    ask: Callable[[Session], _T],
    *,
    attempt: int | None = None,
) -> tuple[_T, Tier]:
    """What the first model of the ladder says that answers in the agreed form, and which one that
    was. Each is asked in a session of its own; `attempt` numbers that of the first.

    Raises AnswerError where none of them does, ModelsPaused where all that are left rest, and
    whatever `session` raises."""
    tried: list[AnswerError] = []
    names: set[str] = set()
    while len(names) < len(fallbacks):
        tier = cast(
            job, role, fallbacks, tried=frozenset(names), why=str(tried[-1]) if tried else ""
        )
        names.add(tier.name)
        number = (attempt or job.number) + (LATER_TIERS * fallbacks.index(tier))
        try:
            with session(job, role, tier, attempt=number) as line:
                answer = ask(line)
        except AnswerError as error:
            fell_short(job, role, tier, str(error))
            tried.append(error)
        else:
            did_well(job, role, tier)
            return answer, tier
    raise tried[-1]


def reviewers(config: Config, history: History) -> FallbackChain:
    """Who may review a change of this issue: nobody of a family that may have written any of it."""
    wrote = {
        entry.event.model
        for entry in history.of(UsageRecorded)
        if entry.event.role == "implementer"
    }
    return others(
        config.models.reviewer,
        wrote | {tier.model for tier in config.models.implementer},
        own=dict(config.families),
        same_family=config.review.same_family,
    )


def _hear(job: Job, role: str, tier: Tier, sound: Sound, says: str) -> None:
    job.services.ledger.append(
        ModelTried(role, tier.name, sound, says[:500]),
        f"{job.run}/{role}/{tier.name}/{sound}",
        issue=job.issue,
        run=job.run,
    )


def _write_down(job: Job, role: str, tier: Tier, first: Tier, why: str) -> None:
    job.services.ledger.append(
        ModelSubstituted(role, tier.name, in_place_of=first.name, why=why[:1000]),
        f"{job.run}/{role}/{tier.name}/cast",
        issue=job.issue,
        run=job.run,
    )
    job.services.tell(job.run, role, f"{tier.name} in place of {first.name}: {why[:200]}")


def _resting(role: str, stands: Iterable[tuple[Tier, Breaker]]) -> Iterator[str]:
    for tier, its in stands:
        if its.circuit is Circuit.OPEN and its.until:
            yield (
                f"{tier.name} failed {its.failures} times as {role} and rests until"
                f" {its.until:%H:%M} UTC"
            )


def _all_rest(role: str, until: list[datetime], *, names: list[str]) -> ModelsPaused:
    again_at = min(until)
    return ModelsPaused(
        f"every model that plays {role} failed too often and rests ({', '.join(names)}); the first"
        f" is asked again at {again_at:%H:%M} UTC. Name another under `models.{role}` in"
        " factory.toml to go on before",
        cause="model",
        again_at=again_at,
    )
