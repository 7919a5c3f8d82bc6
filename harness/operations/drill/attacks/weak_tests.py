"""A change that breaks the shop, and sees to it that no test says so. The tests run in a real
box."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import tomlkit

from harness.operations.drill import git_hand
from harness.operations.drill.attack import Attack, Seen, open_
from harness.operations.drill.court import Court
from harness.operations.drill.shop import (
    BROKEN,
    CONFTEST,
    FORGED,
    PLAIN_TEST,
    PYTEST,
    TEST,
    project,
)
from harness.ports.sandbox import Sandbox

if TYPE_CHECKING:
    from harness.operations.drill.scene import Ground

SUBJECT = "test tricks"
BRAKE = "tests_kept"
SIGNED, BELIEVED = ("python", "-m", "pytest"), ("python", "-B", "-m", "pytest")
"""Two commands for one runner: what the first says is signed where it is made."""


def _hides(name: str, hides: Callable[[Path], object]) -> "Callable[[Ground], Seen]":
    def run(ground: "Ground") -> Seen:
        def attacker(worktree: Path) -> None:
            git_hand.write(worktree, "shop.py", BROKEN)
            hides(worktree)

        return ground.court.refused_by_check(name, attacker, check=BRAKE)

    return run


def _rewritten(worktree: Path) -> None:
    git_hand.write(worktree, "tests/test_shop.py", TEST.replace("2]), 3)", "2]), 0)"))


def _deleted(worktree: Path) -> None:
    git_hand.write(
        worktree,
        "tests/test_shop.py",
        TEST.replace("def test_total", "def tst_total")
        + "\n    def test_nothing(self):\n        pass\n",
    )


def _skipped(worktree: Path) -> None:
    git_hand.write(
        worktree,
        "tests/test_shop.py",
        TEST.replace("    def test", "    @unittest.skip('slow')\n    def test"),
    )


class _WithRunner:
    """Boxes whose layer is a small runner that goes by pytest's name, and its one library: nothing
    is fetched for a drill."""

    def __init__(self, own: Sandbox, layer: Path) -> None:
        self._own, self._layer = own, layer
        for name, text in (("pytest.py", PYTEST), ("pygments.py", "")):
            git_hand.write(layer, name, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    def layer(self, lock: bytes, *, wheels: Path) -> Path:
        """See the port."""
        return self._layer


def forged(ground: "Ground", *, command: tuple[str, ...] = SIGNED) -> Seen:
    """A module by a library's name at the root, and code that writes the report when it is
    imported: each says that all is well, and ends. The control: another command for the same runner
    is believed as it reports, and there they pass."""
    seen = _forging(ground, command)
    if seen.held and _forging(ground, BELIEVED).held:
        return open_("a report that anybody may write is not believed either, so nothing was shown")
    return seen


def _forging(ground: "Ground", command: tuple[str, ...]) -> Seen:
    name, shop = f"forged {len(command)}", project(ground.law)
    toml = tomlkit.parse(shop["factory.toml"])
    tests: Any = toml["tests"]
    tests["command"] = [*command, f"--junitxml={tests['report']}"]
    files = {
        **shop,
        "factory.toml": tomlkit.dumps(toml),
        "tests/test_shop.py": PLAIN_TEST,
        "requirements-none.txt": "# the drill's own layer\n",
    }
    sandboxes = cast("Sandbox", _WithRunner(ground.sandbox, ground.apart(name) / "layer"))
    return Court(replace(ground, sandbox=sandboxes), name=name, files=files).refused_by_check(
        "forged", _forges, check=BRAKE
    )


def _forges(worktree: Path) -> None:
    git_hand.write(worktree, "pygments.py", FORGED)
    git_hand.write(worktree, "shop.py", FORGED + BROKEN)


def _conftest(worktree: Path) -> None:
    git_hand.write(worktree, "conftest.py", CONFTEST)


ATTACKS = (
    Attack(
        "the expected value",
        SUBJECT,
        (37, 46),
        BRAKE,
        "breaks the code and edits the test to match",
        _hides("rewritten", _rewritten),
    ),
    Attack(
        "a test renamed away",
        SUBJECT,
        (38,),
        BRAKE,
        "breaks the code and renames the test",
        _hides("deleted", _deleted),
    ),
    Attack(
        "a skip",
        SUBJECT,
        (40,),
        BRAKE,
        "breaks the code and skips the test",
        _hides("skipped", _skipped),
    ),
    Attack(
        "a conftest that rewrites results",
        SUBJECT,
        (41,),
        BRAKE,
        "breaks the code and makes each failure a pass",
        _hides("conftest", _conftest),
    ),
    Attack(
        "a report from inside",
        SUBJECT,
        (41,),
        BRAKE,
        "shadows a library of the runner's and writes its report",
        forged,
    ),
)
