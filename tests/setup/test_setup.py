"""What `.ci/setup` decides, on machines that are folders: no network, no package, no root."""

import importlib.util
import re
import shutil
from pathlib import Path

from tests.setup.machine import Machine

LACKING = "bubblewrap fonts-dejavu-core libatomic1 python3-pip-whl"
ON_DEBIAN = f"{LACKING} chromium-headless-shell"
LINE = f"sudo apt-get update && sudo apt-get install -y --no-install-recommends {ON_DEBIAN}\n"
READY = "set-up: ready: bubblewrap 0.9.0, Chromium 156.0, Python 3.12.3\n"
UBUNTU = 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n'


def test_an_unprivileged_user_is_given_one_line_to_run(machine: Machine) -> None:
    run = machine.set_up()
    assert (run.code, run.out) == (5, LINE)
    assert run.calls == ("sudo -n true",)
    assert not (machine.repository / ".venv").exists()


def test_root_installs_what_is_lacking_and_says_so(machine: Machine) -> None:
    machine.tell("uid", "0")
    run = machine.set_up()
    assert (run.code, run.err) == (0, "")
    assert run.out.splitlines() == [
        f"set-up: installed from the system's packages: {ON_DEBIAN}",
        "set-up: made .venv with Python 3.12.3",
        "set-up: installed the locked packages into .venv",
        "set-up: fetched the wheels of examples/tidebook",
        READY.strip(),
    ]
    update, install = run.called("apt-get")
    assert update == "apt-get update -qq"
    assert install.startswith(f"apt-get install -y --no-install-recommends {ON_DEBIAN} ")


def test_nobody_is_asked_anything(machine: Machine) -> None:
    machine.tell("uid", "0")
    assert not machine.set_up().called("was told yes")


def test_a_second_run_says_only_ready(machine: Machine) -> None:
    machine.tell("uid", "0")
    machine.set_up()
    machine.tell("uid", "1000")
    run = machine.set_up()
    assert (run.code, run.out, run.err, run.calls) == (0, READY, "", ())


def test_sudo_is_used_where_it_asks_for_no_password(machine: Machine) -> None:
    machine.tell("sudo")
    run = machine.set_up()
    assert run.code == 0
    assert [call.split(" sh ")[0] for call in run.called("sudo")] == [
        "sudo -n true",
        "sudo -n env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1",
    ]


def test_only_what_is_lacking_is_asked_for(machine: Machine) -> None:
    machine.tell("packages", "bubblewrap\nutil-linux\nlibatomic1\npython3-venv\n")
    machine.tell("browser", f"{machine.world}/bin/shell\n")
    assert machine.set_up().out == LINE.replace(ON_DEBIAN, "fonts-dejavu-core")


def test_what_only_the_tests_need_is_installed_for_them_alone(machine: Machine) -> None:
    machine.tell(
        "packages", "bubblewrap\nutil-linux\nlibatomic1\nfonts-dejavu-core\npython3-venv\n"
    )
    machine.tell("browser", f"{machine.world}/bin/shell\n")
    assert machine.set_up().code == 0
    servers = "postgresql nodejs"
    assert machine.set_up("tests").out == LINE.replace(ON_DEBIAN, servers)
    more = "redis-server mariadb-server-core mariadb-client-core mmdebstrap golang-go cargo npm"
    assert machine.set_up("soak").out == LINE.replace(ON_DEBIAN, f"{servers} {more}")


def test_the_wheels_of_apps_that_only_the_soak_runs_are_fetched_for_it(
    machine: Machine,
) -> None:
    machine.tell("uid", "0")
    fetching = "python -m pip download"
    assert len(machine.set_up().called(fetching)) == 1
    assert not machine.set_up("tests").called(fetching)
    matinee, production = machine.set_up("soak").called(fetching)
    assert " -r examples/matinee/app/requirements-dev.txt " in matinee
    assert " -r examples/production/requirements.txt " in production
    assert not machine.set_up("soak").called(fetching)


def test_the_agent_clis_are_fetched_for_the_soak_alone_and_once_a_release(machine: Machine) -> None:
    machine.tell("uid", "0")
    machine.set_up("tests")
    cache, fetching = (
        machine.world / "home" / ".cache" / "lights-out-factory",
        "python -m harness agents install",
    )
    first = machine.set_up("soak")
    assert (first.called(fetching), first.called("into")) == (
        (f"{fetching} claude-code codex opencode",),
        (f"into {cache}",),
    )
    assert "set-up: fetched the agent CLIs\n" in first.out
    assert not machine.set_up("soak").called(fetching)
    (cache / "agents" / "of-another-release").write_text("")
    with (machine.repository / "harness/programs/agent_clis/releases.toml").open("a") as releases:
        releases.write("# one more\n")
    assert machine.set_up("soak").called(fetching)
    assert not (cache / "agents" / "of-another-release").exists()


def test_an_npm_that_is_there_is_not_installed(machine: Machine) -> None:
    machine.tell(
        "packages",
        "bubblewrap\nutil-linux\nlibatomic1\nfonts-dejavu-core\npython3-venv\npostgresql\nnodejs\n"
        "redis-server\nmariadb-server-core\nmariadb-client-core\nmmdebstrap\ngolang-go\ncargo\n",
    )
    machine.tell("browser", f"{machine.world}/bin/shell\n")
    (machine.world / "bin" / "npm").symlink_to("/usr/bin/true")
    assert machine.set_up("soak").code == 0


def test_ubuntu_is_given_the_libraries_that_playwright_names(machine: Machine) -> None:
    machine.tell("os-release", UBUNTU)
    run = machine.set_up()
    named = run.out.split()[run.out.split().index("python3-pip-whl") + 1 :]
    assert (run.code, named) == (5, playwrights_own_list())


def test_ubuntu_gets_playwrights_browser_where_the_boxes_look(machine: Machine) -> None:
    machine.tell("os-release", UBUNTU)
    machine.tell("uid", "0")
    cache = str(machine.world / "cache")
    run = machine.set_up(XDG_CACHE_HOME=cache)
    assert (run.code, "chromium-headless-shell" in "".join(run.calls)) == (0, False)
    assert run.called("python -m playwright") == (
        "python -m playwright install --only-shell chromium",
    )
    assert (
        machine.world / "downloaded"
    ).read_text() == f"{machine.world}/account/.cache/ms-playwright\n"
    assert machine.set_up(XDG_CACHE_HOME=cache).out == READY


def test_a_failed_package_has_its_say_and_nothing_follows(machine: Machine) -> None:
    machine.tell("uid", "0")
    machine.tell("apt-fails")
    run = machine.set_up()
    assert (run.code, run.out) == (1, "")
    assert "E: no such archive\nset-up: failed: " in run.err
    assert not (machine.repository / ".venv").exists()


def test_a_failed_download_is_tried_again(machine: Machine) -> None:
    machine.tell("uid", "0")
    machine.tell("pip-fails")
    run = machine.set_up()
    assert (run.code, run.err.splitlines()[0]) == (1, "ERROR: no such index")
    machine.forget("pip-fails")
    run = machine.set_up()
    assert (run.code, len(run.called("python -m pip install"))) == (0, 2)
    assert not run.called("apt-get")


def test_every_locked_package_is_checked_by_its_hash(machine: Machine) -> None:
    machine.tell("uid", "0")
    install, _, download = machine.set_up().called("python -m pip")
    assert (
        install == "python -m pip install --require-hashes --only-binary=:all: -r requirements.txt"
    )
    assert download.startswith(
        "python -m pip download --require-hashes --only-binary=:all: --no-deps -r "
    )


def test_a_changed_lock_is_installed_and_nothing_else(machine: Machine) -> None:
    machine.tell("uid", "0")
    machine.set_up()
    with (machine.repository / "requirements.txt").open("a") as lock:
        lock.write("# one more\n")
    run = machine.set_up()
    assert run.out == f"set-up: installed the locked packages into .venv\n{READY}"


def test_a_clone_that_moved_makes_its_venv_anew(machine: Machine) -> None:
    machine.tell("uid", "0")
    machine.set_up()
    elsewhere = Machine(machine.world, machine.repository.with_name("moved"))
    shutil.copytree(machine.repository, elsewhere.repository, symlinks=True)
    run = elsewhere.set_up()
    assert run.called("python3 -m venv") == ("python3 -m venv --clear --without-pip .venv",)


def test_any_folder_will_do_to_start_from(machine: Machine) -> None:
    machine.tell("uid", "0")
    assert machine.set_up(start=machine.world).code == 0
    assert (machine.repository / ".venv").is_dir()
    assert not (machine.world / ".venv").exists()


def test_cdpath_does_not_lead_astray(machine: Machine) -> None:
    machine.tell("uid", "0")
    (machine.world / "astray" / ".ci").mkdir(parents=True)
    assert machine.set_up(CDPATH=str(machine.world / "astray")).code == 0
    assert (machine.repository / ".venv").is_dir()


def test_no_python_that_is_new_enough(machine: Machine) -> None:
    machine.tell("old-python")
    run = machine.set_up()
    assert (run.code, run.out) == (5, "")
    assert "no Python >= 3.11" in run.err


def test_no_apt_get_names_what_is_needed(machine: Machine) -> None:
    machine.forget("bin/apt-get")
    run = machine.set_up()
    assert (run.code, run.out) == (5, "")
    assert ON_DEBIAN in run.err


def playwrights_own_list() -> list[str]:
    """The packages that the installed Playwright would install for Chromium on Ubuntu 24.04."""
    spec = importlib.util.find_spec("playwright")
    assert spec is not None
    assert spec.origin is not None
    bundle = Path(spec.origin).parent / "driver/package/lib/coreBundle.js"
    table = re.search(
        r'"ubuntu24\.04-x64": \{.*?chromium: \[(.*?)\]', bundle.read_text("utf-8"), re.DOTALL
    )
    assert table is not None
    return re.findall(r'"([^"]+)"', table[1])
