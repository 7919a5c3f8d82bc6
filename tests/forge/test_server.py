"""Starting, stopping, and what the server is on this machine."""

import json
import signal
import socket
import subprocess
import sys
import time
from functools import partial

import httpx
import pytest

from harness.domain.errors import ForgeError
from harness.programs.local_forge.seed import Administrator
from harness.programs.local_forge.start import running
from harness.programs.local_forge.start import start as start_forge
from tests.fakes.hours import HOUR, within_one
from tests.fakes.ports import free_port
from tests.forge.waiting import SECONDS, files_below

start = partial(start_forge, seconds=SECONDS)


def launched(*arguments, stdin=subprocess.DEVNULL):
    return subprocess.Popen(
        [sys.executable, "-I", "-m", "harness.programs.local_forge", *arguments],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def waited(path, process):
    deadline = time.monotonic() + SECONDS
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return json.loads(path.read_text())


def test_it_reports_its_address_once_it_listens_and_ends_with_0_on_sigterm(tmp_path) -> None:
    process = launched(
        "--home", str(tmp_path / "home"), "--port", "0", "--ready-file", str(tmp_path / "ready")
    )
    result = waited(tmp_path / "ready", process)
    assert set(result) == {"url", "port", "pid"}
    assert result["pid"] == process.pid
    assert httpx.get(
        f"{result['url']}/-/health", trust_env=False, verify=False, timeout=SECONDS
    ).json() == {"ok": True}
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out, err) == (0, "", "")


def test_sigint_ends_it_as_well(tmp_path) -> None:
    process = launched("--home", str(tmp_path / "home"), "--ready-file", str(tmp_path / "ready"))
    waited(tmp_path / "ready", process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 0


def test_a_port_that_is_taken_is_named(tmp_path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = launched("--home", str(tmp_path / "home"), "--port", str(port))
        _, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 5
        assert f"port {port}" in err
        assert "Traceback" not in err
        with pytest.raises(ForgeError, match=f"port {port}"):
            start(tmp_path / "home", port=port)


def test_a_home_has_one_server(tmp_path) -> None:
    first = start(tmp_path / "home")
    try:
        with pytest.raises(ForgeError, match="another forge runs on"):
            start(tmp_path / "home")
        assert running(tmp_path / "home") == first
    finally:
        first.stop()
    assert running(tmp_path / "home") is None
    first.stop()


def test_its_own_lifeline_ends_it_when_who_started_it_is_killed(tmp_path) -> None:
    """kill -9 of the factory must not leave a server behind."""
    code = (
        "import sys, time; from pathlib import Path; from harness.programs.local_forge.start"
        f" import start; forge = start(Path(sys.argv[1]), seconds={SECONDS}); print(forge.pid,"
        f" flush=True); time.sleep({SECONDS})"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "home")], stdout=subprocess.PIPE, text=True
    )
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + SECONDS
    while running(tmp_path / "home") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running(tmp_path / "home") is None
    assert not (tmp_path / "home" / "forge.json").exists()
    assert pid > 0


def test_one_that_is_to_be_kept_is_found_and_stopped_by_another(tmp_path) -> None:
    code = (
        "import sys; from pathlib import Path; from harness.programs.local_forge.start import"
        f" start; start(Path(sys.argv[1]), keep=True, seconds={SECONDS})"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "home")], check=True, timeout=2 * SECONDS
    )
    found = running(tmp_path / "home")
    assert (
        httpx.get(
            f"{found.url}/-/health", trust_env=False, verify=False, timeout=SECONDS
        ).status_code
        == 200
    )
    found.stop()
    assert running(tmp_path / "home") is None


def test_it_comes_back_on_its_port_with_all_it_held(tmp_path) -> None:
    first = start(tmp_path / "home", port=free_port())
    ana = Administrator(first).create_user("ana")
    first.stop()
    second = start(tmp_path / "home")
    try:
        assert second.url == first.url
        me = httpx.get(
            f"{second.api}/user",
            headers={"Authorization": f"token {ana.token}"},
            trust_env=False,
            verify=False,
            timeout=SECONDS,
        )
        assert me.json()["id"] == ana.id
    finally:
        second.stop()


def test_secrets_are_for_their_owner_alone_and_tokens_are_kept_as_digests(plain) -> None:
    kim = Administrator(plain).create_user("kim")
    admin = plain.admin_token.read_text().strip()
    assert plain.home.stat().st_mode & 0o777 == 0o700
    assert plain.admin_token.stat().st_mode & 0o777 == 0o600
    held = files_below(plain.home)
    assert held.pop(plain.admin_token).strip() == admin.encode()
    assert plain.home / "forge.sqlite" in held
    assert [
        path
        for path, found in held.items()
        if kim.token.encode() in found or admin.encode() in found
    ] == []
    with open(f"/proc/{plain.pid}/cmdline", "rb") as line:
        assert admin.encode() not in line.read()


def test_it_listens_on_loopback_only(forge) -> None:
    with open(f"/proc/{forge.pid}/net/tcp") as table:
        listening = [
            row.split()[1]
            for row in table
            if f":{forge.port:04X} " in row and row.split()[3] == "0A"
        ]
    assert listening == [f"0100007F:{forge.port:04X}"]


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.1", ""])
def test_it_answers_to_its_own_names_only(forge, host) -> None:
    """A page elsewhere whose name was made to point here (DNS rebinding) reads nothing."""
    with socket.create_connection(("127.0.0.1", forge.port), timeout=SECONDS) as raw:
        raw.sendall(f"GET /api/v3/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.split(b" ", 2)[1] == b"400"


def test_an_hours_allowance_ends(tmp_path) -> None:
    forge = start(tmp_path / "home", rate_limit=3)
    try:
        within_one(HOUR)
        ana = Administrator(forge).create_user("ana")
        headers = {"Authorization": f"token {ana.token}"}
        answers = [
            httpx.get(
                f"{forge.api}/user", headers=headers, trust_env=False, verify=False, timeout=SECONDS
            )
            for _ in range(5)
        ]
        assert [answer.status_code for answer in answers][:3] == [200, 200, 200]
        assert answers[-1].status_code == 403
        assert answers[-1].json()["message"].startswith("API rate limit exceeded")
        assert answers[-1].headers["x-ratelimit-remaining"] == "0"
    finally:
        forge.stop()


def test_a_database_of_another_version_is_left_alone(tmp_path) -> None:
    import sqlite3

    home = tmp_path / "home"
    start(home).stop()
    with sqlite3.connect(home / "forge.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(ForgeError, match="schema 99"):
        start(home)


HEAVY = (
    "cryptography",
    "jwt",
    "httpx",
    "requests",
    "github",
    "git",
    "pydantic",
    "dbos",
    "jsonschema",
    "playwright",
    "anthropic",
)


def test_it_starts_with_no_more_than_it_needs() -> None:
    """Under a second on a machine that does nothing else: what is not needed for the
    first answer is imported when it is."""
    code = (
        "import sys; import harness.programs.local_forge.serve; "
        f"print(len(sys.modules), *(name for name in {HEAVY!r} if name in sys.modules))"
    )
    libraries = code.replace("harness.programs.local_forge.serve", "starlette, uvicorn, sqlalchemy")
    (whole, *heavy), (least, *_) = (
        subprocess.run(
            [sys.executable, "-I", "-c", one], capture_output=True, text=True, check=True
        ).stdout.split()
        for one in (code, libraries)
    )
    assert heavy == []
    assert int(whole) < 2 * int(least), "modules: measured 1.7 times those of its libraries alone"
