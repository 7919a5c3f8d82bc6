"""The GitHub workflow for a hosted runner: one pass of a factory that is pinned to a commit."""

import hashlib
import re
from importlib.resources import files

from harness.domain.errors import ConfigError
from harness.onboarding.drafts import DraftFile

PATH = ".github/workflows/factory.yml"
_SOURCE = re.compile(
    r"(?P<repository>[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100})@(?P<commit>[0-9a-f]{40})"
)
_FIRST_MINUTE, _MINUTES = 7, 47
"""The minutes of the schedule. On the full hour GitHub is busy and drops some runs."""


def runner_of(source: str) -> DraftFile:
    """The workflow with the factory from `source`, such as `acme/lights-out-factory@` and the forty
    digits of a commit. A tag or a branch could be moved. Raises ConfigError for anything else."""
    found = _SOURCE.fullmatch(source)
    if found is None:
        raise ConfigError(
            "expected OWNER/NAME@COMMIT, with all forty digits of the commit, found"
            f" {source[:120]!r}",
            key="--runner",
        )
    text = files("harness.onboarding").joinpath("templates/factory.yml").read_text("utf-8")
    # A stable minute for each source, so that factories do not all start at once.
    minute = _FIRST_MINUTE + hashlib.sha256(source.encode()).digest()[0] % _MINUTES
    for name, value in (("minute", str(minute)), *found.groupdict().items()):
        text = text.replace(f"<{name}>", value)
    return DraftFile(
        PATH,
        text,
        (f"one pass at minute {minute} of every sixth hour, and whenever an issue changes",),
    )
