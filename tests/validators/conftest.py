"""A real Chromium for these tests, sandboxed as it is in production."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.validators.house import House

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

AS_NOBODY = """#!/bin/sh
# Chromium's own sandbox refuses root. Outside our own sandbox, these tests therefore start it as nobody.
for argument in "$@"; do
  case "$argument" in --user-data-dir=*) chown -R 65534:65534 "${{argument#--user-data-dir=}}" ;; esac
done
exec setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/tmp {browser} "$@"
"""


def installed_browser() -> str:
    """The browser that set-up installed: the system's, else Playwright's own."""
    for name in NAMES:
        if found := shutil.which(name, path="/usr/bin"):
            return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of an executable that starts Chromium as a user that is not root."""
    browser = installed_browser()
    if os.geteuid() != 0:
        return browser
    script: Path = tmp_path_factory.mktemp("browser") / "chromium"
    script.write_text(AS_NOBODY.format(browser=browser))
    script.chmod(0o755)
    return str(script)


@pytest.fixture(scope="session")
def house(chromium: str) -> Iterator[House]:
    opened = House(chromium)
    yield opened
    opened.close()
