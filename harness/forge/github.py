"""The one adapter for github.com, GitHub Enterprise and the embedded forge: the ports, on PyGithub.

It looks before it creates, and when a creation fails in a way that may have succeeded (a 5xx, a lost connection), it
looks again before it gives up: so at most one comment, pull request or check exists per decision. It never retries a
request by itself; whoever calls does, by `ForgeError.retryable`.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from harness.domain.errors import ConfigError, ForgeError
from harness.domain.issue import Actor, Comment, CommitSha, Issue, Permission, PullRequest
from harness.forge import projection
from harness.forge.errors import forge_errors

if TYPE_CHECKING:
    from github import Github
    from github.IssueComment import IssueComment
    from github.Repository import Repository

GITHUB = "https://api.github.com"
CHECK_MARK = "lights-out-factory"
PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class Access:
    """Which repository (`owner/name`) on which forge, with whose token. `api` is the REST API's base URL."""

    repository: str
    token: str = field(repr=False)
    api: str = GITHUB
    timeout_seconds: int = 20

    @property
    def is_local(self) -> bool:
        """Whether it is a forge in the box, which asks nobody to go slowly."""
        return urlsplit(self.api).hostname in ("localhost", "127.0.0.1")


class GitHubForge:
    """Implements `harness.ports.forge.Forge` and `ForgeWriter`. Safe to use from many threads."""

    def __init__(self, access: Access) -> None:
        if not access.token or access.repository.count("/") != 1:
            raise ConfigError("the forge needs a repository as owner/name, and a token that may write to it")
        self._access = access
        self._threads = threading.local()  # PyGithub keeps the request that is under way in its connection
        self._me: int | None = None
        self._known_labels: set[str] = set()

    # Reading

    def issues(self, *, since: str | None = None) -> tuple[Issue, ...]:
        """Open issues, oldest number first; with `since` those updated then or later, closed ones too."""
        with forge_errors("listing issues"):
            if since is None:
                found = self._repository.get_issues(state="open", sort="created", direction="asc")
            else:
                moment = datetime.fromisoformat(since)
                found = self._repository.get_issues(state="all", since=moment, sort="created", direction="asc")
            shown = {raw.number: projection.issue_from(raw) for raw in found if not projection.is_pull_request(raw)}
        return tuple(shown[number] for number in sorted(shown))

    def issue(self, number: int) -> Issue:
        """One issue. Raises ForgeError that names the number when there is none, or it is a pull request."""
        with forge_errors(f"reading issue #{number}"):
            raw = self._repository.get_issue(number)
            if projection.is_pull_request(raw):
                raise ForgeError(f"#{number} is a pull request, not an issue")
            return projection.issue_from(raw)

    def comments(self, number: int) -> tuple[Comment, ...]:
        """All comments of an issue or pull request, oldest first."""
        with forge_errors(f"reading the comments of #{number}"):
            return tuple(map(projection.comment_from, self._repository.get_issue(number).get_comments()))

    def permission(self, actor: Actor) -> Permission:
        """What the account may do, by the forge's answer on its login, which must still mean the same number."""
        try:
            with forge_errors(f"asking what {actor.login} may do"):
                path = f"/repos/{self._access.repository}/collaborators/{quote(actor.login)}/permission"
                _, answer = self._client.requester.requestJsonAndCheck("GET", path)
                return projection.permission_from(answer, actor)
        except ForgeError as error:
            if _status(error) == 404:
                return Permission.NONE
            raise

    def pull_request(self, number: int) -> PullRequest:
        """One pull request as it is now."""
        with forge_errors(f"reading pull request #{number}"):
            return projection.pull_request_from(self._repository.get_pull(number).complete())

    def pull_requests(self) -> tuple[PullRequest, ...]:
        """Open pull requests, oldest number first, from as few requests as there are pages."""
        with forge_errors("listing pull requests"):
            found = self._repository.get_pulls(state="open", sort="created", direction="asc")
            shown = {raw.number: projection.open_pull_request_from(raw) for raw in found}
        return tuple(shown[number] for number in sorted(shown))

    def default_branch(self) -> str:
        """The branch that production follows, asked anew; unchanged, the answer has no body."""
        with forge_errors(f"reading {self._access.repository}"):
            self._repository.update()
            return self._repository.default_branch

    # Writing

    def set_state_label(self, number: int, label: str, *, among: Iterable[str]) -> None:
        """Make `label` the only one of `among`. It is put on before others are taken off, so one is always there."""
        self._ensure_label(label)
        with forge_errors(f"labelling #{number} {label}"):
            issue = self._repository.get_issue(number)
            worn = {one.name for one in issue.labels}
            if label not in worn:
                issue.add_to_labels(label)
        for other in sorted((worn & frozenset(among)) - {label}):
            with _absent_is_fine(), forge_errors(f"taking {other} off #{number}"):
                issue.remove_from_labels(other)

    def upsert_comment(self, number: int, marker: str, body: str) -> None:
        """Keep exactly one comment of ours with the hidden `marker`."""
        ours = self._ours(number, marker)
        if not ours:
            self._created(
                lambda: self._repository.get_issue(number).create_comment(body),
                lambda: bool(self._ours(number, marker)), doing=f"commenting on #{number}",
            )
            return
        with forge_errors(f"editing our comment on #{number}"):
            if _plain(ours[0].body) != _plain(body):
                ours[0].edit(body)
        for double in ours[1:]:
            with _absent_is_fine(), forge_errors(f"removing our second comment on #{number}"):
                double.delete()

    def open_pull_request(self, *, branch: str, base: str, title: str, body: str) -> PullRequest:
        """The open pull request from `branch` to `base`, created where there is none, read back from the forge."""
        number = self._open_from(branch, base)
        if number is None:
            self._created(
                lambda: self._repository.create_pull(base=base, head=branch, title=title, body=body),
                lambda: self._open_from(branch, base) is not None, doing=f"opening a pull request from {branch}",
            )
            number = self._open_from(branch, base)
        if number is None:
            raise ForgeError(f"the pull request from {branch} was opened but is not listed yet", retryable=True)
        return self.pull_request(number)

    def close_issue(self, number: int, *, completed: bool) -> None:
        """Close as completed or as not planned. Already closed is fine."""
        with forge_errors(f"closing #{number}"):
            issue = self._repository.get_issue(number)
            if issue.state != "closed":
                issue.edit(state="closed", state_reason="completed" if completed else "not_planned")

    def reopen_issue(self, number: int) -> None:
        """Open it again, where it is closed."""
        with forge_errors(f"opening #{number} again"):
            issue = self._repository.get_issue(number)
            if issue.state != "open":
                issue.edit(state="open")

    def set_check(self, sha: CommitSha, name: str, *, conclusion: str, title: str, summary: str) -> None:
        """A finished check run on a commit; a newer one stands over an older one of the same name."""
        wanted = (conclusion, _plain(title), _plain(summary))
        if self._check(sha, name) == wanted:
            return
        self._created(
            lambda: self._repository.create_check_run(
                name, sha, status="completed", conclusion=conclusion, external_id=CHECK_MARK,
                output={"title": title, "summary": summary},
            ),
            lambda: self._check(sha, name) == wanted, doing=f"setting check {name} on {sha:.10}",
        )

    # Looking

    def _check(self, sha: CommitSha, name: str) -> tuple[str, str, str] | None:
        """Conclusion, title and summary of our latest check run of that name."""
        with forge_errors(f"reading the checks of {sha:.10}"):
            runs = self._repository.get_commit(sha).get_check_runs(check_name=name)
            ours = [run for run in runs if run.external_id == CHECK_MARK]
            latest = max(ours, key=lambda run: run.id, default=None)
            if latest is None:
                return None
            return str(latest.conclusion), _plain(latest.output.title), _plain(latest.output.summary)

    def _ours(self, number: int, marker: str) -> list["IssueComment"]:
        """Our comments that carry the marker, oldest first. Anybody can write a marker: the account decides."""
        with forge_errors(f"looking for our comment on #{number}"):
            if self._me is None:
                self._me = self._client.get_user().id
            found = self._repository.get_issue(number).get_comments()
            mine = [one for one in found if one.user is not None and one.user.id == self._me]
            return [one for one in mine if marker in (one.body or "")]

    def _open_from(self, branch: str, base: str) -> int | None:
        """The number of the open pull request from that branch of this very repository."""
        owner = self._access.repository.partition("/")[0]
        with forge_errors(f"looking for the pull request from {branch}"):
            found = self._repository.get_pulls(state="open", head=f"{owner}:{branch}", base=base)
            ours = (raw for raw in found if raw.head.ref == branch and projection.is_same_repository(raw))
            return next((raw.number for raw in ours), None)

    def _ensure_label(self, name: str) -> None:
        if name in self._known_labels:
            return
        if not self._has_label(name):
            self._created(
                lambda: self._repository.create_label(name, projection.label_color(name)),
                lambda: self._has_label(name), doing=f"creating label {name}",
            )
        self._known_labels.add(name)

    def _has_label(self, name: str) -> bool:
        try:
            with forge_errors(f"reading label {name}"):
                return self._repository.get_label(name).complete().name is not None
        except ForgeError as error:
            if _status(error) == 404:
                return False
            raise

    def _created(self, create: Callable[[], object], is_there: Callable[[], bool], *, doing: str) -> None:
        """Create; where that failed, look whether it was created all the same."""
        try:
            with forge_errors(doing):
                create()
        except ForgeError:
            if not is_there():
                raise

    @property
    def _client(self) -> "Github":
        client: Github | None = getattr(self._threads, "client", None)
        if client is None:
            client = self._threads.client = _connected(self._access)
        return client

    @property
    def _repository(self) -> "Repository":
        repository: Repository | None = getattr(self._threads, "repository", None)
        if repository is None:
            repository = self._threads.repository = self._client.get_repo(self._access.repository)
        return repository


def _connected(access: Access) -> "Github":
    """A client that never retries, and goes at GitHub's pace where GitHub asks for it: 1 s between writes."""
    from github import Auth, Github

    pace = (0.0, 0.0) if access.is_local else (0.25, 1.0)
    return Github(
        auth=Auth.Token(access.token), base_url=access.api, timeout=access.timeout_seconds, retry=None, lazy=True,
        per_page=PER_PAGE, user_agent=CHECK_MARK, seconds_between_requests=pace[0], seconds_between_writes=pace[1],
    )


@contextmanager
def _absent_is_fine() -> Iterator[None]:
    """What was to go is gone already."""
    try:
        yield
    except ForgeError as error:
        if _status(error) != 404:
            raise


def _status(error: ForgeError) -> int | None:
    """The HTTP status under an error; None when there was no answer."""
    return getattr(error.__cause__, "status", None)


def _plain(text: str | None) -> str:
    """Text as it is compared: forges trim ends and exchange line breaks."""
    return (text or "").replace("\r\n", "\n").strip()
