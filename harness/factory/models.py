"""Asking models: one session per run and role, its cost written down whatever happens."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.domain.workflow import AgentNode, Allowance
from harness.factory.job import Job
from harness.ports.model import Session, SessionRequest


@contextmanager
def session(job: Job, role: str, model: str, *, attempt: int | None = None) -> Iterator[Session]:
    """A session with the broker for the `with` block; what it cost is in the ledger afterwards.

    `attempt` tells the sessions of one role for one issue apart; by default it is the run's number.
    Raises BudgetExhausted when a cap would be crossed by opening it, ModelError when the broker is not there."""
    caps, own = job.steering.config.caps, job.node.budget if isinstance(job.node, AgentNode) else Allowance()
    calls = min(caps.calls_per_run, own.calls or caps.calls_per_run)   # a workflow's budget can only be the tighter one
    usd = min(caps.usd_per_run, own.usd or caps.usd_per_run)
    request = SessionRequest(
        run=job.run, role=role, issue=job.issue, attempt=attempt or job.number, model=model,
        calls=calls, usd=usd, usd_issue=caps.usd_per_issue, usd_day=caps.usd_per_day,
    )
    with job.plant.broker.open(request) as opened:
        try:
            yield opened
        finally:
            _write_down(job, role, opened)


def _write_down(job: Job, role: str, opened: Session) -> None:
    usage = job.plant.broker.usage(opened)
    job.plant.ledger.append("usage", f"usage/{opened.id}", issue=job.issue, run=job.run, data={
        "role": role, "model": opened.model, "calls": usage.calls, "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens, "cost_usd": str(usage.cost_usd),
    })
