"""A home's state as one file: whole, the same each time, bounded, and for the holder of the key
alone."""

import gzip
import io
import os
import tarfile
import threading

import pytest

from harness.domain.errors import ConfigError, LedgerError
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger
from harness.store.state_file import StatePlaces, packed, unpack
from harness.store.state_key import StateKey, made_key
from tests.events import event_of

KB = 1024
PLACES = StatePlaces(
    places=("home.json", "keys", "sealed", "runs", "presence.json"),
    databases=("ledger.db", "engine.db"),
    go_with=("ledger.head",),
    history=("runs",),
    left_out=("keys/database",),
    unmarked=("presence.json",),
    history_bytes=300 * KB,
    most_bytes=2000 * KB,
)
FILES = {
    "home.json": "{}",
    "presence.json": "1",
    "keys/validator.key": "key-canary",
    "keys/database": "hunter2",
    "sealed/shop/walk.yaml": "journey-canary",
    "sealed/shop/walk.yaml.lock": "",
    "runs/r/log": "log",
    "elsewhere/x": "x",
}


@pytest.fixture
def home(tmp_path):
    """A home with something of everything in it, and an entry in its ledger."""
    for path, text in FILES.items():
        (tmp_path / "home" / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (tmp_path / "home" / path).write_text(text)
        (tmp_path / "home" / path).chmod(0o600)
    (tmp_path / "home" / "sealed" / "link").symlink_to("/etc/passwd")
    entered(tmp_path / "home", "first")
    return tmp_path / "home"


def entered(home, key):
    ledger = SqliteLedger(home, SystemClock())
    ledger.append(event_of("note", {}), key)
    ledger.close()


def files(home):
    return {
        path.relative_to(home).as_posix()
        for path in home.rglob("*")
        if path.is_file() and path.name != "ledger.lock"
    }


def test_another_machine_has_all_of_it_and_nothing_else(home, tmp_path) -> None:
    there = tmp_path / "there"
    state = packed(home, PLACES, beside={"pack": b"\0objects"})
    assert unpack(there, PLACES, state.content) == {"pack": b"\0objects"}
    assert files(there) == {
        "home.json",
        "presence.json",
        "keys/validator.key",
        "keys/ledger.key",
        "keys/ledger.pub",
        "sealed/shop/walk.yaml",
        "runs/r/log",
        "ledger.db",
        "ledger.head",
    }
    assert (there / "keys/validator.key").stat().st_mode & 0o777 == 0o600
    entered(there, "second")
    ledger = SqliteLedger(there, SystemClock())
    assert ([entry.key for entry in ledger.entries()], ledger.fault()) == (
        ["first", "second"],
        None,
    )


def test_the_same_state_gives_the_same_bytes(home) -> None:
    state = packed(home, PLACES, beside={})
    os.utime(home / "ledger.head")
    assert packed(home, PLACES, beside={}) == state
    assert state.content[4:8] == bytes(4), "gzip's own time"
    (home / "presence.json").write_text("2")
    assert packed(home, PLACES, beside={}).digest == state.digest, "a sign of life is no change"
    (home / "sealed/shop/walk.yaml").write_text("other")
    assert packed(home, PLACES, beside={}).digest != state.digest


def test_what_it_lacks_was_deleted_and_an_old_databases_log_is_not_mixed_in(home, tmp_path) -> None:
    there = tmp_path / "there"
    state = packed(home, PLACES, beside={})
    unpack(there, PLACES, state.content)
    (there / "sealed/shop/gone.yaml").write_text("text")
    (there / "elsewhere").mkdir()
    (there / "elsewhere/x").write_text("not ours")
    late = SqliteLedger(there, SystemClock())
    late.append(event_of("note", {}), "late")
    assert (there / "ledger.db-wal").stat().st_size > 0
    unpack(there, PLACES, state.content)
    assert not (there / "sealed/shop/gone.yaml").exists()
    assert (there / "elsewhere/x").exists()
    ledger = SqliteLedger(there, SystemClock())
    assert ([entry.key for entry in ledger.entries()], ledger.fault()) == (["first"], None)


def test_packed_while_the_ledger_grows_it_is_the_ledger_of_one_moment(home, tmp_path) -> None:
    done = threading.Event()

    def grow():
        number = 0
        while not done.is_set():
            number += 1
            entered(home, f"grown/{number}")

    growing = threading.Thread(target=grow)
    growing.start()
    try:
        for number in range(12):
            there = tmp_path / f"there-{number}"
            unpack(there, PLACES, packed(home, PLACES, beside={}).content)
            ledger = SqliteLedger(there, SystemClock())
            assert ledger.fault() is None
            head = (there / "ledger.head").read_text()
            assert f'"seq": {len(ledger.entries())},' in head
    finally:
        done.set()
        growing.join()


def test_of_what_only_people_read_the_oldest_large_files_stay_behind(home, tmp_path) -> None:
    for age, name in enumerate(("new", "middle", "old")):
        (home / f"runs/{name}").write_bytes(os.urandom(140 * KB))
        os.utime(home / f"runs/{name}", (10_000 - age, 10_000 - age))
    (home / "sealed/large").write_bytes(os.urandom(140 * KB))
    os.utime(home / "sealed/large", (1, 1))
    there = tmp_path / "there"
    unpack(there, PLACES, packed(home, PLACES, beside={}).content)
    assert {"runs/new", "runs/middle", "runs/r/log", "sealed/large"} < files(there)
    assert "runs/old" not in files(there)
    assert (there / "runs/middle").stat().st_mtime == 9_999, "its age comes along"


def test_what_is_too_large_is_neither_packed_nor_unpacked(home, tmp_path) -> None:
    (home / "sealed/huge").write_bytes(bytes(2100 * KB))
    with pytest.raises(LedgerError, match="larger than"):
        packed(home, PLACES, beside={})
    with pytest.raises(LedgerError, match="more than"):
        unpack(tmp_path / "there", PLACES, made({"home/sealed/x": bytes(2100 * KB)}))
    assert "home.json" not in files(tmp_path / "there")


def made(members, *, kind=tarfile.REGTYPE):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.type, entry.linkname = len(content), kind, "/etc/passwd"
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(raw.getvalue())


@pytest.mark.parametrize(
    "name",
    [
        "home/../x",
        "home/keys/../../x",
        "home//etc/x",
        "home/elsewhere/x",
        "home/",
        "other/keys/x",
        "keys/x",
        "home/lock",
    ],
)
def test_a_name_outside_of_the_places_of_a_home_is_refused(tmp_path, name) -> None:
    with pytest.raises(LedgerError, match="does not belong to it"):
        unpack(tmp_path / "there", PLACES, made({name: b"x"}))
    assert files(tmp_path) == set()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE])
def test_only_plain_files_are_unpacked(tmp_path, kind) -> None:
    with pytest.raises(LedgerError, match="is no file"):
        unpack(tmp_path / "there", PLACES, made({"home/keys/x": b""}, kind=kind))


@pytest.mark.parametrize(
    "content", [b"", b"text", gzip.compress(b"text" * 500, mtime=0), b"\x1f\x8b\x08"]
)
def test_what_is_no_packed_state_is_refused(tmp_path, content) -> None:
    with pytest.raises(LedgerError, match="cannot be read"):
        unpack(tmp_path / "there", PLACES, content)


def test_a_cut_state_leaves_an_unfinished_home(home, tmp_path) -> None:
    (home / "sealed/noise").write_bytes(os.urandom(50 * KB))
    content = packed(home, PLACES, beside={}).content
    with pytest.raises(LedgerError):
        unpack(tmp_path / "there", PLACES, content[: len(content) * 3 // 4])
    assert "home.json" not in files(tmp_path / "there")


def test_only_the_holder_of_the_key_reads_it_and_can_have_written_it() -> None:
    mine, other = StateKey(made_key()), StateKey(made_key())
    sealed = mine.sealed(b"journey-canary")
    assert sealed.startswith(b"age-encryption.org/v1\n")
    assert b"canary" not in sealed
    assert mine.opened(sealed) == b"journey-canary"
    with pytest.raises(LedgerError, match="cannot be decrypted"):
        other.opened(sealed)
    with pytest.raises(LedgerError, match="cannot be decrypted"):
        mine.opened(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    mac = mine.mac("shop 1", sealed)
    assert mine.made(mac, "shop 1", sealed)
    assert not mine.made(mac, "shop 2", sealed)
    assert not mine.made(mac, "shop 1", sealed + b"\0")
    assert not other.made(mac, "shop 1", sealed)


@pytest.mark.parametrize("text", ["", "5a" * 32, "AGE-SECRET-KEY-1QQ", "age1" + "q" * 58])
def test_what_is_no_key_is_refused_by_name_and_not_shown(text) -> None:
    with pytest.raises(ConfigError, match="FACTORY_HOME_KEY") as caught:
        StateKey(text)
    assert not text or text not in str(caught.value)
