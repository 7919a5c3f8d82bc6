"""The forms for an issue's labels and assignees.

A form also sends what it showed, and only the difference is applied. The factory moves labels while
people look at the page, and an old page must not move them back.
"""

from starlette.responses import Response

from harness.programs.local_forge.content import assignees, issues, labels
from harness.programs.local_forge.pages.page_views import PageVisit, place_of, seen_other, values_of
from harness.programs.local_forge.pages.rights import need, rights
from harness.programs.local_forge.storage.records import Issue, Repo, Role, User


def put_labels(visit: PageVisit) -> Response:
    """Add the ticked labels and remove the unticked ones. Raises Refused (403) without
    the right."""
    repo, issue, actor = _issue_to_manage(visit)
    known = {label.name for label in labels.of_repository(visit.tx, repo)}
    wanted = [
        name
        for name in _after(visit, [label.name for label in issue.labels], "label")
        if name in known
    ]
    issues.set_labels(visit.tx, repo, issue, wanted, actor=actor)
    return seen_other(place_of(repo, issue))


def put_assignees(visit: PageVisit) -> Response:
    """Assign the ticked people. Raises Refused (403) without the right."""
    repo, issue, actor = _issue_to_manage(visit)
    known = {user.login: user for user in (*assignees.possible(visit.tx, repo), *issue.assignees)}
    wanted = _after(visit, [user.login for user in issue.assignees], "person")
    issues.set_assignees(
        visit.tx, repo, issue, [known[login] for login in wanted if login in known], actor=actor
    )
    return seen_other(place_of(repo, issue))


def _issue_to_manage(visit: PageVisit) -> tuple[Repo, Issue, User]:
    repo = visit.repo
    issue = issues.numbered(visit.tx, repo, visit.number)
    allowed = rights(visit.viewer, visit.role(repo), issue, open_door=visit.open_door)
    return repo, issue, need(allowed.manage, visit.viewer, role=Role.TRIAGE)


def _after(visit: PageVisit, now: list[str], field: str) -> list[str]:
    """The current values, changed by the difference between what the form showed and
    what it sent."""
    chosen, shown = values_of(visit.posted, field), values_of(visit.posted, "had")
    return [one for one in now if one in chosen or one not in shown] + [
        one for one in chosen if one not in (*now, *shown)
    ]
