"""The operator's own program: what it gets, and what it can do to the factory."""

import json
import os
import re
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from harness.deployers.command import CommandDeployer, running_in
from harness.deployers.operator import OperatorCommand, operator_commands
from harness.domain.deployment import Running
from harness.domain.errors import ConfigError, DeployError
from harness.domain.facts import UNKNOWN
from tests.deployers.worlds import FIRST, SECOND, command_world, environment, operator, order
from tests.scenarios.waiting import wait_until
from tests.validators_launcher.processes import stat

SECRET = "hunter2-hunter2"


def deployed(folder: Path, source: str, *, seconds: float = 60) -> CommandDeployer:
    deployer = CommandDeployer({"staging": operator(folder, source, TOKEN=SECRET)})
    asked = replace(order(environment(), FIRST, folder=folder), seconds=seconds)
    deployer.switch(asked)
    return deployer


def test_it_gets_the_order_on_standard_input_and_no_variable_but_its_own(tmp_path: Path) -> None:
    source = (
        "import json, os, sys; found = {'order': json.load(sys.stdin), 'argv': sys.argv[1:],"
        " 'env': dict(os.environ)}; open(os.environ['WORLD'] + '.found', 'w').write(json.dumps(found))"
    )
    deployed(tmp_path, source)
    found = json.loads((tmp_path / "world.found").read_text())
    assert (found["order"]["commit"], found["order"]["do"], found["argv"]) == (FIRST, "switch", [])
    assert set(found["env"]) - {"LC_CTYPE"} == {"PATH", "LANG", "TOKEN", "WORLD"}


def test_one_that_succeeds_and_says_it_failed_is_found_out_by_a_look(tmp_path: Path) -> None:
    source = (
        "import json, os, sys; open(os.environ['WORLD'], 'w').write(json.load(sys.stdin)['commit'])"
        "; print('token', os.environ['TOKEN']); sys.exit(3)"
    )
    with pytest.raises(DeployError, match=r"ended with 3: token …") as failed:
        deployed(tmp_path, source)
    assert SECRET not in str(failed.value)
    assert failed.value.retryable is False
    deployer = CommandDeployer({"staging": operator(tmp_path)})
    assert deployer.running(environment()) == Running(FIRST)


def test_one_that_lies_is_found_out_by_a_look(tmp_path: Path) -> None:
    deployer = deployed(tmp_path, "print('all done')")
    assert deployer.running(environment()) is None


TELLS = (
    "told = os.environ['WORLD'] + '.child'; open(told + '~', 'w').write(str(child.pid));"
    " os.rename(told + '~', told)"
)


def ended_in_time(folder: Path, source: str) -> tuple[int, DeployError]:
    """The child that a program which hangs has told of, and how that program failed. Where a busy
    machine had not let it begin, it gets more time."""
    told = folder / "world.child"
    for seconds in (2, 20, 200):
        with pytest.raises(DeployError, match=f"took longer than {seconds} s") as failed:
            deployed(folder, source, seconds=seconds)
        if told.exists():
            break
    return int(told.read_text()), failed.value


def test_one_that_hangs_is_ended_in_time_with_what_it_started(tmp_path: Path) -> None:
    source = (
        "import os, subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c',"
        f" 'import time; time.sleep(600)']); {TELLS}; time.sleep(600)"
    )
    child, failed = ended_in_time(tmp_path, source)
    assert failed.retryable
    assert "still running" not in str(failed)
    # An orphan that was killed is gone, or waits for whoever reaps orphans here.
    wait_until(lambda: stat(child) is None)


def test_what_left_the_session_of_one_that_hangs_is_named(tmp_path: Path) -> None:
    source = (
        "import os, subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c',"
        f" 'import time; time.sleep(600)'], start_new_session=True); {TELLS}; time.sleep(600)"
    )
    child, failed = ended_in_time(tmp_path, source)
    os.kill(child, signal.SIGKILL)
    assert re.search(rf"s; still running: \S+ \({child}\)$", str(failed))


def test_a_child_that_keeps_the_pipe_does_not_hold_the_factory(tmp_path: Path) -> None:
    source = (
        "import os, subprocess, sys; subprocess.Popen([sys.executable, '-c',"
        " 'import time; time.sleep(600)']); print('done')"
    )
    deployed(tmp_path, source, seconds=60)


def test_an_output_bomb_is_read_and_dropped(tmp_path: Path) -> None:
    source = "import sys; [sys.stdout.write('x' * 65536) for _ in range(800)]; sys.exit(75)"
    with pytest.raises(DeployError, match=r"ended with 75: x+$") as failed:
        deployed(tmp_path, source)
    assert failed.value.retryable
    assert len(str(failed.value)) < 1000


def test_what_is_live_already_is_not_ordered_again(tmp_path: Path) -> None:
    with command_world(tmp_path) as world:
        world.deployer.switch(world.order(FIRST))
        world.deployer.switch(world.order(FIRST, key="another decision"))
        assert world.count() == 1
        with pytest.raises(ConfigError, match=r"add \[production\] to its deployers.toml"):
            world.deployer.running(environment("production"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (FIRST.encode(), Running(FIRST)),
        (json.dumps({"commit": SECOND}).encode(), Running(SECOND)),
        (b"none\n", None),
        (b"", UNKNOWN),
        (b"aaaa", UNKNOWN),
        (b"[]", UNKNOWN),
        (b"\xff\xfe", UNKNOWN),
    ],
)
def test_only_a_commit_is_a_commit(text: bytes, found: object) -> None:
    assert running_in(text) == found


def written(folder: Path, text: str, *, mode: int = 0o600) -> dict[str, OperatorCommand]:
    path = folder / "deployers.toml"
    path.write_text(text)
    path.chmod(mode)
    return dict(operator_commands(folder))


def test_the_operators_file_is_read_whole_or_not_at_all_and_never_quoted(tmp_path: Path) -> None:
    assert operator_commands(tmp_path) == {}
    good = f'[staging]\ndeploy = ["/bin/true"]\nversion = "/v"\nenv = {{TOKEN = "{SECRET}"}}\n'
    assert written(tmp_path, good)["staging"].version == "/v"
    with pytest.raises(ConfigError, match="chmod 600"):
        written(tmp_path, good, mode=0o644)
    for text, reason in (
        (f"{SECRET}\n", "is not TOML"),
        ('[a]\ndeploy = ["true"]\nversion = "/v"', "full path"),
        ('[a]\ndeploy = ["/bin/true"]', "either running or version"),
        ('[a]\ndeploy = "/bin/true"', "a list of words"),
        ('[a]\ndeploi = ["/bin/true"]', "deploi"),
    ):
        with pytest.raises(ConfigError, match=reason) as refused:
            written(tmp_path, text)
        assert SECRET not in str(refused.value)


def test_the_credentials_are_in_no_text_of_the_command(tmp_path: Path) -> None:
    assert SECRET not in repr(operator(tmp_path, TOKEN=SECRET))
    assert os.environ.get("TOKEN") != SECRET
