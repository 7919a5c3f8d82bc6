"""Sessions with models: one per run and role. The ledger gets the cost, whatever happens; a session
in which nobody answered cost nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from harness.domain.events import UsageRecorded
from harness.domain.model_choice.roles import Tier
from harness.domain.workflow import AgentNode, Allowance
from harness.factory.run.node import Job
from harness.ports.model import Session, SessionRequest


@contextmanager
def session(
    job: Job, role: str, model: Tier | str, *, attempt: int | None = None
) -> Iterator[Session]:
    """A session with the broker for the `with` block. Its cost is in the ledger afterwards.
    `selection` decides on the model.

    `attempt` tells the sessions of one role for one issue apart; by default it is the run's number.
    Raises BudgetExhausted if opening it would exceed a cap, ModelError if the broker is not there,
    ModelsPaused while no model is asked."""
    tier = model if isinstance(model, Tier) else Tier(model)
    caps = job.policy.config.caps
    own = job.node.budget if isinstance(job.node, AgentNode) else Allowance()
    # A workflow can only tighten the caps.
    calls = min(caps.calls_per_session, own.calls or caps.calls_per_session)
    usd = min(caps.usd_per_run, own.usd or caps.usd_per_run)
    request = SessionRequest(
        run=job.run,
        role=role,
        issue=job.issue,
        attempt=attempt or job.number,
        model=tier.model,
        calls=calls,
        usd=usd,
        usd_call=caps.usd_per_call,
        usd_run=caps.usd_per_run,
        usd_issue=caps.usd_per_issue,
        usd_day=caps.usd_per_day,
        usd_month=caps.usd_per_month,
        api=job.policy.config.agent(tier).kind.api,
        price=next(
            (price for price in job.policy.config.prices if price.model == tier.model), None
        ),
    )
    with job.services.broker.open(request) as opened:
        try:
            yield replace(opened, effort=tier.effort, max_tokens=tier.max_tokens)
        finally:
            # Before the session is closed: that may raise, and the money is spent all the same.
            _record_usage(job, role, opened)


def _record_usage(job: Job, role: str, opened: Session) -> None:
    usage = job.services.broker.usage(opened)
    # Nobody answered: whoever reads of the issue sees no calls of a provider that was not there.
    if not (usage.input_tokens or usage.output_tokens or usage.cost_usd):
        return
    job.services.ledger.append(
        UsageRecorded(
            role=role,
            model=opened.model,
            calls=usage.calls,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost_usd=usage.cost_usd,
        ),
        f"usage/{opened.id}",
        issue=job.issue,
        run=job.run,
    )
