"""Which form of sandbox is found once for all, and which is looked for again."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import resource, sys
from harness.programs.sandbox import forms, supervisor
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), most))
forms.find_best()
print(forms.best.cache_info().currsize, forms.best())
"""


def found(*, files: int) -> tuple[str, ...]:
    """How many answers are kept after a look by a process that may have so many files open, and
    the answer."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(files)],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return tuple(done.stdout.split())


def test_the_best_form_is_tried_once_for_all_sandboxes() -> None:
    kept, form = found(files=256)
    assert kept == "1"
    assert form.startswith("bwrap")


def test_a_form_that_took_the_place_of_a_better_one_is_not_kept() -> None:
    kept, form = found(files=8)
    assert kept == "0"
    assert not form.startswith("bwrap")
