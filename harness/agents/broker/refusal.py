"""What a box is told when it does not get an answer: the provider's own error shape, so that any SDK understands it."""

from typing import Any


class Refusal(Exception):
    """A call that gets no answer. `kind` is the provider's error type or one of ours, named below."""

    def __init__(self, status: int, kind: str, message: str, *, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.status, self.kind, self.message, self.retry_after = status, kind, message, retry_after

    @property
    def final(self) -> bool:
        """Whether every later call of the session is refused for the same cause."""
        return self.kind in (BUDGET, SCRIPT)

    def body(self) -> dict[str, Any]:
        """`{"type": "error", "error": {"type": kind, "message": …}}`."""
        return {"type": "error", "error": {"type": self.kind, "message": self.message}}


BUDGET = "budget_exhausted"
SCRIPT = "replay_mismatch"


def forbidden(field: str, why: str) -> Refusal:
    """The body names something that is not forwarded; the field is given as a path, `messages[2].content[0].source`."""
    return Refusal(400, "invalid_request_error", f"{field}: {why}")


def exhausted(message: str) -> Refusal:
    """A cap would be crossed by this call. Not retryable: asking again cannot help."""
    return Refusal(403, BUDGET, message)


def off_script(message: str) -> Refusal:
    """A replayed session asked something other than what was recorded."""
    return Refusal(422, SCRIPT, message)


def unreachable(message: str) -> Refusal:
    """The provider did not answer, or answered what is no message."""
    return Refusal(502, "api_error", message)
