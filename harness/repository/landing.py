"""The only ways to change the forge's branches: compare-and-swap, then check the result.

Properties:
- What lands is the commit that was validated, on the base it was validated on. A matching lease
  alone also accepted an orphan commit.
- A second attempt after a crash changes nothing more.
- The forge is asked for the branch's tip; an exit status is not trusted.
"""

from harness.domain.errors import GitError
from harness.domain.issue import CommitSha, TreeSha
from harness.domain.landing import JudgedCandidate, objection
from harness.ports.git import Landing
from harness.repository.names import branch_ref, remote_url, sha
from harness.repository.plumbing import GitResult
from harness.repository.remote import failure
from harness.repository.trusted import TrustedRepository


def pushed(
    trusted: TrustedRepository, commit: CommitSha, branch: str, *, expected: CommitSha | None
) -> None:
    """Move a branch of the forge from `expected` (None: absent) to `commit`; do nothing if it is
    there already.

    Raises GitError: not retryable if the branch is elsewhere or the forge refuses, otherwise by the
    kind of network failure.
    """
    tip = trusted.remote.branch_tip(trusted.git, branch)
    # The branch was moved already if an earlier attempt was killed after its push.
    if tip != commit and tip != expected:
        raise GitError(
            f"branch {branch!r} is {_at(tip)}, expected {_at(expected)}: somebody else moved it"
        )
    if tip == commit:
        return
    result = _swap(trusted, branch, old=expected, new=commit)
    tip = trusted.remote.branch_tip(trusted.git, branch)
    if tip == commit:
        return
    if tip != expected:
        raise GitError(f"branch {branch!r} went to {_at(tip)} while {commit:.12} was pushed")
    if reason := _refusal(result):
        raise GitError(f"the forge refuses {branch!r}: {reason}")
    raise failure("push", result)


def removed(trusted: TrustedRepository, branch: str, *, expected: CommitSha) -> CommitSha | None:
    """Delete one of our branches on the forge if it is at `expected`. Returns where it is now, None
    if it is gone.

    A branch that somebody else has moved stays. Raises GitError if the forge cannot be asked, or
    refuses.
    """
    tip = trusted.remote.branch_tip(trusted.git, branch)
    if tip != expected:
        return tip
    result = _swap(trusted, branch, old=expected, new=None)
    tip = trusted.remote.branch_tip(trusted.git, branch)
    if tip != expected:
        return tip
    if reason := _refusal(result):
        raise GitError(f"the forge keeps {branch!r}: {reason}")
    raise failure("push", result)


def landed(
    trusted: TrustedRepository,
    candidate: CommitSha,
    branch: str,
    *,
    base: CommitSha,
    head: CommitSha,
    tree: TreeSha,
) -> Landing:
    """Fast-forward `branch` from `base` to the validated `candidate`: `landed`, `base-moved` or
    `refused`.

    It is also landed if it was there before, even below later commits. Raises GitError if the forge
    cannot be asked.
    """
    against = objection(
        JudgedCandidate(base, head, tree),
        parents=trusted.parents_of(candidate),
        tree=trusted.tree_of(candidate),
    )
    tip = trusted.remote.branch_tip(trusted.git, branch)
    if against:
        return Landing("refused", tip, f"{candidate:.12} {against}")
    if tip != base:
        return _elsewhere(trusted, candidate, branch, tip=tip, base=base)
    result = _swap(trusted, branch, old=base, new=candidate)
    tip = trusted.remote.branch_tip(trusted.git, branch)
    if tip != base:
        return _elsewhere(trusted, candidate, branch, tip=tip, base=base)
    # Without a line on the ref the forge may not have seen the push: it can be repeated.
    if not _refusal(result):
        raise failure("push", result)
    return Landing("refused", tip, f"the forge refuses: {_refusal(result)}")


def _elsewhere(
    trusted: TrustedRepository,
    candidate: CommitSha,
    branch: str,
    *,
    tip: CommitSha | None,
    base: CommitSha,
) -> Landing:
    """The branch is not at the base: either the candidate is in it, or it went another way."""
    if tip is None:
        return Landing("base-moved", None, f"the forge has no branch {branch!r} any more")
    if tip != candidate:
        trusted.fetch(branch)
        # The branch may have moved again between the two requests.
        tip = trusted.fetched(branch)
    if trusted.contains(tip, candidate):
        return Landing("landed", tip, f"{candidate:.12} is on {branch}")
    return Landing(
        "base-moved", tip, f"{branch} is at {tip:.12}, the change was validated on {base:.12}"
    )


def _swap(
    trusted: TrustedRepository, branch: str, *, old: CommitSha | None, new: CommitSha | None
) -> GitResult:
    ref = branch_ref(branch)
    return trusted.remote.run(
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


def _refusal(result: GitResult) -> str:
    """The reason on the porcelain line of a ref that was refused; "" if the forge did not answer at
    all."""
    lines = result.out.decode("utf-8", "backslashreplace").splitlines()
    return next((line.split("\t")[-1] for line in lines if line.startswith("!")), "")


def _at(tip: CommitSha | None) -> str:
    return f"at {tip:.12}" if tip else "absent"
