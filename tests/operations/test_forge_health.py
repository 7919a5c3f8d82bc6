"""What `factory doctor` makes of a forge's answers, without a forge; with one, and its faults, in
tests/scenarios."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import pytest

from harness.operations.doctor.finding import Severity
from harness.operations.doctor.forge_checks import clock, limit, reached
from harness.operations.doctor.forge_requests import ForgeAnswer
from harness.operations.doctor.push_check import finding_of_push, request

NOW = 1_800_000_000.0


@dataclass
class Line:
    """A forge that gives one answer to everything."""

    headers: dict[str, str] = field(default_factory=dict)
    document: Any = None
    repository: str = "tidehouse/tidebook"
    api: str = "https://forge/api"
    is_app: bool = False

    def get(self, path: str, *, may: tuple[int, ...] = ()) -> ForgeAnswer:
        return ForgeAnswer(200, self.headers, self.document, NOW)


@pytest.mark.parametrize(
    ("rights", "level", "message"),
    [
        ({"push": True, "admin": False}, Severity.OK, "may write to it"),
        ({"push": True, "admin": True}, Severity.WARN, "may administer"),
        ({"push": False, "admin": False}, Severity.FAIL, "not write to it"),
        ({}, Severity.FAIL, "not write to it"),
        (None, Severity.FAIL, "not write to it"),
    ],
)
def test_a_right_that_is_not_named_is_none(rights, level, message) -> None:
    found = reached(Line(document={"permissions": rights} if rights is not None else {}))
    assert (found.level, message in found.message) == (level, True)


@pytest.mark.parametrize(
    ("theirs", "level", "message"),
    [
        (NOW, Severity.OK, "0 s apart"),
        (NOW - 59, Severity.OK, "59 s apart"),
        (NOW - 3600, Severity.FAIL, "3600 s ahead of"),
        (NOW + 3600, Severity.FAIL, "3600 s behind"),
    ],
)
def test_the_clock_is_held_against_the_forges(theirs, level, message) -> None:
    found = clock(Line(headers={"date": formatdate(theirs, usegmt=True)}))
    assert (found.level, message in found.message) == (level, True)


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}])
def test_a_forge_that_tells_no_time_proves_no_clock(headers) -> None:
    assert clock(Line(headers=headers)).level is Severity.WARN


@pytest.mark.parametrize(
    ("left", "level"),
    [("5000", Severity.OK), ("1000", Severity.OK), ("999", Severity.WARN), ("0", Severity.WARN)],
)
def test_what_is_left_of_the_hour_is_shown_before_it_is_spent(left, level) -> None:
    found = limit(
        Line(
            headers={
                "x-ratelimit-remaining": left,
                "x-ratelimit-limit": "5000",
                "x-ratelimit-reset": "1800003600",
            }
        )
    )
    assert (found.level, f"{left} of 5000 requests are left" in found.message) == (level, True)


def packet(data: bytes) -> bytes:
    return b"%04x" % (len(data) + 4) + data


def answer(*lines: str, remark: str = "") -> bytes:
    """git's report in its band, and what was said beside it in another."""
    report = b"".join(packet(f"{line}\n".encode()) for line in ("unpack ok", *lines)) + b"0000"
    return (
        (packet(b"\x02" + remark.encode()) if remark else b"") + packet(b"\x01" + report) + b"0000"
    )


@pytest.mark.parametrize(
    ("said", "level", "message"),
    [
        (answer("ng refs/heads/main failed to update ref"), Severity.OK, "may push to main"),
        (
            answer(
                "ng refs/heads/main hook declined",
                remark="error: must be made through a pull request",
            ),
            Severity.FAIL,
            "must be made through",
        ),
        (answer("ng refs/heads/main protected branch hook declined"), Severity.FAIL, "is refused"),
        (
            answer(
                "ng refs/heads/main hook declined",
                remark='error: Required status check "ci" is expected.',
            ),
            Severity.WARN,
            "required checks",
        ),
        (
            answer("ng refs/heads/main push declined due to repository rule violations"),
            Severity.FAIL,
            "is refused",
        ),
        (answer("ng refs/heads/main-2 failed to update ref"), Severity.FAIL, "no report"),
        (answer(), Severity.FAIL, "no report"),
        (b"<html>", Severity.FAIL, "no report"),
        (b"", Severity.FAIL, "no report"),
    ],
)
def test_only_gits_own_word_on_this_very_branch_lets_a_push_through(said, level, message) -> None:
    found = finding_of_push(said, "main")
    assert (found.level, message in found.message, bool(found.fix)) == (
        level,
        True,
        level is not Severity.OK,
    ), found


@pytest.mark.parametrize("before", ["b" * 40, ""])
def test_the_push_names_a_place_where_the_branch_is_not_and_brings_nothing(before) -> None:
    sent = request("main", head="a" * 40, before=before)
    size = int(sent[:4], 16)
    old, new, ref = sent[4:size].partition(b"\0")[0].decode().split(" ")
    assert (old, new, ref) == (before or "0" * 40, "a" * 40, "refs/heads/main")
    flush, pack = sent[size : size + 4], sent[size + 4 :]
    assert (flush, pack[:4], int.from_bytes(pack[8:12], "big")) == (b"0000", b"PACK", 0)
    assert hashlib.sha1(pack[:-20], usedforsecurity=False).digest() == pack[-20:]
