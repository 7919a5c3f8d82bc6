"""Count the autonomy index again, from the ledger's own rows: no line of the factory is used.

    python bench/trust_recount.py FACTORY_HOME/ledger.db [MOMENT]

The definition, as docs/operator.md has it. An issue counts if, after it had first been accepted, it
landed or came to a person within the 30 days before the moment. It went alone if it is landed and
no person did anything to it. The index is alone / (issues + 1)."""

import json
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

PEOPLE = {
    "issue-edited",
    "appealed",
    "retried",
    "revised",
    "approved-by-person",
    "closed-by-person",
    "landed-by-person",
    "author-replied",
    "owner-hold",
    "resumed",
}


def rows_of(database):
    """The rows of a ledger in SQLite, in order: when, what, of which issue, the document."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        query = "SELECT at, kind, issue, data FROM entries ORDER BY seq"
        return [
            (at, kind, issue, json.loads(data))
            for at, kind, issue, data in connection.execute(query)
        ]


def recount(rows, now):
    """How many issues count, and how many of them went alone."""
    lives = {}
    for at, kind, issue, data in rows:
        if issue is not None:
            lives.setdefault(issue, []).append((datetime.fromisoformat(at), kind, data))
    counted = [life for life in lives.values() if ended_lately(life, now)]
    return len(counted), sum(alone(life) for life in counted)


def ended_lately(life, now):
    accepted = False
    for at, kind, data in life:
        if kind == "transition":
            accepted = accepted or data["to"] == "accepted"
            ended = data["to"] in ("merged", "needs-human")
            if accepted and ended and now - timedelta(days=30) < at <= now:
                return True
    return False


def alone(life):
    state = None
    for _, kind, data in life:
        if kind == "transition":
            state = data["to"]
            if data["event"] in PEOPLE:
                return False
        elif (
            (kind == "command" and data.get("actor") is not None)
            or kind == "person-landed"
            or (kind == "followed" and data["outcome"] != "stayed")
        ):
            return False
    return state == "merged"


def main(database, moment=""):
    now = datetime.fromisoformat(moment) if moment else datetime.now(UTC)
    issues, went_alone = recount(rows_of(Path(database)), now)
    print(
        json.dumps(
            {"issues": issues, "alone": went_alone, "index": round(went_alone / (issues + 1), 4)}
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
