"""Finds out whether a model can be asked at all, by the smallest call, which is counted for no
issue."""

import secrets
from decimal import Decimal

from harness.domain.plain import JsonDict
from harness.programs.broker.caps import SessionCaps, SessionIdentity
from harness.programs.broker.meter import Meter
from harness.programs.broker.prices import Tokens
from harness.programs.broker.providers import DEFAULT_PROVIDER
from harness.programs.broker.upstream.client import SmallestCall, Upstream
from harness.programs.broker.upstream.failure import ProviderFailure
from harness.programs.broker.upstream.faults import OPERATORS, provider_fault
from harness.programs.broker.wires.dialect import Dialect
from harness.programs.broker.worst_case import worst

PROBE = "probe"
"""The role, and the run, under which these calls are counted."""
NO_ISSUE = 0
_USD = Decimal("0.50")


def counted_by(meter: Meter) -> SmallestCall:
    """The smallest call of a model, reserved and settled like any other. It raises Refusal while
    the meter does not count."""

    async def call(upstream: Upstream, dialect: Dialect, model: str) -> JsonDict | ProviderFailure:
        name = upstream.provider.name
        identity = SessionIdentity(
            secrets.token_hex(8),
            PROBE,
            PROBE,
            NO_ISSUE,
            1,
            model if name == DEFAULT_PROVIDER else f"{name}/{model}",
        )
        # A day's cap that is used up must not hide what is wrong: the call is worth a fraction of
        # a cent, and counts in the day like any other.
        caps = SessionCaps(calls=1, usd=_USD)
        meter.open(identity, caps)
        body = dialect.smallest(model)
        most = worst(body, output=dialect.most_output(body), is_cached=dialect.caches_automatically)
        reservation = meter.reserve(identity, caps, most)
        outcome = await upstream.ask_smallest(dialect, model)
        if not isinstance(outcome, ProviderFailure):
            tokens = dialect.counted(outcome) if outcome else Tokens()
            reservation.settle(tokens) if tokens else reservation.forfeit(Tokens())
        elif outcome.free or _is_of_no_model(outcome):
            reservation.free()
        else:
            reservation.forfeit(Tokens())
        return outcome

    return call


def _is_of_no_model(failed: ProviderFailure) -> bool:
    return provider_fault(failed.status, failed.kind, failed.message) in OPERATORS
