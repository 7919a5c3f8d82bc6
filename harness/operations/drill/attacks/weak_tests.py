"""Changes that break the shop and hide it from the tests, which run in a real sandbox."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import tomlkit

from harness.domain.sandbox import Layer
from harness.operations.drill import attacker_git
from harness.operations.drill.attack import Attack, AttackOutcome, not_held
from harness.operations.drill.policy_bench import PolicyBench
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
    from harness.operations.drill.environment import DrillEnvironment

SUBJECT = "test tricks"
BRAKE = "tests_kept"
SIGNED, BELIEVED = ("python", "-m", "pytest"), ("python", "-B", "-m", "pytest")
"""Two commands for one runner: the report of the first is signed where it is made."""


def _hides(
    name: str, hides: Callable[[Path], object]
) -> "Callable[[DrillEnvironment], AttackOutcome]":
    def run(drill: "DrillEnvironment") -> AttackOutcome:
        def attacker(worktree: Path) -> None:
            attacker_git.write(worktree, "shop.py", BROKEN)
            hides(worktree)

        return drill.policy_bench.refused_by_check(name, attacker, check=BRAKE)

    return run


def _rewritten(worktree: Path) -> None:
    attacker_git.write(worktree, "tests/test_shop.py", TEST.replace("2]), 3)", "2]), 0)"))


def _deleted(worktree: Path) -> None:
    attacker_git.write(
        worktree,
        "tests/test_shop.py",
        TEST.replace("def test_total", "def tst_total")
        + "\n    def test_nothing(self):\n        pass\n",
    )


def _skipped(worktree: Path) -> None:
    attacker_git.write(
        worktree,
        "tests/test_shop.py",
        TEST.replace("    def test", "    @unittest.skip('slow')\n    def test"),
    )


class _SandboxWithRunner:
    """A sandbox whose layer is a small runner under pytest's name and its one library. A
    drill downloads nothing."""

    def __init__(self, inner: Sandbox, layer: Path) -> None:
        self._inner, self._layer = inner, layer
        for name, text in (("pytest.py", PYTEST), ("pygments.py", "")):
            attacker_git.write(layer, name, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def layer(
        self,
        lock: bytes,
        *,
        name: str,
        wheels: Path,
        read: Callable[[str], bytes | None],
        root: str = "",
    ) -> Layer:
        """See the port."""
        return Layer(str(self._layer), "PYTHONPATH")


def forged(drill: "DrillEnvironment", *, command: tuple[str, ...] = SIGNED) -> AttackOutcome:
    """Shadow a library of the runner's with a module at the root, and write the report when the
    code is imported. The control: under another command for the same runner, whose report is not
    signed, the forged report passes."""
    outcome = _forged_report(drill, command)
    # The control: with an unsigned report the forgery must pass, or the signature is not what
    # holds.
    if outcome.held and _forged_report(drill, BELIEVED).held:
        return not_held("a report that anybody may write is not believed, so nothing was proven")
    return outcome


def _forged_report(drill: "DrillEnvironment", command: tuple[str, ...]) -> AttackOutcome:
    name, shop = f"forged {len(command)}", project(drill.policy_files)
    toml = tomlkit.parse(shop["factory.toml"])
    tests: Any = toml["tests"]
    tests["command"] = [*command, f"--junitxml={tests['report']}"]
    files = {
        **shop,
        "factory.toml": tomlkit.dumps(toml),
        "tests/test_shop.py": PLAIN_TEST,
        "requirements-none.txt": "# the drill's own layer\n",
    }
    sandbox = cast("Sandbox", _SandboxWithRunner(drill.sandbox, drill.folder_for(name) / "layer"))
    bench = PolicyBench(replace(drill, sandbox=sandbox), name=name, files=files)
    return bench.refused_by_check("forged", _forge_report, check=BRAKE)


def _forge_report(worktree: Path) -> None:
    attacker_git.write(worktree, "pygments.py", FORGED)
    attacker_git.write(worktree, "shop.py", FORGED + BROKEN)


def _conftest(worktree: Path) -> None:
    attacker_git.write(worktree, "conftest.py", CONFTEST)


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
