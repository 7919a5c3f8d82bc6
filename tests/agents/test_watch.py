"""When a run gets nowhere: a pure look at its steps."""

import itertools

import pytest

from harness.programs.agent_loop.watch import READING, WRONG, Step, only_reads, stall

TURNS = itertools.count(1)


def called(
    given: str,
    text: str = "",
    *,
    tool: str = "run",
    failed: bool = False,
    reads: bool = False,
    turn: int = 0,
) -> Step:
    return Step(turn or next(TURNS), tool, given, text, failed, reads)


def edited(path: str, before: str, after: str) -> Step:
    return Step(
        next(TURNS),
        "edit",
        f"{path} {before} {after}",
        f"changed {path}",
        False,
        False,
        path,
        before,
        after,
    )


def kind(*steps: Step) -> str | None:
    found = stall(steps)
    return found and found[0]


def test_nothing_is_wrong_with_nothing() -> None:
    assert stall(()) is None


def test_the_same_call_with_the_same_result_three_times() -> None:
    assert kind(*[called("ls", "a")] * 2) is None
    assert kind(*[called("ls", "a")] * 3) == "alike"
    assert kind(called("ls", "a"), called("ls", "b"), called("ls", "c")) is None


def test_a_circle_of_two() -> None:
    assert kind(*[called("there"), called("back")] * 2) is None
    assert kind(*[called("there"), called("back")] * 3) == "alike"


def test_something_new_in_between_begins_again() -> None:
    check = called("pytest", "1 failed")
    assert (
        kind(check, called("sed 1"), check, called("sed 2"), check, called("sed 3"), check) is None
    )


def test_how_long_it_took_tells_no_two_results_apart() -> None:
    assert kind(*[called("pytest", f"1 failed in 0.{number}s") for number in range(3)]) == "alike"


def test_edits_that_undo_each_other() -> None:
    steps = [
        edited("a", "1", "2"),
        called("pytest", "x"),
        edited("a", "2", "1"),
        called("pytest", "y"),
        edited("a", "1", "3"),
        called("pytest", "z"),
        edited("a", "3", "2"),
    ]
    assert kind(*steps) is None
    assert stall([*steps, edited("a", "2", "1")]) == (
        "undone",
        "3 edits have put back what was there before, the last one in a.",
    )


def test_edits_that_go_on_are_no_stall_and_files_are_distinguished() -> None:
    assert kind(*[edited("a", str(number), str(number + 1)) for number in range(9)]) is None
    assert kind(*[edited(path, "1", "2") for path in "abcdefg"]) is None


def test_only_reading() -> None:
    steps = [
        called(f"f{number}", tool="read", reads=True, turn=number)
        for number in range(1, READING + 1)
    ]
    assert kind(*steps[:-1]) is None
    assert stall(steps) == ("reading", f"The last {READING} turns only read.")
    assert kind(*steps[:5], called("make", turn=6), *steps[6:]) is None


def test_many_reads_in_one_turn_are_one_turn() -> None:
    assert (
        kind(*[called(f"f{number}", tool="read", reads=True, turn=1) for number in range(50)])
        is None
    )


def test_nothing_but_errors() -> None:
    steps = [called(f"edit {number}", failed=True) for number in range(WRONG)]
    assert kind(*steps[1:]) is None
    assert kind(*steps) == "failed"
    assert kind(*steps[1:], called("ls"), steps[0]) is None


@pytest.mark.parametrize(
    "command",
    [
        "ls",
        "cat a.py | head -5",
        "grep -rn x . 2>/dev/null",
        "cd src && ls -la; wc -l *",
        "git log -3",
        "git diff HEAD~1",
        "sed -n 1,5p a",
        "find . -name '*.py'",
        "ls 2>&1 | tail -3",
    ],
)
def test_commands_that_only_look(command: str) -> None:
    assert only_reads(command)


@pytest.mark.parametrize(
    "command",
    [
        "pytest -q",
        "make",
        "sed -i s/a/b/ a",
        "cat > a.py",
        "echo x >> a",
        "git commit",
        "git",
        "find . -delete",
        "find . -exec rm {} +",
        "ls; rm a",
        "cat $(make)",
        "cat `make`",
        "python -c 1",
        "ls | xargs rm",
    ],
)
def test_commands_that_may_do_something(command: str) -> None:
    assert not only_reads(command)
