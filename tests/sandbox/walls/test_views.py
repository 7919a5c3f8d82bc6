"""A sandbox with namespaces has a view of its own: what is not named in the specification does not
exist in it."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from harness.domain.sandbox import Form, SandboxSpec
from harness.programs.sandbox.walls.bubblewrap import View, command
from tests.sandbox.sandboxes import AS_ROOT, ORDINARY_UID
from tests.sandbox.servers import Echo, serving


def test_bubblewrap_passes_on_nothing_of_what_it_was_started_with() -> None:
    """Its own environment is empty as well. Either alone keeps ours out of the sandbox."""
    form = Form.BWRAP_ROOT if AS_ROOT else Form.BWRAP_USERNS
    spec = SandboxSpec(name="env", argv=("env",), cwd="/")
    with closing(View()) as view:
        walls = command(form, spec, view, uid=ORDINARY_UID)
        done = subprocess.run(
            [*walls, "/usr/bin/env"],
            env={"SECRET": "canary"},
            pass_fds=view.files,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    assert "SECRET" not in done.stdout


def test_the_sandbox_does_not_tell_where_this_project_lies(views) -> None:
    assert "harness" not in views.run("cat", "/proc/self/mountinfo").text


def test_only_its_own_processes_are_seen(views) -> None:
    code = """
import os
for pid in filter(str.isdigit, os.listdir("/proc")):
    print(pid, open(f"/proc/{pid}/cmdline").read().split("\\0")[0])
try:
    os.kill(int(%d), 0)
    print("signalled the host's process")
except OSError:
    pass
"""
    lines = views.python(code % os.getpid()).text.splitlines()
    # bubblewrap, the first program, this one
    assert len(lines) == 3, lines
    assert "signalled" not in lines[-1]


def test_read_only_is_read_only_and_the_rest_is_too(views) -> None:
    shown = views.place("shown")
    (shown / "file").write_text("as it was")
    code = """
import sys
for path in ("/shown/file", "/shown/new", "/new", "/usr/new", "/etc/passwd", "/dev/new", "/run/new",
             "/home/new", "/var/tmp/new", "/sys/new", "/sys/devices/system/cpu/online", "/opt/new",
             sys.base_prefix + "/new"):
    try:
        open(path, "w").write("changed")
        print("wrote", path)
    except OSError:
        pass
for path in ("/tmp/new", "/dev/shm/new", "/dev/null"):
    open(path, "w").write("fine")
print("end")
"""
    ended = views.python(code, binds=[{"source": str(shown), "target": "/shown"}])
    assert ended.text == "end\n", ended
    assert (shown / "file").read_text() == "as it was"
    assert [path.name for path in shown.iterdir()] == ["file"]


def test_a_bind_in_a_read_only_tree_has_its_folder_made(views) -> None:
    tree, packages = views.place("tree"), views.place("packages")
    (tree / "server.js").write_text("")
    (packages / "one").write_text("there")
    ended = views.run(
        "cat",
        "/app/web/node_modules/one",
        binds=[
            {"source": str(packages), "target": "/app/web/node_modules"},
            {"source": str(tree), "target": "/app"},
        ],
    )
    assert ended.text == "there", ended
    assert not list((tree / "web" / "node_modules").iterdir())


def test_a_bind_does_not_follow_a_link_of_the_tree_that_it_lies_in(views) -> None:
    tree, packages, elsewhere = (views.place(name) for name in ("tree", "packages", "elsewhere"))
    binds = [
        {"source": str(tree), "target": "/app"},
        {"source": str(packages), "target": "/app/web/node_modules"},
    ]
    for place in (elsewhere, "/etc", "nowhere"):
        (tree / "web").symlink_to(place)
        ended = views.run("true", binds=binds)
        assert ended.code == 125
        assert b"web on the way to /app/web/node_modules is a link" in ended.err
        (tree / "web").unlink()
    (tree / "web").write_text("")
    assert b"is a file; it must be a folder" in views.run("true", binds=binds).err
    assert not list(elsewhere.iterdir())


def test_the_operators_own_packages_and_this_project_are_not_importable(views) -> None:
    names = ("harness", "validators", "pip", "pytest")
    code = (
        f"import importlib.util; print([name for name in {names} if"
        " importlib.util.find_spec(name)])"
    )
    assert views.python(code).text.strip() == "[]"


def test_the_file_system_root_holds_what_was_asked_for(views) -> None:
    inside = views.place("inside")
    listed = views.run(
        "ls", "/", "/etc", binds=[{"source": str(inside), "target": "/app"}]
    ).text.split()
    root = {
        "app",
        "bin",
        "dev",
        "etc",
        "home",
        "lib",
        "lib32",
        "lib64",
        "libx32",
        "media",
        "mnt",
        "opt",
        "proc",
        "root",
        "run",
        "sbin",
        "srv",
        "sys",
        "tmp",
        "usr",
        "var",
    }
    etc = {
        "passwd",
        "group",
        "hosts",
        "hostname",
        "nsswitch.conf",
        "alternatives",
        "ld.so.cache",
        "mime.types",
        "ssl",
        "debian_version",
        "lsb-release",
        "os-release",
        "services",
    }
    allowed = root | etc | {"/:", "/etc:", Path(os.path.realpath(sys.base_prefix)).parts[1]}
    assert set(listed) <= allowed


def test_only_the_named_socket_is_there(views) -> None:
    path, other = views.folder / "broker.sock", views.folder / "other.sock"
    with serving(path, Echo), serving(other, Echo):
        views.own(path)
        code = (
            "import json, os, sys; print(json.dumps([sorted(os.listdir('/run/sockets')),"
            " os.path.exists(sys.argv[1])]))"
        )
        ended = views.python(code, str(other), dial=[{"port": 8090, "socket": str(path)}])
    assert json.loads(ended.text) == [["8090.sock"], False]


def test_temporary_folders_are_bounded(views) -> None:
    fill = "for f in /tmp /dev/shm; do head -c 50000000 /dev/zero > $f/big; stat -c %s $f/big; done"
    ended = views.run("sh", "-c", fill, limits={"disk_mb": 8})
    assert ended.err.count(b"No space left") == 2
    assert [int(size) <= 8 << 20 for size in ended.text.split()] == [True, True]


def test_no_right_of_any_kind_is_left(views) -> None:
    tools = views.place("tools")
    shutil.copy("/usr/bin/id", tools / "id")
    os.chmod(tools / "id", 0o6755)
    code = """
import subprocess
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Groups"):
    print(key + " " + status[key].strip())
print("uid", subprocess.run(["/tools/id", "-u"], capture_output=True, text=True).stdout.strip())
"""
    said = dict(
        line.split(" ", 1)
        for line in views.python(
            code, binds=[{"source": str(tools), "target": "/tools"}]
        ).text.splitlines()
        if " " in line
    )
    assert said.pop("NoNewPrivs") == "1"
    assert said.pop("uid") not in ("0", "")
    assert said.pop("Groups") == ""
    assert said == dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), "0" * 16)
