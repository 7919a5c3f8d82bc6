"""The only ways in which anything of ours reaches the forge's branches: compare-and-swap, then read
back.

Properties kept: what lands is the commit that was judged, on the base it was judged on (a matching
lease alone also accepted an orphan); asking again after a crash changes nothing more; the forge is
asked what is there, never believed on the strength of an exit status."""

from harness.domain.errors import GitError
from harness.domain.issue import CommitSha, TreeSha
from harness.domain.landing import Judged, objection
from harness.ports.git import Landing
from harness.repository.names import branch_ref, remote_url, sha
from harness.repository.plumbing import Said
from harness.repository.remote import failure
from harness.repository.trusted import TrustedRepository


def pushed(
    trusted: TrustedRepository, commit: CommitSha, branch: str, *, expected: CommitSha | None
) -> None:
    """Move a branch of the forge from `expected` (None: absent) to `commit`. Already there is fine.

    Raises GitError: not retryable when the branch is elsewhere or the forge refuses, else as the
    network has it."""
    tip = trusted.remote.branch_tip(trusted.git, branch)
    if tip != commit and tip != expected:
        raise GitError(
            f"branch {branch!r} is {_at(tip)}, expected {_at(expected)}: somebody else moved it"
        )
    if tip == commit:
        return
    said = _swap(trusted, branch, old=expected, new=commit)
    tip = trusted.remote.branch_tip(trusted.git, branch)
    if tip == commit:
        return
    if tip != expected:
        raise GitError(f"branch {branch!r} went to {_at(tip)} while {commit:.12} was pushed")
    raise (
        GitError(f"the forge refuses {branch!r}: {_refusal(said)}")
        if _refusal(said)
        else failure("push", said)
    )


def removed(trusted: TrustedRepository, branch: str, *, expected: CommitSha) -> CommitSha | None:
    """Take a branch of ours off the forge if it is at `expected`; where it is now: None when it is
    gone.

    One that somebody else has moved is left to them. Raises GitError when the forge cannot be
    asked, or refuses."""
    tip = trusted.remote.branch_tip(trusted.git, branch)
    if tip != expected:
        return tip
    said = _swap(trusted, branch, old=expected, new=None)
    tip = trusted.remote.branch_tip(trusted.git, branch)
    if tip != expected:
        return tip
    raise (
        GitError(f"the forge keeps {branch!r}: {_refusal(said)}")
        if _refusal(said)
        else failure("push", said)
    )


def landed(
    trusted: TrustedRepository,
    candidate: CommitSha,
    branch: str,
    *,
    base: CommitSha,
    head: CommitSha,
    tree: TreeSha,
) -> Landing:
    """Fast-forward `branch` from `base` to the judged `candidate`: `landed`, `base-moved` or
    `refused`.

    Landed also when it was there before, under later commits too. Raises GitError when the forge
    cannot be asked."""
    against = objection(
        Judged(base, head, tree),
        parents=trusted.parents_of(candidate),
        tree=trusted.tree_of(candidate),
    )
    tip = trusted.remote.branch_tip(trusted.git, branch)
    if against:
        return Landing("refused", tip, f"{candidate:.12} {against}")
    if tip != base:
        return _elsewhere(trusted, candidate, branch, tip=tip, base=base)
    said = _swap(trusted, branch, old=base, new=candidate)
    tip = trusted.remote.branch_tip(trusted.git, branch)
    if tip != base:
        return _elsewhere(trusted, candidate, branch, tip=tip, base=base)
    if not _refusal(said):
        raise failure("push", said)
    return Landing("refused", tip, f"the forge refuses: {_refusal(said)}")


def _elsewhere(
    trusted: TrustedRepository,
    candidate: CommitSha,
    branch: str,
    *,
    tip: CommitSha | None,
    base: CommitSha,
) -> Landing:
    """The branch is not at the base: because the candidate is in it, or because it went another
    way."""
    if tip is None:
        return Landing("base-moved", None, f"the forge has no branch {branch!r} any more")
    if tip != candidate:
        trusted.fetch(branch)
        tip = trusted.fetched(branch)  # which may have moved on once more
    if trusted.contains(tip, candidate):
        return Landing("landed", tip, f"{candidate:.12} is on {branch}")
    return Landing(
        "base-moved", tip, f"{branch} is at {tip:.12}, the change was judged on {base:.12}"
    )


def _swap(
    trusted: TrustedRepository, branch: str, *, old: CommitSha | None, new: CommitSha | None
) -> Said:
    ref = branch_ref(branch)
    return trusted.remote.said(
        trusted.git,
        "push",
        "--porcelain",
        "--no-follow-tags",
        "--recurse-submodules=no",
        f"--force-with-lease={ref}:{old or ''}",
        "--",
        remote_url(trusted.remote.url),
        f"{sha(new) if new else ''}:{ref}",
    )


def _refusal(said: Said) -> str:
    """The reason on the porcelain line of a ref that was not taken; empty when the forge did not
    get to say no."""
    lines = said.out.decode("utf-8", "backslashreplace").splitlines()
    return next((line.split("\t")[-1] for line in lines if line.startswith("!")), "")


def _at(tip: CommitSha | None) -> str:
    return f"at {tip:.12}" if tip else "absent"
