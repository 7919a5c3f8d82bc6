"""The chain: any change, cut, swap or insertion is found and named."""

import dataclasses
import hashlib

import pytest

from harness.domain.events import UnknownEvent
from harness.domain.ledger import Entry, Head, NewEntry, chained, first_fault


def chain(length: int) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(1, length + 1):
        head = Head(entries[-1].seq, entries[-1].hash) if entries else None
        entries.append(
            chained(
                head,
                NewEntry(UnknownEvent("note", {"n": number}), f"k{number}", issue=number),
                at="2026-01-01T00:00:00+00:00",
                data={"n": number},
            )
        )
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
    assert "missing" in fault.message


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
        forged.append(
            chained(head, NewEntry(UnknownEvent("note", {}), f"k{number}"), at="2027", data={})
        )
    fault = first_fault(forged, signed)
    assert fault is not None
    assert fault.seq == 3


def test_the_hash_of_an_entry_is_what_it_always_was() -> None:
    """Every ledger that was signed before rests on this text: it changes with no edit."""
    entry = chained(
        Head(6, "ab"),
        NewEntry(UnknownEvent("note", {}), "k", 7, "triage-7-1"),
        at="2026-01-01T00:00:00+00:00",
        data={"z": [1, None], "a": "ü \ud800"},
    )
    assert (entry.seq, entry.issue, entry.run, entry.prev) == (7, 7, "triage-7-1", "ab")
    text = (
        '{"at":"2026-01-01T00:00:00+00:00","data":{"a":"ü'
        ' \ud800","z":[1,null]},"issue":7,"key":"k","kind":"note",'
        '"prev":"ab","run":"triage-7-1","seq":7}'
    )
    assert entry.hash == hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def test_a_chain_that_was_found_sound_up_to_the_head_needs_no_more_entries() -> None:
    entries = chain(3)
    assert first_fault([], head_of(entries), since=head_of(entries)) is None
    assert first_fault(entries[1:], head_of(entries), since=head_of(entries[:1])) is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda entries: entries[:2],
            "the signed head names 3 entries, only 2 are here: entry 3 is missing",
        ),
        (lambda entries: entries[:1] + entries[2:], "entry 2 is missing; 3 follows 1"),
        (
            lambda entries: [entries[0], dataclasses.replace(entries[1], prev="0"), entries[2]],
            "entry 2 does not chain from the one before it",
        ),
        (
            lambda entries: [entries[0], dataclasses.replace(entries[1], kind="other"), entries[2]],
            "entry 2 was changed after it was written",
        ),
        (
            lambda entries: [
                *entries[:2],
                chained(head_of(entries[:2]), NewEntry(UnknownEvent("", {}), ""), at="", data={}),
            ],
            "entry 3 is not the one that was signed",
        ),
    ],
)
def test_a_fault_names_the_entry_and_what_is_wrong_with_it(change, expected) -> None:
    entries = chain(3)
    assert first_fault(change(entries), head_of(entries)).message == expected
