"""A home's backup arrives whole and encrypted on another machine, or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Never

import pytest

from harness.domain.errors import ConfigError, LedgerError
from harness.store.clock import SystemClock
from harness.store.ledger.postgres import PostgresLedger
from harness.store.ledger.sqlite import SqlLedger
from harness.store.state_backup import StateBackup
from harness.store.state_key import made_key

KEY = "5a" * 32
PLACES = ("home.json", "keys", "sealed", "ledger.head")


@pytest.fixture
def address(postgres) -> str:
    return postgres.database()


@pytest.fixture
def machine(tmp_path, address):
    """A machine by its name: its home, and the backup there."""
    opened: list[StateBackup] = []

    def made(
        name: str, key: str = KEY, ledger: Callable[[], SqlLedger] | None = None
    ) -> tuple[Path, StateBackup]:
        home = tmp_path / name
        home.mkdir(mode=0o700, exist_ok=True)
        opened.append(
            StateBackup(
                home,
                address,
                key,
                places=PLACES,
                left_out=("keys/database",),
                ledger=ledger or (lambda: PostgresLedger(home, SystemClock(), address)),
            )
        )
        return home, opened[-1]

    yield made
    for backup in opened:
        backup.close()


@pytest.fixture
def kept(machine):
    """A home with something of everything in it, kept."""
    home, backup = machine("first")
    for path, text, mode in (
        ("home.json", "{}", 0o644),
        ("keys/validator.key", "key-canary", 0o600),
        ("keys/database", "postgresql://me:hunter2@h/d", 0o600),
        ("sealed/shop/journeys/book-a-walk.yaml", "journey-canary", 0o600),
        ("runs/r/log", "log", 0o600),
    ):
        (home / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / path).write_text(text)
        (home / path).chmod(mode)
    (home / "sealed" / "empty").mkdir(mode=0o700)
    (home / "sealed" / "ledger.lock").touch()
    (home / "sealed" / "link").symlink_to("/etc/passwd")
    backup.keep()
    return home


class Beside(StateBackup):
    """A run beside it deletes its file once the folder is listed."""

    def _walked(self):
        for path in [*super()._walked()]:
            if path.name == "gone":
                path.unlink()
            yield path


def test_what_a_run_beside_it_deletes_stops_no_backup(tmp_path) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    for name in ("gone", "kept"):
        (tmp_path / "keys" / name).touch(mode=0o600)
    backup = Beside(
        tmp_path,
        "postgresql://nobody@localhost/none",
        KEY,
        places=PLACES,
        left_out=(),
        ledger=lambda: pytest.fail("not asked for"),
    )
    assert backup._found(stat.S_ISREG) == {"keys/kept": 0o600}
    assert backup._found(stat.S_ISDIR) == {"keys": 0o700}
    backup.close()


def files(home: Path) -> dict[str, tuple[str, int]]:
    return {
        path.relative_to(home).as_posix(): (path.read_text(), path.stat().st_mode & 0o777)
        for path in home.rglob("*")
        if path.is_file() and not path.is_symlink() and path.name not in (".carried", "ledger.head")
    }


def test_another_machine_has_what_was_kept_and_nothing_else(kept, machine) -> None:
    home, backup = machine("second")
    assert backup.fetch() is True
    assert files(home) == {
        "home.json": ("{}", 0o644),
        "keys/validator.key": ("key-canary", 0o600),
        "keys/ledger.key": files(kept)["keys/ledger.key"],
        "keys/ledger.pub": files(kept)["keys/ledger.pub"],
        "sealed/shop/journeys/book-a-walk.yaml": ("journey-canary", 0o600),
    }
    assert (home / "sealed" / "empty").is_dir()
    assert not os.path.lexists(home / "sealed" / "link")


def test_the_database_sees_neither_a_word_nor_a_name_nor_the_address(
    kept, address, postgres
) -> None:
    rows = postgres.sql(
        address, "SELECT string_agg(encode(sealed, 'escape') || name, '') FROM carried_parts"
    )
    lists = postgres.sql(address, "SELECT encode(sealed, 'escape') FROM carried_list")
    for word in (
        "canary",
        "book-a-walk",
        "validator",
        "hunter2",
        KEY[:16],
        bytes.fromhex(KEY[:16]).decode(),
    ):
        assert (
            word not in rows[0][0] + lists[0][0]
        )  # names are digests, and four letters of the key meet one by chance


def test_what_changed_is_kept_and_what_went_goes(kept, machine, address, postgres) -> None:
    home, backup = machine("second")
    backup.fetch()
    (home / "sealed/shop/journeys/book-a-walk.yaml").unlink()
    (home / "sealed/shop/journeys/cancel.yaml").write_text("other")
    backup.keep(all_is_over=True)
    named = postgres.sql(address, "SELECT count(*) FROM carried_parts")
    third, again = machine("third")
    again.fetch()
    assert sorted(path.name for path in (third / "sealed/shop/journeys").iterdir()) == [
        "cancel.yaml"
    ]
    assert named == [(len({content for content, _ in files(third).values()} | {"head"}),)], (
        "nothing stays that no list names"
    )
    _, first = machine("first")
    first.fetch()
    assert not (kept / "sealed/shop/journeys/book-a-walk.yaml").exists()


def test_what_did_not_change_writes_nothing(kept, machine, address, postgres) -> None:
    _, backup = machine("second")
    backup.fetch()
    before = postgres.sql(address, "SELECT generation FROM carried_list")
    backup.keep()
    backup.keep(all_is_over=True)
    assert postgres.sql(address, "SELECT generation FROM carried_list") == before


def test_who_was_overtaken_changes_nothing(kept, machine) -> None:
    slow, overtaken = machine("second")
    overtaken.fetch()
    quick, other = machine("third")
    other.fetch()
    (quick / "sealed" / "news").write_text("news")
    other.keep()
    (slow / "sealed" / "news").write_text("old")
    with pytest.raises(LedgerError, match="another factory has backed up this home meanwhile"):
        overtaken.keep()
    overtaken.fetch()
    assert (slow / "sealed" / "news").read_text() == "news"


def test_another_key_opens_nothing_and_writes_nothing_into_the_home(kept, machine) -> None:
    home, backup = machine("second", key=made_key())
    with pytest.raises(LedgerError, match="cannot be decrypted"):
        backup.fetch()
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("key", ["", "5a", "x" * 64, "5a" * 33])
def test_what_is_no_key_is_refused_by_name(machine, key) -> None:
    with pytest.raises(ConfigError, match="FACTORY_HOME_KEY"):
        machine("first", key=key)


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (
            ("UPDATE carried_parts SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)",),
            "cannot be decrypted",
        ),
        (("DELETE FROM carried_parts",), "missing"),
        (
            (
                (
                    "UPDATE carried_parts a SET sealed = (SELECT sealed FROM carried_parts b WHERE"
                    " b.name <> a.name LIMIT 1)"
                ),
            ),
            "cannot be decrypted",
        ),
        (
            ("UPDATE carried_list SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)",),
            "cannot be decrypted",
        ),
        (("UPDATE carried_list SET generation = generation + 1",), "cannot be decrypted"),
        (
            ("UPDATE carried_parts SET sealed = convert_to(repeat('x', 9000000), 'UTF8')",),
            "too large for one",
        ),
        (
            ("UPDATE carried_list SET sealed = convert_to(repeat('x', 67108865), 'UTF8')",),
            "larger than 64 MiB",
        ),
    ],
)
def test_a_changed_database_is_refused_and_leaves_no_home(
    kept, machine, address, postgres, statements, message
) -> None:
    postgres.sql(address, *statements)
    home, backup = machine("second")
    with pytest.raises(LedgerError, match=message):
        backup.fetch()
    assert not (home / "home.json").exists()


def test_an_older_list_in_its_place_is_refused(kept, machine, address, postgres) -> None:
    """Whoever may write the database may put back a journey that was retired: the ledger knows
    better."""
    postgres.sql(address, "CREATE TABLE old AS SELECT * FROM carried_list")
    first, backup = machine("first")
    (first / "sealed" / "news").write_text("news")
    backup.keep()
    postgres.sql(
        address,
        "UPDATE carried_list SET (generation, sealed) = (SELECT generation, sealed FROM old)",
    )
    home, fetching = machine("second")
    with pytest.raises(LedgerError, match="restored from an older copy"):
        fetching.fetch()
    assert list(home.iterdir()) == []


FORGED = """INSERT INTO entries SELECT seq + 1, at, kind, 'carried/x', issue, run,
    '{"generation":' || (SELECT generation FROM old) || ',"list":"'
        || encode(sha256((SELECT sealed FROM old)), 'hex') || '"}',
    hash, hash, signature FROM entries WHERE seq = (SELECT max(seq) FROM entries)"""


def test_an_older_list_is_refused_though_an_entry_without_a_signature_names_it(
    kept, machine, address, postgres
) -> None:
    """Such a row was believed, and could be gone again before anybody verified the ledger."""
    postgres.sql(address, "CREATE TABLE old AS SELECT * FROM carried_list")
    first, backup = machine("first")
    (first / "sealed" / "news").write_text("news")
    backup.keep()
    (first / "sealed" / "news").write_text("more news")
    backup.keep()
    postgres.sql(
        address,
        "UPDATE carried_list SET (generation, sealed) = (SELECT generation, sealed FROM old)",
        "ALTER TABLE entries DISABLE TRIGGER USER",
        FORGED,
        "ALTER TABLE entries ENABLE TRIGGER USER",
    )
    home, fetching = machine("second")
    with pytest.raises(LedgerError, match="not the one that was signed"):
        fetching.fetch()
    assert not (home / "home.json").exists()


def test_a_home_that_was_shown_an_older_state_adds_no_list_to_the_newer_ledger(
    kept, machine, address, postgres
) -> None:
    home, rolled_back = machine("second")
    assert rolled_back.fetch()
    first, backup = machine("first")
    postgres.sql(address, "CREATE TABLE old AS SELECT * FROM carried_list")
    (first / "sealed" / "news").write_text("news")
    backup.keep()
    postgres.sql(
        address,
        "UPDATE carried_list SET (generation, sealed) = (SELECT generation, sealed FROM old)",
    )
    (home / "sealed" / "other").write_text("other")
    with pytest.raises(LedgerError, match="the database showed an older state"):
        rolled_back.keep()


def test_a_kill_between_the_list_and_the_ledger_is_no_fault(kept, machine, address) -> None:
    def killed() -> Never:
        raise KeyboardInterrupt

    first, backup = machine("first", ledger=killed)
    (first / "sealed" / "news").write_text("news")
    with pytest.raises(KeyboardInterrupt):
        backup.keep()
    home, fetching = machine("second")
    assert fetching.fetch()
    assert (home / "sealed" / "news").read_text() == "news"


def test_a_list_that_names_a_place_outside_of_the_home_is_refused(kept, machine) -> None:
    _, backup = machine("second")
    for path in ("../out", "/etc/x", "sealed/../../x", "elsewhere/x", ""):
        with pytest.raises(LedgerError, match="does not belong to it"):
            backup._place(path)


def test_nothing_was_ever_kept(machine) -> None:
    home, backup = machine("second")
    assert backup.fetch() is False
    assert list(home.iterdir()) == []


def test_under_a_new_key_all_is_kept_anew_and_the_old_one_opens_nothing(
    kept, machine, address, postgres
) -> None:
    new = made_key()
    before = postgres.sql(address, "SELECT name FROM carried_parts")
    _, again = machine("first", key=new)
    again.keep(all_is_over=True)
    home, backup = machine("second", key=new)
    assert backup.fetch()
    assert files(home) == {
        path: file
        for path, file in files(kept).items()
        if not path.startswith(("runs/", "keys/database")) and not path.endswith(".lock")
    }
    assert not set(before) & set(postgres.sql(address, "SELECT name FROM carried_parts"))
    _, old = machine("third")
    with pytest.raises(LedgerError, match="cannot be decrypted"):
        old.fetch()
