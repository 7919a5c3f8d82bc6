"""The program that starts the validator: what it waits for, and what it leaves when it is
killed."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.domain.errors import ValidatorError
from harness.domain.judge_request import JudgeRequest
from harness.domain.plain import valued
from harness.validator.program import ValidatorProgram
from validators.signing.key import signer_at
from validators.signing.notary import Notary
from validators.signing.statement import signed_verdict

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "verdict.json").read_text("utf-8"))
GOLDEN_REQUEST = str(Path(__file__).parents[1] / "golden" / "judge_request.json")
REQUEST = valued(JudgeRequest, json.loads(Path(GOLDEN_REQUEST).read_text("utf-8")))
KILLED = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"

WAITS_FOR_THE_END_OF_ITS_INPUT = """
import pathlib, sys
out = pathlib.Path(sys.argv[-2])
(out / "began").touch()
sys.stdin.read()
(out / "ended").touch()
"""

PRINTS_ITS_VARIABLES = """
text = open("/proc/self/environ").read()
print(*(one.partition("=")[0] for one in text.split(chr(0))))
"""

FACTORY = """
import json, sys
from pathlib import Path
from harness.domain.judge_request import JudgeRequest
from harness.domain.plain import valued
from harness.validator.program import ValidatorProgram
home = Path(sys.argv[1])
program = ValidatorProgram(home / "key", {}, home / "papers", command=(sys.executable, "-c", sys.argv[2]))
request = valued(JudgeRequest, json.loads(Path(sys.argv[3]).read_text()))
program.judge(request, home / "out")
"""


def test_a_factory_that_is_killed_leaves_no_judge_at_work(tmp_path: Path) -> None:
    factory = subprocess.Popen(
        [
            sys.executable,
            "-c",
            FACTORY,
            str(tmp_path),
            WAITS_FOR_THE_END_OF_ITS_INPUT,
            GOLDEN_REQUEST,
        ]
    )
    until(lambda: (tmp_path / "out" / "began").exists())
    assert not (tmp_path / "out" / "ended").exists()
    factory.send_signal(signal.SIGKILL)
    factory.wait()
    until(lambda: (tmp_path / "out" / "ended").exists())


def test_a_judge_that_was_killed_has_judged_nothing_whatever_lies_in_its_folder(
    tmp_path: Path,
) -> None:
    """Even a verdict that is signed and says passed: it is another judgement's."""
    key = tmp_path / "validator.key"
    envelope = signed_verdict(GOLDEN, Notary(signer_at(key)))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "verdict.json").write_bytes(envelope)
    (tmp_path / "out" / "public.json").write_text("{}")
    program = ValidatorProgram(
        tmp_path / "validator.key.pub",
        {},
        tmp_path / "papers",
        command=(sys.executable, "-c", KILLED),
    )
    with pytest.raises(ValidatorError, match="could not run"):
        program.judge(REQUEST, tmp_path / "out")


def test_nothing_of_our_environment_reaches_the_judge(tmp_path: Path) -> None:
    """As the kernel has it; by names alone, so that a failure shows no value of ours."""
    command = (sys.executable, "-c", PRINTS_ITS_VARIABLES)
    program = ValidatorProgram(tmp_path / "key", {"ONLY": "this"}, tmp_path, command=command)
    assert program.store(REQUEST, "digest").split() == ["ONLY"]


def until(true, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
