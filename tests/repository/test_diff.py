"""Facts about a change: complete, raw, bounded."""

import pytest

from harness.domain.errors import GitError
from harness.domain.facts import UNKNOWN, ChangeKind
from harness.repository.diff import DiffLimits, raw_diff
from tests.repository.naive import blob

NAMES = [
    b"two\nlines",
    b'"quoted"',
    b"back\\slash",
    b"\xff\xfe not text",
    "FАCTORY_RULES.md".encode(),
    "Ame\u0301lie".encode(),
    b"mission.md ",
    b"mission.md.",
    b"-f",
    b"tab\there",
    b"\x1b[31mred",
    b":(top)x",
    b"*",
    b"d/" * 30 + b"deep",
]


def only(diff):
    assert len(diff.files) == 1
    return diff.files[0]


def test_added_modified_and_deleted_files_with_modes_objects_sizes_and_lines(town) -> None:
    base = town.started({"kept": "1\n2\n3\n", "gone": "x\ny\n", "same": "s\n"})
    (town.author.folder / "gone").unlink()
    (town.author.folder / "kept").chmod(0o755)
    head = town.change({"kept": "1\nTWO\n3\n4\n", "new": "n\n"}, start=base)

    gone, kept, new = town.trusted.diff(base, head).files
    assert (gone.path, gone.kind, gone.new_mode, gone.new_oid, gone.deleted, gone.size) == (
        b"gone",
        ChangeKind.DELETED,
        "000000",
        None,
        2,
        0,
    )
    assert (
        kept.path,
        kept.kind,
        kept.old_mode,
        kept.new_mode,
        kept.added,
        kept.deleted,
        kept.size,
    ) == (b"kept", ChangeKind.MODIFIED, "100644", "100755", 2, 1, 10)
    assert (new.path, new.kind, new.old_oid, new.new_oid, new.added, new.deleted) == (
        b"new",
        ChangeKind.ADDED,
        None,
        blob(town.author.folder, b"n\n"),
        1,
        0,
    )


def test_only_what_is_new_is_given_to_the_secret_scanner(town) -> None:
    base = town.started({"a": "old\nmoved\nkept\n"})
    head = town.change({"a": "moved\nold\nkept\ntoken=abc\n", "b": "token=abc\n"}, start=base)
    assert town.trusted.diff(base, head).added == {b"a": b"token=abc\n", b"b": b"token=abc\n"}


def test_hostile_names_arrive_as_their_bytes(town) -> None:
    base = town.started()
    head = town.change({name: name for name in NAMES}, start=base)
    assert [change.path for change in town.trusted.diff(base, head).files] == sorted(NAMES)
    assert town.trusted.files(head).keys() == {*NAMES, b"app.py"}
    for name in NAMES:
        assert town.trusted.read(head, name.decode("utf-8", "surrogateescape")) == name


def test_a_symlink_in_place_of_a_file_is_a_change_of_type(town) -> None:
    base = town.started({"notes": "x\n"})
    (town.author.folder / "notes").unlink()
    (town.author.folder / "notes").symlink_to("/etc/passwd")
    change = only(town.trusted.diff(base, town.change({}, start=base)))
    assert (change.kind, change.new_mode) == (ChangeKind.TYPE_CHANGED, "120000")


def test_a_submodule_is_shown_with_its_mode_and_lines_nobody_knows(town) -> None:
    base = town.started()
    entry = f"160000 commit {'a' * 40}\tvendor\0".encode()
    head = town.author.commit_tree(entry, branch="work", parent=base, missing=True)
    town.trusted.fetch("work")
    change = {change.path: change for change in town.trusted.diff(base, head).files}[b"vendor"]
    assert change.new_mode == "160000"
    assert change.lines is UNKNOWN


def test_binary_content_has_unknown_lines_and_its_bytes_are_scanned_all_the_same(town) -> None:
    base = town.started({"logo.png": b"\x89PNG\0old"})
    head = town.change(
        {"logo.png": b"\x89PNG\0token=abc", "evil.js": b"// \0\nsteal()\n"}, start=base
    )
    diff = town.trusted.diff(base, head)
    assert [(change.binary, change.lines, change.size) for change in diff.files] == [
        (True, UNKNOWN, 13),
        (True, UNKNOWN, 14),
    ]
    assert b"token=abc" in diff.added[b"logo.png"]


POINTERS = {
    "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 734003200\n",
    "lfs with an extension": (
        b"version https://git-lfs.github.com/spec/v1\next-0-x sha256:%s\noid sha256:00\nsize"
        b" 734003200\n"
    ),
    "hawser": b"version http://hawser.github.com/spec/v1\noid sha256:%s\nsize 734003200\n",
    "annex": b"/annex/objects/SHA256E-s734003200--%s.bin\n",
}


@pytest.mark.parametrize("pointer", POINTERS.values(), ids=POINTERS)
def test_a_pointer_to_content_elsewhere_is_binary_and_as_large_as_that_content(
    town, pointer
) -> None:
    base = town.started({"tool": pointer % (b"a" * 64)})
    head = town.change({"tool": pointer % (b"b" * 64), "new": pointer % (b"c" * 64)}, start=base)
    files = town.trusted.diff(base, head).files
    assert [(change.binary, change.lines, change.size) for change in files] == [
        (True, UNKNOWN, 734_003_200)
    ] * 2


def test_too_many_files_too_many_bytes_and_one_large_file_are_facts_and_not_errors(town) -> None:
    base = town.started({"a": "1\n"})
    head = town.change({f"f{number}": f"{number}\n" * 100 for number in range(5)}, start=base)
    for limits in (DiffLimits(files=4), DiffLimits(total_bytes=900)):
        diff = raw_diff(town.trusted.git, base, head, limits=limits)
        assert diff.too_large
        assert [change.lines for change in diff.files] == [UNKNOWN] * 5
        assert not diff.added

    large = town.change({"large": b"x\n" * 1000}, start=head)
    diff = raw_diff(town.trusted.git, head, large, limits=DiffLimits(file_bytes=1999))
    assert diff.too_large
    assert (only(diff).size, only(diff).lines) == (2000, UNKNOWN)
    exact = raw_diff(town.trusted.git, head, large, limits=DiffLimits(file_bytes=2000))
    assert (exact.too_large, only(exact).lines) == (False, 1000)


def test_a_hundred_thousand_lines_are_counted_and_not_choked_on(town) -> None:
    base = town.started({"a": "1\n"})
    head = town.change({"a": b"".join(b"%d\n" % number for number in range(100_000))}, start=base)
    assert only(town.trusted.diff(base, head)).lines == 99_999


def test_no_change_is_an_empty_diff_and_a_commit_that_is_not_here_is_an_error(town) -> None:
    base = town.started()
    assert town.trusted.diff(base, base).files == ()
    with pytest.raises(GitError, match="rev-parse"):
        town.trusted.diff(base, "b" * 40)
    with pytest.raises(GitError, match="40 hex digits"):
        town.trusted.diff("main", base)
