"""git over HTTP: real clones, pushes and fetches, and who may do which."""

import gzip
import os
import socket
import struct
import subprocess
import zlib

import pytest

from harness.programs.local_forge.content import people, repositories
from harness.programs.local_forge.git import commits
from harness.programs.local_forge.git.objects import (
    EMPTY_TREE,
    MOST_WRITTEN,
    BareRepository,
    Person,
    environment,
)
from harness.programs.local_forge.ref_sync import _entry
from harness.programs.local_forge.refused import Refused
from harness.programs.local_forge.service import Service
from harness.programs.local_forge.settings import Settings, prepare
from harness.programs.local_forge.shapes.common import moment
from harness.programs.local_forge.storage.records import Role
from tests.forge.gitclient import done, git
from tests.forge.waiting import SECONDS

NEVER_A_BRANCH = (
    "-f",
    "a..b",
    "../../x",
    "a b",
    "x.lock",
    "a~1",
    "a:b",
    "@{1}",
    "a\\b",
    "/a",
    "a/",
    "a//b",
    ".a",
    "a\x07",
)


@pytest.fixture
def checkout(place, tmp_path):
    done(git("clone", "--quiet", place.repository.clone_url, "checkout", cwd=tmp_path))
    return tmp_path / "checkout"


def commit(checkout, name="more.txt", text="more\n", message="More"):
    (checkout / name).write_text(text)
    done(git("add", "--all", cwd=checkout))
    done(git("commit", "--quiet", "-m", message, cwd=checkout))
    return done(git("rev-parse", "HEAD", cwd=checkout))


def tip(place, branch="main"):
    answer = place.api("GET", f"/branches/{branch}")
    return answer.json()["commit"]["sha"] if answer.status_code == 200 else None


def test_anybody_on_the_machine_can_clone(checkout) -> None:
    assert (checkout / "README.md").read_text() == "# Tidebook\n"


@pytest.mark.parametrize("version", ["0", "2"])
def test_both_protocol_versions_are_spoken(place, tmp_path, version) -> None:
    url = place.repository.clone_url
    listed = done(
        git("-c", f"protocol.version={version}", "ls-remote", url, "refs/heads/main", cwd=tmp_path)
    )
    assert listed.startswith(tip(place))


def test_a_writer_pushes_and_everybody_fetches_it(place, checkout, tmp_path) -> None:
    sha = commit(checkout)
    done(git("push", "--quiet", "origin", "main", cwd=checkout, token=place.factory.token))
    assert tip(place) == sha
    done(git("clone", "--quiet", "--depth", "1", place.repository.clone_url, "other", cwd=tmp_path))
    assert (tmp_path / "other" / "more.txt").exists()


def test_a_push_without_a_token_asks_for_one(place, checkout) -> None:
    before = tip(place)
    commit(checkout)
    refused = git("push", "origin", "main", cwd=checkout)
    assert refused.returncode != 0
    assert "could not read Username" in refused.stderr
    assert tip(place) == before


@pytest.mark.parametrize("role", ["read", "triage"])
def test_a_push_without_the_right_is_refused(place, checkout, role) -> None:
    before = tip(place)
    commit(checkout)
    refused = git(
        "push", "origin", "main", cwd=checkout, token=place.person("ana", role=role).token
    )
    assert refused.returncode != 0
    assert "403" in refused.stderr
    assert tip(place) == before


def test_a_token_nobody_has_is_refused(place, checkout) -> None:
    commit(checkout)
    assert git("push", "origin", "main", cwd=checkout, token="lof_guess").returncode != 0


def test_a_role_on_one_repository_opens_that_one_only(place, checkout) -> None:
    ana = place.person("ana")
    given = place.api(
        "PUT", f"/collaborators/{ana.login}", by=place.owner, json={"permission": "push"}
    )
    assert given.status_code == 204
    other = place.admin.create_repository(place.owner.login, "other")
    commit(checkout)
    done(git("push", "--quiet", "origin", "main", cwd=checkout, token=ana.token))
    assert git("push", other.clone_url, "main", cwd=checkout, token=ana.token).returncode != 0


def test_the_default_branch_only_moves_forward(place, checkout) -> None:
    before = tip(place)
    done(git("commit", "--quiet", "--amend", "-m", "rewritten", cwd=checkout))
    for spec in ("+HEAD:main", ":main"):
        refused = git("push", "origin", spec, cwd=checkout, token=place.owner.token)
        assert refused.returncode != 0
        assert (
            "Protected branch" in refused.stderr or "deleting the current branch" in refused.stderr
        )
    assert tip(place) == before


def test_other_branches_can_be_rewritten_and_deleted(place, checkout) -> None:
    done(git("push", "--quiet", "origin", "HEAD:work", cwd=checkout, token=place.factory.token))
    done(git("commit", "--quiet", "--amend", "-m", "rewritten", cwd=checkout))
    done(git("push", "--quiet", "origin", "+HEAD:work", cwd=checkout, token=place.factory.token))
    assert tip(place, "work") == done(git("rev-parse", "HEAD", cwd=checkout))
    done(git("push", "--quiet", "origin", ":work", cwd=checkout, token=place.factory.token))
    assert tip(place, "work") is None


def test_a_lease_on_another_tip_does_not_land(place, checkout) -> None:
    """The factory lands by compare-and-swap: the lease must hold at the server, not only
    at the client."""
    base = tip(place)
    place.push({"app.py": "print('moved')\n"})
    sha = commit(checkout)
    refused = git(
        "push",
        f"--force-with-lease=main:{base}",
        "origin",
        f"{sha}:main",
        cwd=checkout,
        token=place.factory.token,
    )
    assert refused.returncode != 0
    assert tip(place) != sha


def test_nobody_can_push_a_pull_requests_own_ref(place, checkout) -> None:
    refused = git("push", "origin", "HEAD:refs/pull/1/head", cwd=checkout, token=place.owner.token)
    assert refused.returncode != 0


def test_a_large_push_streams_in_chunks(place, checkout) -> None:
    """git sends a body of more than http.postBuffer in chunks, without a length."""
    sha = commit(checkout, "noise.bin", "".join(chr(33 + n * 7919 % 90) for n in range(3_000_000)))
    pushed = git(
        "-c",
        "http.postBuffer=65536",
        "-c",
        "core.compression=0",
        "push",
        "--quiet",
        "origin",
        "main",
        cwd=checkout,
        token=place.factory.token,
    )
    done(pushed)
    assert tip(place) == sha


def test_a_gzipped_request_is_unpacked(place) -> None:
    want = f"0032want {tip(place)}\n00000009done\n".encode()
    answer = place.ask(
        "POST",
        f"/{place.name}.git/git-upload-pack",
        content=gzip.compress(want),
        headers={
            "Content-Type": "application/x-git-upload-pack-request",
            "Content-Encoding": "gzip",
        },
    )
    assert answer.status_code == 200
    assert b"PACK" in answer.content


@pytest.mark.parametrize(
    "tail",
    [
        "HEAD",
        "config",
        "objects/info/packs",
        "info/refs",
        "info/refs?service=git-evil",
        "../../admin.token",
        "%2e%2e/%2e%2e/admin.token",
        "info/refs/../../config",
    ],
)
def test_nothing_but_the_smart_protocol_is_served(museum, tail) -> None:
    with socket.create_connection(("127.0.0.1", museum.forge.port), timeout=SECONDS) as raw:
        raw.sendall(f"GET /{museum.name}.git/{tail} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.split(b" ", 2)[1] == b"404"


@pytest.mark.parametrize(
    "name", ["..", ".", "a/b", "x.git", "-x", "a b", "a\x00b", "ä", "x" * 101, "", "a.lock"]
)
def test_a_repository_cannot_have_a_name_that_means_a_path(museum, name) -> None:
    with pytest.raises(Exception, match=r"name|not found|Not Found"):
        museum.admin.create_repository(museum.owner.login, name)


@pytest.mark.parametrize("login", ["..", "a/b", "api", "-a", "a-", "ä", "a" * 41, "x<script>", ""])
def test_an_account_cannot_have_a_name_that_means_something_else(museum, login) -> None:
    with pytest.raises(Exception, match="login"):
        museum.admin.create_user(login)


@pytest.mark.parametrize("name", NEVER_A_BRANCH)
def test_a_hostile_ref_is_refused_by_the_api(museum, name) -> None:
    refused = museum.api(
        "POST", "/git/refs", by=museum.owner, json={"ref": f"refs/heads/{name}", "sha": tip(museum)}
    )
    assert refused.status_code == 422, name


@pytest.mark.parametrize(
    "name", ["main~0", "main^{tree}", "HEAD", ":README.md", "-p", "main@{0}", "--all"]
)
def test_only_names_are_commits_never_expressions(museum, name) -> None:
    assert museum.api("GET", "/commits", params={"sha": name}).status_code == 404
    assert museum.api("GET", "/contents/README.md", params={"ref": name}).status_code == 404


@pytest.mark.parametrize(
    "path", ["../README.md", "..%2fREADME.md", ".%2fREADME.md", "a//README.md", ":(glob)*", "*"]
)
def test_contents_are_found_by_their_very_path(museum, path) -> None:
    assert museum.api("GET", f"/contents/{path}").status_code == 404


@pytest.mark.parametrize(
    ("date", "more", "read"),
    [
        (1_700_000_000, "", "2023-11-14T22:13:20Z"),
        (1_700_000_000, "encoding UTF-16\n", "1970-01-01T00:00:00Z"),
        (2**63 - 1, "", "9999-12-31T23:59:59Z"),
    ],
)
def test_a_commit_whose_date_nobody_can_read_is_read(tmp_path, date, more, read) -> None:
    """git takes both in a push, and prints no date at all in the first. A stranger's fork with one
    such commit once kept the forge from starting."""
    repository = BareRepository(tmp_path / "1.git")
    repository.create("main")
    person = f"Ana <ana@example.org> {date} +0000"
    (tmp_path / "commit").write_text(
        f"tree {EMPTY_TREE}\nauthor {person}\ncommitter {person}\n{more}\nWorks\n"
    )
    repository.run("hash-object", "-w", "-t", "tree", os.devnull)
    sha = repository.run("hash-object", "-w", "-t", "commit", str(tmp_path / "commit")).strip()
    assert moment(commits.commit(repository, sha).committer.at) == read


class Asked(BareRepository):
    """A repository that keeps what it was asked."""

    def __init__(self, folder) -> None:
        super().__init__(folder)
        object.__setattr__(self, "asked", [])

    def is_ancestor(self, older, newer) -> bool:
        self.asked.append(newer)
        return super().is_ancestor(older, newer)


@pytest.mark.parametrize("length", [1, 30])
def test_a_long_history_is_not_walked_for_the_commit_that_merged(tmp_path, length) -> None:
    """Each question reads the history, and all else waits: two thousand commits that a stranger
    pushed to a fork held up the forge for 85 seconds."""
    repository = Asked(tmp_path / "1.git")
    repository.create("main")
    person = Person("Ana", "ana@example.org", 1_700_000_000)

    def made(message, *parents):
        return repository.commit(EMPTY_TREE, parents, message, person=person)

    (tmp_path / "tree").touch()
    repository.run("hash-object", "-w", "-t", "tree", str(tmp_path / "tree"))
    before = [made("Ours")]
    for _ in range(length):
        before.append(made("Ours", before[-1]))
    head = made("Theirs", before[0])
    after = [made("Merge", before[-1], head)]
    for _ in range(length):
        after.append(made("Ours", after[-1]))
    assert _entry(repository, head, after[-1]) == after[0]
    assert _entry(repository, head, head) == head
    assert len(repository.asked) <= 10


def test_a_file_of_any_size_is_not_read_into_the_forge(tmp_path) -> None:
    """A push of some kilobytes can hold it. A message of 200 MB took the forge 2.5 GB and minutes to
    show, and 200 MB of short lines took the diff of a page a minute, after which it failed."""
    repository = BareRepository(tmp_path / "1.git")
    repository.create("main")
    with (tmp_path / "big").open("wb") as file:
        for _ in range(65):
            file.write(b"a\n" * (MOST_WRITTEN // 128))
    stored = ("-c", "core.compression=0", "hash-object", "-w")
    blob = repository.run(*stored, str(tmp_path / "big")).strip()
    with pytest.raises(Refused, match="too large"):
        repository.raw("cat-file", "blob", blob)
    (tmp_path / "tree").write_bytes(b"100644 big\0" + bytes.fromhex(blob))
    tree = repository.run("hash-object", "-w", "-t", "tree", str(tmp_path / "tree")).strip()
    (change,) = commits.changes(repository, None, tree)
    assert (change.path, change.additions, change.patch) == ("big", 0, "")


def test_a_commit_of_any_size_is_not_read_into_memory(tmp_path) -> None:
    """A pack names the size of each object before its content. 600 MB of a commit are 3 in a pack."""
    BareRepository(tmp_path / "1.git").create("main")
    size, length = 300 << 20, bytearray([1 << 4 | 0x80])
    left = size >> 4
    while left:
        length.append(left & 0x7F | (0x80 if left >> 7 else 0))
        left >>= 7
    pack = b"PACK" + struct.pack(">II", 2, 1) + bytes(length) + zlib.compress(b"tree ")
    done = subprocess.run(
        ["git", "index-pack", "--stdin"],
        input=pack,
        capture_output=True,
        cwd=tmp_path / "1.git",
        env=environment(),
    )
    assert b"attempting to allocate 3145728" in done.stderr


def test_a_repository_that_git_cannot_read_keeps_no_other_from_being_served(
    tmp_path, capsys
) -> None:
    settings = Settings(tmp_path / "home")
    prepare(settings)
    service = Service(settings, "http://localhost:1")
    with service.transaction(write=True) as tx:
        ana = people.create_user(tx, "ana", role=Role.READ, kind="User")
        broken, sound = (
            repositories.create(tx, ana, name, description="", default_branch="main")
            for name in ("broken", "sound")
        )
        (tx.git(broken).folder / "HEAD").unlink()
        hook = tx.git(sound).folder / "hooks" / "update"
        hook.unlink()
    service.sync_every_repository()
    assert hook.exists()
    assert "forge: ana/broken was not brought up to date" in capsys.readouterr().err
