"""Tests that a change adds, run without the rest of it: what asks nothing shows, whatever it looks
like. Real pytest in a real sandbox where the runner decides, scripted runs elsewhere."""

import dataclasses
from pathlib import Path

import pytest

from harness.domain.facts import UNKNOWN, AddedTest, OnBase
from harness.factory.policy_gate.policy import change_facts
from harness.factory.project.added_tests import added_tests, outcome
from harness.factory.project.run_result import RunResult
from tests.fakes.people import FakeSandbox, leave_signed
from tests.redteam.attack import RULES, TOML, BoxesWithPytest, rules, words

RED = """
## Added tests are red without the change {#F-RED}
```yaml rule
id: F-RED
level: enforced
check: {tests_red_on_base: {}}
```
"""
ASKED = {"factory_rules.md": RULES + RED}
SHOP = "def total(prices):\n    return sum(prices)\n\n\ndef refund(price):\n    return -price\n"
IMPORTS_IT = "from shop import refund\n\n\ndef test_refund():\n    assert refund(2) == -2\n"
CONFTEST = "import pytest\n\n\n@pytest.fixture\ndef price():\n    return 2\n"
MORE = """\
import pytest
import shop


def test_red(price):
    assert shop.refund(price) == -2


class TestClass:
    def test_red_too(self, price):
        assert shop.refund(price) < 0
"""
ASKS_NOTHING = """

def test_vacuous():
    assert shop.total([1]) == 1


@pytest.mark.skipif(not hasattr(shop, "refund"), reason="later")
def test_skipped():
    assert True


if hasattr(shop, "refund"):
    def test_hidden():
        assert True
"""


def adds(**files: str):
    """A change of the shop with these files in `tests`."""

    def attacker(worktree: Path) -> None:
        (worktree / "shop.py").write_text(SHOP)
        for name, text in files.items():
            (worktree / "tests" / f"{name}.py").write_text(text)

    return attacker


@pytest.fixture(scope="module")
def sandboxes(tmp_path_factory):
    return BoxesWithPytest(tmp_path_factory.mktemp("layers"))


def test_an_added_test_that_holds_without_the_change_is_named(attack, sandboxes) -> None:
    attack.sandbox = sandboxes
    attack.begin(ASKED)
    head = attack.left(
        adds(conftest=CONFTEST, test_refund=IMPORTS_IT, test_more=MORE + ASKS_NOTHING)
    )
    found = added_tests(attack.job(), base=attack.base, head=head)
    assert found is not UNKNOWN
    assert {one.name: str(one.on_base) for one in found} == {
        "tests.test_refund::test_refund": "failed",
        "tests.test_more::test_red": "failed",
        "tests.test_more.TestClass::test_red_too": "failed",
        "tests.test_more::test_vacuous": "passed",
        "tests.test_more::test_skipped": "skipped",
        "tests.test_more::test_hidden": "not-run",
    }
    decision = attack.decision_on_commit(head)
    assert rules(decision) == {"F-RED"}
    assert "tests.test_more::test_vacuous (passed)" in words(decision)


def test_the_control_added_tests_that_need_the_change_are_what_the_rule_wants(
    attack, sandboxes
) -> None:
    attack.sandbox = sandboxes
    attack.begin(ASKED)
    head = attack.left(adds(conftest=CONFTEST, test_refund=IMPORTS_IT, test_more=MORE))
    assert rules(attack.decision_on_commit(head)) == set()


@pytest.mark.soak("three sandboxes more; below, a run without an end is scripted")
def test_a_runner_that_cannot_begin_on_the_base_proves_nothing(attack, sandboxes) -> None:
    """A conftest that needs the change ends pytest before it has collected anything."""
    attack.sandbox = sandboxes
    attack.begin(ASKED)
    needs = CONFTEST + "\nfrom shop import refund\n"
    decision = attack.decision_on(adds(conftest=needs, test_more=MORE))
    assert rules(decision) == {"F-RED"}
    assert "whether the added tests fail on the base could not be established" in words(decision)


class OnTheBase(FakeSandbox):
    """A sandbox in which the added tests end like this on the base."""

    def __init__(self, *outcomes: tuple[str, str], code: int = 1, killed_by=None) -> None:
        super().__init__()
        self.outcomes, self.code, self.killed_by = outcomes, code, killed_by

    def run(self, spec, *, stdin=b""):
        result = super().run(spec, stdin=stdin)
        folder, out = (Path(bind.source) for bind in spec.binds[:2])
        if folder.name != "added":
            return result
        lines = [["test", name, ended] for name, ended in self.outcomes]
        leave_signed(out, [["collected", len(lines)], *lines, ["end", self.code]])
        (out / "junit.xml").write_text(
            "<testsuite>"
            + "".join(
                f'<testcase classname="tests" name="{name.partition("::")[2]}">'
                f"{'<failure/>' if ended == 'failed' else ''}</testcase>"
                for name, ended in self.outcomes
            )
            + "</testsuite>"
        )
        return dataclasses.replace(result, exit_code=self.code, killed_by=self.killed_by)

    @property
    def runs(self) -> int:
        """How often the added tests ran on the base."""
        return sum(Path(spec.binds[0].source).name == "added" for spec in self.ran)


NEW, OLD = "tests::test_more.py", "tests::test_shop.py"


def decided(attack, sandbox: FakeSandbox, *, toml: str = TOML, rule: str = RED):
    """The decision on a change that adds `NEW`, and its commit."""
    attack.sandbox = sandbox
    attack.begin({"factory_rules.md": RULES + rule, "factory.toml": toml})
    head = attack.left(adds(test_more=MORE))
    return attack.decision_on_commit(head), head


@pytest.mark.parametrize(
    ("sandbox", "refused"),
    [
        (OnTheBase((NEW, "failed"), (OLD, "passed")), ""),
        (OnTheBase((NEW, "passed"), code=0), f"{NEW} (passed)"),
        (OnTheBase((NEW, "passed"), (OLD, "failed")), f"{NEW} (passed)"),
        (OnTheBase((OLD, "failed")), f"{NEW} (not-run)"),
        (OnTheBase((NEW, "failed"), code=2), "could not be established"),
        (OnTheBase((NEW, "failed"), killed_by="wall-clock"), "could not be established"),
    ],
)
@pytest.mark.parametrize("command", ["pytest", "another runner"])
def test_only_a_test_that_failed_in_a_run_that_ended_is_red(
    attack, sandbox, refused, command
) -> None:
    toml = TOML if command == "pytest" else TOML.replace('"python", "-m", "pytest"', '"make"')
    decision, _ = decided(attack, sandbox, toml=toml)
    assert rules(decision) == ({"F-RED"} if refused else set()), words(decision)
    assert refused in words(decision)


def test_the_answer_is_kept_and_a_run_without_an_end_is_made_again(attack) -> None:
    sandbox = OnTheBase((NEW, "failed"), killed_by="wall-clock")
    _, head = decided(attack, sandbox)
    job = attack.job()
    assert added_tests(job, base=attack.base, head=head) is UNKNOWN
    sandbox.killed_by, before = None, sandbox.runs
    for _ in range(2):
        assert added_tests(job, base=attack.base, head=head) == (AddedTest(NEW, OnBase.FAILED),)
    assert sandbox.runs == before + 1


def test_without_a_rule_that_asks_nothing_is_run_and_nothing_is_known(attack) -> None:
    sandbox = OnTheBase((NEW, "passed"))
    decision, head = decided(attack, sandbox, rule="")
    assert (rules(decision), sandbox.runs) == (set(), 0)
    assert change_facts(attack.job(), attack.base, head).tests.added is UNKNOWN


def test_a_change_that_adds_no_test_needs_no_run_to_say_so(attack) -> None:
    attack.sandbox = sandbox = OnTheBase()
    attack.begin(ASKED)
    head = attack.left(adds())
    assert (rules(attack.decision_on_commit(head)), sandbox.runs) == (set(), 0)
    assert change_facts(attack.job(), attack.base, head).tests.added == ()


def test_of_a_change_whose_own_tests_come_to_no_end_nothing_is_known(attack) -> None:
    class EndsTooSoon(OnTheBase):
        def run(self, spec, *, stdin=b""):
            result = super().run(spec, stdin=stdin)
            is_change = Path(spec.binds[0].source).name == "head"
            return dataclasses.replace(result, exit_code=2) if is_change else result

    decision, _ = decided(attack, EndsTooSoon((NEW, "failed")))
    assert "whether the added tests fail on the base could not be established" in words(decision)


def names(*found: str) -> frozenset[str]:
    return frozenset(found)


@pytest.mark.parametrize(
    ("result", "found"),
    [
        (RunResult(1, names(), names(), "", failed=names("tests.m.C::test_a")), OnBase.FAILED),
        (RunResult(1, names(), names(), "", failed=names("::tests.m")), OnBase.FAILED),
        (RunResult(1, names(), names(), "", failed=names("::tests")), OnBase.FAILED),
        (RunResult(1, names(), names(), "", failed=names("::tests.mm", "tests.m::C")), OnBase.NOT_RUN),
        # One of two tests of the same id passed: nobody can tell which of them is the added one.
        (
            RunResult(1, names("tests.m.C::test_a"), names(), "", failed=names("tests.m.C::test_a")),
            OnBase.PASSED,
        ),
        (RunResult(0, names(), names("tests.m.C::test_a"), ""), OnBase.SKIPPED),
        (RunResult(0, names(), names("::tests.m"), ""), OnBase.NOT_RUN),
    ],
)  # fmt: skip
def test_what_became_of_a_test_on_the_base(result: RunResult, found: OnBase) -> None:
    assert outcome("tests.m.C::test_a", result) is found
