"""Making a trial: what the copy holds, what is said, and that a trial that cannot be made leaves
nothing anywhere."""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from harness.domain.errors import ConfigError, FactoryError
from harness.home.document import read_home
from harness.home.programs import KEY
from harness.log import Log
from harness.operations.setup.create_home import launcher_key_id
from harness.operations.setup.trial import Trial, create_trial
from harness.wiring import open_factory
from tests.fakes.original import everything, git, repository_of

TIDEBOOK = Path(__file__).resolve().parents[2] / "examples" / "tidebook"
GOVERNANCE = ("mission.md", "factory_rules.md", "CLAUDE.md", "factory.toml")


@pytest.fixture
def app(tmp_path):
    folder = tmp_path / "app"
    shutil.copytree(
        TIDEBOOK, folder, ignore=shutil.ignore_patterns("__pycache__", "data", *GOVERNANCE)
    )
    repository_of(folder, branch="trunk")
    return folder


@pytest.fixture
def issues(tmp_path):
    path = tmp_path / "issues.md"
    path.write_text("# Ступени\n\nне видны\n\n# Only a title\n\n# Long\n\n" + "x" * 65_536)
    return path


def make(tmp_path, app, issues, **given):
    said, recordings = [], tmp_path / "recordings"
    recordings.mkdir(exist_ok=True)
    prepared = create_trial(
        tmp_path / "home",
        Trial(str(app), issues, **{"replay": recordings} | given),
        here=tmp_path,
        key="",
        tell=said.append,
    )
    return prepared, said


def bare(home):
    return next((home / "forge" / "repositories").glob("*.git"))


def shown(home, path):
    return git(bare(home), "show", f"HEAD:{path}")


def test_the_copy_has_the_originals_files_and_then_what_governs_it(tmp_path, app, issues) -> None:
    before = everything(app)
    prepared, said = make(tmp_path, app, issues)
    home = tmp_path / "home"
    assert everything(app) == before
    assert git(bare(home), "symbolic-ref", "HEAD") == "refs/heads/trunk"
    assert git(bare(home), "rev-parse", "HEAD~1^{tree}") == git(app, "rev-parse", "HEAD^{tree}")
    assert git(bare(home), "show", "-s", "--format=%an", "HEAD") == "Maintainer of the trial"
    added = set(git(bare(home), "diff", "--name-status", "HEAD~1", "HEAD").split("\n"))
    assert {f"A\t{name}" for name in GOVERNANCE} <= added
    assert all(line.startswith("A\t") for line in added)
    assert {draft.path for draft in prepared.drafts} == {line[2:] for line in added}
    assert tomllib.loads(shown(home, "factory.toml"))["seal"]["trusted_keys"] == [
        launcher_key_id(home)
    ]
    assert (read_home(home).origin, read_home(home).owner, read_home(home).name) == (
        str(app),
        "trial",
        "app",
    )
    assert said[-3:] == [
        "issue #1 by reporter: Ступени",
        "issue #2 by reporter: Only a title",
        "issue #3 by reporter: Long",
    ]
    assert not (home / "original.git").exists()
    assert not (home / "original").exists()


def test_what_is_there_is_kept_and_only_the_key_is_pinned(tmp_path, app, issues) -> None:
    for name in ("mission.md", "factory_rules.md"):
        shutil.copy(TIDEBOOK / name, app)
    (app / "CLAUDE.md").write_text("# House style\n\nShort functions.\n")
    (app / "factory.toml").write_text(
        'schema = 1\n\n[app]\nstart = ["python", "-m", "tidebook"]  # ours\n'
    )
    repository_of(app)
    prepared, _ = make(tmp_path, app, issues)
    home = tmp_path / "home"
    changed = git(bare(home), "diff", "--name-status", "HEAD~1", "HEAD").split("\n")
    assert [line for line in changed if line[0] != "A"] == ["M\tfactory.toml"]
    assert not {draft.path for draft in prepared.drafts} & set(GOVERNANCE)
    assert "# ours" in shown(home, "factory.toml")
    assert shown(home, "CLAUDE.md") == "# House style\n\nShort functions."


def test_prose_that_cannot_bind_gives_way_to_its_draft_in_the_copy_alone(
    tmp_path, app, issues
) -> None:
    (app / "Mission.md").write_text("# What we want\n\nWe never take payments.\n")
    repository_of(app)
    make(tmp_path, app, issues)
    home = tmp_path / "home"
    assert shown(home, "Mission.md").startswith("---\nschema: 1")
    assert "mission.draft.md" not in git(bare(home), "ls-tree", "--name-only", "HEAD")


def test_a_repository_without_a_start_command_is_tried_all_the_same(tmp_path, issues) -> None:
    folder = tmp_path / "words"
    folder.mkdir()
    (folder / "notes.txt").write_text("words\n")
    repository_of(folder)
    make(tmp_path, folder, issues)
    assert tomllib.loads(shown(tmp_path / "home", "factory.toml"))["app"]["start"] == []


def test_a_factory_at_work_has_no_model_key_in_the_environment_that_its_children_get(
    tmp_path, app, issues, monkeypatch
) -> None:
    make(tmp_path, app, issues)
    monkeypatch.setenv(KEY, "sk-canary")
    with open_factory(tmp_path / "home", log=Log()):
        inherited = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout
    assert "sk-canary" not in inherited
    assert os.environ[KEY] == "sk-canary"


def test_a_lock_that_cannot_be_made_is_said(tmp_path, app, issues, monkeypatch) -> None:
    """No index is asked here: there is none, and the copy is made all the same."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    for name in ("requirements.txt", "requirements-dev.txt"):
        (app / name).write_text("a-package-that-nobody-has\n")
    repository_of(app)
    prepared, _ = make(tmp_path, app, issues)
    assert any(
        "requirements.lock could not be made: no versions were found" in note
        for note in prepared.notes
    )
    assert (
        "requirements.lock"
        not in git(bare(tmp_path / "home"), "ls-tree", "--name-only", "HEAD").split()
    )


def test_odd_names_and_submodules_are_copied_as_far_as_they_can(tmp_path, app, issues) -> None:
    (app / "README").write_text("another\n")
    git(app, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendored")
    git(app, "add", "README")
    git(app, "commit", "--quiet", "--message", "odd")
    prepared, _ = make(tmp_path, app, issues)
    assert prepared.notes[0] == "1 submodules were left out: 'vendored'"
    assert "vendored" not in git(bare(tmp_path / "home"), "ls-tree", "--name-only", "HEAD")


def _nul(tmp_path, app, issues) -> None:
    issues.write_bytes(b"# One\n\0\n")


def _empty_folder(tmp_path, app, issues) -> None:
    issues.unlink()
    issues.mkdir()


def _no_commit(tmp_path, app, issues) -> None:
    shutil.rmtree(app / ".git")
    git(app, "init", "--quiet")


def _no_repository(tmp_path, app, issues) -> None:
    shutil.rmtree(app / ".git")


def _link_out_of_the_tree(tmp_path, app, issues) -> None:
    (app / "out").symlink_to("/etc/passwd")
    repository_of(app)


def _broken_config(tmp_path, app, issues) -> None:
    (app / "factory.toml").write_text("[app\n")
    repository_of(app)


def _reserved_author(tmp_path, app, issues) -> None:
    issues.write_text("---\ntitle: A\nauthor: lights-out\n---\n")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_nul, "contains a NUL"),
        (_empty_folder, "no issue is there"),
        (_no_commit, "has no commit yet"),
        (_no_repository, "is not a git repository"),
        (_link_out_of_the_tree, "leaves the tree"),
        (_broken_config, "factory.toml"),
        (_reserved_author, "name another author"),
    ],
)
def test_a_trial_that_cannot_be_made_leaves_nothing(tmp_path, app, issues, spoil, message) -> None:
    spoil(tmp_path, app, issues)
    with pytest.raises(FactoryError) as refused:
        make(tmp_path, app, issues)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2
    assert not (tmp_path / "home").exists()


def test_an_empty_home_that_was_there_stays_and_is_empty(tmp_path, app, issues) -> None:
    (tmp_path / "home").mkdir()
    _broken_config(tmp_path, app, issues)
    with pytest.raises(ConfigError):
        make(tmp_path, app, issues)
    assert list((tmp_path / "home").iterdir()) == []


def test_a_home_within_the_original_is_refused(tmp_path, app, issues) -> None:
    before = everything(app)
    with pytest.raises(ConfigError, match="is inside of the original, which must not change"):
        create_trial(
            app / "home",
            Trial(str(app), issues, replay=tmp_path),
            here=tmp_path,
            key="",
            tell=print,
        )
    assert everything(app) == before


def test_without_a_model_the_three_ways_are_named_before_anything_is_made(
    tmp_path, app, issues, monkeypatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    with pytest.raises(ConfigError) as refused:
        make(tmp_path, app, issues, replay=None)
    assert all(way in str(refused.value) for way in (KEY, "--endpoint", "--replay"))
    with pytest.raises(ConfigError, match="exclude each other"):
        make(tmp_path, app, issues, endpoint="http://localhost:1")
    with pytest.raises(ConfigError, match="is not a folder with recorded exchanges"):
        make(tmp_path, app, issues, replay=tmp_path / "none")
    assert not (tmp_path / "home").exists()
