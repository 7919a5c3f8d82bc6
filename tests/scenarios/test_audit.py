"""`factory audit` after the lap: sound as it is; and after any one change, not, with the entry
named."""

import shutil
import sqlite3
import subprocess

from tests.scenarios.conftest import factory


def audit(home):
    return factory(home, "audit", "--json")


def tampered(home, *statements) -> None:
    """What somebody with the file would do: take the guards away, change, put the guards back."""
    with sqlite3.connect(home / "ledger.db") as db:
        guards = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            db.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            db.execute(statement)
        for _, sql in guards:
            db.execute(sql)


def test_after_the_run_everything_is_sound(copy, lap) -> None:
    said = audit(copy)
    assert said.code == 0, said.out
    assert said.json["ok"] is True
    landed = lap.issues & {1, 2, 6, 7}
    # Of the whole demo, two changes are judged twice and one three times; more where the base
    # moved.
    assert said.json["verdicts"] >= (7 if landed > {1} else 1)
    assert said.json["landings"] == len(landed)


def test_a_changed_byte_of_the_ledger_is_named(copy) -> None:
    tampered(
        copy, "UPDATE entries SET data = replace(data, 'mussel', 'Mussel') || ' ' WHERE seq = 7"
    )
    said = audit(copy)
    assert said.code == 1
    assert said.json["faults"][0]["entry"] == 7


def test_a_cut_tail_is_named(copy) -> None:
    with sqlite3.connect(copy / "ledger.db") as db:
        last = db.execute("SELECT max(seq) FROM entries").fetchone()[0]
    tampered(copy, f"DELETE FROM entries WHERE seq = {last}")
    said = audit(copy)
    assert said.code == 1
    assert said.json["faults"][0]["entry"] == last


def test_a_changed_verdict_is_named(copy) -> None:
    envelope = next(copy.glob("evidence/validate-*/verdict.json"))
    envelope.write_text(envelope.read_text().replace('"payload": "', '"payload": "A', 1))
    said = audit(copy)
    assert said.code == 1
    assert said.json["faults"][0]["subject"] == "verdict"


def test_a_verdict_that_was_taken_away_is_named(copy) -> None:
    next(copy.glob("evidence/validate-*/verdict.json")).unlink()
    said = audit(copy)
    assert said.code == 1
    assert said.json["faults"][0]["subject"] == "verdict"


def test_a_landed_tree_that_was_changed_is_named(copy) -> None:
    """Production's branch is rewritten on the forge: the same files but one."""
    bare = next((copy / "forge" / "repositories").glob("*.git"))

    def git(*arguments, given=None):
        done = subprocess.run(
            ["git", "-C", bare, "-c", "user.name=x", "-c", "user.email=x@example.org", *arguments],
            input=given,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    blob = git("hash-object", "-w", "--stdin", given="evil")
    listing = git("ls-tree", "main")
    tree = git("mktree", given=f"{listing}\n100644 blob {blob}\tevil.py\n")
    commit = git("commit-tree", tree, "-p", "main~1", "-m", "quietly")
    git("update-ref", "refs/heads/main", commit)
    said = audit(copy)
    assert said.code == 1
    assert said.json["faults"][0]["subject"] == "landing"


def test_an_object_of_a_landed_tree_that_is_gone_is_named(copy) -> None:
    trusted = next((copy / "repositories").glob("*.git"))
    shutil.rmtree(trusted / "objects")
    (trusted / "objects").mkdir()
    said = audit(copy)
    assert said.code == 1
    assert said.json["faults"]
