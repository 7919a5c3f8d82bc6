"""Creates the home of the demo: a local forge with the example repository, its people, and their
issues, filed over HTTP."""

import shutil
from collections.abc import Callable
from pathlib import Path

from harness.home.document import EMBEDDED, HomeFile
from harness.operations.setup.create_home import (
    HomePlan,
    create_home,
    launcher_key_id,
    whole_or_nothing,
)
from harness.operations.setup.issue_files import issues_in
from harness.operations.setup.pin_key import pinned

OWNER, NAME = "tidehouse", "tidebook"
MAINTAINER = "mara"


def create_example(
    home: Path, *, app: Path, issues: Path, recordings: Path, tell: Callable[[str], None]
) -> None:
    """Create a home that serves the example. `home` is empty before; afterwards it is a factory's
    home like any other."""
    from harness.programs.local_forge.seed import push_folder

    def push(clone_url: str, token: str) -> None:
        push_folder(
            _governed(home, app),
            clone_url,
            token=token,
            author="Mara <mara@example.org>",
            message="Tidebook, with its governance",
        )

    with whole_or_nothing(home):
        create_home(
            home,
            HomePlan(
                HomeFile(
                    owner=OWNER,
                    name=NAME,
                    forge=EMBEDDED,
                    port=0,
                    number=0,
                    models="replay",
                    # The name of a file, not a secret.
                    token_file="keys/forge.token",  # noqa: S106
                ),
                description="Guided walks on the flats, at low tide",
                maintainer=MAINTAINER,
                push=push,
                issues=issues_in(issues),
                recordings=recordings,
            ),
            tell=tell,
        )


def _governed(home: Path, app: Path) -> Path:
    """A copy of the app whose factory.toml trusts the key of this home's launcher."""
    folder = home / "example"
    shutil.copytree(
        app, folder, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache", "*.pyc", "data")
    )
    toml = folder / "factory.toml"
    toml.write_text(pinned(toml.read_text("utf-8"), launcher_key_id(home)), "utf-8")
    return folder
