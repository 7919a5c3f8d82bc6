"""What is wrong with a provider, by its answer, and in words for the operator."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from harness.programs.broker.providers import DEFAULT_PROVIDER, Provider

OTHER_API = "endpoint_error"
"""The kind of a failure where the answer is of no API that we asked: a page, or other JSON."""
NO_CONNECTION = "connection_error"
"""The kind of a failure before anything was sent."""


class ProviderFault(StrEnum):
    """What is wrong with a provider, whatever it is asked."""

    # It does not accept our key.
    ACCESS = "access"
    # It knows our key, which has no right to this.
    PERMISSION = "permission"
    # It has no such model.
    MODEL = "model"
    # What answers there speaks another API, or is a web page.
    ENDPOINT = "endpoint"
    # It reports that it cannot do this.
    UNIMPLEMENTED = "unimplemented"
    # What is paid for is used up.
    QUOTA = "quota"
    # Nobody listens there, or no trusted connection can be made.
    UNREACHABLE = "unreachable"
    # It has too much to do.
    OVERLOAD = "overload"
    # It fails, or does not answer in time.
    FAILING = "failing"


OPERATORS = frozenset(ProviderFault) - {ProviderFault.OVERLOAD, ProviderFault.FAILING}
"""Faults of the operator's set-up. Nothing but the operator ends them, and no sandbox learns more
than that there is a pause."""

_STATUS = {
    401: ProviderFault.ACCESS,
    402: ProviderFault.QUOTA,
    404: ProviderFault.ENDPOINT,
    405: ProviderFault.ENDPOINT,
    501: ProviderFault.UNIMPLEMENTED,
    429: ProviderFault.OVERLOAD,
    503: ProviderFault.OVERLOAD,
    529: ProviderFault.OVERLOAD,
    408: ProviderFault.FAILING,
    500: ProviderFault.FAILING,
    502: ProviderFault.FAILING,
    504: ProviderFault.FAILING,
}
_KIND = {
    "insufficient_quota": ProviderFault.QUOTA,
    "billing_error": ProviderFault.QUOTA,
    "billing_hard_limit_reached": ProviderFault.QUOTA,
    # Another 403 may be a moderator's answer to one text.
    "permission_error": ProviderFault.PERMISSION,
    "model_not_found": ProviderFault.MODEL,
    OTHER_API: ProviderFault.ENDPOINT,
    NO_CONNECTION: ProviderFault.UNREACHABLE,
}
# Anthropic reports this with 400 and `invalid_request_error`.
_NO_CREDIT = "Your credit balance is too low"
# OpenRouter reports a model that it does not have with 400.
_NO_MODEL = "is not a valid model ID"
NO_ERROR_BODY = "the provider answered:"
"""How the message of a failure begins whose body is no error of either wire."""


def provider_fault(status: int, kind: str, message: str) -> ProviderFault | None:
    """What is wrong with the provider, by its answer; None when the fault is in the request."""
    if kind in _KIND:
        return _KIND[kind]
    # Only what the provider itself writes counts. Other text may come from the request.
    if message.startswith(_NO_CREDIT):
        return ProviderFault.QUOTA
    if status == HTTPStatus.BAD_REQUEST and message.endswith(_NO_MODEL):
        return ProviderFault.MODEL
    # A 404 about a model is an error in the wire's own shape; one about the path names no model.
    is_error = not message.startswith(NO_ERROR_BODY)
    if status == HTTPStatus.NOT_FOUND and is_error and "model" in message.casefold():
        return ProviderFault.MODEL
    return _STATUS.get(status)


@dataclass(frozen=True, slots=True)
class FaultWords:
    """`what` is wrong, and the `fix`: the operator's next move; empty where waiting helps."""

    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.what}; {self.fix}" if self.fix else self.what


def _address(provider: Provider) -> str:
    """Where the operator has written the provider's address."""
    if provider.name == DEFAULT_PROVIDER:
        return "ANTHROPIC_BASE_URL, or `upstream` in home.json,"
    return "its `base_url`"


def words_of(
    fault: ProviderFault, provider: Provider, model: str, *, status: int, kind: str, message: str
) -> FaultWords:
    """The words for the operator. They quote neither a key nor, for the operator's own faults,
    anything that a request may have written."""
    key = provider.key_from or "its key"
    match fault:
        case ProviderFault.ACCESS:
            return FaultWords(
                f"it does not accept our key ({status})",
                f"put a valid one into {key} and restart the factory",
            )
        case ProviderFault.PERMISSION:
            return FaultWords(
                f"it knows our key, which has no permission for {model} ({status})",
                f"give the account behind {key} that right, or name another model",
            )
        case ProviderFault.MODEL:
            return FaultWords(
                f"it has no model {model} ({status})",
                "compare the name in factory.toml with what it offers, and run `factory doctor`",
            )
        case ProviderFault.ENDPOINT:
            seen = message if kind == OTHER_API else str(status)
            return FaultWords(
                f"what answers at its address is an endpoint of another kind ({seen})",
                f"give as {_address(provider)} what the official SDK of the wire {provider.wire}"
                " would get, and run `factory doctor`",
            )
        case ProviderFault.UNIMPLEMENTED:
            return FaultWords(
                f"it does not implement this call ({status})",
                f"look whether {_address(provider)} serves the wire {provider.wire}, and run"
                " `factory doctor`",
            )
        case ProviderFault.QUOTA:
            return FaultWords(
                f"what is paid for is used up ({status} {kind})",
                f"look at the account behind {key}",
            )
        case ProviderFault.UNREACHABLE:
            return FaultWords(message, f"look at {_address(provider)}, the network and HTTPS_PROXY")
        case ProviderFault.OVERLOAD:
            return FaultWords(f"it is overloaded, or our rate is ({status} {kind})")
        case ProviderFault.FAILING:
            return FaultWords(f"it fails ({status}): {message[:200]}")
