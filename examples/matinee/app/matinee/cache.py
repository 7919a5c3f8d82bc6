"""The list as it was last read, in Redis: on the evening of a vote everybody looks at it at once."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict

from redis import Redis

from matinee.store import Film

LIST, SECONDS = "matinee:list", 600


def connect() -> Redis:
    """The Redis that $MATINEE_CACHE names."""
    return Redis.from_url(os.environ.get("MATINEE_CACHE", "redis://127.0.0.1:6379/0"))


def films(cache: Redis, read: Callable[[], list[Film]]) -> list[Film]:
    """The films as they were last read; read anew where nobody has for ten minutes."""
    kept = cache.get(LIST)
    if kept is not None:
        return [Film(**one) for one in json.loads(kept)]
    found = read()
    cache.set(LIST, json.dumps([asdict(one) for one in found]), ex=SECONDS)
    return found


def forget(cache: Redis) -> None:
    """The list has changed: the next look at it reads it anew."""
    cache.delete(LIST)
