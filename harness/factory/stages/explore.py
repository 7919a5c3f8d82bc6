"""Which personas explore a change that has passed, with one broker session for each role they
need."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict

from harness.domain.judge_request import BrokerSession, Exploration, PersonaText
from harness.factory.models.sessions import session
from harness.factory.run.node import Job
from harness.factory.settings.config import Persona
from harness.ports.model import Session

ACTOR, JUDGE = "actor", "judge"


@contextmanager
def exploration_of(job: Job) -> Iterator[Exploration | None]:
    """The part of the judge's request about exploration, while its sessions are open. None, and no
    session is opened, where factory.toml has no persona.

    Raises BudgetExhausted and ModelError as `session` does."""
    config = job.policy.config
    with ExitStack() as stack:
        if not config.personas:
            yield None
            return
        actor = stack.enter_context(session(job, ACTOR, config.models.actor[0]))
        # A contrastive judge answers the claims, by another model than the actor's.
        contrast = (
            stack.enter_context(session(job, JUDGE, config.models.judge[0]))
            if any(persona.claims for persona in config.personas)
            else None
        )
        yield Exploration(
            tuple(map(_text, config.personas)),
            _session(actor),
            _session(contrast) if contrast else None,
        )


def _text(persona: Persona) -> PersonaText:
    return PersonaText(**(asdict(persona) | {"kept_at": persona.kept_at or None}))


def _session(opened: Session) -> BrokerSession:
    return BrokerSession(str(opened.socket), opened.model)
