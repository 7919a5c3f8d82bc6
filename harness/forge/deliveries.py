"""What a webhook's delivery comes to: believed or not, ours or not, and about which issue. Pure.

Properties kept:
- nothing of a delivery is read before its signature holds, over the very bytes that came, by one of
  our secrets;
- what it says of an issue is not believed: all that is kept of it is which issue to look at;
- each way not to take one has a name and a status, and none of them says how near it came.
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
"""No event about an issue, a comment or a pull request comes near this."""

MOST_SECRETS = 2
"""The newest, and the one before it while the forge is told."""

_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}", re.ASCII)
_ID = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)
_EVENT = re.compile(r"[a-z_]{1,64}", re.ASCII)
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


class Refused(Enum):
    """Why a delivery is not taken: the HTTP status, and what is said to whoever sent it."""

    UNSIGNED = (
        401,
        (
            "the signature does not hold: expected X-Hub-Signature-256, the HMAC-SHA256 of the body"
            " under our secret"
        ),
    )
    UNNAMED = 400, "expected X-GitHub-Event and X-GitHub-Delivery"
    UNREADABLE = 400, "expected one JSON object"

    @property
    def status(self) -> int:
        return self.value[0]

    @property
    def says(self) -> str:
        return self.value[1]


class Dropped(Enum):
    """Why one that was signed as it should be is nothing to us."""

    ANOTHER_REPOSITORY = "it is about another repository"
    ANOTHER_HOOK = "it comes from a webhook of somebody else"
    NO_MATTER = "nothing follows from such an event"


@dataclass(frozen=True, slots=True)
class Door:
    """Whose deliveries are taken: about the repository of this number, from its own webhook or from
    our App's."""

    repository: int
    app: int | None = None


def is_signed(body: bytes, signature: str, secrets: Sequence[str]) -> bool:
    """Whether one of the secrets made this signature of these bytes. All are tried, each in
    constant time."""
    if not _SIGNATURE.fullmatch(signature):
        return False
    made = [
        hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        for secret in secrets[:MOST_SECRETS]
        if secret
    ]
    return sum(hmac.compare_digest(f"sha256={one}", signature) for one in made) > 0


def delivery_in(
    body: bytes, headers: Mapping[str, str], *, secrets: Sequence[str], door: Door
) -> Delivery | Dropped | Refused:
    """What came. `headers` are by their names in lower case."""
    if not is_signed(body, headers.get("x-hub-signature-256", ""), secrets):
        return Refused.UNSIGNED
    event, name = headers.get("x-github-event", ""), headers.get("x-github-delivery", "")
    if not _EVENT.fullmatch(event) or not _ID.fullmatch(name):
        return Refused.UNNAMED
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return Refused.UNREADABLE
    if not isinstance(told, dict):
        return Refused.UNREADABLE
    return _dropped(told, event, headers, door) or Delivery(
        name, event, _number(told), hashlib.sha256(body).hexdigest()
    )


def _dropped(
    told: Mapping[str, object], event: str, headers: Mapping[str, str], door: Door
) -> Dropped | None:
    if event not in OF_INTEREST:
        return Dropped.NO_MATTER
    if not _is_our_hook(headers, door):
        return Dropped.ANOTHER_HOOK
    about_us = _id_of(told.get("repository")) == door.repository or (
        event == "ping" and "repository" not in told
    )
    return None if about_us else Dropped.ANOTHER_REPOSITORY


def _is_our_hook(headers: Mapping[str, str], door: Door) -> bool:
    """A forge that does not say whose webhook it is has only the signature to show, which held."""
    kind, target = (
        headers.get("x-github-hook-installation-target-type"),
        headers.get("x-github-hook-installation-target-id"),
    )
    if kind == _REPOSITORY:
        return target == str(door.repository)
    if kind in _APPS:
        return door.app is None or target == str(door.app)
    return True


def _number(told: Mapping[str, object]) -> int | None:
    """The issue or pull request that it is about."""
    for name in ("issue", "pull_request"):
        about = told.get(name)
        number = about.get("number") if isinstance(about, dict) else None
        if type(number) is int and 0 < number <= _MOST_NUMBER:
            return number
    return None


def _id_of(repository: object) -> object:
    return repository.get("id") if isinstance(repository, dict) else None
