"""The `Broker` port over the broker's control socket."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from harness.agents.model import stop_or_error
from harness.agents.unix_http import unix_http_client
from harness.domain.budget import Price, Usage
from harness.domain.errors import FactoryError, ModelError, ModelsPaused
from harness.domain.plain import JsonDict, JsonObject
from harness.ports.model import Session, SessionRequest

_SECONDS = 30


class BrokerClient:
    """Opens and closes sessions. Raises ModelError when the broker is not there, BudgetExhausted
    at a cap."""

    def __init__(self, control: Path) -> None:
        self._control = control

    @contextmanager
    def open(self, request: SessionRequest) -> Iterator[Session]:
        """A session for the time of the `with` block.

        When the block ends well, the broker decides how the session ended. Raises BudgetExhausted
        when it refused a call for money, and ModelError when a replay left its script or began
        it and did not play all of it. Raises ModelsPaused while no provider is asked, also in place
        of the error that the caller made of that.
        """
        opened = self._call("POST", "/sessions", _document(request))
        session = Session(id=opened["session"], socket=Path(opened["socket"]), model=request.model)
        try:
            yield session
        except FactoryError as error:
            _require_no_pause(self._closed(session), error)
            raise
        except BaseException:
            # A stop closes the session as well, but no pause may take its place.
            self._closed(session)
            raise
        final = self._closed(session)
        if isinstance(final, ModelError):
            raise final
        _require_good_end(final, request)

    def usage(self, session: Session) -> Usage:
        """What the session has cost so far, also after it was closed. Input includes tokens from
        the cache."""
        return _usage(self._call("GET", f"/sessions/{session.id}"))

    def spent_on(self, issue: int) -> Usage:
        """What all sessions for an issue have cost, in all runs."""
        return _usage(self._call("GET", f"/issues/{issue}"))

    def _closed(self, session: Session) -> JsonDict | ModelError:
        """The final usage, or the error as a value: it must not hide the error that a block ends
        with."""
        try:
            return self._call("DELETE", f"/sessions/{session.id}")
        except ModelError as error:
            return error

    def _call(self, method: str, path: str, document: JsonObject | None = None) -> JsonDict:
        import httpx2

        with unix_http_client(self._control, seconds=_SECONDS) as http:
            try:
                answer = http.request(method, path, json=document)
                # A float would round the money.
                found: JsonDict = json.loads(answer.content, parse_float=Decimal)
            except (httpx2.TransportError, ValueError) as error:
                raise ModelError(
                    f"the broker does not answer at {self._control}: {error}; is it running?",
                    retryable=True,
                ) from error
        if answer.is_success:
            return found
        raise stop_or_error(found["error"], status=answer.status_code)


def _document(request: SessionRequest) -> JsonDict:
    dollars = {
        name: getattr(request, name)
        for name in ("usd", "usd_call", "usd_run", "usd_issue", "usd_day", "usd_month")
    }
    caps = {
        "calls": request.calls,
        **{name: f"{amount:f}" for name, amount in dollars.items() if amount is not None},
    }
    price = (
        {}
        if request.price is None
        else {
            "price": {
                name: f"{getattr(request.price, name):f}"
                for name in Price.__slots__
                if name not in ("model", "as_of")
            }
        }
    )
    return {
        "run": request.run,
        "role": request.role,
        "issue": request.issue,
        "attempt": request.attempt,
        "model": request.model,
        "caps": caps,
        **price,
        **({"api": request.api} if request.api else {}),
    }


def _usage(document: JsonObject) -> Usage:
    return Usage(
        calls=document["calls"],
        input_tokens=document["input_tokens"] + document["cache_read_tokens"],
        output_tokens=document["output_tokens"],
        cost_usd=Decimal(document["cost_usd"]),
    )


def _require_no_pause(final: JsonObject | ModelError, error: FactoryError) -> None:
    """Raises the pause that the session ended with.

    An author or an agent that gets no answer fails with an error of its own. The broker knows the
    cause.
    """
    if isinstance(final, ModelError) or not (fault := final["fault"]):
        return
    # By 422 any other end becomes an error that no second try can help.
    pause = stop_or_error(fault, status=422)
    if isinstance(pause, ModelsPaused):
        raise pause from error


def _require_good_end(final: JsonObject, request: SessionRequest) -> None:
    if fault := final["fault"]:
        raise stop_or_error(fault, status=422)
    # A session that asks nothing has its answer from before a kill: its recording was not begun.
    if (left := final["script_left"]) and final["calls"]:
        which = f"{request.role} {request.attempt} for issue {request.issue}"
        raise ModelError(
            f"the recording of {which} was not used up: {left} exchanges are left; "
            f"the session ended before the recorded one did"
        )
