"""Ctrl-C at the command line: the process is gone at once, with the code that its command came
to, and what it tells to do next can be done."""

import re
import shlex
import subprocess
import sys

import pytest

from harness.cli.interruption import AGAIN, interrupted_words
from harness.cli.options import fresh_home
from harness.cli.start import demo, production, trial
from harness.domain.errors import ConfigError, Interrupted

COMMAND = """
import os, signal, threading, time
import harness.cli.main as line
import harness.__main__ as program

def run(arguments):
    threading.Thread(target=time.sleep, args=(900,)).start()      # what a node's thread may be at
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(900)
    except KeyboardInterrupt as interrupt:
        {end}

line.run = run
program.main()
"""


@pytest.mark.parametrize(
    ("end", "code", "words"),
    [
        pytest.param("return 0", 0, "", id="its work was done"),
        pytest.param("return 130", 130, "", id="its work was not done"),
        pytest.param("return 5", 130, interrupted_words(), id="it told an error that came of it"),
        pytest.param(
            "raise RuntimeError('class') from interrupt", 130, interrupted_words(), id="a bug"
        ),
    ],
)
def test_an_interrupted_command_ends_as_one_and_waits_for_no_thread(end, code, words) -> None:
    """Incident: a pass that was interrupted just after it had begun ended with 1."""
    done = subprocess.run(
        [sys.executable, "-c", COMMAND.format(end=end)],
        capture_output=True,
        timeout=300,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stderr) == (code, words and f"factory: {words}\n")


SLOW = """
import os, signal, time
import harness.__main__ as program
from harness.cli.interruption import interruptible

signal.signal(signal.SIGALRM, program._gone)
with interruptible(lambda: "give another command"):
    os.kill(os.getpid(), signal.SIGALRM)
    time.sleep(900)
"""


def test_one_that_does_not_unwind_in_time_tells_the_same_words() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SLOW], capture_output=True, timeout=300, check=False
    )
    assert (done.returncode, done.stderr) == (
        130,
        b"factory: interrupted; give another command\n",
    )


def test_a_command_without_words_of_its_own_goes_on_when_given_again() -> None:
    assert interrupted_words() == f"interrupted; {AGAIN}"


def interrupted(block, *made: str) -> tuple[str, str]:
    """What a person is told who interrupts the block once these files are in its home, and that
    home."""
    homes = []

    def interrupt() -> None:
        with block as home:
            homes.append(str(home))
            home.mkdir(exist_ok=True)
            for name in made:
                (home / name).touch()
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as told:
        interrupt()
    assert interrupted_words() == f"interrupted; {AGAIN}"
    return str(told.value), homes[0]


def commands_in(words: str) -> list[list[str]]:
    return [shlex.split(one) for one in re.findall("`([^`]+)`", words)]


@pytest.mark.parametrize("name", ["new", None], ids=["named", "temporary"])
def test_where_nothing_was_made_yet_it_begins_anew(tmp_path, name) -> None:
    words, _ = interrupted(fresh_home(name and tmp_path / name, lambda home: f"go to {home}"))
    assert words == "interrupted; nothing was kept, and the same command begins anew"
    with fresh_home(tmp_path / "new", str) as again:
        assert again == tmp_path / "new"


@pytest.mark.parametrize("folder", ["a home", None], ids=["named", "temporary"])
def test_a_demo_goes_on_by_the_command_that_it_names(tmp_path, folder) -> None:
    """Incident: the same command began anew in another temporary folder, and refused a named one
    for not being empty."""
    words, home = interrupted(demo._home(folder and tmp_path / folder, (3, 1)), demo.WHOLE)
    ((program, command, *arguments),) = commands_in(words)
    assert (program, command) == ("factory", "demo")
    given = demo.demo.make_context("demo", arguments).params
    assert (given["only"], str(given["folder"])) == ((3, 1), home)
    again, same = interrupted(demo._home(given["folder"], given["only"]))
    assert (again, same) == (words, home)


def test_a_demo_that_was_interrupted_while_it_was_made_is_not_gone_on_with(tmp_path) -> None:
    words, home = interrupted(demo._home(tmp_path / "home", ()), "ledger.db")
    assert (
        words == f"interrupted; {home} holds less than a whole demo: begin anew in another folder"
    )
    with pytest.raises(ConfigError, match="is not empty"), demo._home(tmp_path / "home", ()):
        pass


@pytest.mark.parametrize(
    ("next_move", "command"), [(production._next_move, "status"), (trial._next_move, "tick")]
)
def test_what_is_named_for_another_home_is_a_command_of_that_home(
    tmp_path, next_move, command
) -> None:
    home = tmp_path / "it's mine"
    assert commands_in(next_move(home)) == [[f"FACTORY_HOME={home}", "factory", command]]
