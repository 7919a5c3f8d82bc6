"""What the trusted repository has beyond the forge's default branch: what a new machine cannot
fetch there again.

Our commits are on no branch until they land, so they are known by what else there is: all objects
without those of the default branch, and without what strangers propose, however much that is.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from harness.domain.errors import GitError
from harness.repository.names import full_ref, sha
from harness.repository.objects import existing
from harness.repository.trusted import FETCHED, TrustedRepository, fetched_branch

_HEADS, STRANGERS = f"{FETCHED}/heads/", f"{FETCHED}/pull/"
SECONDS = 600.0
"""For a list of all that a large repository has."""
_SHA = re.compile(r"\b[0-9a-f]{40}\b")


@dataclass(frozen=True, slots=True)
class OwnObjects:
    """The name of the default branch and its tip (empty if it was never fetched), our refs as lines
    of object and name, and a pack."""

    branch: str
    tip: str
    refs: str
    pack: bytes


def own_objects(trusted: TrustedRepository, named: Iterable[str]) -> OwnObjects:
    """What to carry to another machine. `named` are texts that may contain names of our commits;
    what these reach is ours, even if a stranger proposes it too. Raises GitError."""
    git, branch = trusted.git, fetched_branch(trusted)
    listed = git.output("for-each-ref", "--format=%(objectname) %(refname)", "refs/factory/")
    refs = [line.split(" ", 1) for line in listed.decode("utf-8").splitlines()]
    tip = trusted.fetched(branch) if branch else ""
    theirs = [oid for oid, name in refs if name.startswith(STRANGERS)]
    ours = [(oid, name) for oid, name in refs if not name.startswith((STRANGERS, _HEADS))]
    everything = _lines(
        git.output("cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectname)")
    )
    known = _reached(trusted, [tip]) if tip else set[str]()
    commits = _commits(trusted, {oid for text in named for oid in _SHA.findall(text)})
    if theirs:
        without = [tip, *commits, *(oid for oid, _ in ours)] if tip else commits
        known |= _reached(trusted, theirs, without=without)
    wanted = sorted(everything - known)
    pack = git.output("pack-objects", "--stdout", "--quiet", stdin=_text(wanted)) if wanted else b""
    return OwnObjects(branch, tip, "".join(f"{oid} {name}\n" for oid, name in ours), pack)


def take_objects(trusted: TrustedRepository, found: OwnObjects) -> None:
    """Bring a repository to where another machine left its own: fetch the default branch, then take
    our objects and refs. Objects that nobody has any more stay missing; what needs them fails by
    name. Raises GitError."""
    if found.branch:
        trusted.fetch(found.branch)
        # If the branch was rewritten meanwhile, the forge may still have the old commit by name.
        if found.tip and not existing(trusted.git, [found.tip]):
            with suppress(GitError):
                trusted.fetch(found.tip)
    if found.pack:
        trusted.git.output("index-pack", "--stdin", stdin=found.pack)
    refs = [line.split(" ", 1) for line in found.refs.splitlines()]
    there = set(existing(trusted.git, (sha(oid) for oid, _ in refs)))
    lines = "".join(f"update {full_ref(name)} {oid}\n" for oid, name in refs if oid in there)
    trusted.git.output("update-ref", "--stdin", stdin=lines.encode())


def _reached(
    trusted: TrustedRepository, tips: Iterable[str], *, without: Iterable[str] = ()
) -> set[str]:
    given = [*tips, *(f"^{oid}" for oid in without)]
    git = replace(trusted.git, seconds=SECONDS)
    printed = git.output(
        "rev-list", "--objects", "--no-object-names", "--stdin", stdin=_text(given)
    )
    return _lines(printed)


def _commits(trusted: TrustedRepository, oids: Iterable[str]) -> list[str]:
    printed = trusted.git.output(
        "cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=_text(sorted(oids))
    )
    lines = (line.split(" ") for line in printed.decode("ascii").splitlines())
    return [line[1] for line in lines if line[0] == "commit"]


def _lines(printed: bytes) -> set[str]:
    return set(printed.decode("ascii").split())


def _text(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
