"""Decides what to do with a webhook delivery: reject it, drop it, or keep it with its issue. Pure
functions.

Properties:
- Nothing of a delivery is read before one of our secrets has verified its signature, over the exact
  bytes that arrived.
- The content of a delivery is not trusted: it only names an issue to look at.
- Each way to reject a delivery has a name and a status, and none of them reveals how close it came.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from harness.ports.inbox import Delivery

MOST_BYTES = 2_000_000
"""The largest body; events about issues, comments and pull requests are far smaller."""

MOST_SECRETS = 2
"""The newest secret, and the previous one until the forge uses the new one."""

_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}", re.ASCII)
_ID = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)
_EVENT = re.compile(r"[a-z_]{1,64}", re.ASCII)
# Larger numbers are not exact in every reader of JSON.
_MOST_NUMBER = 2**53 - 1
_REPOSITORY, _APPS = "repository", ("integration", "app")

OF_INTEREST = frozenset(
    {
        "issues",
        "issue_comment",
        "sub_issues",
        "pull_request",
        "pull_request_review",
        "pull_request_review_comment",
        "push",
        "check_run",
        "check_suite",
        "status",
        "label",
        "ping",
    }
)
"""Events after which there may be something to do. A ping is kept as the proof that deliveries
arrive."""


class RefusedDelivery(Enum):
    """Why a delivery is rejected: the HTTP status, and the message for its sender."""

    UNSIGNED = (
        401,
        "the signature does not hold: expected X-Hub-Signature-256, the HMAC-SHA256 of the body"
        " under our secret",
    )
    UNNAMED = 400, "expected X-GitHub-Event and X-GitHub-Delivery"
    UNREADABLE = 400, "expected one JSON object"

    @property
    def status(self) -> int:
        return self.value[0]

    @property
    def message(self) -> str:
        return self.value[1]


class Dropped(Enum):
    """Why a delivery with a valid signature does not concern us."""

    ANOTHER_REPOSITORY = "it is about another repository"
    ANOTHER_HOOK = "it comes from a webhook of somebody else"
    NO_MATTER = "the factory does nothing about such an event"


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries are accepted: those about the repository with this number, from its own
    webhook or from our app's."""

    repository: int
    app: int | None = None


def is_signed(body: bytes, signature: str, secrets: Sequence[str]) -> bool:
    """Whether one of the secrets made this signature of these bytes. Every secret is tried, in
    constant time."""
    if not _SIGNATURE.fullmatch(signature):
        return False
    # Every secret is tried, so that the time does not tell which one was close.
    made = [
        hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        for secret in secrets[:MOST_SECRETS]
        if secret
    ]
    return sum(hmac.compare_digest(f"sha256={one}", signature) for one in made) > 0


def delivery_in(
    body: bytes, headers: Mapping[str, str], *, secrets: Sequence[str], accepted: DeliveryFilter
) -> Delivery | Dropped | RefusedDelivery:
    """The delivery in a request, or why there is none. `headers` have lower-case names."""
    # First of all: nothing of an unsigned body is parsed.
    if not is_signed(body, headers.get("x-hub-signature-256", ""), secrets):
        return RefusedDelivery.UNSIGNED
    event, name = headers.get("x-github-event", ""), headers.get("x-github-delivery", "")
    if not _EVENT.fullmatch(event) or not _ID.fullmatch(name):
        return RefusedDelivery.UNNAMED
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return RefusedDelivery.UNREADABLE
    if not isinstance(payload, dict):
        return RefusedDelivery.UNREADABLE
    return _dropped(payload, event, headers, accepted) or Delivery(
        name, event, _number(payload), hashlib.sha256(body).hexdigest()
    )


def _dropped(
    payload: Mapping[str, object], event: str, headers: Mapping[str, str], accepted: DeliveryFilter
) -> Dropped | None:
    if event not in OF_INTEREST:
        return Dropped.NO_MATTER
    if not _is_our_hook(headers, accepted):
        return Dropped.ANOTHER_HOOK
    # An app's ping names no repository.
    about_us = _id_of(payload.get("repository")) == accepted.repository or (
        event == "ping" and "repository" not in payload
    )
    return None if about_us else Dropped.ANOTHER_REPOSITORY


def _is_our_hook(headers: Mapping[str, str], accepted: DeliveryFilter) -> bool:
    """Whether the webhook is ours. A forge that does not name the owner of a webhook is believed:
    its signature is valid."""
    kind = headers.get("x-github-hook-installation-target-type")
    target = headers.get("x-github-hook-installation-target-id")
    if kind == _REPOSITORY:
        return target == str(accepted.repository)
    if kind in _APPS:
        return accepted.app is None or target == str(accepted.app)
    return True


def _number(payload: Mapping[str, object]) -> int | None:
    """The number of the issue or pull request that the delivery is about."""
    for name in ("issue", "pull_request"):
        about = payload.get(name)
        number = about.get("number") if isinstance(about, dict) else None
        if type(number) is int and 0 < number <= _MOST_NUMBER:
            return number
    return None


def _id_of(repository: object) -> object:
    return repository.get("id") if isinstance(repository, dict) else None
