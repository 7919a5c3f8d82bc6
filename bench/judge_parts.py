"""What bench/judge.py sets beside the judge: plain Playwright, the driver without sandboxes, and
looks at a dense page."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from bench.dense_page import dense_page
from validators.app.instances import Start
from validators.app.sandboxes import Sandboxes
from validators.app.side import Side
from validators.browser.page_viewer import PageViewer
from validators.domain.evidence import Identity, RunId
from validators.domain.exploring.acts import Aspect
from validators.domain.exploring.view import tokens, view
from validators.domain.run_result import Result, result
from validators.evidence.merkle import evidence_in, merkle_root
from validators.language.reader import read
from validators.launcher.perform import PerformanceBench, Scene, plan_of
from validators.launcher.phases import Deadline
from validators.performance.plan import AT_ONCE, PlannedRun, plan_json, ready_line
from validators.signing.key import signer_at
from validators.signing.notary import Notary
from validators.signing.statement import signed_verdict
from validators.wiring import SUPERVISOR

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

SHELLS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
WALL_SECONDS, READY_SECONDS = 300, 60
HOST = "app.localhost"
JOURNEY = """journey: booking-{number}-is-kept
promise: issue
steps:
  - open: /
  - fill: {{label: Name, value: "{{{{ any.name }}}}"}}
  - fill: {{label: Group size, value: "{{{{ any.int(2, 8) }}}}"}}
  - click: {{button: Book}}
expect:
  - text: {{role: status, equals: "Booked for {{{{ filled.group_size }}}}"}}
  - row: {{cells: ["{{{{ filled.name }}}}", "{{{{ filled.group_size }}}}"], in: {{table: Bookings}}, times: 1}}
  - {then}
never: [{{http_status: ">=500"}}, {{console: error}}]
twin:
  expect:
    - text: {{role: status, equals: "Booked for 0"}}
"""
ROW = '{row: {cells: ["{{ filled.name }}", "{{ filled.group_size }}"]}}'
THEN = (f"after_reload: [{ROW}]", f"other_session: {{open: /, expect: [{ROW}]}}")
BY_API = """journey: booking-by-api-is-kept
promise: issue
let: {name: "{{ any.name }}", size: "{{ any.int(2, 8) }}"}
steps:
  - call: {POST: /api/bookings, json: {name: "{{ name }}", size: "{{ size }}"}}
  - expect: {answer: {status: 201}}
  - call: {GET: /api/bookings}
expect:
  - answer: {status: 200, json: {"/0/0": "{{ name }}"}}
  - other_session: same
twin: {expect: [{answer: {json: {"/0/0": nobody}}}]}
"""
BY_TOOL = """journey: booking-by-tool-is-kept
promise: issue
let: {name: "{{ any.name }}", size: "{{ any.int(2, 8) }}"}
steps:
  - run: [bookings, add, "{{ name }}", "{{ size }}"]
  - run: [bookings, list]
expect:
  - output: {lines: ["{{ name }}  {{ size }}"]}
twin: {expect: [{output: {lines: ["nobody  {{ size }}"]}}]}
"""
# What somebody writes who asks the same of the app without a judge.
WITH_CURL = """
bookings=http://127.0.0.1:$PORT/api/bookings
curl -sf -H 'Content-Type: application/json' -d '{"name": "Ada Holt", "size": 4}' $bookings > /dev/null
curl -sf $bookings | grep -q '"Ada Holt"'
curl -sf $bookings | grep -q '"Ada Holt"'
"""
WITH_A_SHELL = """
"$PYTHON" "$APP" add 'Ada Holt' 4 > /dev/null
test "$("$PYTHON" "$APP" list)" = 'Ada Holt  4'
"""
# Chromium's own sandbox refuses root; in a sandbox it has a user of its own, and without one it is
# started as nobody.
AS_NOBODY = """#!/bin/sh
for argument in "$@"; do
  case "$argument" in --user-data-dir=*) chown -R 65534:65534 "${{argument#--user-data-dir=}}" ;; esac
done
exec setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/tmp {browser} "$@"
"""


def journeys(number: int) -> tuple[str, ...]:
    """So many journeys: every other one looks again after reloading, the others as somebody
    else."""
    return tuple(JOURNEY.format(number=at, then=THEN[at % len(THEN)]) for at in range(number))


async def plainly(texts: tuple[str, ...], app: Path, folder: Path) -> None:
    """The steps and looks of these journeys in one process, as anybody would write them with the
    library, so many at once."""
    from playwright.async_api import async_playwright

    (data := folder / "plain").mkdir()
    gate = asyncio.Semaphore(AT_ONCE)
    with running(app, data) as port:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=browser_path())

            async def booked(number: int) -> None:
                async with gate:
                    await _booked(browser, f"http://127.0.0.1:{port}", number)

            await asyncio.gather(*map(booked, range(len(texts))))
            await browser.close()


async def _booked(browser: Browser, origin: str, number: int) -> None:
    name, size = f"Guest {number}", str(2 + number % 7)
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{origin}/")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Group size").fill(size)
    await page.get_by_role("button", name="Book", exact=True).click()
    await _shown(page, name, size, said=f"Booked for {size}")
    if number % len(THEN) == 0:
        await page.reload()
        await _shown(page, name, size)
    else:
        other = await browser.new_context()
        visitor = await other.new_page()
        await visitor.goto(f"{origin}/")
        await _shown(visitor, name, size)
        await other.close()
    await context.close()


async def _shown(page: Page, name: str, size: str, *, said: str = "") -> None:
    from playwright.async_api import expect

    if said:
        await expect(page.get_by_role("status")).to_have_text(said)
    row = (
        page.get_by_role("table", name="Bookings")
        .get_by_role("row")
        .filter(has=page.get_by_role("cell", name=name, exact=True))
    )
    await expect(row).to_have_count(1)
    await expect(row.get_by_role("cell", name=size, exact=True)).to_be_visible()


def seal_seconds(folder: Path, app: Path, text: str) -> dict[str, float]:
    """Seconds of one journey, plain and masked, on two fresh apps: in sandboxes as the judge does
    it, and without; and of hashing what was kept and signing a verdict over it."""
    folder.mkdir()
    scene = _scene(app)
    began = time.perf_counter()
    _sandboxed(folder, scene, app, text)
    sandboxed = time.perf_counter() - began
    began = time.perf_counter()
    _bare(folder, scene, app, text)
    bare = time.perf_counter() - began
    began = time.perf_counter()
    said = {
        "binds": {"candidate": "c" * 40, "tree": "d" * 40},
        "evidence": merkle_root(evidence_in(folder / "kept")),
    }
    signed_verdict(said, Notary(signer_at(folder / "key" / "bench.key")))
    return {"sandboxed": sandboxed, "bare": bare, "signing": time.perf_counter() - began}


def besides_seconds(folder: Path, app: Path) -> dict[str, float]:
    """Seconds of a journey of calls and of one of commands, plain and masked, as the judge performs
    them; and of scripts that do the same, so many at once, on apps without a sandbox."""
    folder.mkdir()
    tool = Start(
        (),
        "PORT",
        "/",
        READY_SECONDS,
        WALL_SECONDS,
        HOST,
        commands={"bookings": ("python", f"./{app.name}")},
    )
    seconds = {}
    for name, scene, text in (
        ("calls", _scene(app), BY_API),
        ("commands", _scene(app, tool), BY_TOOL),
    ):
        (own := folder / name).mkdir()
        began = time.perf_counter()
        _sandboxed(own, scene, app, text)
        seconds[name] = time.perf_counter() - began
    for name, script, served in (("curl", WITH_CURL, True), ("shell", WITH_A_SHELL, False)):
        began = time.perf_counter()
        with ThreadPoolExecutor(len(Identity)) as both:
            folders = [folder / f"{name}-{identity}" for identity in Identity]
            list(both.map(lambda data: _scripted(script, app, data, served=served), folders))  # noqa: B023
        seconds[name] = time.perf_counter() - began
    return seconds


def _scripted(script: str, app: Path, data: Path, *, served: bool) -> None:
    """Run the script in a fresh folder, on an app of its own where it needs one."""
    data.mkdir()
    env = {"PATH": os.environ["PATH"], "PYTHON": sys.executable, "APP": str(app)}
    with running(app, data) if served else nullcontext(0) as port:
        line = ["sh", "-e", "-c", script]
        subprocess.run(line, cwd=data, env={**env, "PORT": str(port)}, check=True)


def _scene(app: Path, start: Start | None = None) -> Scene:
    start = start or Start(("python", app.name), "PORT", "/", READY_SECONDS, WALL_SECONDS, HOST)
    return Scene(1, date(2026, 1, 2), start, 30, Deadline(WALL_SECONDS))


def _runs(text: str) -> tuple[RunId, ...]:
    return tuple(RunId(read(text).name, identity) for identity in Identity)


def _sandboxed(folder: Path, scene: Scene, app: Path, text: str) -> None:
    (folder / "papers").mkdir()
    (folder / "tree").mkdir()
    shutil.copy(app, folder / "tree")
    (folder / "data").mkdir()
    side = Side("candidate", folder / "tree", None, folder / "data", (("APP_DATA", "/data"),))
    bench = PerformanceBench(
        scene,
        Sandboxes(SUPERVISOR, "auto", folder / "papers"),
        folder,
        folder / "kept",
        lambda phase: None,
    )
    told = bench.performed("runs", _runs(text), journeys=[text], side=lambda run: side)
    assert all(result(run) is Result.PASSED for run in told.evidence), told.evidence


def _bare(folder: Path, scene: Scene, app: Path, text: str) -> None:
    """The driver as in its sandbox, without one: browsers come up while the apps do."""
    out = folder / "bare"
    out.mkdir()
    env = {**os.environ, "LOF_BROWSER": _for_anybody(folder)}
    argv = [sys.executable, "-m", "validators.driver", str(out)]
    with (
        ExitStack() as stack,
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=env) as driver,
    ):
        ports = []
        for run in _runs(text):
            (data := folder / f"data-{run}").mkdir()
            ports.append(stack.enter_context(running(app, data)))
        planned = tuple(PlannedRun(run, port) for run, port in zip(_runs(text), ports, strict=True))
        ready = "".join(map(ready_line, ports))
        driver.communicate(
            f"{plan_json(plan_of(scene, planned, (text,)))}\n{ready}".encode(), timeout=WALL_SECONDS
        )
    assert driver.returncode == 0
    assert (out / "evidence.json").is_file()


async def looked() -> dict[str, float]:
    """Tokens of one look at the dense page: the library's snapshots, and what an actor of ours is
    shown."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path())
        page = await browser.new_page()
        await page.set_content(dense_page())
        body, seen = page.locator("body"), await PageViewer(page).glance()
        told = {
            "plain snapshot": await body.aria_snapshot(),
            "plain snapshot, for models": await body.aria_snapshot(mode="ai"),
            "ours, controls": view(seen, nonce="0" * 16),
            "ours, words": view(seen, nonce="0" * 16, aspect=Aspect.WORDS),
        }
        await browser.close()
    return {name: float(tokens(text)) for name, text in told.items()}


@contextmanager
def running(app: Path, data: Path) -> Iterator[int]:
    """The port at which the app answers, without a sandbox, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    env = {"PATH": os.environ["PATH"], "PORT": str(port), "APP_DATA": str(data)}
    with subprocess.Popen(
        [sys.executable, str(app)], env=env, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _until_it_answers(port)
            yield port
        finally:
            process.terminate()


def _until_it_answers(port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=READY_SECONDS):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def browser_path() -> str:
    """The browser that set-up installed: the system's, else the library's own."""
    for name in SHELLS:
        if found := shutil.which(name, path="/usr/bin"):
            return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return str(playwright.chromium.executable_path)


def _for_anybody(folder: Path) -> str:
    if os.geteuid() != 0:
        return browser_path()
    script = folder / "chromium"
    script.write_text(AS_NOBODY.format(browser=browser_path()))
    script.chmod(0o755)
    for parent in (folder, folder.parent):
        parent.chmod(0o755)
    return str(script)
