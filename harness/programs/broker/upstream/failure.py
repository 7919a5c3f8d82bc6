"""What a failed call to a provider means: whether it may be retried, and whether it was free."""

import json
from collections.abc import Mapping

from harness.programs.broker.refusal import Refusal
from harness.programs.broker.upstream.faults import NO_ERROR_BODY, OTHER_API

CODES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "server_error": 500,
    "slow_down": 503,
}
REDACTED = "[redacted]"


class ProviderFailure(Refusal):
    """The provider gave no answer.

    `free` means that this certainly cost nothing. `wanted` is how many seconds it asks to wait.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        free: bool,
        retry: bool,
        wanted: float | None = None,
        about: Mapping[str, str] | None = None,
        retry_after: str | None = None,
    ) -> None:
        super().__init__(status, kind, message, retry_after=retry_after, about=about)
        self.free, self.retry, self.wanted = free, retry, wanted
        self.pause: Refusal | None = None

    @property
    def ends(self) -> Refusal | None:
        """The pause that follows, when the fault is the provider's."""
        return self.pause or super().ends


def cut_answer(error: Exception) -> ProviderFailure:
    return ProviderFailure(
        502,
        "api_error",
        f"the provider's answer was cut or cannot be read: {error or type(error).__name__}",
        free=False,
        retry=False,
    )


def other_api(seen: str) -> ProviderFailure:
    """A success that is no answer of the API that was asked. `seen` is what it is instead."""
    return ProviderFailure(502, OTHER_API, seen, free=False, retry=False)


def error_in(content: bytes, *, secret: str) -> tuple[str, str]:
    """The kind and message of an error body of either wire; of any other body, a piece of its
    text, in which `secret` is redacted first: a piece may end within it."""
    try:
        match json.loads(content):
            case {"error": {"message": str(message), **shown_failure}}:
                # The OpenAI wire has the exact kind in `code`, and a broad one in `type`.
                kinds = (shown_failure.get("code"), shown_failure.get("type"))
                return next((kind for kind in kinds if isinstance(kind, str)), "api_error"), message
    except (ValueError, RecursionError):
        pass
    words = content.decode("utf-8", "replace").replace(secret, REDACTED)
    return "api_error", f"{NO_ERROR_BODY} {words[:200]}"
