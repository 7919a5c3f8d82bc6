"""Shell completion, asked for as a shell asks."""

import os
import subprocess
import sys

import pytest

from tests.scenarios.conftest import FACTORY
from tests.scenarios.waiting import LONG

ENV = {"PATH": f"{FACTORY.parent}:{os.defpath}", "LANG": "C.UTF-8"}


def completed_by_bash(*words: str) -> list[str]:
    """What bash offers for the last of these words, with the script that `factory completion bash`
    prints."""
    typed = " ".join(f"'{word}'" for word in words)
    script = (
        f"source <(factory completion bash); COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; "
        "_factory_completion factory 2>/dev/null; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=ENV,
        capture_output=True,
        text=True,
        check=True,
        timeout=LONG,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("factory", "st"), ["status", "stop"]),
        (("factory", "--v"), ["--version"]),
        (("factory", "rules", "l"), ["lint"]),
        (("factory", "why", "--j"), ["--json"]),
        (("factory", "completion", "z"), ["zsh"]),
        (("factory", "no-such-command"), []),
    ],
    ids=lambda value: " ".join(value),
)
def test_bash_is_offered_what_there_is(words, offered) -> None:
    assert completed_by_bash(*words) == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_that_asks_the_same_way(shell) -> None:
    done = subprocess.run(
        [FACTORY, "completion", shell],
        env=ENV,
        capture_output=True,
        text=True,
        check=True,
        timeout=LONG,
    )
    assert f"_FACTORY_COMPLETE={shell}_complete" in done.stdout


def test_names_are_completed_without_importing_a_command() -> None:
    code = (
        "import atexit, sys; from harness.cli.main import run\natexit.register(lambda:"
        " print(*sorted(m for m in sys.modules if m.startswith('harness.cli.')),"
        " file=sys.stderr))\nrun([])"
    )
    asked = {
        **ENV,
        "_FACTORY_COMPLETE": "bash_complete",
        "COMP_WORDS": "factory ",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=asked, capture_output=True, text=True, timeout=LONG
    )
    assert "plain,demo" in done.stdout
    assert done.stderr.split() == [
        "harness.cli.main",
        "harness.cli.output",
        "harness.cli.output.terminal",
    ]
