"""Tending an issue: its labels, and who has taken it on.

A form sends what it showed beside what was chosen, and only the difference is applied: the factory
moves labels while somebody looks, and a page of a minute ago must not move them back."""

from starlette.responses import Response

from harness.programs.local_forge.content import assignees, issues, labels
from harness.programs.local_forge.pages.page_views import Visit, place_of, seen_other, values_of
from harness.programs.local_forge.pages.rights import need, rights
from harness.programs.local_forge.storage.records import Issue, Repo, Role, User


def put_labels(visit: Visit) -> Response:
    """Put on the labels that were ticked, take off those that no longer are. Raises Refused (403)
    for who may not."""
    repo, issue, actor = _to_tend(visit)
    known = {label.name for label in labels.of_repository(visit.tx, repo)}
    wanted = [
        name
        for name in _after(visit, [label.name for label in issue.labels], "label")
        if name in known
    ]
    issues.set_labels(visit.tx, repo, issue, wanted, actor=actor)
    return seen_other(place_of(repo, issue))


def give(visit: Visit) -> Response:
    """Give the issue to those who were ticked. Raises Refused (403) for who may not."""
    repo, issue, actor = _to_tend(visit)
    known = {user.login: user for user in (*assignees.possible(visit.tx, repo), *issue.assignees)}
    wanted = _after(visit, [user.login for user in issue.assignees], "person")
    issues.set_assignees(
        visit.tx, repo, issue, [known[login] for login in wanted if login in known], actor=actor
    )
    return seen_other(place_of(repo, issue))


def _to_tend(visit: Visit) -> tuple[Repo, Issue, User]:
    repo = visit.repo
    issue = issues.numbered(visit.tx, repo, visit.number)
    allowed = rights(visit.viewer, visit.role(repo), issue, open_door=visit.open_door)
    return repo, issue, need(allowed.tend, visit.viewer, role=Role.TRIAGE)


def _after(visit: Visit, now: list[str], field: str) -> list[str]:
    """What is there now, with the difference between what the form showed and what it sent."""
    chosen, shown = values_of(visit.posted, field), values_of(visit.posted, "had")
    return [one for one in now if one in chosen or one not in shown] + [
        one for one in chosen if one not in (*now, *shown)
    ]
