"""The forge as git sees it: an address, and a token that is asked for at each use and never written
down."""

import base64
from collections.abc import Callable
from dataclasses import dataclass

from harness.domain.errors import GitError, RemoteError
from harness.domain.issue import CommitSha
from harness.repository.names import branch_ref, remote_url, sha
from harness.repository.plumbing import Git, Said

SECONDS = 120.0

# What will be the same at the next try. Anything else from the network may pass.
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
    """For a forge that asks for none."""
    return None


@dataclass(frozen=True, slots=True)
class Remote:
    """One repository on a forge. `token` is called for each git process, so that a rotated one is
    used at once."""

    url: str
    token: Callable[[], str | None] = no_token

    def settings(self) -> tuple[tuple[str, str], ...]:
        """The token as a header for this address alone, in the form that GitHub documents for git
        over HTTP."""
        token = self.token()
        if token is None:
            return ()
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode("ascii")
        return ((f"http.{remote_url(self.url)}.extraHeader", f"Authorization: Basic {basic}"),)

    def said(self, git: Git, command: str, *arguments: str) -> Said:
        """Run a network command; its status is the caller's to judge. Raises RemoteError when it
        takes too long."""
        try:
            return git.said(command, *arguments, settings=self.settings(), seconds=SECONDS)
        except GitError as error:
            raise RemoteError(str(error), retryable=error.retryable) from error

    def output(self, git: Git, command: str, *arguments: str) -> bytes:
        """Run a network command. Raises RemoteError, retryable unless git's words say that it will
        stay so."""
        said = self.said(git, command, *arguments)
        if said.status:
            raise failure(command, said)
        return said.out

    def branch_tip(self, git: Git, branch: str) -> CommitSha | None:
        """What the forge says the branch is at this moment; None when there is no such branch."""
        ref = branch_ref(branch)
        listed = self.output(git, "ls-remote", "--refs", "--", remote_url(self.url), ref).decode(
            "utf-8"
        )
        told = (line.split("\t", 1) for line in listed.splitlines())
        # by the whole name: ls-remote matches tails, and `refs/heads/a/refs/heads/main` is a name
        # too
        return next((sha(oid) for oid, name in told if name == ref), None)


def failure(command: str, said: Said) -> RemoteError:
    """The error that a failed network command is."""
    words = said.err.lower()
    hint = (
        ": the token is missing, expired or not allowed to"
        if any(sign in words for sign in _NOT_ALLOWED)
        else ""
    )
    final = hint or any(sign in words for sign in _FINAL)
    return RemoteError(
        f"git {command} with the forge{hint}: {said.last_words}", retryable=not final
    )
