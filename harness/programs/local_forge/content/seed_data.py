"""Many issues at once, to measure a forge with much content: one transaction, no webhooks."""

from collections.abc import Sequence

from sqlalchemy import insert, update

from harness.programs.local_forge.content import people
from harness.programs.local_forge.storage.records import Repo, Role, User
from harness.programs.local_forge.storage.tables import issues, repositories
from harness.programs.local_forge.transaction import Transaction

MOST = 100_000
AUTHORS = 20
SPACING_SECONDS = 60
_LINE = (
    "The places of a cancelled booking are still counted as taken when the walk is booked again. "
)


def file_many(tx: Transaction, repo: Repo, count: int, *, body_length: int) -> range:
    """File `count` open issues with bodies of `body_length` characters, a minute apart, the last
    one now; returns their numbers.

    Twenty readers file them in turn. The same call on the same repository gives the same titles and
    bodies.
    """
    first = _next_number(tx, repo)
    authors = _authors(tx)
    began = tx.now - SPACING_SECONDS * (count - 1)
    body = (_LINE * (body_length // len(_LINE) + 1))[:body_length]
    tx.db.execute(
        # One INSERT for all rows: that is why ten thousand take about a second.
        insert(issues),
        [
            {
                "repository_id": repo.id,
                "number": number,
                "title": f"A walk counts {number} places too many",
                "body": body,
                "state": "open",
                "author_id": authors[place % AUTHORS].id,
                "is_pull": False,
                "created_at": began + place * SPACING_SECONDS,
                "updated_at": began + place * SPACING_SECONDS,
            }
            for place, number in enumerate(range(first, first + count))
        ],
    )
    tx.db.execute(
        update(repositories).where(repositories.c.id == repo.id).values(next_number=first + count)
    )
    return range(first, first + count)


def _next_number(tx: Transaction, repo: Repo) -> int:
    return int(
        tx.db.execute(repositories.select().where(repositories.c.id == repo.id)).one().next_number
    )


def _authors(tx: Transaction) -> Sequence[User]:
    names = [f"walker-{place}" for place in range(AUTHORS)]
    return [
        people.find_user(tx, name) or people.create_user(tx, name, role=Role.READ, kind="User")
        for name in names
    ]
