"""The trusted repository's own housekeeping: what no ref leads to and no entry of the ledger names
goes, when it is old.

Our commits are on no branch until they land, so git would take them for rubbish. Whatever the
ledger names is given a ref of its own first, for good: after that, no housekeeping of git's, not
even one by hand, takes it away."""

import re
from collections.abc import Iterable
from datetime import timedelta

from harness.repository.objects import present
from harness.repository.plumbing import Git
from harness.repository.trusted import TrustedRepository

KEPT = "refs/factory/kept"
PATIENCE = timedelta(days=14)  # a run that has just begun has objects that nothing names yet
SECONDS = 3600.0
NICE = 10
_SHA = re.compile(r"\b[0-9a-f]{40}\b")


def prune(
    trusted: TrustedRepository, named: Iterable[str], *, patience: timedelta = PATIENCE
) -> None:
    """Pack what is there, and drop what nothing refers to and is older than `patience`. `named` are
    texts in which the names of objects that are to stay may occur. Readers at work are not
    disturbed; for nobody who writes. Raises GitError."""
    git = Git(trusted.git.git_dir, seconds=SECONDS, nice=NICE)
    pin(git, (sha for text in named for sha in _SHA.findall(text)))
    expired = f"{int(patience.total_seconds())}.seconds.ago"
    git.output("repack", "-A", "-d", "-l", "-n", "--quiet", f"--unpack-unreachable={expired}")
    git.output("prune", f"--expire={expired}")
    git.output("pack-refs", "--all", "--prune")


def pin(git: Git, oids: Iterable[str]) -> None:
    """Give each object that is here a ref of its own. Doing it again changes nothing."""
    lines = "".join(f"update {KEPT}/{oid} {oid}\n" for oid in present(git, oids))
    git.output("update-ref", "--stdin", stdin=lines.encode("ascii"))
