"""What the judge's own sandbox can see and reach, and that a launcher which dies takes everything
with it."""

import json
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from tests.validators_launcher import seaside
from tests.validators_launcher.processes import alive, descendants, until
from tests.validators_launcher.world import ENV, World, command
from validators.app.instances import InstanceSpec, InstanceStarter, Start
from validators.app.sandboxes import Sandboxes
from validators.app.side import Side
from validators.launcher.library import judge_library
from validators.launcher.perform import PORTS, Scene, driver_spec
from validators.launcher.phases import Deadline

SECONDS = 120  # for what takes one or two, where there is nothing else to do
START = Start(("python", "seaside.py"), "PORT", "/", SECONDS, 10 * SECONDS, "app.test")
TOPS = ["/app", "/data", "/etc", "/home", "/opt", "/out", "/root", "/run", "/srv", "/tmp", "/var"]
PROBE = """
import json, os, socket, sys, urllib.request
from pathlib import Path

def reached(family, address):
    with socket.socket(family) as tried:
        tried.settimeout(1)
        try:
            tried.connect(address)
        except OSError as error:
            return type(error).__name__
        return "connected"

def readable(path):
    try:
        return bool(os.listdir(path)) if os.path.isdir(path) else bool(open(path, "rb").read(1))
    except OSError:
        return False

given = json.load(sys.stdin)
paths = (path for top in given["tops"] for path in Path(top).rglob("*"))
here = [str(path) for path in paths if path.name in given["names"]]
report = {
    "readable": [path for path in given["paths"] if readable(path)],
    "found": here,
    "env": dict(os.environ),
    "interfaces": [name for _, name in socket.if_nameindex()],
    "outside": reached(socket.AF_INET, ("192.0.2.1", 80)),
    "other port": reached(socket.AF_INET, ("127.0.0.1", given["other"])),
    "host port": reached(socket.AF_INET, ("127.0.0.1", given["host_port"])),
    "ephemeral": Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split(),
    "app": urllib.request.urlopen(f"http://127.0.0.1:{given['port']}/", timeout=60).status,
}
Path("/out/report.json").write_text(json.dumps(report))
"""


def test_the_drivers_sandbox_sees_its_one_origin_and_no_tree_store_or_key(
    world: World, tmp_path: Path
) -> None:
    report = probed(world, tmp_path)
    assert report["readable"] == []
    assert report["found"] == []
    assert report["interfaces"] == ["lo"]
    assert (report["app"], report["outside"]) == (200, "OSError")
    assert (report["other port"], report["host port"]) == (
        "ConnectionRefusedError",
        "ConnectionRefusedError",
    )
    assert set(report["env"]) <= {"PATH", "HOME", "LANG", "PYTHONPATH", "LC_CTYPE", "LOF_BROWSER"}
    low, high = map(int, report["ephemeral"])
    assert set(PORTS).isdisjoint(range(low, high + 1))


def probed(world: World, tmp_path: Path) -> dict[str, Any]:
    """What a program sees that runs in the very sandbox of the driver, beside a real app and a
    listening host."""
    request = world.request(world.source.commit(seaside.BASE))
    world.seal(request, seaside.JOURNEY)
    work, out, tree, data = (tmp_path / name for name in ("work", "out", "tree", "data"))
    for folder in (work, out, tree, data, tmp_path / "papers"):
        folder.mkdir()
    for name, text in seaside.BASE.items():
        (tree / name).write_text(text)
    side = Side("candidate", tree, None, data, (("SEASIDE_DATA", "/data"),))
    sandboxes = Sandboxes(
        (sys.executable, "-I", "-m", "harness.programs.sandbox"), "auto", tmp_path / "papers"
    )
    scene = Scene(1, date(2026, 1, 2), START, SECONDS, Deadline(10 * SECONDS))
    with ExitStack() as stack, listening() as host_port:
        starter = InstanceStarter(START, sandboxes, work, stack)
        listeners = starter.listeners([InstanceSpec("one", 23456, 31234)])
        starter.until_ready((listener, side) for listener in listeners)
        spec = replace(
            driver_spec(scene, listeners, out, library=judge_library(tmp_path)),
            argv=("python", "-c", PROBE),
        )
        sandbox = stack.enter_context(sandboxes.started(spec, log=tmp_path / "driver.log"))
        given = {
            "port": 23456,
            "other": 23457,
            "host_port": host_port,
            "tops": TOPS,
            "names": names(world, tree),
        }
        hidden = (
            tree,
            data,
            world.home / "sealed",
            world.home / "keys" / "validator.key",
            world.source.git_dir,
            work,
        )
        sandbox.send(json.dumps({**given, "paths": [str(path) for path in hidden]}).encode())
        assert sandbox.waited(SECONDS)
        assert sandbox.result().exit_code == 0, (tmp_path / "driver.log").read_text()
    found: dict[str, Any] = json.loads((out / "report.json").read_text())
    return found


def names(world: World, tree: Path) -> list[str]:
    """Names of files that no search from the root of the sandbox may find: the app's, the store's,
    the launcher's own."""
    store = world.home / "sealed" / "seaside"
    return ["instances.py", "journeys.py", "perform.py"] + [
        path.name
        for folder in (tree, store / "journeys", world.home / "keys")
        for path in folder.iterdir()
    ]


class listening:  # noqa: N801 (used as a function)
    """A TCP server of the host on a free port of 127.0.0.1."""

    def __enter__(self) -> int:
        import socket

        self._server = socket.create_server(("127.0.0.1", 0))
        return int(self._server.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._server.close()


def test_a_launcher_ends_with_whoever_asked(world: World) -> None:
    """A factory killed with -9 closes the pipe that it held, and nothing else tells its
    launcher."""
    request = world.request(*world.merge(seaside.BASE, seaside.FIXED))
    world.seal(request, seaside.JOURNEY)
    argv = command("judge", "--request", request, "--out", world.home / "out", "--lifeline")
    judge = subprocess.Popen(
        argv, env=ENV, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    family = until(lambda: at_work(judge.pid), seconds=SECONDS)
    assert judge.stdin is not None
    judge.stdin.close()
    assert judge.wait(timeout=SECONDS) == 130
    until(
        lambda: not alive(family), seconds=SECONDS
    )  # signalled by the kernel, they may still be on their way out


def test_a_launcher_that_is_stopped_cleans_up_after_itself(world: World) -> None:
    request = world.request(*world.merge(seaside.BASE, seaside.FIXED))
    world.seal(request, seaside.JOURNEY)
    out = world.home / "out"
    argv = command("judge", "--request", request, "--out", out)
    judge = subprocess.Popen(
        argv, env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    family = until(lambda: at_work(judge.pid), seconds=SECONDS)
    judge.send_signal(signal.SIGTERM)
    _, output = judge.communicate(timeout=SECONDS)
    assert (judge.returncode, output.strip()) == (130, "stopped; no verdict was written")
    until(lambda: not alive(family), seconds=SECONDS)
    assert not list(out.glob("*.json"))


def at_work(pid: int) -> set[tuple[int, str]]:
    """The launcher's descendants once its browser runs and an app of its own too; empty before."""
    family = descendants(pid)
    words = [argv(child) for child, _ in family]
    ready = any("validators.driver" in word for word in words) and any(
        "seaside.py" in word for word in words
    )
    return family if ready else set()


def argv(pid: int) -> str:
    try:
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        )
    except OSError:
        return ""
