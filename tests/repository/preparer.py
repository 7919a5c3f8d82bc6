"""A process to be killed: it prepares worktrees of two commits in turn, for ever."""

import itertools
import sys
import time
from pathlib import Path

from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from harness.repository.worktrees.adapter import RunWorktrees

git_dir, folder, *bases = sys.argv[1:]
worktrees = RunWorktrees(TrustedRepository(Path(git_dir), Remote(git_dir)), Path(folder), warm=2)
print("began", flush=True)
for base in itertools.cycle(bases):
    worktrees.prepare(base)
    while worktrees.ready(base) < 2:
        time.sleep(0.005)
