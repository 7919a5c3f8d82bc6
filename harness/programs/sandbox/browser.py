"""Finds a Chromium that can run in a sandbox, and the files that it needs there."""

import os
import pwd
import stat
from dataclasses import dataclass
from glob import glob

SYSTEM_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
IN_SANDBOX = "/opt/browser"
FONTS = ("/etc/fonts", "/var/cache/fontconfig")


@dataclass(frozen=True, slots=True)
class Browser:
    """`folder` must be bound at /opt/browser unless it is None (then it is under /usr). `seen_as`
    is the path in the sandbox."""

    folder: str | None
    seen_as: str


def browser_path() -> str | None:
    """The executable on the host: the system's own, else the one that Playwright downloaded. None
    when there is none.

    A snap is refused: its launcher confines it by means that do not work in a sandbox.
    """
    for name in SYSTEM_NAMES:
        path = f"/usr/bin/{name}"
        if os.access(path, os.X_OK) and not is_snap(path):
            return path
    return _playwrights_own()


def browser() -> Browser | None:
    """The browser as a sandbox sees it, or None when this machine has none."""
    path = browser_path()
    if path is None:
        return None
    # A name in /usr/bin may be a link out of /usr, and a sandbox has only /usr.
    real = os.path.realpath(path)
    if real.startswith("/usr/"):
        return Browser(None, path)
    folder, name = os.path.split(real)
    return Browser(folder, f"{IN_SANDBOX}/{name}")


def is_snap(path: str) -> bool:
    """Whether this is a snap, or one of the small scripts that only start a snap."""
    real = os.path.realpath(path)
    if real.startswith("/snap/") or os.path.basename(real) == "snap":
        return True
    if not stat.S_ISREG(os.stat(real).st_mode):
        return True
    with open(real, "rb") as start:
        head = start.read(4096)
    return head.startswith(b"#!") and b"/snap/" in head


def _playwrights_own() -> str | None:
    # The supervisor's environment may be empty, so $HOME is not used.
    home = pwd.getpwuid(os.geteuid()).pw_dir
    root = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or f"{home}/.cache/ms-playwright"
    found = [
        path
        for build in sorted(glob(f"{root}/chromium_headless_shell-*"), key=_build_number)
        for name in ("headless_shell", "chrome-headless-shell")
        for path in glob(f"{build}/*/{name}")
        if os.access(path, os.X_OK)
    ]
    return os.path.realpath(found[-1]) if found else None


def _build_number(folder: str) -> int:
    digits = folder.rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0
