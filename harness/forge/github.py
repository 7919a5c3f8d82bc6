"""The one adapter for github.com, GitHub Enterprise and the embedded forge: the ports, on PyGithub.

It looks before it creates, and when a creation fails in a way that may have succeeded (a 5xx, a
lost connection), it looks again before it gives up: so at most one comment, pull request or check
exists per decision. It never retries a request by itself; whoever calls does, by
`ForgeError.retryable`."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from harness.domain.checks import CheckSeen, RequiredCheck
from harness.domain.errors import ConfigError, ForgeError
from harness.domain.issue import (
    Actor,
    Annotation,
    Comment,
    CommitSha,
    Issue,
    News,
    Permission,
    PullRequest,
)
from harness.forge import checkruns, issue_changes, pins, projection
from harness.forge import required_checks as demands
from harness.forge.app import AppAtForge, AppKey
from harness.forge.errors import forge_errors
from harness.forge.http_cache import HttpCache
from harness.forge.projection import plain
from harness.forge.rate_limiter import RateLimiter, Time, rate_limiter_of

if TYPE_CHECKING:
    from github.Issue import Issue as RawIssue
    from github.IssueComment import IssueComment
    from github.Repository import Repository

    from harness.forge.transport import Wire

GITHUB = "https://api.github.com"


@dataclass(frozen=True, slots=True)
class Access:
    """Which repository (`owner/name`) on which forge, as an app or with a token. `api` is the REST
    API's base URL; `kept` is the file for answers that may be heard again, without which they last
    as long as the adapter."""

    repository: str
    token: str = field(default="", repr=False)
    api: str = GITHUB
    timeout_seconds: int = 20
    app: AppKey | None = None
    kept: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is a forge in the box, which asks nobody to go slowly."""
        return urlsplit(self.api).hostname in ("localhost", "127.0.0.1")

    @property
    def account(self) -> str:
        """Whose answers and limits are whose: no secret, and another for another token."""
        if self.app is not None:
            return f"app-{self.app.id}/{self.repository}"
        return f"token-{hashlib.sha256(self.token.encode()).hexdigest()[:16]}"


class GitHubForge:
    """Implements `harness.ports.forge.Forge` and `ForgeWriter`. Safe to use from many threads."""

    def __init__(
        self, access: Access, *, rate_limiter: RateLimiter | None = None, time: Time | None = None
    ) -> None:
        if bool(access.token) == (access.app is not None) or access.repository.count("/") != 1:
            raise ConfigError(
                "the forge needs a repository as owner/name, and either an app or a token that may"
                " write to it"
            )
        self._access = access
        self._rate_limiter = rate_limiter or rate_limiter_of(
            access.api, access.account, at_githubs_pace=not access.is_local
        )
        self._kept = HttpCache(access.kept)
        self._app = (
            None
            if access.app is None
            else AppAtForge(
                access.app,
                access.repository,
                api=access.api,
                at_githubs_pace=not access.is_local,
                timeout_seconds=access.timeout_seconds,
                time=time,
            )
        )
        self._threads = (
            threading.local()
        )  # PyGithub keeps the request that is under way in its connection
        self._me: Actor | None = None
        self._known_labels: set[str] = set()
        self._said: dict[tuple[int, str], int] = {}

    def token(self) -> str:
        """A token that is good now and for some minutes, for git. Raises ForgeError."""
        return self._access.token if self._app is None else self._app.token()

    # Reading

    def issues(self, *, since: str | None = None) -> tuple[Issue, ...]:
        """Open issues, oldest number first; with `since` those updated then or later, closed ones
        too."""
        with forge_errors("listing issues"):
            if since is None:
                found = self._repository.get_issues(state="open", sort="created", direction="asc")
            else:
                moment = datetime.fromisoformat(since)
                found = self._repository.get_issues(
                    state="all", since=moment, sort="created", direction="asc"
                )
            shown = {
                raw.number: projection.issue_from(raw)
                for raw in found
                if not projection.is_pull_request(raw)
            }
        return tuple(shown[number] for number in sorted(shown))

    def news(self, cursor: str = "") -> News:
        """What changed since the look that gave `cursor`: of an answer that says so, by its own
        moments."""
        from github.Issue import Issue as RawIssue

        known = issue_changes.cursor_in(cursor)
        asked = (
            {"state": "open"}
            if known is None
            else {"state": "all", "since": issue_changes.moment(known.since)}
        )
        with forge_errors("looking for what is new"):
            items, at = self._listed(**asked, sort="updated", direction="desc")
            new, following = issue_changes.new_since(known, items.values(), at=at)
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
        """One issue. Raises ForgeError that names the number when there is none, or it is a pull
        request."""
        with forge_errors(f"reading issue #{number}"):
            raw = self._repository.get_issue(number)
            if projection.is_pull_request(raw):
                raise ForgeError(f"#{number} is a pull request, not an issue")
            return projection.issue_from(raw)

    def comments(self, number: int) -> tuple[Comment, ...]:
        """All comments of an issue or pull request, oldest first."""
        with forge_errors(f"reading the comments of #{number}"):
            return tuple(
                map(projection.comment_from, self._repository.get_issue(number).get_comments())
            )

    def permission(self, actor: Actor) -> Permission:
        """What the account may do, by the forge's answer on its login, which must still mean the
        same number."""
        try:
            with forge_errors(f"asking what {actor.login} may do"):
                path = f"/repos/{self._access.repository}/collaborators/{quote(actor.login)}/permission"
                _, answer = self._wire.requestJsonAndCheck("GET", path)
                return projection.permission_from(answer, actor)
        except ForgeError as error:
            if error.status == 404:
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

    def check_runs(self, sha: CommitSha) -> tuple[CheckSeen, ...]:
        """The latest run of each check of each app on exactly this commit."""
        with forge_errors(f"reading the checks of {sha:.10}"):
            return checkruns.seen(self._repository, sha)

    def statuses(self, sha: CommitSha) -> tuple[CheckSeen, ...]:
        """The newest status of each context on exactly this commit."""
        with forge_errors(f"reading the statuses of {sha:.10}"):
            return checkruns.statuses(self._wire, self._access.repository, sha)

    def required_checks(self, branch: str) -> tuple[RequiredCheck, ...]:
        """What rulesets and branch protection demand."""
        with forge_errors(f"reading what {branch} demands"):
            return demands.required_checks(self._wire, self._access.repository, branch)

    # Writing

    def set_state_label(self, number: int, label: str, *, among: Iterable[str]) -> None:
        """Make `label` the only one of `among`. It is put on before others are taken off, so one is
        always there."""
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
        ours = self._ours(number, marker) or self._said_before(number, marker)
        if not ours:
            self._created(
                lambda: self._say(number, marker, body),
                lambda: bool(self._ours(number, marker)),
                doing=f"commenting on #{number}",
            )
            return
        with forge_errors(f"editing our comment on #{number}"):
            if plain(ours[0].body) != plain(body):
                ours[0].edit(body)
                _as_asked(plain(ours[0].body), plain(body))
        for double in ours[1:]:
            with _absent_is_fine(), forge_errors(f"removing our second comment on #{number}"):
                double.delete()

    def open_pull_request(self, *, branch: str, base: str, title: str, body: str) -> PullRequest:
        """The open pull request from `branch` to `base`, created where there is none, read back
        from the forge."""
        number = self._open_from(branch, base)
        if number is None:
            self._created(
                lambda: self._repository.create_pull(
                    base=base, head=branch, title=title, body=body
                ),
                lambda: self._open_from(branch, base) is not None,
                doing=f"opening a pull request from {branch}",
            )
            number = self._open_from(branch, base)
        if number is None:
            raise ForgeError(
                f"the pull request from {branch} was opened but is not listed yet", retryable=True
            )
        return self.pull_request(number)

    def merge_pull_request(self, number: int, *, sha: CommitSha) -> CommitSha:
        """Have the forge merge this very head, now or before, in words of ours: its own would copy
        a title. The merge commit."""
        self._created(
            lambda: (
                self._merged(number, sha)
                or self._repository.get_pull(number).merge(
                    sha=sha,
                    merge_method="merge",
                    commit_title=f"Merge pull request #{number}",
                    commit_message=f"Head: {sha}",
                )
            ),
            lambda: self._merged(number, sha) is not None,
            doing=f"merging pull request #{number}",
        )
        if (commit := self._merged(number, sha)) is None:
            raise ForgeError(
                f"pull request #{number} was merged but does not say so yet", retryable=True
            )
        return commit

    def close_issue(self, number: int, *, completed: bool) -> None:
        """Close as completed or as not planned. Already closed is fine."""
        with forge_errors(f"closing #{number}"):
            issue = self._repository.get_issue(number)
            if issue.state != "closed":
                issue.edit(state="closed", state_reason="completed" if completed else "not_planned")
                _as_asked(issue.state, "closed")

    def reopen_issue(self, number: int) -> None:
        """Open it again, where it is closed."""
        with forge_errors(f"opening #{number} again"):
            issue = self._repository.get_issue(number)
            if issue.state != "open":
                issue.edit(state="open")
                _as_asked(issue.state, "open")

    def set_check(
        self,
        sha: CommitSha,
        name: str,
        *,
        conclusion: str,
        title: str,
        summary: str,
        annotations: Iterable[Annotation] = (),
    ) -> None:
        """A finished check run on a commit; a newer one stands over an older one of the same
        name."""
        wanted = checkruns.Wanted(name, conclusion, title, summary, tuple(annotations))
        if not self._is_set(sha, wanted):
            self._created(
                lambda: checkruns.create(self._repository, sha, wanted),
                lambda: self._is_set(sha, wanted),
                doing=f"setting check {name} on {sha:.10}",
            )

    def upsert_issue(self, marker: str, *, title: str, body: str) -> int:
        """Keep exactly one open issue of ours with the hidden `marker`; the older stays."""
        ours = self._our_issues(marker)
        if not ours:
            self._created(
                lambda: self._repository.create_issue(title, body),
                lambda: bool(self._our_issues(marker)),
                doing=f"filing {title:.60}",
            )
            ours = self._our_issues(marker)
        if not ours:
            raise ForgeError(
                f"the issue {title:.60} was filed but is not listed yet", retryable=True
            )
        with forge_errors(f"editing #{ours[0].number}"):
            if (ours[0].title, plain(ours[0].body)) != (title, plain(body)):
                ours[0].edit(title=title, body=body)
        for double in ours[1:]:
            self.close_issue(double.number, completed=False)
        return ours[0].number

    def pin_issue(self, number: int) -> bool:
        """Pin it, which REST cannot: GraphQL, and where that says no, it is not."""
        with forge_errors(f"reading issue #{number}"):
            node = self._repository.get_issue(number).node_id
        return pins.pinned(self._wire, node, number)

    # Looking

    def _merged(self, number: int, sha: CommitSha) -> CommitSha | None:
        """The commit that merged the pull request at this head; None where it is not merged, or at
        another."""
        with forge_errors(f"reading pull request #{number}"):
            pull = self._repository.get_pull(number).complete()
            return (
                CommitSha(pull.merge_commit_sha) if pull.merged and pull.head.sha == sha else None
            )

    def _is_set(self, sha: CommitSha, wanted: checkruns.Wanted) -> bool:
        app = self._access.app.id if self._access.app is not None else self.account().id
        with forge_errors(f"reading the checks of {sha:.10}"):
            return checkruns.is_there(self._repository, sha, wanted, app=app)

    def _our_issues(self, marker: str) -> list["RawIssue"]:
        """Our open issues that carry the marker, oldest first. The account decides, by its
        number."""
        from github.Issue import Issue as RawIssue

        me = self.account()
        with forge_errors("looking for an issue of ours"):
            items, _ = self._listed(state="open", creator=me.login, sort="created", direction="asc")
            found = (RawIssue(self._wire, {}, item) for _, item in sorted(items.items()))
            mine = [
                raw for raw in found if raw.user.id == me.id and not projection.is_pull_request(raw)
            ]
            return [raw for raw in mine if marker in (raw.body or "")]

    def _listed(self, **asked: str) -> tuple[dict[int, dict[str, Any]], datetime]:
        return issue_changes.listed(self._wire, self._access.repository, **asked)

    def _ours(self, number: int, marker: str) -> list["IssueComment"]:
        """Our comments that begin with the marker, oldest first. Anybody can write a marker: the
        account decides; and a person whose token we have may quote it."""
        me = self.account()
        with forge_errors(f"looking for our comment on #{number}"):
            found = self._repository.get_issue(number).get_comments()
            mine = [one for one in found if one.user is not None and one.user.id == me.id]
            return [one for one in mine if (one.body or "").startswith(marker)]

    def _say(self, number: int, marker: str, body: str) -> None:
        self._said[number, marker] = self._repository.get_issue(number).create_comment(body).id

    def _said_before(self, number: int, marker: str) -> list["IssueComment"]:
        """What we said ourselves and no list shows yet: lists lag behind."""
        if (known := self._said.get((number, marker))) is None:
            return []
        with _absent_is_fine(), forge_errors(f"reading our comment on #{number}"):
            return [self._repository.get_issue(number).get_comment(known).complete()]
        return []

    def _open_from(self, branch: str, base: str) -> int | None:
        """The number of the open pull request from that branch of this very repository."""
        owner = self._access.repository.partition("/")[0]
        with forge_errors(f"looking for the pull request from {branch}"):
            found = self._repository.get_pulls(state="open", head=f"{owner}:{branch}", base=base)
            ours = (
                raw
                for raw in found
                if raw.head.ref == branch and projection.is_same_repository(raw)
            )
            return next((raw.number for raw in ours), None)

    def _ensure_label(self, name: str) -> None:
        if name in self._known_labels:
            return
        if not self._has_label(name):
            self._created(
                lambda: self._repository.create_label(name, projection.label_color(name)),
                lambda: self._has_label(name),
                doing=f"creating label {name}",
            )
        self._known_labels.add(name)

    def _has_label(self, name: str) -> bool:
        try:
            with forge_errors(f"reading label {name}"):
                return self._repository.get_label(name).complete().name is not None
        except ForgeError as error:
            if error.status == 404:
                return False
            raise

    def _created(
        self, create: Callable[[], object], is_there: Callable[[], bool], *, doing: str
    ) -> None:
        """Create; where that failed, look whether it was created all the same."""
        try:
            with forge_errors(doing):
                create()
        except ForgeError as error:
            if not is_there():
                error.retryable |= "already exists" in str(
                    error
                )  # and no list shows it yet: lists lag behind
                raise

    def account(self) -> Actor:
        """Who writes what we write: what else says so, anybody could have written. Asked once."""
        if self._me is None:
            self._me = self._token_holder() if self._app is None else self._app.account()
        return self._me

    def _token_holder(self) -> Actor:
        with forge_errors("asking whose token this is"):
            _, told = self._wire.requestJsonAndCheck("GET", "/user")
            return Actor(int(told["id"]), str(told["login"]), bot=told["type"] == "Bot")

    @property
    def _wire(self) -> "Wire":
        wire: Wire | None = getattr(self._threads, "wire", None)
        if wire is None:
            wire = self._threads.wire = self._connected()
        return wire

    def _connected(self) -> "Wire":
        from harness.forge.transport import Bearer, Wire

        auth = (
            Bearer(lambda: self._access.token)
            if self._app is None
            else Bearer(self._app.token, self._app.forget)
        )
        return Wire(
            auth,
            self._access.api,
            account=self._access.account,
            rate_limiter=self._rate_limiter,
            kept=self._kept,
            timeout_seconds=self._access.timeout_seconds,
        )

    @property
    def _repository(self) -> "Repository":
        from github.Repository import Repository

        repository: Repository | None = getattr(self._threads, "repository", None)
        if repository is None:
            repository = self._threads.repository = Repository(
                self._wire, url=f"/repos/{self._access.repository}"
            )
        return repository


def _as_asked(found: object, asked: str) -> None:
    """An answer of 200 that does not say what was asked for is none: a proxy's page was believed to
    have closed an issue."""
    if found != asked:
        raise ValueError(f"it does not say what was asked for: {str(found)[:60]!r}")


@contextmanager
def _absent_is_fine() -> Iterator[None]:
    """What was to go is gone already."""
    try:
        yield
    except ForgeError as error:
        if error.status != 404:
            raise
