"""The checks of `factory doctor` on the machine, each tried for real: fetch with git, start a
sandbox, open a page in it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from harness.domain.errors import GitError, SandboxError
from harness.domain.plain import JsonDict
from harness.home.document import wheels_folder
from harness.operations.doctor.finding import HealthFinding, fail, ok, warn
from harness.programs.sandbox.client import PROBE_SECONDS

PYTHON, GIT = (3, 11), (2, 39)
ENOUGH_GIB, LEAST_GIB = 5.0, 1.0
GIB = 1024**3
SANDBOX_SECONDS = 60
A_DAY = 86_400
PROBE = (sys.executable, "-I", "-m", "harness.programs.sandbox", "probe", "--json")
KERNEL = (
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
)
"""Files of the kernel, the value with which they forbid user namespaces, and the setting that
allows them."""

A_PAGE = """
import os
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    path = os.environ["LOF_BROWSER"]
    browser = playwright.chromium.launch(executable_path=path, chromium_sandbox=True)
    page = browser.new_page()
    button = "<button onclick='document.title = this.id' id=pressed>press</button>"
    page.set_content("<title>open</title>" + button)
    page.click("button")
    print(browser.version, page.title())
    browser.close()
"""
"""What a judge does, in small: start Chromium with its own sandbox, open a page, click, and read
the effect."""


def python() -> HealthFinding:
    """The interpreter that runs this."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON:
        return fail(f"Python {version} is too old", "install Python 3.11 or newer")
    return ok(f"Python {version} at {sys.executable}")


def git() -> HealthFinding:
    """Make, fetch and verify a commit with the factory's own repository class and settings."""
    from harness.repository.plumbing import Git
    from harness.repository.remote import Remote
    from harness.repository.trusted import TrustedRepository

    with tempfile.TemporaryDirectory(prefix="doctor-") as folder:
        there = Git(Path(folder, "there.git"))
        version = there.line("version").removeprefix("git version ").split()[0]
        if tuple(int(part) for part in version.split(".")[:2]) < GIT:
            return fail(f"git {version} is too old", "install git 2.39 or newer")
        there.output("init", "--bare", "--quiet", "--template=", "--object-format=sha1")
        blob = there.line("hash-object", "-w", "--stdin", stdin=b"proved\n")
        tree = there.line("mktree", stdin=f"100644 blob {blob}\tproof\n".encode())
        commit = there.line("commit-tree", "-m", "proof", tree, more=_IDENTITY)
        there.output("update-ref", "refs/heads/main", commit)
        here = TrustedRepository(Path(folder, "here.git"), Remote(there.git_dir.as_uri()))
        here.fetch("main")
        fetched = here.fetched("main")
        here.verify(fetched)
        if fetched != commit or here.read(fetched, "proof") != b"proved\n":
            raise GitError("what was fetched is not what was made")
    return ok(
        f"git {version}: a commit was made, fetched and verified with hooks, filters and outside"
        " settings switched off"
    )


def sandbox_report() -> JsonDict:
    """The report of the sandbox supervisor, which tries a sandbox of each form. Raises SandboxError
    if it does not answer."""
    # The environment of whoever asks must not change what the supervisor finds.
    try:
        done = subprocess.run(
            PROBE,
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            start_new_session=True,
        )
    except subprocess.TimeoutExpired as error:
        raise SandboxError(f"the supervisor did not answer within {PROBE_SECONDS} s") from error
    if done.returncode:
        raise SandboxError(done.stderr.strip()[-300:] or "the supervisor did not answer")
    found: JsonDict = json.loads(done.stdout)
    return found


def sandbox() -> HealthFinding:
    """Which form of sandbox holds here, and what it does not enforce."""
    found = sandbox_report()
    chosen = next(form for form in found["forms"] if form["form"] == found["chosen"])
    if found["chosen"] != "unsealed":
        unheld = f"; it does not enforce {'; '.join(chosen['unheld'])}" if chosen["unheld"] else ""
        return ok(f"a sandbox of the form {found['chosen']} was started and ended{unheld}")
    why = "; ".join(
        f"{form['form']}: {form['why']}" for form in found["forms"] if not form["works"]
    )
    return fail(f"no sandbox holds here, so nothing would ever be merged ({why})", sandbox_fix())


def sandbox_fix(kernel: tuple[tuple[str, str, str], ...] = KERNEL) -> str:
    """What to do if no sandbox holds: change the kernel's setting that forbids it, or else install
    bubblewrap."""
    for path, forbids, allows in kernel:
        try:
            is_set = Path(path).read_text("ascii").strip() == forbids
        except OSError:
            continue
        if is_set:
            return (
                f"{Path(path).name} forbids user namespaces: run as root, or set `sysctl -w"
                f" {allows}`"
            )
    return "install bubblewrap and util-linux, and allow user namespaces, or run as root"


def browser() -> HealthFinding:
    """Start Chromium in a sandbox as the judge does, open a page and press a button."""
    from harness.domain.sandbox import SandboxLimits, SandboxSpec
    from harness.programs.sandbox.browser import browser as installed
    from harness.programs.sandbox.client import SandboxSupervisor

    if installed() is None:
        return fail(
            "no Chromium was found",
            "install chromium, or run `playwright install chromium-headless-shell`",
        )
    began = time.monotonic()
    spec = SandboxSpec(
        "doctor",
        ("python", "-c", A_PAGE),
        distributions=("playwright",),
        browser=True,
        limits=SandboxLimits(wall_seconds=SANDBOX_SECONDS, memory_mb=2048, pids=512),
    )
    result = SandboxSupervisor(Path(tempfile.gettempdir())).run(spec)
    seconds = time.monotonic() - began
    output = result.stdout.decode("utf-8", "replace").split()
    if not result.ok or output[-1:] != ["pressed"]:
        last = result.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][-200:]
        why = (
            f"its {result.killed_by} limit ended it"
            if result.killed_by
            else last or f"it ended with {result.exit_code}"
        )
        return fail(
            f"Chromium opened no page in a sandbox: {why}",
            "`python -m harness.programs.sandbox probe` shows which sandboxes hold here",
        )
    return ok(
        f"Chromium {output[0]} opened a page in a sandbox of the form {result.form} and pressed a"
        f" button, in {seconds:.1f} s"
    )


def wheels() -> HealthFinding:
    """Write and remove a file in the folder of wheels that all homes share."""
    folder = wheels_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-"):
        count = sum(1 for _ in folder.glob("*.whl"))
    return ok(f"wheels can be stored in {folder}; there are {count}")


def clock() -> HealthFinding:
    """Compare the clock with the time at which this program was installed. Signatures and limits
    depend on the clock."""
    installed = Path(__file__).stat().st_mtime
    now = datetime.now(UTC).isoformat(timespec="seconds")
    if time.time() < installed - A_DAY:
        return fail(
            f"the clock shows {now}, before this program was installed",
            "set the clock, and keep it right by NTP",
        )
    return ok(f"the clock shows {now}, after this program was installed")


def disk(home: Path) -> HealthFinding:
    """How much space is free where the home is, or will be."""
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(there).free / GIB
    writable = "" if os.access(there, os.W_OK) else f"; {there} cannot be written to"
    message = f"{free:.1f} GiB are free at {there}{writable}"
    if free < LEAST_GIB or writable:
        return fail(
            message,
            f"free at least {ENOUGH_GIB:g} GiB, or set FACTORY_HOME to another place",
        )
    if free < ENOUGH_GIB:
        return warn(
            message, f"aim for {ENOUGH_GIB:g} GiB; `factory gc` frees what no open issue needs"
        )
    return ok(message)


# Git refuses to commit where no name is set; a fixed one also makes the same commit each time.
_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (
        ("NAME", "doctor"),
        ("EMAIL", "doctor@localhost"),
        ("DATE", "1700000000 +0000"),
    )
}
