"""A machine in a folder: its PATH holds programs that only look at, and change, files of that
folder.

Each fake notes how it was called. A fake Python becomes the `.venv` that it is asked for, so that a
second run finds it."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
REAL = (
    "bash",
    "cut",
    "dirname",
    "env",
    "grep",
    "ln",
    "mkdir",
    "rm",
    "sh",
    "sha256sum",
    "tail",
    "touch",
    "true",
)
NOTE = 'printf "%s\\n" "${0##*/} $*" >> "$WORLD/calls"\n'
FAKES = {
    "id": 'cat "$WORLD/uid"',
    "getent": 'echo "somebody:x:1000:1000::$WORLD/account:/bin/bash"',
    "cat": (
        'if [ "$*" = /etc/os-release ]; then exec /bin/cat "$WORLD/os-release"; fi; exec /bin/cat'
        ' "$@"'
    ),
    "dpkg-query": 'grep -qx -- "${!#}" "$WORLD/packages" && echo " installed "',
    "sudo": (
        NOTE
        + '[ -e "$WORLD/sudo" ] || { echo "sudo: a password is required" >&2; exit 1; }; shift;'
        ' exec "$@"'
    ),
    "apt-get": NOTE
    + """
        if read -r answer; then echo "was told $answer" >> "$WORLD/calls"; fi
        [ ! -e "$WORLD/apt-fails" ] || { echo "E: no such archive" >&2; exit 100; }
        case "$*" in *install*) printf '%s\\n' "$@" >> "$WORLD/packages";; esac
        case "$*" in *headless-shell*) echo "$WORLD/bin/shell" > "$WORLD/browser";; esac""",
    "python3": (
        """
        case "$*" in
            *browser_path*) exec cat "$WORLD/browser";;
            *"version_info < (3, 11)"*) [ ! -e "$WORLD/old-python" ]; exit;;
            *"import ensurepip"*) grep -qx python3-venv "$WORLD/packages"; exit;;
            "-c "*) exit;;
            --version) echo "Python 3.12.3"; exit;;
        esac
        """
        + NOTE
        + """
        case "$*" in
            *"-m venv"*)
                mkdir -p .venv/bin; ln -sf "$WORLD/bin/python3" .venv/bin/python
                echo "command = python3 -m venv $PWD/.venv" > .venv/pyvenv.cfg;;
            *"pip install"*) [ ! -e "$WORLD/pip-fails" ] || { echo "ERROR: no such index" >&2; exit 2; };;
            *"pip download"*) mkdir -p "${!#}";;
            *"agents install"*) mkdir -p "$FACTORY_HOME/agents"; echo "into $FACTORY_HOME" >> "$WORLD/calls";;
            *"playwright install"*)
                echo "$WORLD/bin/shell" > "$WORLD/browser"
                echo "$PLAYWRIGHT_BROWSERS_PATH" > "$WORLD/downloaded";;
        esac"""
    ),
    "bwrap": "echo bubblewrap 0.9.0",
    "shell": 'echo "Chromium 156.0 "',
}


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of the script said, how it ended, and which fakes it called, in order."""

    code: int
    out: str
    err: str
    calls: tuple[str, ...]

    def called(self, start: str) -> tuple[str, ...]:
        return tuple(call for call in self.calls if call.startswith(start))


@dataclass(frozen=True, slots=True)
class Machine:
    """`world` holds the machine, `repository` a copy of what the script reads of this project."""

    world: Path
    repository: Path

    def tell(self, name: str, text: str = "") -> None:
        """Make something so: uid, os-release, packages, browser, sudo, apt-fails, pip-fails,
        old-python."""
        (self.world / name).write_text(text)

    def forget(self, name: str) -> None:
        (self.world / name).unlink()

    def set_up(self, *asked: str, start: Path | None = None, **env: str) -> Run:
        """Run the script with these arguments from the folder `start` (None: the clone), with a yes
        ready if it prompts."""
        self.tell("calls")
        folder = start or self.repository
        ended = subprocess.run(
            [os.path.relpath(self.repository / ".ci" / "setup", folder), *asked],
            cwd=folder,
            env=self._environment() | env,
            input="yes\n",
            text=True,
            capture_output=True,
            timeout=600,
            check=False,
        )
        calls = (self.world / "calls").read_text().splitlines()
        return Run(ended.returncode, ended.stdout, ended.stderr, tuple(calls))

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": str(self.world / "bin"),
            "HOME": str(self.world / "home"),
            "WORLD": str(self.world),
        }


def bare_debian(folder: Path) -> Machine:
    """A Debian with an unprivileged user and nothing that the project needs."""
    machine = Machine(folder / "world", folder / "clone")
    programs = machine.world / "bin"
    programs.mkdir(parents=True)
    for name in REAL:
        (programs / name).symlink_to(shutil.which(name) or name)
    for name, body in FAKES.items():
        (programs / name).write_text(f"#!{shutil.which('bash')}\n{body}\n")
        (programs / name).chmod(0o755)
    for name in (
        ".ci/setup",
        "requirements.txt",
        "pyproject.toml",
        "setup.py",
        "examples/tidebook/requirements-dev.txt",
        "examples/matinee/app/requirements-dev.txt",
        "examples/production/requirements.txt",
        "harness/programs/agent_clis/releases.toml",
    ):
        (machine.repository / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, machine.repository / name)
    for name, text in {
        "uid": "1000",
        "os-release": "ID=debian\n",
        "packages": "util-linux\n",
        "browser": "\n",
    }.items():
        machine.tell(name, text)
    return machine
