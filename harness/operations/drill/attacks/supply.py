"""Attacks on what a change brings in: dependencies, scripts that run on install, credentials."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.operations.drill import attacker_git
from harness.operations.drill.attack import Attack, AttackOutcome
from harness.operations.drill.shop import PROJECT

if TYPE_CHECKING:
    from harness.operations.drill.environment import DrillEnvironment

SUBJECT = "dependencies and secrets"
TOKEN = "ghp_" + "a8Jf72Kd91LmQpXz0Rt5VbN3YwE6Uc4Hs2Gi"
"""A text in the form of a forge's token; it never was one."""


def _brings(name: str, check: str, **files: str) -> "Callable[[DrillEnvironment], AttackOutcome]":
    """An attack that writes these files; `__` in a name stands for a dot."""

    def run(drill: "DrillEnvironment") -> AttackOutcome:
        def attacker(worktree: Path) -> None:
            for path, content in files.items():
                attacker_git.write(worktree, path.replace("__", "."), content)

        return drill.policy_bench.refused_by_check(name, attacker, check=check)

    return run


_LINE = f'token = "{TOKEN}"\n'
ATTACKS = (
    Attack(
        "a misspelt package",
        SUBJECT,
        (85,),
        "dependencies",
        "pins `reqeusts` beside `requests`",
        _brings(
            "typosquat",
            "dependencies",
            requirements__txt=(
                f"{PROJECT['requirements.txt']}reqeusts==2.0.0 --hash=sha256:{'b' * 64}\n"
            ),
        ),
    ),
    Attack(
        "other bytes, same version",
        SUBJECT,
        (85,),
        "dependencies",
        "swaps the hash of a pinned package",
        _brings(
            "swapped",
            "dependencies",
            requirements__txt=PROJECT["requirements.txt"].replace("aa", "bb"),
        ),
    ),
    Attack(
        "what runs on install",
        SUBJECT,
        (84, 86),
        "dependencies",
        "adds a build backend and a preinstall script",
        _brings(
            "scripts",
            "dependencies",
            package__json='{"scripts": {"preinstall": "node evil.js"}}\n',
            pyproject__toml=(
                '[build-system]\nrequires = []\nbuild-backend = "evil"\nbackend-path = ["."]\n'
            ),
        ),
    ),
    Attack(
        "a credential",
        SUBJECT,
        (87,),
        "secrets",
        "writes a token into the code",
        _brings("token", "secrets", notes__txt=_LINE),
    ),
    Attack(
        "a credential in disguise",
        SUBJECT,
        (87,),
        "secrets",
        "writes it in base64",
        _brings(
            "disguised",
            "secrets",
            notes__txt=f'blob = "{base64.b64encode(_LINE.encode()).decode()}"\n',
        ),
    ),
)
