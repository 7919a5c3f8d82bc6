"""The chain: any change, cut, swap or insertion is found and named."""

import dataclasses

import pytest

from harness.domain.ledger import Entry, Head, chained, first_fault


def chain(length: int) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(1, length + 1):
        head = Head(entries[-1].seq, entries[-1].hash) if entries else None
        entries.append(chained(head, at="2026-01-01T00:00:00+00:00", kind="note", key=f"k{number}", issue=number,
                               run=None, data={"n": number}))
    return entries


def head_of(entries: list[Entry]) -> Head:
    return Head(entries[-1].seq, entries[-1].hash)


def test_a_whole_chain_has_no_fault() -> None:
    entries = chain(5)
    assert first_fault(entries, head_of(entries)) is None


def test_an_empty_ledger_has_no_fault() -> None:
    assert first_fault([], None) is None


@pytest.mark.parametrize("field", ["at", "kind", "key", "issue", "run", "data", "prev", "hash"])
@pytest.mark.parametrize("at", [0, 2, 4])
def test_a_changed_entry_is_named(field, at) -> None:
    entries = chain(5)
    head = head_of(entries)
    changed = {"data": {"n": 99}, "issue": 77, "run": "x"}.get(field, "f" * 64)
    entries[at] = dataclasses.replace(entries[at], **{field: changed})
    fault = first_fault(entries, head)
    assert fault is not None
    assert fault.seq in (at + 1, at + 2)


def test_a_cut_tail_is_named() -> None:
    entries = chain(5)
    fault = first_fault(entries[:-1], head_of(entries))
    assert fault is not None
    assert fault.seq == 5
    assert "missing" in fault.says


def test_a_ledger_that_lost_everything_is_named() -> None:
    assert first_fault([], head_of(chain(3))) is not None


def test_a_removed_entry_is_named() -> None:
    entries = chain(5)
    fault = first_fault(entries[:2] + entries[3:], head_of(entries))
    assert fault is not None
    assert fault.seq == 3


def test_swapped_entries_are_named() -> None:
    entries = chain(5)
    entries[1], entries[2] = entries[2], entries[1]
    assert first_fault(entries, head_of(entries)) is not None


def test_one_entry_after_the_signed_head_is_what_a_crash_leaves() -> None:
    entries = chain(5)
    assert first_fault(entries, head_of(entries[:4])) is None


def test_a_rewritten_history_that_chains_is_still_not_the_signed_one() -> None:
    signed, forged = head_of(chain(3)), []
    for number in range(1, 4):
        head = head_of(forged) if forged else None
        forged.append(chained(head, at="2027", kind="note", key=f"k{number}", issue=None, run=None, data={}))
    fault = first_fault(forged, signed)
    assert fault is not None
    assert fault.seq == 3
