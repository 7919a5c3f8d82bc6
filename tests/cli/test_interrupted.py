"""Ctrl-C at the command line: the process is gone at once, with the code that its command came
to."""

import subprocess
import sys

import pytest

COMMAND = """
import os, signal, threading, time
import harness.cli.main as line
import harness.__main__ as program

def run(arguments):
    threading.Thread(target=time.sleep, args=(900,)).start()      # what a node's thread may be at
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(900)
    except KeyboardInterrupt:
        return {code}

line.run = run
program.main()
"""


@pytest.mark.parametrize("code", [0, 130], ids=["its work was done", "its work was not done"])
def test_an_interrupted_command_ends_with_its_own_code_and_waits_for_no_thread(code) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND.format(code=code)],
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, b"")
