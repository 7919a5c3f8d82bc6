"""What comes in with a change that nobody asked for: dependencies, what runs when they are
installed, credentials."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.operations.drill import git_hand
from harness.operations.drill.attack import Attack, Seen
from harness.operations.drill.shop import PROJECT

if TYPE_CHECKING:
    from harness.operations.drill.scene import Ground

SUBJECT = "dependencies and secrets"
TOKEN = "ghp_" + "a8Jf72Kd91LmQpXz0Rt5VbN3YwE6Uc4Hs2Gi"
"""What a forge's token looks like; nobody ever had it."""


def _brings(name: str, check: str, **files: str) -> "Callable[[Ground], Seen]":
    def run(ground: "Ground") -> Seen:
        def attacker(worktree: Path) -> None:
            for path, content in files.items():
                git_hand.write(worktree, path.replace("__", "."), content)

        return ground.court.refused_by_check(name, attacker, check=check)

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
