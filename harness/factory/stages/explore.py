"""Who explores a change that has passed: the repository's personas, with a session of the broker
for each role that plays."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from harness.factory.models.sessions import session
from harness.factory.run.node import Job
from harness.factory.settings.config import Persona
from harness.ports.model import Session

ACTOR, JUDGE = "actor", "judge"


@contextmanager
def exploration_request(job: Job) -> Iterator[dict[str, Any]]:
    """What a request says of exploring: nothing where factory.toml has no persona, so that no
    session is opened.

    Raises BudgetExhausted and ModelError as `session` does."""
    config = job.policy.config
    with ExitStack() as stack:
        if not config.personas:
            yield {}
            return
        told: dict[str, Any] = {"personas": [_told(persona) for persona in config.personas]}
        told["actor"] = _socket(stack.enter_context(session(job, ACTOR, config.models.actor[0])))
        if any(persona.claims for persona in config.personas):
            told["contrast"] = _socket(
                stack.enter_context(session(job, JUDGE, config.models.judge[0]))
            )
        yield {"exploring": told}


def _told(persona: Persona) -> dict[str, Any]:
    return {name: getattr(persona, name) for name in persona.__slots__} | {
        "shown": list(persona.shown),
        "claims": list(persona.claims),
        "kept_at": persona.kept_at or None,
    }


def _socket(opened: Session) -> dict[str, str]:
    return {"socket": str(opened.socket), "model": opened.model}
