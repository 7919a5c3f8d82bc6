"""The forge, read and written. One adapter serves github.com, GitHub Enterprise and the embedded forge."""

from collections.abc import Iterable
from typing import Protocol

from harness.domain.issue import Actor, Comment, CommitSha, Issue, Permission, PullRequest


class Forge(Protocol):
    """What can be asked. Every method raises ForgeError; `retryable` tells a passing fault from a final one."""

    def issues(self, *, since: str | None = None) -> tuple[Issue, ...]:
        """Open issues (never pull requests), oldest number first; with `since` (ISO 8601) those updated after it,
        closed ones too."""
        ...

    def issue(self, number: int) -> Issue:
        """One issue. Raises ForgeError (not retryable) that names the number when there is none."""
        ...

    def comments(self, number: int) -> tuple[Comment, ...]:
        """All comments of an issue or pull request, oldest first."""
        ...

    def permission(self, actor: Actor) -> Permission:
        """What the account may do, by the forge's own answer. An account that is not known has NONE."""
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


class ForgeWriter(Protocol):
    """What can be done. Each is idempotent: it looks before it creates, so calling it twice changes nothing more."""

    def set_state_label(self, number: int, label: str, *, among: Iterable[str]) -> None:
        """Make `label` the only one of `among` on the issue; other labels stay. Creates the label where missing."""
        ...

    def upsert_comment(self, number: int, marker: str, body: str) -> None:
        """Keep exactly one comment of ours that carries the hidden `marker`; change it only if the body differs."""
        ...

    def open_pull_request(self, *, branch: str, base: str, title: str, body: str) -> PullRequest:
        """The open pull request from `branch`, created where there is none, read back from the forge."""
        ...

    def close_issue(self, number: int, *, completed: bool) -> None:
        """Close as completed or as not planned. Already closed is fine."""
        ...

    def reopen_issue(self, number: int) -> None:
        """Open it again, where it is closed."""
        ...

    def set_check(self, sha: CommitSha, name: str, *, conclusion: str, title: str, summary: str) -> None:
        """A finished check run on a commit: conclusion `success` or `failure`, nothing in between."""
        ...
