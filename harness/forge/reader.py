"""Reads issues, pull requests, people and checks from a repository on a forge."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from harness.domain.checks import ReportedCheck, RequiredCheck
from harness.domain.errors import ForgeError
from harness.domain.issue import (
    Actor,
    Comment,
    CommitSha,
    Issue,
    LineComment,
    News,
    Permission,
    PullRequest,
    Review,
)
from harness.domain.plain import JsonDict
from harness.forge import checkruns, edits, issue_changes, job_logs, projection, reviews
from harness.forge import required_checks as requirements
from harness.forge.connection import Access, Connection
from harness.forge.errors import forge_errors
from harness.forge.moved_issues import raise_if_moved
from harness.forge.rate_limiter import RateLimiter, Time

if TYPE_CHECKING:
    from github.Issue import Issue as RawIssue
    from github.Repository import Repository

    from harness.forge.transport import Wire


class ForgeReader:
    """Implements `harness.ports.forge.Forge`. Safe to use from many threads."""

    def __init__(
        self, access: Access, *, rate_limiter: RateLimiter | None = None, time: Time | None = None
    ) -> None:
        self._connection = Connection(access, rate_limiter=rate_limiter, time=time)
        self._access = access

    def token(self) -> str:
        """A token that is valid for some minutes, for git. Raises ForgeError."""
        return self._connection.token()

    def account(self) -> Actor:
        """The account that writes what we write. Asked once."""
        return self._connection.account()

    @property
    def _wire(self) -> "Wire":
        return self._connection.wire

    @property
    def _repository(self) -> "Repository":
        return self._connection.repository

    def issues(self, *, since: str | None = None) -> tuple[Issue, ...]:
        """Open issues, lowest number first. With `since`, also closed ones, but only those updated
        then or later."""
        with forge_errors("listing issues"):
            by_age: Any = {"sort": "created", "direction": "asc"}
            if since is None:
                found = self._repository.get_issues(state="open", **by_age)
            else:
                moment = datetime.fromisoformat(since)
                found = self._repository.get_issues(state="all", since=moment, **by_age)
            shown = {
                raw.number: projection.issue_from(raw)
                for raw in found
                if not projection.is_pull_request(raw)
            }
        return tuple(shown[number] for number in sorted(shown))

    def news(self, cursor: str = "") -> News:
        """What changed since the poll that returned `cursor`. The forge's own times decide."""
        from github.Issue import Issue as RawIssue

        last = issue_changes.cursor_in(cursor)
        wanted = {"state": "open"}
        if last is not None:
            wanted = {"state": "all", "since": issue_changes.moment(last.since)}
        with forge_errors("looking for what is new"):
            items, at = self._listed(**wanted, sort="updated", direction="desc")
            new, following = issue_changes.new_since(last, items.values(), at=at)
            found = [RawIssue(self._wire, {}, items[number]) for number in sorted(new)]
            issues = tuple(
                projection.issue_from(raw) for raw in found if not projection.is_pull_request(raw)
            )
            return News(
                issues,
                tuple(raw.number for raw in found if projection.is_pull_request(raw)),
                following.text,
            )

    def issue(self, number: int) -> Issue:
        """One issue. Raises ForgeError that names the number if there is none any more, or if it is
        a pull request."""
        with forge_errors(f"reading issue #{number}"):
            raw = self._issue(number)
            if projection.is_pull_request(raw):
                raise ForgeError(f"#{number} is a pull request, not an issue")
            return projection.issue_from(raw)

    def comments(self, number: int) -> tuple[Comment, ...]:
        """All comments of an issue or pull request, oldest first."""
        with forge_errors(f"reading the comments of #{number}"):
            found = tuple(self._repository.get_issue(number).get_comments())
            for address in {raw.issue_url for raw in found}:
                raise_if_moved(self._repository, number, answered=address)
            return tuple(map(projection.comment_from, found))

    def is_original(self, comment: Comment) -> bool:
        """Whether nobody has edited the comment, asked of GraphQL. Unknown is a no."""
        return edits.is_original(self._wire, self._access.repository, comment)

    def change_requests(self, number: int) -> tuple[Review, ...]:
        """The newest reviews of a pull request that ask for changes, oldest first."""
        with forge_errors(f"reading the reviews of #{number}"):
            return reviews.change_requests(self._wire, self._access.repository, number)

    def change_request_count(self, number: int) -> int:
        """How many reviews of a pull request ask for changes."""
        with forge_errors(f"counting the reviews of #{number}"):
            return reviews.change_request_count(self._wire, self._access.repository, number)

    def line_comments(self, number: int, review: int) -> tuple[LineComment, ...]:
        """The comments of one review on lines."""
        with forge_errors(f"reading review {review} of #{number}"):
            return reviews.line_comments(self._wire, self._access.repository, number, review)

    def permission(self, actor: Actor) -> Permission:
        """What the account may do. The forge answers for the login, which must still belong to the
        same number."""
        try:
            with forge_errors(f"asking what {actor.login} may do"):
                people = f"/repos/{self._access.repository}/collaborators"
                path = f"{people}/{quote(actor.login)}/permission"
                _, answer = self._wire.requestJsonAndCheck("GET", path)
                return projection.permission_from(answer, actor)
        except ForgeError as error:
            # The account does not exist any more.
            if error.status == 404:
                return Permission.NONE
            raise

    def pull_request(self, number: int) -> PullRequest:
        """One pull request as it is now."""
        with forge_errors(f"reading pull request #{number}"):
            return projection.pull_request_from(self._repository.get_pull(number).complete())

    def pull_requests(self) -> tuple[PullRequest, ...]:
        """Open pull requests, lowest number first, with one request a page."""
        with forge_errors("listing pull requests"):
            found = self._repository.get_pulls(state="open", sort="created", direction="asc")
            shown = {raw.number: projection.open_pull_request_from(raw) for raw in found}
        return tuple(shown[number] for number in sorted(shown))

    def default_branch(self) -> str:
        """The default branch, asked each time; if it is unchanged, the answer has no body."""
        with forge_errors(f"reading {self._access.repository}"):
            self._repository.update()
            return self._repository.default_branch

    def check_runs(self, sha: CommitSha) -> tuple[ReportedCheck, ...]:
        """The latest run of each check of each app on exactly this commit."""
        with forge_errors(f"reading the checks of {sha:.10}"):
            return checkruns.check_runs(self._repository, sha)

    def check_log(self, run: int) -> str:
        """The end of a job's log. The job of GitHub Actions has the number of its check run."""
        with forge_errors(f"reading the log of check run {run}"):
            return job_logs.job_log(self._wire, self._access.repository, run)

    def statuses(self, sha: CommitSha) -> tuple[ReportedCheck, ...]:
        """The newest status of each context on exactly this commit."""
        with forge_errors(f"reading the statuses of {sha:.10}"):
            return checkruns.statuses(self._wire, self._access.repository, sha)

    def required_checks(self, branch: str) -> tuple[RequiredCheck, ...]:
        """The checks that rulesets and branch protection require."""
        with forge_errors(f"reading what {branch} requires"):
            return requirements.required_checks(self._wire, self._access.repository, branch)

    def _issue(self, number: int) -> "RawIssue":
        """An issue or pull request as it is now. Raises ForgeError if it was transferred to another
        repository."""
        raw = self._repository.get_issue(number).complete()
        raise_if_moved(self._repository, number, answered=raw.url)
        return raw

    def _listed(self, **parameters: str) -> tuple[dict[int, JsonDict], datetime]:
        return issue_changes.listed(self._wire, self._access.repository, **parameters)
