"""Housekeeping of the trusted repository: deletes old objects that no ref reaches and no ledger
entry names.

Our commits are on no branch until they land, so git would take them for garbage. Everything that
the ledger names first gets a permanent ref. After that no housekeeping of git's deletes it, not
even a manual one.
"""

import re
from collections.abc import Iterable
from datetime import timedelta

from harness.repository.objects import existing
from harness.repository.own_objects import STRANGERS
from harness.repository.plumbing import Git
from harness.repository.trusted import TrustedRepository

KEPT = "refs/factory/kept"
PATIENCE = timedelta(days=14)
"""A run that has just begun has objects that nothing names yet."""
SECONDS = 3600.0
NICE = 10
_SHA = re.compile(r"\b[0-9a-f]{40}\b")


def prune(
    trusted: TrustedRepository, named: Iterable[str], *, patience: timedelta = PATIENCE
) -> None:
    """Pack the repository, and delete what nothing refers to and is older than `patience`. `named`
    are texts that may contain the names of objects to keep. Readers can work meanwhile, writers
    cannot. Raises GitError."""
    git = Git(trusted.git.git_dir, seconds=SECONDS, nice=NICE)
    # What strangers propose was fetched to here once; now it never comes in.
    strangers = git.output("for-each-ref", "--format=delete %(refname)", STRANGERS)
    git.output("update-ref", "--stdin", stdin=strangers)
    pin(git, (sha for text in named for sha in _SHA.findall(text)))
    expired = f"{int(patience.total_seconds())}.seconds.ago"
    git.output("repack", "-A", "-d", "-l", "-n", "--quiet", f"--unpack-unreachable={expired}")
    git.output("prune", f"--expire={expired}")
    git.output("pack-refs", "--all", "--prune")


def pin(git: Git, oids: Iterable[str]) -> None:
    """Give each existing object a ref of its own. A second time changes nothing."""
    lines = "".join(f"update {KEPT}/{oid} {oid}\n" for oid in existing(git, oids))
    git.output("update-ref", "--stdin", stdin=lines.encode("ascii"))
