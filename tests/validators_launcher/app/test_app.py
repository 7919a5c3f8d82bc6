"""The app under test: packages from its lock, data of its own, and no way for one instance to reach
another."""

import hashlib
import http.client
import socket
import subprocess
import sys
import time
import zipfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.nests import DEEP, LONG, folder_for_nests, nest
from tests.sandbox.npm import entry, lock, package
from tests.validators_launcher import seaside
from tests.validators_launcher.git_repository import Source
from validators.app.clock_library import clock_can_be_ahead, library
from validators.app.commands import CommandWorld
from validators.app.instances import InstanceSpec, InstanceStarter, Listener, Start
from validators.app.sandboxes import Sandboxes
from validators.app.side import LayerStores, Side, prepared_side, seeded_side
from validators.domain.evidence import Identity, RunId, RunKind
from validators.domain.journeys.journey import NegativeControl, Regardless
from validators.domain.stops import Inconclusive
from validators.language.reader import read
from validators.launcher.app_past import (
    AHEAD,
    ANSWERED,
    ANSWERED_LONG,
    OTHERS,
    Past,
    instance_spec,
    past,
    planned_run,
)
from validators.launcher.request import AppSpec
from validators.performance.plan import PlannedRun

APP = AppSpec(
    start=("python", "seaside.py"),
    port_env="PORT",
    ready="/",
    ready_seconds=120,
    env={},
    data="SEASIDE_DATA",
    seed_command=("python", "seed.py"),
)
APART = NegativeControl(1, (), steps=())
START = Start(APP.start, APP.port_env, APP.ready, APP.ready_seconds, 600, "app.test")


class Ground:
    """A folder to prepare sides and start instances in."""

    def __init__(self, folder: Path, source: Source) -> None:
        self.folder, self.source = folder, source
        papers = folder / "papers"
        papers.mkdir()
        self.sandboxes = Sandboxes(
            (sys.executable, "-I", "-m", "harness.programs.sandbox"), "auto", papers
        )
        self.stores = LayerStores(folder / "layers", folder / "wheels")

    def side(self, files: dict[str, str], app: AppSpec = APP, *, seed: str | None = None) -> Side:
        tree = self.source.commit(files).tree
        bare = prepared_side(
            *("candidate", app),
            git_dir=self.source.git_dir,
            tree=tree,
            sandboxes=self.sandboxes,
            stores=self.stores,
            folder=self.folder / "side",
        )
        return seeded_side(bare, app, seed=seed, sandboxes=self.sandboxes)

    def running(
        self, stack: ExitStack, side: Side, *, start: Start = START, count: int = 1
    ) -> tuple[Listener, ...]:
        starter = InstanceStarter(start, self.sandboxes, self.folder, stack)
        listeners = starter.listeners(
            InstanceSpec(f"i{number}", 30000 + number, 40000 + number) for number in range(count)
        )
        starter.until_ready((listener, side) for listener in listeners)
        return listeners


@pytest.fixture
def ground(tmp_path: Path, source: Source) -> Ground:
    return Ground(tmp_path, source)


def page(listener: Listener, *, post: dict[str, str] | None = None) -> str:
    connection = http.client.HTTPConnection("app.test")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(listener.path))
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if post else {}
    connection.request(
        "POST" if post else "GET",
        "/book" if post else "/",
        urlencode(post) if post else None,
        headers,
    )
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def test_every_instance_starts_from_equal_data_and_keeps_its_own(ground: Ground) -> None:
    side = ground.side(seaside.BASE)
    with ExitStack() as stack:
        first, second = ground.running(stack, side, count=2)
        before = page(second)
        page(first, post={"name": "Visitor", "size": "2"})
        assert "Seeded Guest" in before
        assert "Visitor" in page(first)
        assert page(second) == before


def test_a_journey_may_ask_for_data_by_name(ground: Ground) -> None:
    seed = seaside.SEED.replace("import json, os", "import json, os, sys").replace(
        '"Seeded Guest"', "sys.argv[1]"
    )
    side = ground.side({**seaside.BASE, "seed.py": seed}, seed="two-low-tides")
    with ExitStack() as stack:
        (listener,) = ground.running(stack, side)
        assert "two-low-tides" in page(listener)


def test_what_a_seed_command_links_to_is_not_copied_into_the_apps_data(ground: Ground) -> None:
    """The judge copies the data as itself, who can read every sealed journey. A candidate's seed
    once had any file of the machine brought to it."""
    (ground.folder / "secret").write_text("sealed")
    link = f"os.symlink({str(ground.folder)!r}, os.environ['SEASIDE_DATA'] + '/link')"
    side = ground.side({**seaside.BASE, "seed.py": f"{seaside.SEED}\n{link}\n"})
    with ExitStack() as stack:
        (listener,) = ground.running(stack, side)
        copy = listener.path.with_name("data") / "link"
        assert copy.is_symlink()


@pytest.mark.parametrize("shape", [LONG, DEEP])
def test_data_that_cannot_be_copied_is_inconclusive(ground: Ground, shape) -> None:
    with folder_for_nests() as work, ExitStack() as stack:
        (work / "left").mkdir()
        nest(work / "left", *shape)
        ground.folder = work
        side = Side("candidate", work, None, work / "left", ())
        with pytest.raises(Inconclusive, match="the candidate left in its data folder cannot be"):
            ground.running(stack, side)


HOLES = "[open(f'{data}/{n}', 'wb').truncate(200 << 20) for n in range(4)]"
NAMES = """open(f"{data}/0", "wb").write(bytes(60 << 20))
[os.link(f"{data}/0", f"{data}/{n}") for n in range(1, 12)]"""


@pytest.mark.parametrize("left", [HOLES, NAMES])
def test_data_that_takes_far_more_room_as_a_copy_is_inconclusive(ground: Ground, left: str) -> None:
    """A candidate's seed may leave files with holes, or one file under many names. For the limit of
    its sandbox they are small; the judge once copied them whole for each instance."""
    data = "data = os.environ['SEASIDE_DATA']"
    side = ground.side({**seaside.BASE, "seed.py": f"{seaside.SEED}\n{data}\n{left}\n"})
    with ExitStack() as stack, pytest.raises(Inconclusive, match="than 512 MiB as a copy"):
        ground.running(stack, side)


def test_a_seed_command_that_fails_is_inconclusive(ground: Ground) -> None:
    with pytest.raises(Inconclusive, match="the seed command of the candidate ended with 3"):
        ground.side({**seaside.BASE, "seed.py": "raise SystemExit(3)"})


def test_the_app_cannot_write_its_own_tree(ground: Ground) -> None:
    writes = "from pathlib import Path\nPath('seaside.py').write_text('')\n"
    with pytest.raises(Inconclusive, match="ended with 1"):
        ground.side({**seaside.BASE, "seed.py": writes})
    assert (ground.folder / "side" / "tree" / "seaside.py").read_text() == seaside.SOURCE


def test_the_packages_of_the_lock_are_there_and_only_those(ground: Ground) -> None:
    lock = wheel(ground.stores.wheels)
    app = AppSpec(**{**fields(APP), "lock": "requirements.lock"})
    uses = "import seaside_greeting\n" + seaside.SOURCE.replace(
        "Walk to", "{seaside_greeting.WORD} Walk to"
    )
    side = ground.side({**seaside.BASE, "seaside.py": uses, "requirements.lock": lock}, app)
    assert side.layer is not None
    assert side.layer.folder.parent == ground.stores.layers
    with ExitStack() as stack:
        (listener,) = ground.running(stack, side)
        assert "Moin Walk to" in page(listener)


def test_an_app_for_node_finds_the_packages_of_its_lock(ground: Ground) -> None:
    """Below its own folder, as Node.js looks for them."""
    moon = package("moon", "1.0.0", "module.exports = 'Spring tide'\n")
    kept = ground.stores.wheels / "npm"
    kept.mkdir(parents=True)
    (kept / f"{hashlib.sha512(moon).hexdigest()}.tgz").write_bytes(moon)
    tree = {"package-lock.json": lock(moon=entry(moon)), "server.js": SERVER}
    app = AppSpec(
        start=("node", "server.js"),
        port_env="PORT",
        ready="/",
        ready_seconds=120,
        env={},
        lock="package-lock.json",
    )
    side = ground.side(tree, app)
    with ExitStack() as stack:
        start = replace(START, argv=app.start)
        (listener,) = ground.running(stack, side, start=start)
        assert page(listener) == "Spring tide"


def test_a_lock_that_the_tree_lacks_is_inconclusive(ground: Ground) -> None:
    with pytest.raises(Inconclusive, match=r"no lock file 'requirements\.lock'"):
        ground.side(seaside.BASE, AppSpec(**{**fields(APP), "lock": "requirements.lock"}))


def test_a_lock_outside_of_the_tree_is_inconclusive(ground: Ground) -> None:
    (ground.folder / "side.lock").write_text("")
    with pytest.raises(Inconclusive, match="no lock file"):
        ground.side(seaside.BASE, AppSpec(**{**fields(APP), "lock": "../../side.lock"}))


BACKGROUND = """
import subprocess
wait = "while [ -e /proc/$PPID ]; do sleep 0.1; done"
subprocess.Popen(["sh", "-c", f"{wait}; exec python seaside.py"])
"""
"""It begins to serve when whoever started it has gone, so that it answers nobody in time by
chance."""


def test_a_start_command_that_goes_to_the_background_is_named_as_one(ground: Ground) -> None:
    side = ground.side({**seaside.BASE, "start.py": BACKGROUND})
    start = Start(
        ("python", "start.py"), APP.port_env, APP.ready, APP.ready_seconds, 600, "app.test"
    )
    with (
        ExitStack() as stack,
        pytest.raises(
            Inconclusive, match="puts its server in the background: have it stay in front"
        ),
    ):
        ground.running(stack, side, start=start)


def test_an_app_that_ends_is_named_with_its_exit_code_and_its_last_words_are_for_the_log_alone(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    side = ground.side({**seaside.BASE, "start.py": "raise SystemExit('the harbour is closed')\n"})
    start = Start(
        ("python", "start.py"), APP.port_env, APP.ready, APP.ready_seconds, 600, "app.test"
    )
    with (
        ExitStack() as stack,
        pytest.raises(Inconclusive, match=r"ended before it answered, with exit code 1$"),
    ):
        ground.running(stack, side, start=start)
    assert "the harbour is closed" in capsys.readouterr().err


def fields(app: AppSpec) -> dict[str, object]:
    return {name: getattr(app, name) for name in app.__slots__}


def wheel(wheels: Path) -> str:
    """A wheel with one module, and the lock that pins it."""
    wheels.mkdir()
    path = wheels / "seaside_greeting-1.0-py3-none-any.whl"
    info = "seaside_greeting-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("seaside_greeting.py", "WORD = 'Moin'\n")
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: seaside-greeting\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(
            f"{info}/RECORD",
            f"seaside_greeting.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n",
        )
    return f"seaside-greeting==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


SERVER = """
const moon = require('moon')
require('http').createServer((_, answer) => answer.end(moon)).listen(process.env.PORT, '127.0.0.1')
"""

COUNTING = """
import os
from wsgiref.simple_server import make_server

asked = []

def app(environ, start):
    asked.append(environ["PATH_INFO"])
    start("200 OK", [("Content-Type", "text/plain")])
    return [str(len(asked)).encode()]

make_server("127.0.0.1", int(os.environ["PORT"]), app).serve_forever()
"""


def test_an_app_may_have_answered_before_its_visitor_comes(ground: Ground) -> None:
    side = ground.side({**seaside.BASE, "seaside.py": COUNTING})
    with ExitStack() as stack:
        # A question that is given up is asked again, and then counts twice.
        starter = InstanceStarter(
            START, ground.sandboxes, ground.folder, stack, probe_seconds=120.0
        )
        fresh, used = starter.listeners(
            (
                InstanceSpec("fresh", 30001, 40001),
                InstanceSpec("used", 30002, 40002, asked_before=16),
            )
        )
        starter.until_ready(((fresh, side), (used, side)))
        assert int(page(fresh)) == 2  # after the one that found it ready
        assert int(page(used)) == 18


def test_only_the_masked_visitor_of_a_journey_comes_to_an_app_that_was_asked_before() -> None:
    """Others, and a later day, only where its author states that neither makes a difference, and the
    app can be given a clock."""
    plain = read(seaside.JOURNEY)
    walk = replace(plain, regardless=frozenset(Regardless))
    run = RunId(walk.name, Identity.MASKED)
    been = [past(run, walk, seed=seed, clock=True) for seed in range(60)]
    assert (
        {one.answered in ANSWERED_LONG for one in been}
        == {one.restarted for one in been}
        == {True, False}
    )
    assert all(one.answered in (*ANSWERED, *ANSWERED_LONG) for one in been)
    assert ({one.others for one in been}, {one.ahead for one in been}) == (set(OTHERS), set(AHEAD))
    assert past(replace(run, attempt=2), walk, seed=7, clock=True) == been[7]
    assert past(run, plain, seed=7, clock=True) == replace(been[7], others=0, ahead=0)
    assert past(run, walk, seed=7, clock=False).ahead == (
        been[7].ahead if clock_can_be_ahead() else 0
    )
    for fresh in (
        RunId(walk.name),
        RunId(walk.name, Identity.MASKED, RunKind.BASE),
        RunId(walk.name, kind=RunKind.NEGATIVE_CONTROL),
    ):
        assert past(fresh, walk, seed=7, clock=True) == Past()


def test_driver_and_app_get_one_past() -> None:
    walk, been = read(seaside.JOURNEY), Past(16, 6, True, 86_400, otherwise=True)
    planned = planned_run(RunId(walk.name, Identity.MASKED), walk, been, port=5000, seed=3)
    assert planned == PlannedRun(RunId(walk.name, Identity.MASKED), 5000, 3, others=6, ahead=86_400)
    its = instance_spec(planned, been, port=6000, clock=None)
    assert its == InstanceSpec(
        "5000", 5000, 6000, None, asked_before=16, restarted=True, ahead=86_400, otherwise=True
    )
    control = RunId(walk.name, kind=RunKind.NEGATIVE_CONTROL)
    assert [
        planned_run(control, one, Past(), port=5000, seed=None).port
        for one in (walk, replace(walk, negative_control=APART))
    ] == [0, 5000]


REMEMBERING = """\
import os, pathlib, sys, time
from wsgiref.simple_server import make_server

starts = pathlib.Path(os.environ["SEASIDE_DATA"]) / "starts"
starts.write_text(f"{starts.read_text() if starts.exists() else ''}x")
asked = []

def app(environ, start):
    asked.append(1)
    start("200 OK", [("Content-Type", "text/plain")])
    return [f"{len(starts.read_text())} {len(asked)} {int(time.time())}".encode()]

make_server("127.0.0.1", int(os.environ["PORT"]), app).serve_forever()
"""


def test_an_app_may_be_restarted_on_its_data_ahead_of_its_clock_and_in_another_form_of_sandbox(
    ground: Ground,
) -> None:
    """Only a sandbox shows that the file, the variable and the data reach the app's process."""
    side = ground.side({**seaside.BASE, "seaside.py": REMEMBERING})
    with ExitStack() as stack:
        starter = InstanceStarter(
            START, ground.sandboxes, ground.folder, stack, probe_seconds=120.0
        )
        starter = replace(starter, sandboxes=replace(ground.sandboxes, other_form="bwrap-userns"))
        used = InstanceSpec(
            "used", 30002, 40002, asked_before=5, restarted=True, ahead=AHEAD[-1], otherwise=True
        )
        (listener,) = starter.listeners([used])
        before = time.time()
        apps = starter.until_ready([(listener, side)])
        starts, asked, seconds = map(int, page(listener).split())
        assert (len(apps), starts, asked) == (
            2,
            2,
            7,
        )  # after its restart: five, one that found it ready, and this one
        assert before - 1 <= seconds - AHEAD[-1] <= time.time()
        for app in apps:  # whoever is too slow at its end is killed, and leaves no result
            app.dismiss()
        assert all(app.waited(120) for app in apps)
    assert {app.result().form for app in apps} == {"bwrap-userns"}


LEADING_OUT = """\
import os, pathlib
notes = pathlib.Path("/home/ada/notes")
notes.unlink()
notes.symlink_to({place!r})
exec(pathlib.Path("remembering.py").read_text())
"""


def test_a_link_that_an_app_puts_into_its_home_is_not_written_through_at_its_restart(
    ground: Ground,
) -> None:
    """The judge wrote a journey's files there as itself, who may write anywhere."""
    place = ground.folder / "outside"
    app = LEADING_OUT.format(place=str(place))
    side = ground.side({**seaside.BASE, "seaside.py": app, "remembering.py": REMEMBERING})
    world = CommandWorld("ada", "/home/ada", "/home/ada", "host", files={"notes": "sealed"})
    used = InstanceSpec("used", 30003, 40003, restarted=True, world=world, commands=50003)
    with ExitStack() as stack:
        starter = InstanceStarter(START, ground.sandboxes, ground.folder, stack)
        (listener,) = starter.listeners([used])
        # At its restart it finds its own link, and removes that.
        starter.until_ready([(listener, side)])
        assert listener.path.with_name("home").joinpath("notes").is_symlink()
    assert not place.exists()


@pytest.mark.parametrize("seconds", [86_400, -3, 40 * 366 * 86_400])
def test_whoever_asks_the_c_library_is_ahead_and_what_is_measured_is_not(
    seconds: int, tmp_path: Path
) -> None:
    (file := tmp_path / "ahead.so").write_bytes(library(seconds))
    asking = """if True:
        import ctypes, time
        c, timeval = ctypes.CDLL(None), (ctypes.c_long * 2)()
        c.time.restype = ctypes.c_long
        assert (c.gettimeofday(timeval, None), c.gettimeofday(None, None)) == (0, 0)
        kept = ctypes.c_long()
        assert abs(c.time(ctypes.byref(kept)) - kept.value) < 2 and abs(c.time(None) - timeval[0]) < 2
        try: time.clock_gettime(9999)
        except OSError: print(time.time(), timeval[0], time.clock_gettime(5), time.monotonic())
    """
    done = subprocess.run(
        [sys.executable, "-c", asking],
        env={"LD_PRELOAD": str(file)},
        stdout=subprocess.PIPE,
        check=True,
    )
    *ahead, measured = map(float, done.stdout.split())
    assert [one - seconds for one in ahead] == pytest.approx([time.time()] * 3, abs=60)
    assert measured == pytest.approx(time.monotonic(), abs=60)
