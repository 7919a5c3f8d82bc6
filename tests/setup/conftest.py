"""One bare machine a test."""

from pathlib import Path

import pytest

from tests.setup.machine import Machine, bare_debian


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return bare_debian(tmp_path)
