"""A change that breaks the shop, and sees to it that no test says so. The tests run in a real box."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.drill import hand
from harness.drill.attack import Attack, Seen
from harness.drill.shop import BROKEN, CONFTEST, TEST

if TYPE_CHECKING:
    from harness.drill.ground import Ground

SUBJECT = "test tricks"
BRAKE = "tests_kept"


def _hides(name: str, hides: Callable[[Path], object]) -> "Callable[[Ground], Seen]":
    def run(ground: "Ground") -> Seen:
        def attacker(worktree: Path) -> None:
            hand.write(worktree, "shop.py", BROKEN)
            hides(worktree)

        return ground.court.refused_by_check(name, attacker, check=BRAKE)

    return run


def _rewritten(worktree: Path) -> None:
    hand.write(worktree, "tests/test_shop.py", TEST.replace("2]), 3)", "2]), 0)"))


def _deleted(worktree: Path) -> None:
    hand.write(worktree, "tests/test_shop.py", TEST.replace("def test_total", "def tst_total")
               + "\n    def test_nothing(self):\n        pass\n")


def _skipped(worktree: Path) -> None:
    hand.write(worktree, "tests/test_shop.py", TEST.replace("    def test", "    @unittest.skip('slow')\n    def test"))


def _conftest(worktree: Path) -> None:
    hand.write(worktree, "conftest.py", CONFTEST)


ATTACKS = (
    Attack("the expected value", SUBJECT, (37, 46), BRAKE, "breaks the code and edits the test to match",
           _hides("rewritten", _rewritten)),
    Attack("a test renamed away", SUBJECT, (38,), BRAKE, "breaks the code and renames the test", _hides("deleted", _deleted)),
    Attack("a skip", SUBJECT, (40,), BRAKE, "breaks the code and skips the test", _hides("skipped", _skipped)),
    Attack("a conftest that rewrites results", SUBJECT, (41,), BRAKE, "breaks the code and makes each failure a pass",
           _hides("conftest", _conftest)),
)
