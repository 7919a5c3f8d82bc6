"""What a sandbox gets instead of an answer: an error in each wire's own shape, which any SDK
understands."""

from collections.abc import Mapping
from datetime import UTC, datetime

from harness.domain.plain import JsonDict, JsonObject

BUDGET = "budget_exhausted"
SCRIPT = "replay_mismatch"
PAUSED = "factory_paused"
PROVIDER, ISSUE = "provider", "issue"
"""The causes of a pause that are no cap: a provider's fault, for everybody or for one issue."""


class Refusal(Exception):
    """A call that gets no answer. `kind` is the provider's error type, or one of ours (see
    above)."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        retry_after: str | None = None,
        about: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.message, self.retry_after = status, kind, message, retry_after
        self.about = about or {}
        # Whether the call certainly cost nothing.
        self.free = False

    @property
    def final(self) -> bool:
        """Whether every later call of the session is refused for the same cause."""
        return self.kind in (BUDGET, SCRIPT, PAUSED)

    @property
    def ends(self) -> "Refusal | None":
        """The refusal that every later call of the session gets, if there is one."""
        return self if self.final else None

    def body(self) -> JsonDict:
        """`{"type": "error", "error": {"type": kind, "message": …}}`. A pause also has `cause`
        and `again_at`."""
        return {
            "type": "error",
            "error": {"type": self.kind, "message": self.message, **self.about},
        }

    def recorded(self) -> JsonDict:
        """As a recording keeps it: `{"status", "type", "message"}`, and `about` when there is
        more."""
        about = {"about": dict(self.about)} if self.about else {}
        return {"status": self.status, "type": self.kind, "message": self.message, **about}


def is_cap_refusal(recorded: JsonObject) -> bool:
    """Whether a recorded refusal is one of the meter's, raised before anybody was asked."""
    if recorded["type"] == PAUSED:
        return bool(recorded.get("about", {}).get("cause") not in (PROVIDER, ISSUE))
    return bool(recorded["type"] == BUDGET)


def forbidden(field: str, why: str) -> Refusal:
    """The body has something that is not forwarded. `field` is a path,
    `messages[2].content[0].source`."""
    return Refusal(400, "invalid_request_error", f"{field}: {why}")


def exhausted(message: str) -> Refusal:
    """This call would cross a cap. It is not retryable: asking again cannot help."""
    return Refusal(403, BUDGET, message)


def paused(message: str, *, cause: str, again_at: float, now: float) -> Refusal:
    """No call is made before `again_at`, in seconds since the epoch. Asking again helps then.

    `cause` is `PROVIDER`, `ISSUE` when only this issue's sessions are refused, or the cap that is
    used up: `day` or `month`.
    """
    moment = datetime.fromtimestamp(again_at, UTC).isoformat(timespec="seconds")
    wait = str(max(1, round(again_at - now)))
    return Refusal(
        503,
        PAUSED,
        f"{message}; it goes on at {moment}",
        retry_after=wait,
        about={"cause": cause, "again_at": moment},
    )


def off_script(message: str) -> Refusal:
    """A replayed session asked something other than what was recorded."""
    return Refusal(422, SCRIPT, message)


def unreachable(message: str) -> Refusal:
    """The provider did not answer, or its answer is no message."""
    return Refusal(502, "api_error", message)
