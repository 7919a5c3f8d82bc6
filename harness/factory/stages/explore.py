"""Which personas explore a change that has passed, with one broker session for each role they
need."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from harness.domain.plain import JsonDict
from harness.factory.models.sessions import session
from harness.factory.run.node import Job
from harness.factory.settings.config import Persona
from harness.ports.model import Session

ACTOR, JUDGE = "actor", "judge"


@contextmanager
def exploration_request(job: Job) -> Iterator[JsonDict]:
    """The part of the judge's request about exploration, while its sessions are open. Empty, and no
    session is opened, where factory.toml has no persona.

    Raises BudgetExhausted and ModelError as `session` does."""
    config = job.policy.config
    with ExitStack() as stack:
        if not config.personas:
            yield {}
            return
        request: JsonDict = {"personas": [_document(one) for one in config.personas]}
        request["actor"] = _socket(stack.enter_context(session(job, ACTOR, config.models.actor[0])))
        # A contrastive judge answers the claims, by another model than the actor's.
        if any(persona.claims for persona in config.personas):
            request["contrast"] = _socket(
                stack.enter_context(session(job, JUDGE, config.models.judge[0]))
            )
        yield {"exploring": request}


def _document(persona: Persona) -> JsonDict:
    return {name: getattr(persona, name) for name in persona.__slots__} | {
        "shown": list(persona.shown),
        "claims": list(persona.claims),
        "kept_at": persona.kept_at or None,
    }


def _socket(opened: Session) -> dict[str, str]:
    return {"socket": str(opened.socket), "model": opened.model}
