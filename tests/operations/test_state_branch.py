"""A home whose state is on a branch: machines that work one after the other, one that is overtaken,
and somebody else who may push there. Real git, real files, and no network."""

from dataclasses import replace

import pytest

from harness.domain.errors import ConfigError, LedgerError, RemoteError
from harness.factory.reporting.comments.commits import commit_message
from harness.home.document import BRANCH, HomeFile, read_home, write_home
from harness.home.state_backup import branch_places
from harness.home.state_branch import BranchBackup, repository_of
from harness.repository.remote import Remote
from harness.repository.state_branch import BRANCH as NAME
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger
from harness.store.state_key import StateKey, made_key
from tests.events import event_of
from tests.fakes.decorated import Decorated
from tests.repository.naive import Author, git, word

KEY = made_key()
REF = f"refs/heads/{NAME}"
SHOP = HomeFile(
    owner="Acme",
    name="shop",
    forge="https://github.com",
    port=0,
    number=0,
    token_file="keys/forge.token",
    database=BRANCH,
)


@pytest.fixture
def forge(tmp_path):
    folder = tmp_path / "forge.git"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(folder))
    return folder


@pytest.fixture
def machine(tmp_path, forge):
    """A machine by its name: its home, and the backup there."""

    def made(name, *, key=KEY, remote=None, repository="acme/Shop", every=3600.0):
        home = tmp_path / name
        found = repository, remote or Remote(str(forge))
        backup = BranchBackup(
            home, StateKey(key), branch_places(), repository=lambda _: found, every=every
        )
        return home, backup

    return made


@pytest.fixture
def kept(machine):
    """A home with one entry and a journey, stored."""
    home, backup = machine("first")
    write_home(home, SHOP)
    entered(home, "one")
    (home / "sealed").mkdir()
    (home / "sealed" / "walk.yaml").write_text("journey-canary")
    backup.keep()
    return home


def entered(home, key, **data):
    ledger = SqliteLedger(home, SystemClock())
    entry = ledger.append(event_of("note", data), key)
    ledger.close()
    return entry


def keys(home):
    ledger = SqliteLedger(home, SystemClock())
    found = [entry.key for entry in ledger.entries()]
    ledger.close()
    return found


def tip(forge):
    return word(forge, "rev-parse", REF)


def test_machines_work_one_after_the_other(kept, machine, forge) -> None:
    second, there = machine("second")
    assert there.fetch()
    assert (keys(second), (second / "sealed/walk.yaml").read_text()) == (["one"], "journey-canary")
    entered(second, "two")
    there.keep()
    third, again = machine("third")
    again.fetch()
    assert keys(third) == ["one", "two"]
    assert read_home(third) == SHOP
    first, back = machine("first")
    back.fetch()
    assert keys(first) == ["one", "two"], "also on a machine that had an older one"
    before = tip(forge)
    back.keep()
    assert tip(forge) == before, "nothing changed, so nothing is stored"


def test_the_forge_sees_neither_a_word_nor_a_name_nor_the_key(kept, forge) -> None:
    seen = git(forge, "cat-file", "commit", REF) + git(forge, "cat-file", "-p", f"{REF}:state.age")
    for word_ in (b"canary", b"walk", b"note", b"acme", b"shop", KEY[20:40].encode()):
        assert word_ not in seen.lower(), word_


def test_an_effect_waits_until_its_intent_is_on_the_branch(kept, machine, forge) -> None:
    second, there = machine("second")
    there.fetch()
    before = tip(forge)
    there.before_effect()
    assert tip(forge) == before, "the branch has all of the ledger already"
    entered(second, "intent")
    there.before_effect()
    third, again = machine("third")
    again.fetch()
    assert keys(third) == ["one", "intent"]


def test_while_only_time_passes_the_state_is_stored_too(kept, machine, forge) -> None:
    second, there = machine("second", every=0.0)
    there.fetch()
    (second / "sealed" / "spent").write_text("1")
    before = tip(forge)
    there.check()
    assert tip(forge) != before
    second, patient = machine("third")
    patient.fetch()
    patient.keep()
    (second / "sealed" / "spent").write_text("2")
    before = tip(forge)
    patient.check()
    assert tip(forge) == before


def test_whoever_was_overtaken_does_nothing_more_and_is_told_so(kept, machine, forge) -> None:
    slow, overtaken = machine("second")
    overtaken.fetch()
    before = tip(forge)
    quick, other = machine("third")
    other.fetch()
    entered(quick, "news")
    other.keep()
    newest = tip(forge)
    entered(slow, "old")
    for act in (overtaken.before_effect, overtaken.keep, overtaken.check, overtaken.before_effect):
        with pytest.raises(LedgerError, match="another factory has stored a newer state") as caught:
            act()
        assert "dropped" in str(caught.value)
        assert overtaken.is_overtaken
        assert tip(forge) == newest
    put_back(forge, before)
    with pytest.raises(LedgerError, match="another factory has stored a newer state"):
        overtaken.keep()
    assert tip(forge) == before, "it stays overtaken, whatever the branch has now"
    put_back(forge, newest)
    _, anew = machine("second")
    anew.fetch()
    assert keys(slow) == ["one", "news"]


def test_a_forge_that_does_not_answer_lets_no_effect_happen_and_time_pass(
    kept, machine, forge
) -> None:
    class Away(Decorated):
        is_away = False

        def branch_tip(self, at, branch):
            if self.is_away:
                raise RemoteError("the forge does not answer", retryable=True)
            return self._own.branch_tip(at, branch)

    remote = Away(Remote(str(forge)))
    second, there = machine("second", remote=remote, every=0.0)
    there.fetch()
    remote.is_away = True
    entered(second, "intent")
    with pytest.raises(RemoteError):
        there.before_effect()
    there.check()
    remote.is_away = False
    there.before_effect()
    third, again = machine("third")
    again.fetch()
    assert keys(third) == ["one", "intent"]


def put_back(forge, commit):
    git(forge, "update-ref", REF, commit)


def test_an_older_state_is_refused_where_a_newer_one_was_seen(kept, machine, forge) -> None:
    old = tip(forge)
    second, there = machine("second")
    there.fetch()
    entered(second, "two")
    there.keep()
    put_back(forge, old)
    _, again = machine("second")
    with pytest.raises(LedgerError, match="has state 1, and this home has seen 2"):
        again.fetch()
    assert keys(second) == ["one", "two"]
    git(forge, "update-ref", "-d", REF)
    with pytest.raises(LedgerError, match="no branch factory-state any more"):
        again.fetch()
    assert keys(second) == ["one", "two"]


def land(home, forge, tmp_path):
    """A run of this home begins, and a commit that it made goes to main."""
    run = "implement-7-1"
    ledger = SqliteLedger(home, SystemClock())
    anchor = ledger.anchor(run)
    began = {"workflow": "implement", "number": 1, "base": "b" * 40, "rules": "r", "anchor": anchor}
    ledger.append(event_of("run", began), f"run/{run}", issue=7, run=run)
    ledger.close()
    author = Author(tmp_path / "author", forge)
    author.write({"a": "1\n"})
    git(author.folder, "add", "--all")
    message = commit_message(issue=7, title="t", run=run, rules="r", anchor=anchor)
    git(author.folder, "commit", "--quiet", f"--message={message}")
    git(author.folder, "push", "--quiet", "origin", "HEAD:main")


def test_a_machine_that_has_seen_nothing_refuses_a_state_older_than_a_landing(
    kept, machine, forge, tmp_path
) -> None:
    """The landing itself tells: its state was stored before it was made."""
    old = tip(forge)
    second, there = machine("second")
    there.fetch()
    land(second, forge, tmp_path)
    there.keep()
    assert machine("third")[1].fetch(), "the newest agrees with what landed"
    put_back(forge, old)
    with pytest.raises(LedgerError, match="has an older state"):
        machine("fourth")[1].fetch()


def test_the_first_state_has_the_key_of_the_ledger_already(machine, tmp_path, forge) -> None:
    home, backup = machine("first")
    write_home(home, SHOP)
    backup.keep()
    old = tip(forge)
    second, there = machine("second")
    there.fetch()
    land(second, forge, tmp_path)
    there.keep()
    put_back(forge, old)
    with pytest.raises(LedgerError, match="has an older state"):
        machine("third")[1].fetch()


@pytest.mark.parametrize("other", [{"key": made_key()}, {"repository": "acme/other"}])
def test_with_another_key_or_of_another_repository_nothing_is_taken(kept, machine, other) -> None:
    home, backup = machine("second", **other)
    with pytest.raises(LedgerError, match="not written with this home's key"):
        backup.fetch()
    assert not (home / "home.json").exists()


@pytest.mark.parametrize(
    "message",
    ["State 9\n\nmac: " + "0" * 64 + "\n", "State 2\n", "", "State 1\n\nmac: {mac}\n\nmore\n"],
)
def test_what_somebody_else_pushed_there_is_refused(kept, machine, forge, message) -> None:
    mac = word(forge, "show", "-s", "--format=%b", REF).removeprefix("mac: ")
    tree = word(forge, "rev-parse", f"{REF}^{{tree}}")
    forged = word(forge, "commit-tree", tree, "-m", message.format(mac=mac) or "x")
    put_back(forge, forged)
    home, backup = machine("second")
    with pytest.raises(LedgerError, match="not written with this home's key"):
        backup.fetch()
    assert not (home / "home.json").exists()


def test_where_nothing_was_ever_stored_there_is_nothing(machine) -> None:
    home, backup = machine("first")
    assert backup.fetch() is False
    assert not (home / "home.json").exists()


def test_a_new_home_that_meets_a_state_does_not_overwrite_it(kept, machine, forge) -> None:
    before = tip(forge)
    home, backup = machine("second")
    write_home(home, SHOP)
    with pytest.raises(LedgerError, match="another factory"):
        backup.keep()
    assert tip(forge) == before


def test_a_home_that_contains_its_forge_has_no_branch_elsewhere(tmp_path) -> None:
    write_home(tmp_path, replace(SHOP, forge="embedded"))
    with pytest.raises(ConfigError, match="contains its forge"):
        repository_of(tmp_path)


@pytest.mark.parametrize(
    "address", ["", "acme/shop", "https://github.com/", "https://github.com/a/b c", "x"]
)
def test_what_names_no_repository_is_refused(tmp_path, monkeypatch, address) -> None:
    monkeypatch.setenv("FACTORY_STATE", address)
    with pytest.raises(ConfigError, match="FACTORY_STATE"):
        repository_of(tmp_path)


def test_a_machine_without_a_home_reads_by_what_the_environment_names(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("FACTORY_STATE", "https://github.com/Acme/shop/")
    monkeypatch.setenv("FACTORY_STATE_TOKEN", "t0ken")
    name, remote = repository_of(tmp_path)
    assert (name, remote.url, remote.token()) == (
        "Acme/shop",
        "https://github.com/Acme/shop.git",
        "t0ken",
    )
