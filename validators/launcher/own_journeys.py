"""Which journeys of a request's own issue are for its text as it is now."""

import hashlib
import json
from collections.abc import Iterable

from validators.launcher.request import Request
from validators.store.journeys import SealedJourney

AUTHOR = "author"


def up_to_date(request: Request, in_force: Iterable[SealedJourney]) -> tuple[SealedJourney, ...]:
    """The journeys of an issue that were written for the request's very text, or by a
    maintainer."""
    return tuple(
        one
        for one in in_force
        if one.entry.source == text_digest(request) or one.entry.actor != AUTHOR
    )


def text_digest(request: Request) -> str:
    """The hash of what an author reads: the issue's text and kind, and the governance digest."""
    issue = request.issue
    text = json.dumps([issue.title, issue.body, issue.kind, request.governance.digest])
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
