"""The forge as git sees it: an address, and a token that is requested for each use and never
stored."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass

from harness.domain.errors import GitError, RemoteError
from harness.domain.issue import CommitSha
from harness.repository.names import branch_ref, remote_url, sha
from harness.repository.plumbing import Git, GitResult

SECONDS = 120.0

_HEAD = re.compile(r"ref: refs/heads/(\S+)\tHEAD")

# Words of failures that a second attempt would not change. Any other network failure may pass.
_NOT_ALLOWED = ("could not read username", "authentication failed", "error: 401", "error: 403")
_FINAL = (
    "permission denied",
    "not found",
    "does not appear to be a git",
    "does not exist",
    "error: 404",
    "couldn't find remote ref",
    "not our ref",
    "fsck",
    "unsupported",
    "transport",
    "redirect",
)


def no_token() -> str | None:
    """For a forge that needs none."""
    return None


@dataclass(frozen=True, slots=True)
class Remote:
    """One repository on a forge. `token` is called for each git process, so that a renewed one is
    used at once."""

    url: str
    token: Callable[[], str | None] = no_token

    def settings(self) -> tuple[tuple[str, str], ...]:
        """The token as a header for this address alone, as GitHub documents it for git over
        HTTP."""
        token = self.token()
        if token is None:
            return ()
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode("ascii")
        return ((f"http.{remote_url(self.url)}.extraHeader", f"Authorization: Basic {basic}"),)

    def run(self, git: Git, command: str, *arguments: str) -> GitResult:
        """Run a network command; the caller checks its status. Raises RemoteError if it takes too
        long."""
        try:
            return git.run(command, *arguments, settings=self.settings(), seconds=SECONDS)
        except GitError as error:
            raise RemoteError(str(error), retryable=error.retryable) from error

    def output(self, git: Git, command: str, *arguments: str) -> bytes:
        """Run a network command. Raises RemoteError, retryable unless git's message means that it
        will fail again."""
        result = self.run(git, command, *arguments)
        if result.status:
            raise failure(command, result)
        return result.out

    def branch_tip(self, git: Git, branch: str) -> CommitSha | None:
        """Where the branch is on the forge now; None if there is no such branch."""
        ref = branch_ref(branch)
        printed = self.output(git, "ls-remote", "--refs", "--", remote_url(self.url), ref)
        refs = (line.split("\t", 1) for line in printed.decode("utf-8").splitlines())
        # Compared as a whole: ls-remote matches the end of a name, and somebody may push
        # `refs/heads/a/refs/heads/main`.
        return next((sha(oid) for oid, name in refs if name == ref), None)

    def default_branch(self, git: Git) -> str:
        """The branch that the forge's HEAD names; empty if it names none that exists."""
        printed = self.output(git, "ls-remote", "--symref", "--", remote_url(self.url), "HEAD")
        named = next(iter(printed.decode("utf-8", "replace").splitlines()), "")
        found = _HEAD.fullmatch(named)
        return found[1] if found else ""


def failure(command: str, result: GitResult) -> RemoteError:
    """The error for a failed network command."""
    words = result.err.lower()
    is_denied = any(sign in words for sign in _NOT_ALLOWED)
    hint = ": the token is missing, expired or not allowed to" if is_denied else ""
    final = hint or any(sign in words for sign in _FINAL)
    return RemoteError(f"git {command} with the forge{hint}: {result.message}", retryable=not final)
