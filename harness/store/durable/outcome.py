"""The engine's boundary: whatever an action does, there is a result to record.

A stop must not cross it. Incident: a BaseException out of a DBOS workflow leaves it PENDING, and
its body ran again at every launch, so that each restart spent more of an exhausted budget.
"""

from __future__ import annotations

import json

from harness.domain.errors import BudgetExhausted, FactoryError, FactoryStop, PortError
from harness.domain.lifecycle import Event
from harness.domain.plain import JsonDict, JsonObject
from harness.domain.workflow import NodeResult, Outcome
from harness.ports.engine import Action


def outcome_of(action: Action, payload: JsonObject) -> JsonDict:
    """What the action returned, as JSON; otherwise the document of a NodeResult with the way it
    ended."""
    try:
        return dict(json.loads(json.dumps(action(payload), allow_nan=False)))
    except (FactoryStop, KeyboardInterrupt, SystemExit) as stop:
        event = Event.BUDGET_EXHAUSTED.value if isinstance(stop, BudgetExhausted) else None
        return NodeResult(
            Outcome.STOPPED, message=_words(stop), event=event, retryable=False
        ).as_json()
    except PortError as error:
        return NodeResult(
            Outcome.FAILED, message=_words(error), retryable=error.retryable
        ).as_json()
    except FactoryError as error:
        return NodeResult(Outcome.FAILED, message=_words(error), retryable=False).as_json()
    # A bug in one action is a failed node, not a dead factory.
    except Exception as bug:  # noqa: BLE001
        return NodeResult(
            Outcome.FAILED, message=f"a bug: {_words(bug)}", retryable=False
        ).as_json()


def _words(error: BaseException) -> str:
    ours = isinstance(error, FactoryError | FactoryStop)
    return str(error) or type(error).__name__ if ours else f"{type(error).__name__}: {error}"
