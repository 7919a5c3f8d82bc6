"""Creates the home of the production demo: Tidebook with two environments on this machine, four
issues, and an intake for its errors."""

import shutil
import socket
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from harness.operations.setup.example import create_example

APP, ISSUES, RECORDINGS = "app", "issues", "recordings"
TOML, LOCK = "factory.toml", "requirements.txt"
START = {
    'start = ["python", "-m", "tidebook"]': 'start = ["python", "-m", "tidebook.deployed"]',
    'ready = "/health"': 'ready = "/healthz"',
    'seed_command = ["python", "-m", "tidebook.seed"]': (
        'seed_command = ["python", "-m", "tidebook.deployed", "seed"]'
    ),
}
"""How the app is started in an environment, instead of how Tidebook's own settings start it."""
PORTS = ("localhost:8100", "localhost:8200")
FROM_TIDEBOOK = (1, 6)
"""The numbers of Tidebook's own issues that the demo begins with. The production demo's follow."""


def create_production_example(home: Path, *, examples: Path, tell: Callable[[str], None]) -> None:
    """Create the home. Raises what creating the example raises, and leaves nothing then."""
    from harness.home.error_intake import new_dsn, set_intake

    intake, *ports = free_ports(1 + len(PORTS))
    with tempfile.TemporaryDirectory(prefix="factory-production-") as scratch:
        folder = Path(scratch)
        _put_app(folder / APP, examples, ports)
        _put_issues(folder, examples)
        create_example(
            home,
            app=folder / APP,
            issues=folder / ISSUES,
            recordings=folder / RECORDINGS,
            tell=tell,
        )
    set_intake(home, listen=str(intake), url="")
    new_dsn(home)


def free_ports(count: int) -> tuple[int, ...]:
    """So many ports of loopback that nobody has now, no two of them the same."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return tuple(one.getsockname()[1] for one in sockets)


def settings(tidebook: str, environments: str, ports: Iterable[int]) -> str:
    """Tidebook's settings with how an environment starts it, and with the environments at these
    ports. Raises ValueError where Tidebook's settings start it in another way."""
    for before, after in START.items():
        if tidebook.count(before) != 1:
            raise ValueError(f"expected the line {before!r} in Tidebook's {TOML}")
        tidebook = tidebook.replace(before, after)
    for before, port in zip(PORTS, ports, strict=True):
        environments = environments.replace(before, f"localhost:{port}")
    return f"{tidebook}\n{environments}"


def recorded_answers(source: Path, issue: int, home: Path, sealed: Path) -> None:
    """Put the recorded answers for an issue that nobody could number before it was filed where the
    broker looks for them. `source` is the folder of recordings."""
    shutil.copytree(source / "error", home / RECORDINGS / f"issue-{issue}")
    shutil.copytree(source / "sealed" / "error", sealed / RECORDINGS / f"issue-{issue}")


def _put_app(folder: Path, examples: Path, ports: Iterable[int]) -> None:
    production = examples / "production"
    left_out = shutil.ignore_patterns("__pycache__", ".pytest_cache", "*.pyc", "data")
    shutil.copytree(examples / "tidebook", folder, ignore=left_out)
    shutil.copytree(production / APP, folder, ignore=left_out, dirs_exist_ok=True)
    lock = folder / LOCK
    lock.write_text(lock.read_text("utf-8") + (production / LOCK).read_text("utf-8"), "utf-8")
    toml, environments = folder / TOML, production / "environments.toml"
    toml.write_text(
        settings(toml.read_text("utf-8"), environments.read_text("utf-8"), ports), "utf-8"
    )


def _put_issues(folder: Path, examples: Path) -> None:
    """The issues in their order, each with its recordings under the number that it will have."""
    production, number = examples / "production", 0
    (folder / ISSUES).mkdir()
    for source, wanted in ((examples, FROM_TIDEBOOK), (production, (1, 2))):
        for one in wanted:
            number += 1
            (text,) = (source / ISSUES).glob(f"{one}-*.md")
            shutil.copy(text, folder / ISSUES / f"{number}-{text.name.partition('-')[2]}")
            for side in (".", "sealed"):
                shutil.copytree(
                    source / RECORDINGS / side / f"issue-{one}",
                    folder / RECORDINGS / side / f"issue-{number}",
                )
