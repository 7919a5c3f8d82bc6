"""What people do in sandboxes: git in a worktree, a browser, a command over many files."""

import os
import subprocess

import pytest

from harness.programs.sandbox.browser import browser_path, is_snap
from tests.nests import DEEP, folder_for_nests, nest
from tests.sandbox.servers import Echo, serving

GIT = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(*arguments: str, cwd: object) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": "/nowhere", **GIT}
    return subprocess.run(
        ["git", *arguments], cwd=str(cwd), env=env, check=True, capture_output=True, text=True
    ).stdout


def test_git_works_in_a_writable_worktree(sandboxes) -> None:
    run = sandboxes.place("run")
    git("init", "-q", "-b", "main", str(run / "seed"), cwd=run)
    (run / "seed" / "file").write_text("one\n")
    git("add", ".", cwd=run / "seed")
    git("commit", "-q", "-m", "one", cwd=run / "seed")
    git("clone", "-q", "--bare", "--no-hardlinks", "seed", "store.git", cwd=run)
    git("worktree", "add", "-q", str(run / "work"), "main", cwd=run / "store.git")
    if sandboxes.wrapper:
        for folder, folders, files in os.walk(run):
            for name in folders + files:
                sandboxes.own(type(run)(folder) / name)
    script = (
        "git status --short && echo two >> file && git add -A && git commit -q -m two && git log"
        " --format=%s"
    )
    # Bound at the same place, because a worktree and its store name each other by absolute paths.
    ended = sandboxes.run(
        "sh",
        "-c",
        script,
        cwd=str(run / "work"),
        env=GIT,
        binds=[{"source": str(run), "target": str(run), "mode": "rw"}],
    )
    assert (ended.code, ended.text.split(), ended.err) == (0, ["two", "one"], b"")


def test_files_with_another_name_outside_are_not_given_away(sandboxes) -> None:
    outside, inside = sandboxes.place("outside"), sandboxes.place("inside")
    (outside / "theirs").write_text("trusted")
    os.link(outside / "theirs", inside / "mine")
    owner = (outside / "theirs").stat().st_uid
    binds = [{"source": str(inside), "target": "/app", "mode": "rw"}]
    ended = sandboxes.run("sh", "-c", "echo broken > mine", cwd="/app", binds=binds)
    assert ended.code == 125
    assert b"inside/mine is a hard link" in ended.err
    assert ((outside / "theirs").read_text(), (outside / "theirs").stat().st_uid) == (
        "trusted",
        owner,
    )
    (inside / "mine").unlink()
    sandboxes.run("sh", "-c", "echo 1 > a; ln a b", cwd="/app", binds=binds)
    assert sandboxes.run("cat", "/app/b", binds=binds).text == "1\n", (
        "a sandbox's own hard links are its own affair"
    )


def test_a_bind_with_folders_that_no_path_leads_to_is_given_and_searched(sandbox) -> None:
    """What one sandbox leaves, the next is given."""
    with folder_for_nests() as folder:
        (folder / "inside").mkdir()
        nest(folder / "inside", *DEEP)
        sandbox.own(folder / "inside")
        folder.chmod(0o755)
        binds = [{"source": str(folder / "inside"), "target": "/app", "mode": "rw"}]
        assert sandbox.run("rm", "-r", "/app/n", binds=binds).code == 0
        assert os.listdir(folder / "inside") == []


def test_a_link_planted_in_a_bind_does_not_lead_out_when_files_are_given(sandboxes) -> None:
    outside, inside = sandboxes.place("outside"), sandboxes.place("inside")
    (outside / "theirs").write_text("trusted")
    (inside / "link").symlink_to(outside / "theirs")
    (inside / "folder").symlink_to(outside)
    owners = [path.stat().st_uid for path in (outside, outside / "theirs")]
    ended = sandboxes.run(
        "cat",
        "/app/link",
        "/app/folder/theirs",
        binds=[{"source": str(inside), "target": "/app", "mode": "rw"}],
    )
    assert (ended.code, ended.out) == (1, b"")
    assert [path.stat().st_uid for path in (outside, outside / "theirs")] == owners


def test_a_bind_by_way_of_a_link_is_refused(sandbox) -> None:
    (sandbox.folder / "link").symlink_to("/etc")
    ended = sandbox.run("true", binds=[{"source": str(sandbox.folder / "link"), "target": "/app"}])
    assert ended.code == 125
    assert b"is a symbolic link" in ended.err


def test_binds_inside_binds_in_any_order(sandboxes) -> None:
    outer, inner = sandboxes.place("outer"), sandboxes.place("inner")
    (outer / "data").mkdir()
    (inner / "file").write_text("deep")
    script = 'cat "$1/file"; echo x > "$1/new"; echo x > "$2/new"'
    ended = sandboxes.run(
        "sh",
        "-c",
        script,
        "sh",
        "/app/data",
        "/app",
        binds=[
            {"source": str(inner), "target": "/app/data", "mode": "rw"},
            {"source": str(outer), "target": "/app"},
        ],
    )
    assert ended.text == "deep"
    assert (inner / "new").exists()
    assert not (outer / "new").exists()


class Page(Echo):
    def do_GET(self) -> None:  # noqa: N802 - the standard library's name
        script = "document.title = 'drawn by ' + ['a', 'script'].join(' ')"
        self.reply(200, f"<title>plain</title><h1>Low tide</h1><script>{script}</script>".encode())


DRIVE = """
import os, sys, time
from playwright.sync_api import sync_playwright
def confined():
    # For each renderer, whether it has restricted itself.
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if " --type=" + "renderer " in open(f"/proc/{pid}/cmdline").read():
                status = open(f"/proc/{pid}/status").read()
                own_namespace = len(status.partition("NSpid:")[2].splitlines()[0].split()) > 1
                yield own_namespace and "Seccomp:\\t2" in status
        except OSError:
            pass
with sync_playwright() as play:
    browser = play.chromium.launch(
        executable_path=os.environ["LOF_BROWSER"], chromium_sandbox=True, timeout=200_000
    )
    page = browser.new_page()
    page.set_default_timeout(200_000)
    page.goto("http://localhost:8090/")
    print(page.title(), "|", page.get_by_role("heading").inner_text())
    renderers, give_up = [], time.monotonic() + 60
    # A spare renderer may just have started.
    while not (renderers and all(renderers)) and time.monotonic() < give_up:
        renderers = list(confined())
    print(bool(renderers) and all(renderers))
    # A page that is not drawn yet has no picture.
    page.evaluate("new Promise(end => requestAnimationFrame(() => requestAnimationFrame(end)))")
    page.screenshot(path="page.png")
    browser.close()
"""


def test_chromium_draws_a_page_through_dial_in_its_own_sandbox(sandboxes) -> None:
    path, out = sandboxes.folder / "app.sock", sandboxes.place("out")
    with serving(path, Page):
        sandboxes.own(path)
        ended = sandboxes.run(
            "python",
            "-c",
            DRIVE,
            cwd="/out",
            browser=True,
            distributions=["playwright"],
            dial=[{"port": 8090, "socket": str(path)}],
            binds=[{"source": str(out), "target": "/out", "mode": "rw"}],
        )
    assert ended.text.splitlines() == ["drawn by a script | Low tide", "True"], ended
    assert (out / "page.png").read_bytes().startswith(b"\x89PNG")


def test_a_snap_is_refused(tmp_path) -> None:
    script = tmp_path / "chromium-browser"
    script.write_text('#!/bin/sh\nexec /snap/bin/chromium "$@"\n')
    assert is_snap(str(script))
    script.write_text('#!/bin/sh\nexec /usr/lib/chromium/chromium "$@"\n')
    assert not is_snap(str(script))
    found = browser_path()
    assert found
    assert not is_snap(found)


@pytest.mark.parametrize("folder", ["private", "open"])
def test_a_read_only_bind_that_the_boxs_user_could_not_read_is_named(sandbox, folder) -> None:
    place = sandbox.place(folder)
    place.chmod(0o700 if folder == "private" else 0o755)
    ended = sandbox.run("true", binds=[{"source": str(place), "target": "/app"}])
    refused = folder == "private" and sandbox.form == "bwrap-root"
    assert ended.code == (125 if refused else 0)
    assert (b"may not read" in ended.err) == refused
