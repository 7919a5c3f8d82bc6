"""What every resource shares."""

import base64
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]


def moment(seconds: int) -> str:
    """ISO 8601 in UTC, to the second: `2026-01-31T09:30:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_or_none(seconds: int | None) -> str | None:
    """As `moment`, for what may not have happened."""
    return None if seconds is None else moment(seconds)


def node_id(kind: str, number: int | str) -> str:
    """The opaque id that GitHub's GraphQL would take."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()
