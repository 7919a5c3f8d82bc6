"""A record is read back as it was written, and what it does not hold is
neither a yes nor a no."""

import json
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.domain.errors import ConfigError
from harness.domain.facts import UNKNOWN, ChangeFacts, ChangeKind, FileChange, Unknown
from harness.governance.checks.conduct import Attempts, AuthorRate, SpendUsd
from harness.governance.checks.content import ApiSurface
from harness.governance.checks.gates import ChecksGreen, JourneysSatisfied, Screenshots
from harness.governance.checks.gates import TestsKept as SuiteKept
from harness.governance.checks.gates import TestsRedOnBase as RedOnBase
from harness.governance.checks.gates import TestsWeakened as SuiteWeakened
from harness.governance.checks.paths import FileModes, PathNames, Paths
from harness.governance.checks.size import (
    AddedLines,
    BinaryFiles,
    ChangedLines,
    DeletedFiles,
    DeletedLines,
    FileBytes,
    Files,
)
from harness.governance.checks.supply import Dependencies, Secrets
from harness.governance.checks.together import Companions, Migrations
from harness.governance.checks.trust import Trust
from harness.governance.past.factsjson import facts_from_json
from harness.governance.past.history import LARGEST, RecordedChange, history_as_json, read_history
from tests.governance.policy_texts import change
from tests.tiers import share

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
counts = st.integers(0, 10**9)
PLAIN = {
    bytes: st.binary(min_size=1, max_size=8),
    str: texts,
    int: counts,
    bool: st.booleans(),
    type(None): st.none(),
    Unknown: st.just(UNKNOWN),
    Decimal: st.decimals(0, 10**6, allow_nan=False, places=2),
}


@cache
def any_of(kind):
    """Any value of a type that facts are made of: a fact that is new there is tried here without a
    word."""
    if kind in PLAIN:
        return PLAIN[kind]
    if is_dataclass(kind):
        return st.builds(
            kind, **{name: any_of(hint) for name, hint in get_type_hints(kind).items()}
        )
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    inner = get_args(kind)
    match get_origin(kind):
        case origin if origin is tuple and inner[1:] == (...,):
            return st.lists(any_of(inner[0]), max_size=2).map(tuple)
        case origin if origin is tuple:
            return st.tuples(*map(any_of, inner))
        case origin if origin is frozenset:
            return st.frozensets(any_of(inner[0]), max_size=2)
        case _:
            return st.one_of(*map(any_of, inner))


facts = any_of(ChangeFacts)


@settings(deadline=None, max_examples=share(60))
@given(
    st.lists(
        st.builds(RecordedChange, counts, facts, texts, texts, texts, texts),
        max_size=2,
        unique_by=lambda one: one.number,
    )
)
def test_a_history_is_read_as_it_was_written(changes) -> None:
    """Every fact of every record, to the byte: unknown stays unknown, and empty stays empty."""
    text = json.dumps(history_as_json(changes))
    assert list(read_history(text, file="history.json")) == changes


def test_whatever_may_be_unknown_is_unknown_where_nothing_is_said() -> None:
    assert facts_from_json({}) == ChangeFacts()
    (file,) = facts_from_json(
        {"files": [{"path": "a", "added": 1, "deleted": 0, "old_oid": None, "new_oid": None}]}
    ).files
    hints = get_type_hints(FileChange)
    unknowable = {name for name, hint in hints.items() if Unknown in get_args(hint)}
    assert {name for name in unknowable if getattr(file, name) is UNKNOWN} == unknowable


def test_the_short_form_has_paths_and_lines_and_the_word_of_the_title() -> None:
    (one,) = read_history(
        json.dumps(
            {
                "note": "n",
                "pull_requests": [
                    {
                        "pr": 7,
                        "merged_at": "2026-04-14T21:54:35-05:00",
                        "kind": "fix",
                        "files": [
                            {"path": "a/b.py", "added": 3, "deleted": 1},
                            {"path": "c.png", "added": None, "deleted": None},
                        ],
                    }
                ],
            }
        ),
        file="h.json",
    )
    assert (one.number, one.facts.kind, one.facts.dependencies) == (7, "bug", UNKNOWN)
    text, picture = one.facts.files
    assert (text.path, text.lines, text.kind, text.new_mode, text.size) == (
        b"a/b.py",
        4,
        UNKNOWN,
        UNKNOWN,
        UNKNOWN,
    )
    assert (picture.binary, picture.lines) == (True, UNKNOWN)


def record(**said) -> str:
    return json.dumps({"pull_requests": [{"pr": 1, **said}]})


FILE = {"path": "a", "added": 1, "deleted": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "h.json:1: is not JSON"),
        ('{\n"pull_requests": [\n}', "h.json:3: is not JSON"),
        ("[]", "expected an object"),
        ("{}", "expected `pull_requests`"),
        ('{"pull_requests": {}}', "`pull_requests`: expected a list"),
        ('{"pull_request": []}', "did you mean `pull_requests`?"),
        ('{"pull_requests": [{}]}', "`pull_requests[0]`: expected `pr`"),
        (
            '{"pull_requests": [{"pr": 1}, {"pr": 2}, {"pr": 1}]}',
            "`pull_requests[2].pr`: pull request 1 is already recorded",
        ),
        ('{"pull_requests": [{"pr": true}]}', "`pull_requests[0].pr`: expected a whole number"),
        ('{"pull_requests": [{"pr": -1}]}', "`pull_requests[0].pr`: expected a whole number"),
        ('{"pull_requests": [{"pr": 1, "pr": 2}]}', "`pr`: stated twice"),
        ('{"pull_requests": [{"pr": NaN}]}', "NaN is not a number"),
        ('{"pull_requests": [{"pr": ' + "9" * 5000 + "}]}", "is not JSON that is read here"),
        ("[" * 200_000, "is not JSON that is read here"),
        (record(fils=[]), "`pull_requests[0].fils`: unknown key; did you mean `files`?"),
        (record(merged_at=3), "`pull_requests[0].merged_at`: expected text"),
        (record(files=3), "`pull_requests[0].files`: expected a list"),
        (record(files=[FILE, FILE]), "`pull_requests[0].files[1].path`: a path is listed once"),
        (
            record(files=[{**FILE, "added": None}]),
            "`pull_requests[0].files[0]`: expected lines added and deleted, or null",
        ),
        (
            record(files=[{**FILE, "added": "1"}]),
            "`pull_requests[0].files[0].added`: expected a whole number",
        ),
        (record(files=[{**FILE, "mode": "1"}]), "`pull_requests[0].files[0].mode`: unknown key"),
        (
            record(files=[{**FILE, "path": "\ud800"}]),
            "`pull_requests[0].files[0].path`: expected text that bytes can be made of",
        ),
        (record(files=[], facts={}), "`pull_requests[0].files`: stands in `facts`"),
        (
            record(facts={"label": []}),
            "`pull_requests[0].facts.label`: unknown key; did you mean `labels`?",
        ),
        (
            record(facts={"spend_usd": "NaN"}),
            "`pull_requests[0].facts.spend_usd`: expected an amount",
        ),
        (record(facts={"spend_usd": 1.5}), "`pull_requests[0].facts.spend_usd`: expected text"),
        (
            record(facts={"journeys": {"sealed": 1}}),
            "`pull_requests[0].facts.journeys`: expected `executed`",
        ),
        (
            record(
                facts={
                    "dependencies": [
                        {
                            "manifest": "a",
                            "ecosystem": "b",
                            "name": "c",
                            "move": "borrowed",
                            "before": "",
                            "after": "",
                        }
                    ]
                }
            ),
            "dependencies[0].move`: expected one of added, changed",
        ),
    ],
)
def test_what_is_no_history_is_refused_with_its_place(text, message) -> None:
    with pytest.raises(ConfigError) as refused:
        read_history(text, file="h.json")
    assert str(refused.value).startswith("h.json")
    assert message in str(refused.value)


def test_a_history_that_is_too_large_is_not_read() -> None:
    with pytest.raises(ConfigError, match="at most"):
        read_history(" " * (LARGEST + 1), file="h.json")


@given(
    st.text(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["pull_requests", "pr", "files", "facts", "path", "kind"]),
                inner,
                max_size=3,
            )
        ),
    ).map(json.dumps)
)
def test_whatever_the_text_it_is_a_history_or_an_error_that_names_the_file(text) -> None:
    found = outcome(text)
    assert isinstance(found, tuple) or found.startswith("h.json")


def outcome(text):
    try:
        return read_history(text, file="h.json")
    except ConfigError as refused:
        return str(refused)


ASKED = (
    AddedLines(max=3),
    ApiSurface(),
    Attempts(max=2),
    AuthorRate(max=1),
    BinaryFiles(max=1),
    ChangedLines(max=5),
    ChangedLines(max=5, binary="ignore"),
    ChecksGreen(require=("ci",)),
    Companions(of=("a",), touch=("b", "x/**")),
    DeletedFiles(max=1),
    DeletedLines(max=3),
    Dependencies(),
    FileBytes(max=9),
    FileModes(),
    Files(max=2),
    JourneysSatisfied(),
    Migrations(paths=("x/**",)),
    PathNames(),
    Paths(deny=("a", "x/**")),
    Paths(allow=("a", "b")),
    Screenshots(paths=("a",)),
    Secrets(),
    SpendUsd(max=Decimal(2)),
    SuiteKept(),
    RedOnBase(),
    RedOnBase(min=1),
    SuiteWeakened(),
    Trust(paths=("a", "x/**"), level="small", lines=3, files=2),
    Trust(("a",), "earned", Decimal("0.9"), Decimal("0.6"), Decimal("0.3")),
)
files = st.lists(
    st.builds(
        change,
        st.sampled_from(["a", "b", "x/y", "c.", "\u0430"]),
        st.none() | st.integers(0, 4),
        st.integers(0, 4),
        kind=st.sampled_from(ChangeKind),
        new_mode=st.sampled_from(["100644", "120000", "000000"]),
        size=st.integers(0, 12),
        binary=st.booleans(),
    ),
    max_size=4,
).map(tuple)


@settings(deadline=None, max_examples=share(200))
@given(facts, files, st.data())
def test_forgetting_a_fact_never_turns_a_yes_into_a_no_or_a_no_into_a_yes(
    known, touched, data
) -> None:
    whole = replace(known, files=touched)
    gone = data.draw(st.sets(st.sampled_from([field.name for field in fields(ChangeFacts)])))
    forgotten = replace(whole, **dict.fromkeys(gone, UNKNOWN))
    if forgotten.files is not UNKNOWN:
        forgotten = replace(
            forgotten,
            files=tuple(
                replace(
                    one,
                    **dict.fromkeys(
                        data.draw(
                            st.sets(st.sampled_from(["kind", "new_mode", "old_mode", "size"]))
                        ),
                        UNKNOWN,
                    ),
                )
                for one in touched
            ),
        )
    for check in ASKED:
        before, after = check.answer(whole).passed, check.answer(forgotten).passed
        assert after is UNKNOWN or after == before, check
