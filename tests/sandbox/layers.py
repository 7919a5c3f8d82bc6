"""Dependencies prepared by the supervisor's own command."""

import subprocess

from tests.sandbox.sandboxes import NEVER_ENDS, SUPERVISOR, Sandboxes


def prepare(
    sandboxes: Sandboxes,
    lock: str,
    around: dict[str, str] | None = None,
    *,
    name: str = "lock.txt",
) -> subprocess.CompletedProcess[str]:
    """The command's end for this lock. `around` is its environment; it is started in a folder with
    settings of a repository, which nobody may obey."""
    (sandboxes.folder / "lock.txt").write_text(lock)
    (sandboxes.folder / ".npmrc").write_text("registry=http://127.0.0.1:9/\n")
    folders = (
        "--wheels",
        str(sandboxes.folder / "wheels"),
        "--out",
        str(sandboxes.folder / "layers"),
    )
    asked = ("--lock", str(sandboxes.folder / "lock.txt"), "--name", name, *folders)
    return subprocess.run(
        [*sandboxes.wrapper, *SUPERVISOR, "layer", *asked, "--form", sandboxes.form],
        env=around or {},
        cwd=sandboxes.folder,
        capture_output=True,
        text=True,
        timeout=NEVER_ENDS,
    )
