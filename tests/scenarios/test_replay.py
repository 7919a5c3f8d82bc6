"""`factory replay`: a past run again, offline; the same decisions, or where they part."""

import json
import os
import sqlite3
import subprocess

import pytest

from tests.scenarios.conftest import factory


@pytest.fixture
def home(lap):
    """A home in which an issue was triaged and rejected: the cheapest run with a model that there
    is."""
    return lap.home


@pytest.fixture
def own(copy):
    """A copy of it, to be tampered with."""
    return copy


def tape(home):
    return home / "runs" / "triage-3-1" / "tape.jsonl"


def rewritten(home, change):
    """The tape with its lines changed."""
    lines = [json.loads(line) for line in tape(home).read_text("utf-8").splitlines()]
    tape(home).write_text("".join(json.dumps(line) + "\n" for line in change(lines)), "utf-8")


def test_a_run_decides_the_same_again_and_leaves_the_home_as_it_is(home) -> None:
    before = {
        path: path.stat().st_mtime_ns
        for path in home.rglob("*")
        if path.is_file() and "ledger.db" not in path.name
    }
    said = factory(home, "replay", "triage-3-1", "--json")
    assert said.code == 0, said.out + said.err
    assert [(run["run"], run["same"]) for run in said.json["runs"]] == [("triage-3-1", True)]
    assert said.json["runs"][0]["entries"] >= 7
    after = {
        path: path.stat().st_mtime_ns
        for path in home.rglob("*")
        if path.is_file() and "ledger.db" not in path.name
    }
    assert after == before


def test_an_exported_run_is_replayed_without_its_home_and_is_the_same_file_twice(
    home, tmp_path
) -> None:
    for name in ("one.kit", "two.kit"):
        assert factory(home, "replay", "triage-3-1", "--export", str(tmp_path / name)).code == 0
    assert (tmp_path / "one.kit").read_bytes() == (tmp_path / "two.kit").read_bytes()
    assert (tmp_path / "one.kit").stat().st_mode & 0o777 == 0o600
    said = factory(tmp_path / "nowhere", "replay", "--from", str(tmp_path / "one.kit"), "--json")
    assert said.code == 0, said.out + said.err
    assert said.json["runs"][0]["same"] is True


def test_no_credential_of_the_home_is_in_an_export(home, tmp_path) -> None:
    factory(home, "replay", "triage-3-1", "--export", str(tmp_path / "kit"))
    subprocess.run(
        ["tar", "--extract", "--xz", "--file", tmp_path / "kit", "--directory", tmp_path],
        check=True,
    )
    secrets = [
        path.read_bytes().strip()
        for path in (home / "keys").iterdir()
        if not path.name.endswith(".pub")
    ]
    assert secrets
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert not any(secret and secret in path.read_bytes() for secret in secrets), path


def test_another_answer_of_the_forge_is_another_decision_and_the_first_difference_is_shown(
    own,
) -> None:
    def change(lines):
        for line in lines:
            if line.get("call") == "issue":
                line["answer"]["body"] = "Please let us pay."
        return lines

    rewritten(own, change)
    said = factory(own, "replay", "triage-3-1")
    assert said.code == 1
    assert "NOT the same" in said.out
    assert "triage-3-1/intake/1: differs" in said.out
    assert "Please let us pay." in said.out


def test_a_question_that_was_not_recorded_is_named(own) -> None:
    rewritten(own, lambda lines: [line for line in lines if line.get("call") != "comments"])
    said = factory(own, "replay", "triage-3-1")
    assert said.code == 1
    assert "intake asked comments(3) of the forge; its recording is used up" in said.out


def test_a_tape_that_is_not_used_up_is_named(own) -> None:
    rewritten(
        own,
        lambda lines: [
            *lines,
            {**next(line for line in lines if line.get("call") == "issue"), "node": "decide"},
        ],
    )
    said = factory(own, "replay", "triage-3-1")
    assert said.code == 1
    assert "the recorded call did not come: decide: issue(3)" in said.out


def test_a_request_to_a_model_that_differs_is_named_with_its_text(own) -> None:
    record = own / "record"
    line = next(
        json.loads(line) for line in tape(own).read_text("utf-8").splitlines() if '"wire"' in line
    )

    from harness.home.recording import object_in, put_object

    content = object_in(record, line["object"]).replace(
        b"add card payments", b"sell us the moon", 1
    )
    rewritten(
        own,
        lambda lines: [
            {**one, "object": put_object(record, content)} if one.get("wire") else one
            for one in lines
        ],
    )
    said = factory(own, "replay", "triage-3-1")
    assert said.code == 1
    assert "triage 1, call 1: the request to the model is not the recorded one" in said.out
    assert "sell us the moon" in said.out


def test_a_recording_that_was_changed_is_no_recording(own) -> None:
    line = next(
        json.loads(line) for line in tape(own).read_text("utf-8").splitlines() if '"wire"' in line
    )
    import gzip

    path = own / "record" / line["object"][:2] / f"{line['object']}.gz"
    path.write_bytes(
        gzip.compress(gzip.decompress(path.read_bytes()).replace(b"payments", b"pavements"))
    )
    said = factory(own, "replay", "triage-3-1")
    assert said.code == 2
    assert "does not match its name" in said.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("triage-9-9",), "no run is called triage-9-9"),
        ((), "name one RUN"),
        (("triage-3-1", "--against", "nowhere"), "has no commit 'nowhere'"),
        (("triage-3-1", "--folder", "/"), "is there already"),
    ],
)
def test_what_cannot_be_replayed_is_said(home, arguments, says) -> None:
    said = factory(home, "replay", *arguments)
    assert said.code == 2
    assert says in said.err


def test_a_file_that_is_no_export_is_said(tmp_path) -> None:
    (tmp_path / "kit").write_text("hello")
    said = factory(tmp_path / "nowhere", "replay", "--from", str(tmp_path / "kit"))
    assert said.code == 2
    assert "is no kit of a run" in said.err


def test_a_run_from_before_recordings_is_said(own) -> None:
    tape(own).unlink()
    said = factory(own, "replay", "triage-3-1")
    assert said.code == 2
    assert "there is no recording of triage-3-1" in said.err


def test_other_governance_shows_what_it_would_have_decided(own) -> None:
    """The mission without the entry that refused: the recorded answer cites what is not there any
    more."""
    said = factory(own, "replay", "triage-3-1", "--against", without_an_entry(own, "M-NOPAY"))
    assert said.code == 1, said.out + said.err
    first, *then = [line for line in said.out.splitlines() if "triage-3-1/" in line]
    assert first == "  triage-3-1/classify/1: differs"
    assert "  then triage-3-1/decide/event: was recorded, but is missing in the replay" in then
    assert "'M-NOPAY' is not one of" in said.out


def without_an_entry(home, entry):
    """A commit in the factory's own repository whose mission lacks an entry."""
    bare = next((home / "repositories").glob("*.git"))
    with sqlite3.connect(f"file:{home}/ledger.db?mode=ro", uri=True) as ledger:
        base = json.loads(
            ledger.execute("SELECT data FROM entries WHERE kind = 'run'").fetchone()[0]
        )["base"]

    def git(*arguments, stdin=None, index=None):
        environment = {
            **os.environ,
            **({"GIT_INDEX_FILE": str(index)} if index else {}),
            **{
                f"GIT_{who}_{what}": "m@example.org"
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
        }
        return subprocess.run(
            ["git", f"--git-dir={bare}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        ).stdout.strip()

    text = git("show", f"{base}:mission.md")
    start = text.index(f"{{#{entry}}}")
    start = text.rindex("\n## ", 0, start)
    end = text.find("\n## ", start + 1)
    blob = git(
        "hash-object", "-w", "--stdin", stdin=text[:start] + (text[end:] if end > 0 else "\n")
    )
    index = home / "an-index"
    git("read-tree", base, index=index)
    git("update-index", "--cacheinfo", f"100644,{blob},mission.md", index=index)
    return git("commit-tree", git("write-tree", index=index), "-p", base, "-m", "without", stdin="")
