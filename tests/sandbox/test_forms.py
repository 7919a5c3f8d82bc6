"""Which form of sandbox is found once for all, and which is looked for again."""

from __future__ import annotations

import os
import select
import subprocess
import sys

import pytest

from harness.domain.errors import SandboxError
from harness.domain.sandbox import Form
from harness.programs.sandbox import forms
from tests.sandbox.sandboxes import AS_ROOT
from tests.scenarios.waiting import LONG

BEST = Form.BWRAP_ROOT if AS_ROOT else Form.BWRAP_USERNS
PROGRAM = """
import resource, sys
from harness.programs.sandbox import forms, supervisor
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), most))
forms.find_best()
print(bool(forms.shown), forms.best())
"""


def found(*, files: int) -> tuple[str, ...]:
    """Whether anything is kept after a look by a process that may have so many files open, and the
    answer."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(files)],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=LONG,
    )
    return tuple(done.stdout.split())


def test_the_best_form_is_tried_once_for_all_sandboxes() -> None:
    kept, form = found(files=256)
    assert kept == "True"
    assert form.startswith("bwrap")


def test_a_form_that_took_the_place_of_a_better_one_is_not_kept() -> None:
    kept, form = found(files=8)
    assert kept == "False"
    assert not form.startswith("bwrap")


def test_a_trial_that_took_too_long_makes_no_worse_form_the_best() -> None:
    forms.shown.clear()
    with pytest.raises(SandboxError, match=f"the form {BEST} did not end within 0 s") as refused:
        forms.best(seconds=0)
    assert refused.value.retryable


def test_whoever_looks_for_the_best_form_for_others_leaves_it_to_them_when_nobody_can_tell() -> (
    None
):
    forms.shown.clear()
    forms.find_best(seconds=0)
    assert not forms.shown
    assert forms.best() is BEST


def test_of_a_trial_that_took_too_long_nothing_is_left() -> None:
    """The first program dies at once; the one that it started would hold what it inherited for as
    long as it lives."""
    ours, theirs = os.pipe()
    with open(ours, "rb") as held:
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                forms.run_within(
                    ["/bin/sh", "-c", "sleep 1000000 > /dev/null 2>&1 & wait"],
                    seconds=0.2,
                    pass_fds=(theirs,),
                )
        finally:
            os.close(theirs)
        ended, _, _ = select.select([held], [], [], LONG)
        assert ended, "what the trial started still holds it"
        assert held.read() == b""
