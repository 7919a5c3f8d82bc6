"""Model selection: which model plays a role in a run, and the record of how it did.

Properties:
- the first model of a fallback chain is selected, unless it failed too often lately or the attempt
  asks for a later one;
- a replacement and its reason are in the ledger before it is asked;
- only an answer in the wrong form, or an attempt without a result, counts against a model, and once
  per issue;
- if all models of a role are paused, no issue fails: the factory waits until the first may be asked
  again."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from harness.domain.errors import AnswerError, ModelsPaused
from harness.domain.events import ModelSubstituted, ModelTried, UsageRecorded
from harness.domain.ledger import Entry, of_kind
from harness.domain.model_choice.breaker import (
    Circuit,
    ModelBreaker,
    ModelSignal,
    Observation,
    breaker,
)
from harness.domain.model_choice.roles import FallbackChain, Tier, others
from harness.factory.models.sessions import session
from harness.factory.records.history import History
from harness.factory.run.node import Job
from harness.factory.settings.config import Config
from harness.ports.model import Session

NOBODY = "every model under `models.reviewer` is of a family that wrote part of the change"
LATER_TIERS = 100
"""Sessions of later tiers have numbers beyond those of the first: 100 per place in the chain, plus
the run's number."""

_T = TypeVar("_T")


def select_model(
    job: Job,
    role: str,
    fallbacks: FallbackChain,
    *,
    at_least: int = 0,
    tried: frozenset[str] = frozenset(),
    why: str,
) -> Tier:
    """The model that plays `role` now: the first in the chain from place `at_least` on, else the
    nearest before it, that was not `tried` and is not paused. `why` is the reason for a later one.

    Raises ModelsPaused if all that are left are paused."""
    order = [
        tier
        for tier in (*fallbacks[at_least:], *reversed(fallbacks[:at_least]))
        if tier.model not in tried
    ]
    candidates = [(tier, breaker_of(job, role, tier)) for tier in order]
    chosen = next((pair for pair in candidates if pair[1].circuit is not Circuit.OPEN), None)
    if chosen is None:
        until = [state.until for _, state in candidates if state.until]
        raise _all_paused(role, until, names=[tier.model for tier in order])
    tier, state = chosen
    if state.circuit is Circuit.HALF_OPEN:
        _record(
            job, role, tier, ModelSignal.PROBE, "its pause is over: it is asked once, as a probe"
        )
        # Two runs may find it half open at once; only the first to record the probe may ask.
        if breaker_of(job, role, tier).circuit is Circuit.OPEN:
            return select_model(job, role, fallbacks, at_least=at_least, tried=tried, why=why)
    if tier != fallbacks[0]:
        reasons = "; ".join(filter(None, (why, *_open_breakers(role, candidates))))
        _record_choice(job, role, tier, fallbacks[0], reasons)
    return tier


def breaker_of(job: Job, role: str, tier: Tier) -> ModelBreaker:
    """The circuit breaker of a model in a role, as this run sees it."""
    services = job.services
    return breaker(
        observations_of(services.ledger.entries(kind=ModelTried.kind), role, tier),
        breaker_settings=job.policy.config.breaker,
        now=services.clock.now(),
        run=job.run,
    )


def observations_of(entries: Iterable[Entry], role: str, tier: Tier) -> Iterator[Observation]:
    """What the ledger has about a model in a role, oldest first."""
    return (
        Observation(
            entry.event.signal,
            str(entry.run),
            entry.moment,
            entry.issue or 0,
        )
        for entry in of_kind(entries, ModelTried)
        if (entry.event.role, entry.event.model) == (role, tier.model)
    )


def record_failure(job: Job, role: str, tier: Tier, message: str) -> None:
    """Record that a model failed in this run, and how."""
    _record(job, role, tier, ModelSignal.FAILED, message)


def record_success(job: Job, role: str, tier: Tier) -> None:
    """Record that a model did its part. Writes nothing if there was no failure before."""
    state = breaker_of(job, role, tier)
    if state.failures or state.circuit is not Circuit.CLOSED:
        _record(job, role, tier, ModelSignal.ANSWERED, "it did its part")


def first_answer(
    job: Job,
    role: str,
    fallbacks: FallbackChain,
    ask: Callable[[Session], _T],
    *,
    attempt: int | None = None,
) -> tuple[_T, Tier]:
    """The answer of the first model of the chain that answers in the right form, and that model.
    Each is asked in a session of its own; `attempt` is the number of the first.

    Raises AnswerError if none does, ModelsPaused if all that are left are paused, and whatever
    `session` raises."""
    tried: list[AnswerError] = []
    names: set[str] = set()
    while len(names) < len(fallbacks):
        tier = select_model(
            job, role, fallbacks, tried=frozenset(names), why=str(tried[-1]) if tried else ""
        )
        names.add(tier.model)
        number = (attempt or job.number) + (LATER_TIERS * fallbacks.index(tier))
        try:
            with session(job, role, tier, attempt=number) as line:
                answer = ask(line)
        except AnswerError as error:
            record_failure(job, role, tier, str(error))
            tried.append(error)
        else:
            record_success(job, role, tier)
            return answer, tier
    raise tried[-1]


def reviewers(config: Config, history: History) -> FallbackChain:
    """The models that may review a change of this issue: none of a family that may have written
    part of it."""
    wrote = {
        entry.event.model
        for entry in history.of(UsageRecorded)
        if entry.event.role == "implementer"
    }
    # Those in the settings as well: a session is recorded only when it ends.
    return others(
        config.models.reviewer,
        wrote | {tier.model for tier in config.models.implementer},
        own=dict(config.families),
        same_family=config.review.same_family,
    )


def _record(job: Job, role: str, tier: Tier, signal: ModelSignal, message: str) -> None:
    job.services.ledger.append(
        ModelTried(role, tier.model, signal, message[:500]),
        f"{job.run}/{role}/{tier.model}/{signal}",
        issue=job.issue,
        run=job.run,
    )


def _record_choice(job: Job, role: str, tier: Tier, first: Tier, why: str) -> None:
    job.services.ledger.append(
        ModelSubstituted(role, tier.model, in_place_of=first.model, why=why[:1000]),
        f"{job.run}/{role}/{tier.model}/cast",
        issue=job.issue,
        run=job.run,
    )
    message = f"{tier.model} in place of {first.model} as {role}: {why[:200]}"
    job.services.log.write(
        "model-substituted", message, run=job.run, issue=job.issue, node=job.node.id
    )


def _open_breakers(role: str, candidates: Iterable[tuple[Tier, ModelBreaker]]) -> Iterator[str]:
    for tier, state in candidates:
        if state.circuit is Circuit.OPEN and state.until:
            yield (
                f"{tier.model} failed {state.failures} times as {role} and is paused until"
                f" {state.until:%H:%M} UTC"
            )


def _all_paused(role: str, until: list[datetime], *, names: list[str]) -> ModelsPaused:
    again_at = min(until)
    return ModelsPaused(
        f"every model for the role {role} failed too often and is paused ({', '.join(names)}); the"
        f" first is asked again at {again_at:%H:%M} UTC. To go on sooner, name another one under"
        f" `models.{role}` in factory.toml",
        cause="model",
        again_at=again_at,
    )
