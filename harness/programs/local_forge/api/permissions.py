"""Which permission of an installation's token each request needs. Apps may not call a route that is
not listed.

Reading needs its permission too, as in a private repository on GitHub. So a missing one is found
here first.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from harness.programs.local_forge.storage.records import Grant


@dataclass(frozen=True, slots=True)
class Need:
    """A permission at a level, `read` or `write`."""

    name: str
    level: str

    def __str__(self) -> str:
        return f"{self.name}={self.level}"


_ANY = "GET POST PUT PATCH DELETE"
_REPO = r"/repos/\{owner\}/\{repo\}"
# Methods, path, and permissions of which one is enough. The first match counts.
_SCOPES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("GET", r"/(?:rate_limit|installation/repositories|apps/.*|users/.*|user/\{number:int\})?", ()),
    ("DELETE", r"/installation/token", ()),
    ("PUT", rf"{_REPO}/pulls/\{{number:int\}}/merge", ("contents",)),
    (_ANY, rf"{_REPO}/pulls(?:/.*)?", ("pull_requests",)),
    (_ANY, rf"{_REPO}/(?:issues|labels)(?:/.*)?", ("issues", "pull_requests")),
    (_ANY, rf"{_REPO}/(?:check-runs|check-suites)(?:/.*)?", ("checks",)),
    ("GET", rf"{_REPO}/commits/\{{ref:path\}}/check-(?:runs|suites)", ("checks",)),
    ("GET", rf"{_REPO}/commits/\{{ref:path\}}/status(?:es)?", ("statuses",)),
    (_ANY, rf"{_REPO}/statuses/.*", ("statuses",)),
    (_ANY, rf"{_REPO}/branches/\{{ref:path\}}/protection.*", ("administration",)),
    ("GET", rf"{_REPO}(?:/(?:forks|rulesets.*|rules/.*|collaborators/.*))?", ("metadata",)),
    (
        "POST PUT PATCH DELETE",
        rf"{_REPO}(?:/(?:forks|rulesets.*|collaborators/.*))?",
        ("administration",),
    ),
    (_ANY, rf"{_REPO}/(?:branches|git|contents|commits|compare)(?:/.*)?", ("contents",)),
)


def needs(method: str, path: str) -> tuple[Need, ...] | None:
    """What a route (its template) needs: one of these, nothing (empty), or None: Apps
    may not call it."""
    for methods, pattern, names in _SCOPES:
        if method in methods.split() and re.fullmatch(pattern, path):
            return tuple(Need(name, "read" if method == "GET" else "write") for name in names)
    return None


def accepted(wanted: Iterable[Need]) -> str:
    """The value of `X-Accepted-GitHub-Permissions`."""
    return "; ".join(map(str, wanted))


def may(grant: Grant, wanted: tuple[Need, ...], *, about_pull: bool | None) -> bool:
    """Whether a token has what a request needs. `about_pull`: whether the number in the path is a
    pull request's (None: there is no number). `pull_requests` alone opens no issue, and `issues`
    alone no pull request."""
    if about_pull is not None and len(wanted) > 1:
        wanted = tuple(
            need for need in wanted if need.name == ("pull_requests" if about_pull else "issues")
        )
    return not wanted or any(grant.allows(need.name, need.level) for need in wanted)
