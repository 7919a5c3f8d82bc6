"""`factory forge` as a person uses it: adopting a repository, backing up a forge,
and restoring it."""

import gzip
import io
import json
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading

import httpx
import pytest

from harness.cli.main import run
from harness.programs.local_forge.seed import Administrator
from harness.programs.local_forge.storage.records import Role
from harness.programs.local_forge.storage.tables import SCHEMA
from tests.forge.gitclient import done, git
from tests.forge.waiting import SECONDS, start


@pytest.fixture
def said(capsys):
    """A command's exit code and what it printed."""

    def call(*arguments):
        code = run([str(one) for one in arguments])
        result = capsys.readouterr()
        return code, result.out, result.err

    return call


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory, template):
    """A forge that serves, with an account, an issue, a check, a pull request and its branch."""
    home = tmp_path_factory.mktemp("lived") / "forge"
    running = start(home)
    admin = Administrator(running)
    ana = admin.create_user("ana", role="admin")
    bot = admin.create_user("factory[bot]", role="write", kind="Bot")
    repository = admin.create_repository("ana", "tidebook")
    done(
        git(
            "push",
            "--quiet",
            repository.clone_url,
            "main",
            "main:work",
            cwd=template,
            token=ana.token,
        )
    )
    api = f"{running.api}/repos/ana/tidebook"
    ask = {
        "headers": {"Authorization": f"token {ana.token}"},
        "trust_env": False,
        "timeout": SECONDS,
    }
    httpx.post(f"{api}/issues", json={"title": "The places are gone", "body": "All"}, **ask)
    sha = httpx.get(f"{api}/branches/main", **ask).json()["commit"]["sha"]
    httpx.post(
        f"{api}/check-runs",
        json={"name": "gate", "head_sha": sha, "conclusion": "success"},
        trust_env=False,
        verify=False,
        timeout=SECONDS,
        headers={"Authorization": f"token {bot.token}"},
    )
    yield running, ana, sha
    running.stop()


def rewritten(file, to, change):
    """The archive with its members changed: `change` takes a name and bytes, and gives
    bytes or None."""
    with tarfile.open(file) as old, tarfile.open(to, "w:gz") as new:
        for member in old:
            content = change(member.name, old.extractfile(member).read())
            if content is not None:
                member.size = len(content)
                new.addfile(member, io.BytesIO(content))
    return to


def test_a_forge_is_backed_up_while_it_serves_and_put_back_elsewhere(
    lived_in, said, tmp_path
) -> None:
    running, ana, sha = lived_in
    file, again = tmp_path / "forge.tar.gz", tmp_path / "again"
    code, out, err = said("forge", "backup", file, "--home", running.home, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["repositories"] == 1
    assert file.stat().st_mode & 0o777 == 0o600
    assert running.admin_token.read_bytes() not in gzip.decompress(file.read_bytes())
    code, out, err = said("forge", "restore", file, "--home", again)
    assert code == 0, err
    restored = start(again)
    try:
        api = f"{restored.api}/repos/ana/tidebook"
        ask = {
            "headers": {"Authorization": f"token {ana.token}"},
            "trust_env": False,
            "timeout": SECONDS,
        }
        assert httpx.get(f"{api}/issues/1", **ask).json()["title"] == "The places are gone"
        assert (
            httpx.get(f"{api}/commits/{sha}/check-runs", **ask).json()["check_runs"][0][
                "conclusion"
            ]
            == "success"
        )
        done(git("clone", "--quiet", f"{restored.url}/ana/tidebook.git", "clone", cwd=tmp_path))
        (tmp_path / "clone" / "more.txt").write_text("more\n")
        done(git("add", "--all", cwd=tmp_path / "clone"))
        done(git("commit", "--quiet", "-m", "More", cwd=tmp_path / "clone"))
        done(git("push", "--quiet", "origin", "HEAD:main", cwd=tmp_path / "clone", token=ana.token))
        assert restored.admin_token.read_text() != running.admin_token.read_text()
    finally:
        restored.stop()


def test_a_backup_under_writes_is_one_moment_of_the_forge(lived_in, said, tmp_path) -> None:
    """Issues are filed all the while: the copy opens, and holds the first ones without a gap."""
    running, ana, _ = lived_in
    stop = threading.Event()

    def write() -> None:
        with httpx.Client(
            headers={"Authorization": f"token {ana.token}"},
            trust_env=False,
            verify=False,
            timeout=SECONDS,
        ) as client:
            while not stop.is_set():
                client.post(
                    f"{running.api}/repos/ana/tidebook/issues",
                    json={"title": "More", "body": "x" * 4_000},
                )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        code, _, err = said("forge", "backup", tmp_path / "busy.tar.gz", "--home", running.home)
    finally:
        stop.set()
        writer.join()
    assert code == 0, err
    assert said("forge", "restore", tmp_path / "busy.tar.gz", "--home", tmp_path / "home")[0] == 0
    with sqlite3.connect(tmp_path / "home" / "forge.sqlite") as db:
        numbers = [number for (number,) in db.execute("SELECT number FROM issues ORDER BY number")]
        (following,) = db.execute("SELECT next_number FROM repositories").fetchone()
    assert numbers == list(range(1, following))


TAMPERED = {
    "a byte of the database": lambda name, held: (
        held[:-1] + bytes([held[-1] ^ 1]) if name == "forge.sqlite" else held
    ),
    "a ref": lambda name, held: (
        held.replace(b"refs/heads/work", b"refs/heads/evil")
        if name.endswith("packed-refs")
        else held
    ),
    "an object that is gone": lambda name, held: None if "/objects/" in name else held,
    "no manifest": lambda name, held: None if name == "manifest.json" else held,
    "another format": lambda name, held: (
        held.replace(b'"format": 1', b'"format": 9') if name == "manifest.json" else held
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_backup_that_was_touched_is_not_put_back(lived_in, said, tmp_path, what) -> None:
    file = tmp_path / "forge.tar.gz"
    assert said("forge", "backup", file, "--home", lived_in[0].home)[0] == 0
    rewritten(file, tmp_path / "touched.tar.gz", TAMPERED[what])
    code, _, err = said(
        "forge", "restore", tmp_path / "touched.tar.gz", "--home", tmp_path / "home"
    )
    assert code == 2
    assert "touched.tar.gz" in err
    assert not (tmp_path / "home").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".forge")] == []


def test_a_repository_that_lacks_objects_is_not_put_back_though_its_digests_fit(
    lived_in, said, tmp_path
) -> None:
    """Whoever made the file can write digests too; git is asked whether all is there."""
    file, names = tmp_path / "forge.tar.gz", []
    assert said("forge", "backup", file, "--home", lived_in[0].home)[0] == 0

    def without_objects(name, held):
        if "/objects/" in name:
            names.append(name)
            return None
        if name != "manifest.json":
            return held
        manifest = json.loads(held)
        manifest["digests"] = {
            one: digest for one, digest in manifest["digests"].items() if one not in names
        }
        return json.dumps(manifest).encode()

    rewritten(file, tmp_path / "hollow.tar.gz", without_objects)
    code, _, err = said("forge", "restore", tmp_path / "hollow.tar.gz", "--home", tmp_path / "home")
    assert (code, "is not whole" in err) == (2, True), err


@pytest.mark.parametrize(
    "name",
    [
        "../escaped",
        "/etc/escaped",
        "repositories/1.git/hooks/update",
        "repositories/1.git/config",
        "repositories/../../x",
        "admin.token",
        "repositories/1.git/objects/info/alternates",
    ],
)
def test_a_member_that_is_no_part_of_a_forge_is_refused(lived_in, said, tmp_path, name) -> None:
    file = tmp_path / "evil.tar.gz"
    with tarfile.open(file, "w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    code, _, err = said("forge", "restore", file, "--home", tmp_path / "home")
    assert code == 2
    assert "no part of a forge" in err
    assert list(tmp_path.iterdir()) == [file]


def test_a_full_folder_and_a_file_that_is_there_are_left_alone(lived_in, said, tmp_path) -> None:
    file = tmp_path / "forge.tar.gz"
    assert said("forge", "backup", file, "--home", lived_in[0].home)[0] == 0
    first = file.read_bytes()
    code, _, err = said("forge", "backup", file, "--home", lived_in[0].home)
    assert (code, "is there already" in err, file.read_bytes() == first) == (2, True, True)
    code, _, err = said("forge", "restore", file, "--home", tmp_path)
    assert (code, "is not empty" in err) == (2, True)


@pytest.fixture
def original(tmp_path):
    """Somebody's repository: two branches, a tag, a submodule, and a hook and settings
    that must not be followed."""
    folder = tmp_path / "original"
    folder.mkdir()
    done(git("init", "--quiet", "--initial-branch=trunk", cwd=folder))
    (folder / "README.md").write_text("# Theirs\n")
    done(git("add", "--all", cwd=folder))
    done(git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor", cwd=folder))
    done(git("commit", "--quiet", "-m", "Fixes #1", cwd=folder))
    done(git("tag", "-a", "v1", "-m", "one", cwd=folder))
    done(git("branch", "side", cwd=folder))
    (folder / ".git" / "hooks" / "post-update").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (folder / ".git" / "hooks" / "post-update").chmod(0o755)
    done(git("config", "core.fsmonitor", f"touch {tmp_path}/ran", cwd=folder))
    done(git("config", "uploadpack.packObjectsHook", f"touch {tmp_path}/ran; exit 1;", cwd=folder))
    return folder


def test_a_folder_is_taken_in_with_its_history_and_without_its_settings(
    lived_in, said, original, tmp_path
) -> None:
    running, ana, _ = lived_in
    name = f"ana/{tmp_path.name[:60].strip('_')}"
    code, out, err = said("forge", "import", original, name, "--home", running.home, "--json")
    assert code == 0, err
    result = json.loads(out)
    assert (result["default_branch"], result["refs"]) == ("trunk", 3)
    assert not (tmp_path / "ran").exists()
    done(git("clone", "--quiet", f"{running.url}/{name}.git", "clone", cwd=tmp_path))
    assert done(git("log", "--format=%s", "-1", cwd=tmp_path / "clone")) == "Fixes #1"
    assert sorted(
        done(
            git("ls-remote", "--heads", "--tags", "--refs", "origin", cwd=tmp_path / "clone")
        ).split()[1::2]
    ) == ["refs/heads/side", "refs/heads/trunk", "refs/tags/v1"]
    number = httpx.get(
        f"{running.api}/repos/{name}", trust_env=False, verify=False, timeout=SECONDS
    ).json()["id"]
    folder = running.home / "repositories" / f"{number}.git"
    assert "fsmonitor" not in (folder / "config").read_text()
    assert [path.name for path in (folder / "hooks").iterdir()] == ["update"]
    assert list((running.home / "incoming").iterdir()) == []
    (tmp_path / "clone" / "more.txt").write_text("more\n")
    done(git("add", "more.txt", cwd=tmp_path / "clone"))
    done(git("commit", "--quiet", "-m", "More", cwd=tmp_path / "clone"))
    done(git("push", "--quiet", "origin", "trunk", cwd=tmp_path / "clone", token=ana.token))


def test_another_forge_is_taken_in_over_http(lived_in, said, tmp_path) -> None:
    running, _, _ = lived_in
    code, _, err = said(
        "forge",
        "import",
        f"{running.url}/ana/tidebook.git",
        "ana/over-http",
        "--home",
        running.home,
    )
    assert code == 0, err
    assert (
        httpx.get(
            f"{running.api}/repos/ana/over-http/contents/README.md",
            trust_env=False,
            verify=False,
            timeout=SECONDS,
        ).status_code
        == 200
    )


@pytest.mark.parametrize(
    ("source", "name", "message"),
    [
        ("ext::sh -c touch% ran", "ana/x", "is not a folder"),
        ("--upload-pack=touch ran", "ana/x", "is not a folder"),
        ("ftp://example.org/x", "ana/x", "expected a folder, or an https"),
        (".", "ana/x", "not a git repository"),
        ("{original}", "ana", "expected OWNER/NAME"),
        ("{original}", "nobody-here/x", "factory forge users add nobody-here"),
        ("{original}", "ana/..", "name must be"),
        ("{original}", "ana/tidebook", "exists"),
    ],
)
def test_what_cannot_be_taken_in_is_named_and_leaves_nothing(
    lived_in, said, original, tmp_path, monkeypatch, source, name, message
) -> None:
    running, _, _ = lived_in
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    before = sorted(path.name for path in (running.home / "repositories").iterdir())
    code, _, err = said(
        "forge", "import", "--home", running.home, "--", source.format(original=original), name
    )
    assert (code, message in err) == (2, True), err
    assert sorted(path.name for path in (running.home / "repositories").iterdir()) == before
    assert list((running.home / "incoming").iterdir()) == []


def test_people_are_added_raised_and_given_tokens(said, tmp_path) -> None:
    """The first on a home where nothing serves: one is started for as long as it takes."""
    home = tmp_path / "forge"
    start(home).stop()
    first = json.loads(
        said("forge", "users", "add", "kim", "--role", "triage", "--home", home, "--json")[1]
    )
    running = start(home)
    try:
        assert said("forge", "users", "role", "kim", "write", "--home", home)[0] == 0
        result = json.loads(said("forge", "users", "list", "--home", home, "--json")[1])["users"]
        assert [(one["login"], one["role"], one["kind"]) for one in result] == [
            ("kim", "write", "User")
        ]
        second = json.loads(
            said("forge", "users", "token", "kim", "--revoke", "--home", home, "--json")[1]
        )
        by = [{"Authorization": f"token {token['token']}"} for token in (first, second)]
        answers = [
            httpx.get(
                f"{running.api}/user", headers=one, trust_env=False, verify=False, timeout=SECONDS
            ).status_code
            for one in by
        ]
        assert answers == [401, 200]
        code, _, err = said("forge", "users", "role", "nobody", "write", "--home", home)
        assert (code, "Not Found" in err) == (2, True)
    finally:
        running.stop()
    code, _, err = said("forge", "users", "list", "--home", tmp_path / "none")
    assert (code, "there is no forge" in err) == (2, True)


def test_serve_prints_its_address_and_ends_in_good_order(tmp_path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "forge", "serve", "--home", str(tmp_path / "forge")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()
    address = process.stdout.readline().strip()
    assert httpx.get(
        f"{address}/-/health", trust_env=False, verify=False, timeout=SECONDS
    ).json() == {"ok": True}
    process.send_signal(signal.SIGTERM)
    assert (process.wait(timeout=SECONDS), process.stderr.read()) == (0, "")


def test_a_database_of_the_first_schema_is_brought_up(tmp_path) -> None:
    """An issue and a pull request that were filed before forks were known are still
    there, and of their own repository."""
    home = tmp_path / "forge"
    running = start(home)
    admin = Administrator(running)
    admin.create_user("ana", role="admin")
    admin.create_repository("ana", "tidebook")
    running.stop()
    with sqlite3.connect(home / "forge.sqlite") as db:
        for statement in (
            (
                "INSERT INTO issues (repository_id, number, title, body, state, author_id, is_pull,"
                " created_at, updated_at) VALUES (1, 1, 'Old', '', 'closed', 1, 1, 1, 1)"
            ),
            "UPDATE users SET role = 4",
            (
                "INSERT INTO pulls (issue_id, base, base_sha, head, head_sha) VALUES (1, 'main',"
                " 'a', 'work', 'b')"
            ),
            "ALTER TABLE repositories DROP COLUMN source_id",
            "ALTER TABLE pulls DROP COLUMN head_repository_id",
            "ALTER TABLE pulls DROP COLUMN head_owner_id",
            "ALTER TABLE check_runs DROP COLUMN annotations",
            "ALTER TABLE hooks DROP COLUMN app_id",
            "ALTER TABLE comments DROP COLUMN edited_at",
            "DROP TABLE apps",
            "DROP TABLE pins",
            "DROP TABLE review_comments",
            "DROP TABLE reviews",
            "DROP INDEX all_issues_by_age",
            "PRAGMA user_version = 1",
        ):
            db.execute(statement)
    running = start(home)
    try:
        pull = httpx.get(
            f"{running.api}/repos/ana/tidebook/pulls?state=all",
            trust_env=False,
            verify=False,
            timeout=SECONDS,
        ).json()[0]
        assert (pull["title"], pull["head"]["repo"]["id"], pull["head"]["user"]["login"]) == (
            "Old",
            1,
            "ana",
        )
    finally:
        running.stop()
    with sqlite3.connect(home / "forge.sqlite") as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == SCHEMA
        assert db.execute("SELECT role FROM users").fetchone()[0] == Role.ADMIN
        assert (
            db.execute(
                "SELECT count(*) FROM sqlite_master WHERE name IN ('pins', 'all_issues_by_age',"
                " 'reviews', 'review_comments')"
            ).fetchone()[0]
            == 4
        )
