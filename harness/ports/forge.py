"""The forge, read and written. One adapter serves github.com, GitHub Enterprise and the local
forge."""

from collections.abc import Iterable
from typing import Protocol

from harness.domain.checks import ReportedCheck, RequiredCheck
from harness.domain.issue import (
    Actor,
    Annotation,
    Comment,
    CommitSha,
    Issue,
    LineComment,
    News,
    Permission,
    PullRequest,
    Review,
)


class Forge(Protocol):
    """What can be asked. Every method raises ForgeError; `retryable` tells a passing fault from a
    final one, and `again_at`, where it is set, before which moment no call will be answered: until
    then none is sent, by nobody of this process."""

    def issues(self, *, since: str | None = None) -> tuple[Issue, ...]:
        """Open issues (never pull requests), oldest number first; with `since` (ISO 8601) those
        updated after it, closed ones too."""
        ...

    def news(self, cursor: str = "") -> News:
        """What changed since the look that gave `cursor`; without one, every open issue and pull
        request.

        Nothing that changed is ever left out; what changed within the last seconds may be reported
        twice. It takes one request where little or nothing changed, and where nothing did, no body
        comes with the answer. What was deleted or moved away is not reported: only `issues` shows
        that something is gone. A cursor that is no longer understood counts as none."""
        ...

    def issue(self, number: int) -> Issue:
        """One issue. Raises ForgeError (not retryable) that names the number when there is none."""
        ...

    def comments(self, number: int) -> tuple[Comment, ...]:
        """All comments of an issue or pull request, oldest first."""
        ...

    def is_original(self, comment: Comment) -> bool:
        """Whether nobody has edited the comment since it was written, asked now: `Comment.edited`
        does not tell of an edit within the same second. Unknown is a no."""
        ...

    def change_requests(self, number: int) -> tuple[Review, ...]:
        """The reviews of a pull request that ask for changes, oldest first: those that nobody
        dismissed, the newest 1,000. Each text is cut at 16,000 characters."""
        ...

    def change_request_count(self, number: int) -> int:
        """How many reviews of a pull request ask for changes, those that are not read among
        them."""
        ...

    def line_comments(self, number: int, review: int) -> tuple[LineComment, ...]:
        """The comments of one review on lines, its first 100, each text cut as the review's."""
        ...

    def permission(self, actor: Actor) -> Permission:
        """What the account may do, by the forge's own answer. An account that is not known has
        NONE."""
        ...

    def account(self) -> Actor:
        """Who writes what the factory writes: an app's account, or the person's whose token it
        has."""
        ...

    def pull_request(self, number: int) -> PullRequest:
        """One pull request as it is now."""
        ...

    def pull_requests(self) -> tuple[PullRequest, ...]:
        """Open pull requests, whoever proposed them, oldest number first."""
        ...

    def default_branch(self) -> str:
        """The branch that production follows."""
        ...

    def check_runs(self, sha: CommitSha) -> tuple[ReportedCheck, ...]:
        """The latest run of each check of each app on exactly this commit, with the app's number.
        Absent is not green."""
        ...

    def check_log(self, run: int) -> str:
        """The end of what the job of a check run printed, at most 64 KiB; text from outside. Empty
        where the forge keeps no log, or does not show it to us."""
        ...

    def statuses(self, sha: CommitSha) -> tuple[ReportedCheck, ...]:
        """The newest status of each context on exactly this commit, its state as the conclusion,
        which is None while it is `pending`. Of which app a status is the forge does not say."""
        ...

    def required_checks(self, branch: str) -> tuple[RequiredCheck, ...]:
        """What the forge's own rules demand of a commit before this branch takes it: rulesets and
        branch protection."""
        ...


class ForgeWriter(Protocol):
    """What can be done. Each is idempotent: it looks before it creates, so calling it twice changes
    nothing more."""

    def set_state_label(self, number: int, label: str, *, among: Iterable[str]) -> None:
        """Make `label` the only one of `among` on the issue; other labels stay. Creates the label
        where missing."""
        ...

    def upsert_comment(self, number: int, marker: str, body: str) -> None:
        """Keep exactly one comment of ours that begins with the hidden `marker`; change it only if
        the body differs."""
        ...

    def open_pull_request(self, *, branch: str, base: str, title: str, body: str) -> PullRequest:
        """The open pull request from `branch`, created where there is none, read back from the
        forge."""
        ...

    def merge_pull_request(self, number: int, *, sha: CommitSha) -> CommitSha:
        """Have the forge merge a pull request by a merge commit of its own, if its head is still
        `sha`; that commit. Merged at this head before: the commit that did it. Raises ForgeError,
        final where the forge does not want to."""
        ...

    def close_issue(self, number: int, *, completed: bool) -> None:
        """Close as completed or as not planned. Already closed is fine."""
        ...

    def reopen_issue(self, number: int) -> None:
        """Open it again, where it is closed."""
        ...

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
        """A finished check run on a commit: conclusion `success` or `failure`, nothing in between.
        However many annotations there are, all of them stand on the one run when this returns."""
        ...

    def upsert_issue(self, marker: str, *, title: str, body: str) -> int:
        """Keep exactly one open issue of ours whose body begins with `marker`; its number.
        Title and body are changed only where they differ; of two, the older stays and the younger
        is closed as not planned."""
        ...

    def pin_issue(self, number: int) -> bool:
        """Pin it to the top of the list. False where the forge would not (three are pinned, or the
        right is missing)."""
        ...
