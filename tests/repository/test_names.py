"""Names from strangers never reach an argument list unchecked."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.domain.errors import GitError
from harness.repository.names import branch_ref, full_ref, remote_url, run_name, sha
from tests.tiers import share

HOSTILE_BRANCHES = [
    "--upload-pack=touch /tmp/x",
    "-f",
    "a/-f",
    "../../x",
    "a..b",
    "a b",
    "a~1",
    "a^",
    "a:b",
    "a?b",
    "a*",
    "a[b",
    "a\\b",
    "",
    "/a",
    "a/",
    "a//b",
    ".a",
    "a/.b",
    "a.lock",
    "a.lock/b",
    "a.",
    "a@{1}",
    "a\nb",
    "a\0b",
    "\x1b[31m",
    "a\x7f",
    "\udcff",
]


@pytest.mark.parametrize("branch", HOSTILE_BRANCHES)
def test_a_hostile_branch_is_refused_by_name(branch) -> None:
    with pytest.raises(GitError, match="not a ref name"):
        branch_ref(branch)


@pytest.mark.parametrize(
    "branch", ["main", "feature/x", "fix#12", "日本", "a-b", "release-1.0", "@", "HEAD"]
)
def test_an_ordinary_branch_is_taken(branch) -> None:
    assert branch_ref(branch) == f"refs/heads/{branch}"


@settings(max_examples=share(150), deadline=None)
@given(st.text(alphabet="ab/.-@{~^:?*[\\ \x01é", max_size=8))
def test_whatever_we_take_git_takes_too(name) -> None:
    try:
        ref = full_ref(f"refs/heads/{name}")
    except GitError:
        return
    assert subprocess.run(["git", "check-ref-format", ref], check=False).returncode == 0


@pytest.mark.parametrize(
    "name",
    ["HEAD", "main", "a" * 39, "a" * 41, "A" * 40, "a" * 40 + "\n", "--all", "a" * 38 + "^0"],
)
def test_only_a_full_object_name_is_a_sha(name) -> None:
    with pytest.raises(GitError, match="40 hex digits"):
        sha(name)


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% /tmp/x",
        "ssh://host/x",
        "git@host:x",
        "--upload-pack=x",
        "relative/path",
        "fd::17",
        "git://host/x",
        "https://user:secret@host/x",
        "http://example.org/x.git",
    ],
)
def test_a_place_that_runs_commands_or_shows_a_token_is_refused(url) -> None:
    with pytest.raises(GitError) as refused:
        remote_url(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["https://github.com/a/b.git", "http://localhost:8080/a/b.git", "file:///srv/x", "/srv/x"],
)
def test_the_places_that_we_use_are_taken(url) -> None:
    assert remote_url(url) == url


@pytest.mark.parametrize("name", ["", "..", "a/b", ".trash", "-x", "a" * 129, "a b", "a\n"])
def test_a_run_that_is_no_safe_folder_is_refused(name) -> None:
    with pytest.raises(GitError, match="not a run's name"):
        run_name(name)
