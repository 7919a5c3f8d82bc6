"""The adapter for github.com, GitHub Enterprise and the local forge: both forge ports, on PyGithub.

It looks before it creates. When a creation fails in a way that may have succeeded (a 5xx, a lost
connection), it looks again before it gives up. So there is at most one comment, pull request or
check per decision. It never retries a request by itself; its callers do, by `ForgeError.retryable`.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.domain.errors import ForgeError
from harness.domain.issue import Annotation, CommitSha, PullRequest
from harness.forge import checkruns, pins, projection
from harness.forge.connection import Access
from harness.forge.errors import forge_errors
from harness.forge.projection import plain
from harness.forge.rate_limiter import RateLimiter, Time
from harness.forge.reader import ForgeReader

if TYPE_CHECKING:
    from github.Issue import Issue as RawIssue
    from github.IssueComment import IssueComment


class GitHubForge(ForgeReader):
    """Implements `harness.ports.forge.Forge` and `ForgeWriter`. Safe to use from many threads."""

    def __init__(
        self, access: Access, *, rate_limiter: RateLimiter | None = None, time: Time | None = None
    ) -> None:
        super().__init__(access, rate_limiter=rate_limiter, time=time)
        self._existing_labels: set[str] = set()
        self._posted: dict[tuple[int, str], int] = {}

    def set_state_label(self, number: int, label: str, *, among: Iterable[str]) -> None:
        """Make `label` the only one of `among`. It is added before the others are removed, so there
        is always one."""
        self._ensure_label(label)
        with forge_errors(f"labelling #{number} {label}"):
            issue = self._issue(number)
            present = {one.name for one in issue.labels}
            if label not in present:
                issue.add_to_labels(label)
        for other in sorted((present & frozenset(among)) - {label}):
            with _absent_is_fine(), forge_errors(f"taking {other} off #{number}"):
                issue.remove_from_labels(other)

    def upsert_comment(self, number: int, marker: str, body: str) -> None:
        """Keep exactly one comment of ours with the hidden `marker`."""
        # Our own memory is a second source, because the list lags behind a comment of ours.
        ours = self._ours(number, marker) or self._posted_before(number, marker)
        if not ours:
            self._created(
                lambda: self._post(number, marker, body),
                lambda: bool(self._ours(number, marker)),
                doing=f"commenting on #{number}",
            )
            return
        with forge_errors(f"editing our comment on #{number}"):
            is_old = plain(ours[0].body) != plain(body)
            if is_old or ours[1:]:
                self._issue(number)
            if is_old:
                ours[0].edit(body)
                _as_asked(plain(ours[0].body), plain(body))
        # Two factories that raced may have posted one each.
        for double in ours[1:]:
            with _absent_is_fine(), forge_errors(f"removing our second comment on #{number}"):
                double.delete()

    def open_pull_request(self, *, branch: str, base: str, title: str, body: str) -> PullRequest:
        """The open pull request from `branch` to `base`, created if there is none, as the forge
        returns it."""
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
        """Let the forge merge exactly this head, unless it did before; returns the merge commit.
        The message is ours, because the forge's own would copy a stranger's title."""
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
        """Close the issue as completed or as not planned, unless it is closed."""
        with forge_errors(f"closing #{number}"):
            issue = self._issue(number)
            if issue.state != "closed":
                issue.edit(state="closed", state_reason="completed" if completed else "not_planned")
                _as_asked(issue.state, "closed")

    def reopen_issue(self, number: int) -> None:
        """Open the issue again, unless it is open."""
        with forge_errors(f"opening #{number} again"):
            issue = self._issue(number)
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
        """Set a finished check run on a commit. A newer run replaces an older one of the same
        name."""
        wanted = checkruns.WantedRun(name, conclusion, title, summary, tuple(annotations))
        if not self._is_set(sha, wanted):
            self._created(
                lambda: checkruns.create(self._repository, sha, wanted),
                lambda: self._is_set(sha, wanted),
                doing=f"setting check {name} on {sha:.10}",
            )

    def upsert_issue(self, marker: str, *, title: str, body: str) -> int:
        """Keep exactly one open issue of ours that begins with `marker`; the oldest stays."""
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
        """Pin the issue, with GraphQL; REST cannot. Returns whether it is pinned."""
        with forge_errors(f"reading issue #{number}"):
            node = self._issue(number).node_id
        return pins.pinned(self._wire, node, number)

    # Looking before and after a creation

    def _merged(self, number: int, sha: CommitSha) -> CommitSha | None:
        """The commit that merged the pull request at this head; None if it is not merged, or at
        another head."""
        with forge_errors(f"reading pull request #{number}"):
            pull = self._repository.get_pull(number).complete()
            return (
                CommitSha(pull.merge_commit_sha) if pull.merged and pull.head.sha == sha else None
            )

    def _is_set(self, sha: CommitSha, wanted: checkruns.WantedRun) -> bool:
        app = self._access.app.id if self._access.app is not None else self.account().id
        with forge_errors(f"reading the checks of {sha:.10}"):
            return checkruns.is_there(self._repository, sha, wanted, app=app)

    def _our_issues(self, marker: str) -> list["RawIssue"]:
        """Our open issues that begin with the marker, oldest first. The author's account number
        decides; and ours quote strangers, who can write a marker."""
        from github.Issue import Issue as RawIssue

        me = self.account()
        with forge_errors("looking for an issue of ours"):
            items, _ = self._listed(state="open", creator=me.login, sort="created", direction="asc")
            found = (RawIssue(self._wire, {}, item) for _, item in sorted(items.items()))
            mine = [
                raw for raw in found if raw.user.id == me.id and not projection.is_pull_request(raw)
            ]
            return [raw for raw in mine if (raw.body or "").startswith(marker)]

    def _ours(self, number: int, marker: str) -> list["IssueComment"]:
        """Our comments that begin with the marker, oldest first. Anybody can write a marker, so the
        author's account decides. The owner of our token may quote one, so it must be at the
        beginning."""
        me = self.account()
        with forge_errors(f"looking for our comment on #{number}"):
            found = self._repository.get_issue(number).get_comments()
            mine = [one for one in found if one.user is not None and one.user.id == me.id]
            return [one for one in mine if (one.body or "").startswith(marker)]

    def _post(self, number: int, marker: str, body: str) -> None:
        self._posted[number, marker] = self._issue(number).create_comment(body).id

    def _posted_before(self, number: int, marker: str) -> list["IssueComment"]:
        """The comment that we posted and that no list shows yet: lists lag behind."""
        if (posted := self._posted.get((number, marker))) is None:
            return []
        with _absent_is_fine(), forge_errors(f"reading our comment on #{number}"):
            return [self._repository.get_issue(number).get_comment(posted).complete()]
        return []

    def _open_from(self, branch: str, base: str) -> int | None:
        """The number of the open pull request from that branch of this same repository."""
        owner = self._access.repository.partition("/")[0]
        with forge_errors(f"looking for the pull request from {branch}"):
            found = self._repository.get_pulls(state="open", head=f"{owner}:{branch}", base=base)
            # A fork may have a branch of the same name, so the repository is compared as well.
            ours = (
                raw
                for raw in found
                if raw.head.ref == branch and projection.is_same_repository(raw)
            )
            return next((raw.number for raw in ours), None)

    def _ensure_label(self, name: str) -> None:
        if name in self._existing_labels:
            return
        if not self._has_label(name):
            self._created(
                lambda: self._repository.create_label(name, projection.label_color(name)),
                lambda: self._has_label(name),
                doing=f"creating label {name}",
            )
        self._existing_labels.add(name)

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
        """Create; after a failure, look whether it was created all the same."""
        try:
            with forge_errors(doing):
                create()
        except ForgeError as error:
            if not is_there():
                # It exists, and no list shows it yet: lists lag behind.
                error.retryable |= "already exists" in str(error)
                raise


def _as_asked(found: object, asked: str) -> None:
    """Raises ValueError if an answer of 200 does not contain what was asked for. Incident: a
    proxy's page was taken for a closed issue."""
    if found != asked:
        raise ValueError(f"it does not say what was asked for: {str(found)[:60]!r}")


@contextmanager
def _absent_is_fine() -> Iterator[None]:
    """Ignore a 404: what was to be removed is gone already."""
    try:
        yield
    except ForgeError as error:
        if error.status != 404:
            raise
