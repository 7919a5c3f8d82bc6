"""The program that starts the validator: what it waits for, and what it leaves when it is
killed."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.domain.errors import ConfigError, ValidatorError
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


PRINTS_AND_ENDS = """
import sys
print(*sys.argv[1:], sep="|")
print("nothing \x1b[31manswers", file=sys.stderr)
raise SystemExit({code})
"""


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (2, ConfigError, "nothing \ufffd\\[31manswers"),
        (5, ValidatorError, "nothing \ufffd\\[31manswers"),
        (130, ValidatorError, r"could not run \(exit 130\): nothing"),
    ],
)
def test_a_try_that_could_not_be_made_is_an_error_in_the_words_of_the_program(
    tmp_path: Path, code: int, error: type[Exception], words: str
) -> None:
    lines: list[str] = []
    with pytest.raises(error, match=words) as raised:
        ends_with(code, tmp_path).tried(Path("/a b"), "--url=-x", "--json", show=lines.append)
    assert lines == ["try|/a b|--lifeline|--url=-x|--json"]
    assert "\x1b" not in str(raised.value)


@pytest.mark.parametrize(("code", "passed"), [(0, True), (1, False)])
def test_a_try_passed_or_did_not(tmp_path: Path, code: int, passed: bool) -> None:
    tried = ends_with(code, tmp_path).tried(Path("/a"), show=lambda line: None)
    assert tried is passed


def ends_with(code: int, folder: Path) -> ValidatorProgram:
    command = (sys.executable, "-c", PRINTS_AND_ENDS.format(code=code))
    return ValidatorProgram(folder / "key", {}, folder, command=command)


def until(true, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
