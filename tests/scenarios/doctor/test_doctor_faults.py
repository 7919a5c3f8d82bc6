"""`factory doctor` against the local forge with each of its faults switched on in turn: it names
that fault.

Each row also says that without the fault nothing is named, so that a doctor who always complains is
found out, and the last tests that what it writes to prove things is the same however often it is
asked."""

import json
import os
import socket
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from harness.domain.errors import ForgeError
from harness.governance import governance_in
from harness.governance.export import rulesets
from harness.home.document import EMBEDDED, HomeFile, read_home, write_home
from harness.home.programs import keep_token
from harness.operations.doctor.finding import Severity
from harness.operations.doctor.forge_checks import forge_findings
from harness.programs.local_forge.seed import Account, Administrator, push_folder
from harness.programs.local_forge.start import RunningForge, start
from harness.repository.state_branch import BRANCH
from tests import warm
from tests.fakes.faulty_forge import inject, start_faulty
from tests.scenarios.conftest import FACTORY
from tests.scenarios.waiting import LONG

API, REPOSITORY = r"/api/v3/.*", r"/api/v3/repos/tidehouse/tidebook"
CHECK_RUNS = REPOSITORY + r"/check-runs(/\d+)?"
ALWAYS = 10_000
ROOT = Path(__file__).resolve().parents[3]
TOKEN = "keys/forge.token"


@dataclass
class Clinic:
    """A home, its local forge that fails on demand, and who works there."""

    home: Path
    forge: RunningForge
    admin: Administrator
    owner: Account
    factory: Account
    folder: Path

    def __post_init__(self) -> None:
        headers = {"Authorization": f"Bearer {self.forge.admin_token.read_text().strip()}"}
        self._faults = httpx.Client(
            base_url=f"{self.forge.url}/admin",
            headers=headers,
            trust_env=False,
            verify=False,
            timeout=LONG,
        )

    def inject(self, kind: str, **where: object) -> None:
        inject(self.forge, kind, **{"count": ALWAYS, **where})

    def hits(self) -> int:
        """How many requests met a fault since it was switched on."""
        return sum(ALWAYS - fault["count"] for fault in self._faults.get("/faults").json())

    def cure(self) -> None:
        self._faults.delete("/faults")

    def complaints(self) -> dict[str, tuple[Severity, str]]:
        """What the doctor says of the forge that is not well, with the next move, by the name of
        the check."""
        found = {
            name: (finding.level, f"{finding.message}; {finding.fix}")
            for name, finding in forge_findings(self.home)
        }
        return {name: said for name, said in found.items() if said[0] is not Severity.OK}

    def raw(self, path: str, by: Account | None = None) -> object:
        answer = httpx.get(
            f"{self.forge.api}/repos/tidehouse/tidebook{path}",
            trust_env=False,
            verify=False,
            timeout=LONG,
            headers={"Authorization": f"Bearer {(by or self.owner).token}"},
        )
        return answer.raise_for_status().json()


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    home = tmp_path_factory.mktemp("clinic") / "home"
    forge = start_faulty(home / "forge", seconds=LONG)
    admin = Administrator(forge)
    owner = admin.create_user("tidehouse", role="admin")
    factory = admin.create_user("lights-out", role="write", kind="Bot")
    repository = admin.create_repository("tidehouse", "tidebook")
    folder = home.parent / "code"
    folder.mkdir()
    for number in (1, 2):
        (folder / "app.py").write_text(f"print({number})\n")
        push_folder(folder, repository.clone_url, token=owner.token)
    keep_token(home / TOKEN, factory.token)
    write_home(
        home,
        HomeFile(
            owner="tidehouse",
            name="tidebook",
            forge=EMBEDDED,
            port=forge.port,
            number=repository.id,
            token_file=TOKEN,
        ),
    )
    made = Clinic(home, forge, admin, owner, factory, folder)
    yield made
    forge.stop()


@pytest.fixture(autouse=True)
def cured(clinic):
    yield
    clinic.cure()


def test_a_forge_that_is_well_is_well(clinic) -> None:
    assert clinic.complaints() == {}


FAULTS = {
    "bad gateway": ({"kind": "error-before", "path": API}, ("502",), "forge"),
    "service unavailable": ({"kind": "unavailable", "path": API}, ("503",), "forge"),
    "an error after it was done": (
        {"kind": "error-after", "method": "POST", "path": r".*/issues"},
        ("500", "issues"),
        "forge issues",
    ),
    "slow": ({"kind": "slow", "path": REPOSITORY, "seconds": 9}, ("slow", "seconds"), "forge"),
    "the connection is cut": (
        {"kind": "cut-before", "path": API},
        ("connection", "middle of an answer"),
        "forge",
    ),
    "the answer to a write is cut": (
        {"kind": "cut", "method": "POST", "path": r".*/pulls"},
        ("connection",),
        "forge pulls",
    ),
    "a page in place of the API": (
        {"kind": "garbled", "path": API},
        ("is not from the api",),
        "forge",
    ),
    "primary rate limit": ({"kind": "rate-limited", "path": API}, ("rate limit", "until"), "forge"),
    "secondary rate limit": (
        {"kind": "secondary-limit", "path": API, "retry_after": "90"},
        ("secondary", "until"),
        "forge",
    ),
    "too many requests": (
        {"kind": "too-many", "path": API, "retry_after": "90"},
        ("limit", "429", "until"),
        "forge",
    ),
    "a token worth nothing": (
        {"kind": "unauthorized", "path": API},
        ("401", "token", "factory connect"),
        "forge",
    ),
    "the repository is gone": (
        {"kind": "missing", "path": REPOSITORY},
        ("404", "tidehouse/tidebook"),
        "forge",
    ),
    "no right to checks": (
        {"kind": "forbidden", "path": CHECK_RUNS},
        ("checks", "403"),
        "forge checks",
    ),
    "no right to issues": (
        {"kind": "forbidden", "method": "POST", "path": r".*/issues"},
        ("issues", "403"),
        "forge issues",
    ),
    "no right to pull requests": (
        {"kind": "forbidden", "method": "POST", "path": r".*/pulls"},
        ("pull_requests", "403"),
        "forge pulls",
    ),
    "checks that do not appear": (
        {"kind": "stale", "method": "GET", "path": r".*/check-runs"},
        ("check", "did not appear"),
        "forge checks",
    ),
    "a clock that is behind": (
        {"kind": "clock", "path": API, "seconds": -3600},
        ("clock", "ahead"),
        "forge clock",
    ),
    "a clock that is ahead": (
        {"kind": "clock", "path": API, "seconds": 3600},
        ("clock", "behind"),
        "forge clock",
    ),
    "git does not answer": (
        {"kind": "error-before", "path": r".*\.git/.*"},
        ("git", "502"),
        "forge push",
    ),
    "git forbids": (
        {"kind": "forbidden", "path": r".*\.git/.*"},
        ("git", "403", "contents: write"),
        "forge push",
    ),
    "git refuses what is pushed": (
        {"kind": "unavailable", "method": "POST", "path": r".*\.git/git-receive-pack"},
        ("git", "503", "main"),
        "forge push",
    ),
}
"""Each fault, the words that name it, and the check that says them."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_by_the_check_that_meets_it(clinic, name) -> None:
    fault, words, check = FAULTS[name]
    clinic.inject(**fault)
    said = clinic.complaints()
    assert clinic.hits() > 0, "a fault that hit nothing shows nothing"
    assert check in said, said
    assert said[check][0] is Severity.FAIL
    assert [word for word in words if word not in said[check][1].lower()] == [], said[check][1]
    assert set(said) == {check}, "what is well is not complained of"


def test_a_reader_learns_that_it_may_not_write(clinic) -> None:
    reader = clinic.admin.create_user("passer-by")
    keep_token(clinic.home / TOKEN, reader.token)
    try:
        level, words = clinic.complaints()["forge"]
    finally:
        keep_token(clinic.home / TOKEN, clinic.factory.token)
    assert (level, "not write to it" in words) == (Severity.FAIL, True)


def test_a_protected_branch_is_named_with_who_has_to_be_let_through(clinic) -> None:
    rule = {
        "required_status_checks": None,
        "enforce_admins": True,
        "required_pull_request_reviews": None,
        "restrictions": {"users": [], "teams": [], "apps": []},
    }
    headers = {"Authorization": f"Bearer {clinic.owner.token}"}
    where = f"{clinic.forge.api}/repos/tidehouse/tidebook/branches/main/protection"
    httpx.put(
        where, json=rule, headers=headers, trust_env=False, verify=False, timeout=LONG
    ).raise_for_status()
    try:
        said = clinic.complaints()
    finally:
        httpx.delete(
            where, headers=headers, trust_env=False, verify=False, timeout=LONG
        ).raise_for_status()
    assert set(said) == {"forge push"}
    assert all(
        word in said["forge push"][1]
        for word in ("the push to main is refused", "factory rules export ruleset")
    )


def test_a_branch_with_the_state_is_the_factorys_alone_or_that_is_named(clinic) -> None:
    home = read_home(clinic.home)
    rules = f"{clinic.forge.api}/repos/tidehouse/tidebook/rulesets"
    client = httpx.Client(
        headers={"Authorization": f"Bearer {clinic.owner.token}"},
        trust_env=False,
        verify=False,
        timeout=LONG,
    )

    def ruled(lander: Account) -> str:
        exported = rulesets(governance_in(ROOT), lander=f"user:{lander.id}")
        (state,) = [file.text for file in exported.files if file.path.endswith("state.json")]
        made = client.post(rules, content=state).raise_for_status()
        return f"{rules}/{made.json()['id']}"

    def push(account: Account) -> None:
        (clinic.folder / "state.age").write_text(account.token)
        push_folder(clinic.folder, clone, token=account.token, branch=BRANCH)

    clone = f"{clinic.forge.url}/tidehouse/tidebook.git"
    write_home(clinic.home, replace(home, database="branch"))
    try:
        missing = clinic.complaints()
        push(clinic.factory)
        open_to_all = clinic.complaints()
        kept_from_us = ruled(clinic.owner)
        refused = clinic.complaints()
        client.delete(kept_from_us).raise_for_status()
        ours = ruled(clinic.factory)
        well = clinic.complaints()
        push(clinic.factory)
        with pytest.raises(ForgeError, match="GH013"):
            push(clinic.owner)
        client.delete(ours).raise_for_status()
    finally:
        write_home(clinic.home, home)
    assert [set(one) for one in (missing, open_to_all, refused, well)] == [
        {"forge state"},
        {"forge state"},
        {"forge state"},
        set(),
    ]
    assert (missing["forge state"][0], "no branch" in missing["forge state"][1]) == (
        Severity.FAIL,
        True,
    )
    assert (open_to_all["forge state"][0], "older state" in open_to_all["forge state"][1]) == (
        Severity.WARN,
        True,
    )
    assert (refused["forge state"][0], "is refused" in refused["forge state"][1]) == (
        Severity.FAIL,
        True,
    )


def test_a_limit_that_is_nearly_spent_is_a_warning_with_its_number(tmp_path) -> None:
    """Started with few requests an hour, of which some are spent already."""
    home = tmp_path / "home"
    forge = start(home / "forge", rate_limit=40, seconds=LONG, popen=warm.Server)
    try:
        admin = Administrator(forge)
        owner = admin.create_user("tidehouse", role="admin")
        factory = admin.create_user("lights-out", role="write", kind="Bot")
        repository = admin.create_repository("tidehouse", "tidebook")
        (tmp_path / "code").mkdir()
        (tmp_path / "code" / "app.py").write_text("print(1)\n")
        push_folder(tmp_path / "code", repository.clone_url, token=owner.token)
        keep_token(home / TOKEN, factory.token)
        write_home(
            home, HomeFile("tidehouse", "tidebook", EMBEDDED, forge.port, repository.id, TOKEN)
        )
        left = 40
        while left > 6:  # the forge counts by the hour, and another may begin at any time
            asked = httpx.get(
                f"{forge.api}/user",
                headers={"Authorization": f"Bearer {factory.token}"},
                trust_env=False,
                verify=False,
                timeout=LONG,
            )
            left = int(asked.headers["x-ratelimit-remaining"])
        said = {
            name: finding
            for name, finding in forge_findings(home)
            if finding.level is not Severity.OK
        }
    finally:
        forge.stop()
    assert "forge limit" in said, said
    assert (
        said["forge limit"].level,
        "of 40 requests are left" in said["forge limit"].message,
    ) == (
        Severity.WARN,
        True,
    )


def test_a_forge_that_is_down_is_named_by_its_address(clinic, tmp_path) -> None:
    """One elsewhere: the local forge of a home is started by the factory itself, and that is
    said instead."""
    home = tmp_path / "home"
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and never listens: nobody else gets its port meanwhile
        port = deaf.getsockname()[1]
        keep_token(home / TOKEN, clinic.factory.token)
        write_home(home, HomeFile("tidehouse", "tidebook", f"http://127.0.0.1:{port}", 0, 1, TOKEN))
        said = {
            name: f"{finding.message}; {finding.fix}"
            for name, finding in forge_findings(home)
            if finding.level is Severity.FAIL
        }
    assert set(said) == {"forge"}
    assert "does not answer" in said["forge"]
    assert str(port) in said["forge"]


@pytest.mark.soak("a whole doctor more; test_doctor has one that ends with a finding")
def test_the_program_prints_it_and_ends_with_a_finding(clinic) -> None:
    clinic.inject("forbidden", path=CHECK_RUNS)
    done = subprocess.run(
        [FACTORY, "doctor", "--json"],
        env={**os.environ, "FACTORY_HOME": str(clinic.home), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=LONG,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    checks = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1, done.stderr
    assert checks["forge checks"]["level"] == "fail"
    assert "403" in checks["forge checks"]["message"]


def test_what_the_doctor_proves_leaves_one_check_and_nothing_else(clinic) -> None:
    def there():
        sha = clinic.raw("/branches/main")["commit"]["sha"]
        runs = clinic.raw(f"/commits/{sha}/check-runs?filter=all")["check_runs"]
        return (
            clinic.raw("/issues?state=all"),
            clinic.raw("/pulls?state=all"),
            clinic.raw("/labels"),
            [one["name"] for one in clinic.raw("/branches")],
            [run["name"] for run in runs],
        )

    clinic.complaints()
    before = there()
    clinic.complaints()
    assert there() == before
    assert before[-1] == ["factory/doctor"]
