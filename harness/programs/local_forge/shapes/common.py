"""Helpers that every JSON shape shares."""

import base64
import binascii
from datetime import UTC, datetime

from harness.domain.plain import JsonDict

Json = JsonDict


def moment(seconds: int) -> str:
    """ISO 8601 in UTC, to the second: `2026-01-31T09:30:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_or_none(seconds: int | None) -> str | None:
    """As `moment`; None stays None."""
    return None if seconds is None else moment(seconds)


def node_id(kind: str, number: int | str) -> str:
    """An opaque id as in GitHub's GraphQL."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def number_in(node: str, kind: str) -> int | None:
    """The number in a node id of that type; None for any other id."""
    try:
        found, _, number = base64.b64decode(node, validate=True).decode("ascii").partition(":")
    except (binascii.Error, ValueError):
        return None
    # A longer number is no id here, and SQLite would refuse it.
    return int(number) if found == kind and number.isdigit() and len(number) < 16 else None
