"""The store of signs of life, in a home and in a PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from harness.domain.errors import PortError
from harness.domain.presence import Presence
from harness.store.presence import FILE, FilePresence, PostgresPresence

BEGAN = datetime(2030, 5, 4, 2, 17, tzinfo=UTC)
SIGN = Presence("factory up", "shed", 4711, BEGAN, BEGAN, BEGAN)


def test_the_last_sign_is_read_and_nothing_is_written_by_reading(tmp_path) -> None:
    store = FilePresence(tmp_path)
    assert store.read() is None
    assert list(tmp_path.iterdir()) == []
    store.write(SIGN)
    assert FilePresence(tmp_path).read() == SIGN
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"{}", b'{"a": "' + b"x" * 20_000])
def test_what_is_no_sign_counts_as_none(tmp_path, content) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert FilePresence(tmp_path).read() is None


def test_a_home_that_takes_none_says_so(tmp_path) -> None:
    with pytest.raises(PortError, match="cannot be written"):
        FilePresence(tmp_path / "gone").write(SIGN)


def test_a_database_that_several_machines_share_has_the_last_one(postgres) -> None:
    address = postgres.database()
    assert PostgresPresence(address).read() is None
    assert postgres.sql(address, "SELECT to_regclass('presence')") == [(None,)], "looking is free"
    for host in ("shed", "barn"):
        PostgresPresence(address).write(replace(SIGN, host=host))
    assert PostgresPresence(address).read() == replace(SIGN, host="barn")


def test_a_database_that_does_not_answer_is_an_outage() -> None:
    nowhere = PostgresPresence("postgresql://owner@/none?host=/nonexistent")
    with pytest.raises(PortError):
        nowhere.read()
    with pytest.raises(PortError):
        nowhere.write(SIGN)
