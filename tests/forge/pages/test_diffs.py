"""A change as it is read: side by side, with what checks say at its lines, and with
what was moved."""

from dataclasses import replace

import pytest

from harness.programs.local_forge.git.commits import FileChange
from harness.programs.local_forge.pages import diffs
from harness.programs.local_forge.pages.thread import state_intervals
from harness.programs.local_forge.storage.records import CheckRun, Role, TimelineEvent, User
from tests.forge.pages.reading import page

PATCH = "@@ -1,4 +1,4 @@\n same\n-one\n-two\n+uno\n last\n+end\n\\ No newline at end of file\n"
KIM = User(1, "kim", "User", Role.READ, 0)


def change(patch=PATCH, path="a.py"):
    return FileChange(path, "modified", "s", 2, 2, patch)


def run(*annotations):
    return CheckRun(
        1,
        "h",
        "seal",
        "completed",
        "failure",
        None,
        "",
        None,
        None,
        None,
        KIM,
        0,
        0,
        annotations=annotations,
    )


def note(first, last=None, **more):
    return {
        "path": "a.py",
        "start_line": first,
        "end_line": last or first,
        "annotation_level": "failure",
        "message": "m",
        **more,
    }


def test_what_went_stands_beside_what_came() -> None:
    pairs = diffs.shown((change(),))[0].pairs
    result = [(old and old.text, new and new.text) for old, new in pairs]
    assert result == [
        ("@@ -1,4 +1,4 @@",) * 2,
        ("same", "same"),
        ("one", "uno"),
        ("two", None),
        ("last", "last"),
        (None, "end"),
        ("\\ No newline at end of file",) * 2,
    ]


@pytest.mark.parametrize(
    ("given", "at"), [((2,), 2), ((1, 2), 2), ((3, 900), 4), ((900,), None), ((2, 1), None)]
)
def test_an_annotation_stands_under_its_last_line_that_is_shown(given, at) -> None:
    file = diffs.shown((change(),), diffs.notes_of([run(note(*given))]))[0]
    assert (list(file.notes), len(file.aside)) == (([at], 0) if at else ([], 1))


def test_what_is_no_annotation_is_left_out() -> None:
    assert diffs.notes_of([run({"path": "a.py"}, note("1"), note(2))])["a.py"][0].first == 2


def test_a_long_file_is_folded_unless_a_check_speaks_of_it() -> None:
    long = change("@@ -0,0 +1,900 @@\n" + "+x\n" * 900)
    assert diffs.shown((long,))[0].is_folded
    assert not diffs.shown((long,), diffs.notes_of([run(note(3))]))[0].is_folded
    assert not diffs.shown((change(),))[0].is_folded


def test_a_moved_file_is_one_change_to_read_and_two_to_the_api(place) -> None:
    lines = "".join(f"line {number}\n" for number in range(40))
    place.push({"old.py": lines})
    main = place.api("GET", "/branches/main").json()["commit"]["sha"]
    place.api("POST", "/git/refs", by=place.factory, json={"ref": "refs/heads/work", "sha": main})
    (place.folder / "old.py").unlink()
    (place.folder / "logo.png").write_bytes(bytes(range(256)))
    head = place.push({"lib/<b>new.py": lines.replace("line 5\n", "five\n")}, branch="work")
    place.api(
        "POST", "/pulls", by=place.factory, json={"title": "Move", "head": "work", "base": "main"}
    )
    assert {one["filename"] for one in place.api("GET", "/pulls/1/files").json()} == {
        "lib/<b>new.py",
        "old.py",
        "logo.png",
    }
    said = note(6, path="lib/<b>new.py", title="Five <i>", message="Not <b>so</b>.")
    place.api(
        "POST",
        "/check-runs",
        by=place.factory,
        json={
            "name": "seal",
            "head_sha": head,
            "conclusion": "failure",
            "output": {"title": "t", "summary": "s", "annotations": [said]},
        },
    )
    for view in ("unified", "split"):
        text = page(place, f"/pull/1?view={view}").text
        assert "old.py → lib/&lt;b&gt;new.py" in text
        assert text.count("five") == 1
        # The picture
        assert "it is no text" in text
        assert text.index("five") < text.index("Five &lt;i&gt;") < text.index("line 6")
        assert "Not &lt;b&gt;so&lt;/b&gt;." in text


def test_a_page_that_follows_is_not_sent_the_change_that_it_has(place) -> None:
    main = place.api("GET", "/branches/main").json()["commit"]["sha"]
    place.api("POST", "/git/refs", by=place.factory, json={"ref": "refs/heads/work", "sha": main})
    place.push({"app.py": "print('high')\n"}, branch="work")
    place.api(
        "POST", "/pulls", by=place.factory, json={"title": "Higher", "head": "work", "base": "main"}
    )
    whole = page(place, "/pull/1").text
    version = whole.split('data-version="')[1].split('"')[0]
    here = f"/{place.name}/pull/1"
    again = place.client.get(here, headers={"X-Seen": version}).text
    assert ("print(" in whole, "print(" in again, "data-same" in again) == (True, False, True)
    place.push({"app.py": "print('higher')\n"}, branch="work")
    assert "higher" in place.client.get(here, headers={"X-Seen": version}).text


def event(kind, label, at):
    return TimelineEvent(at, 1, False, KIM, kind, (label, "ededed"), None, None, at)


def test_where_an_issue_has_been_is_read_off_its_labels() -> None:
    result = state_intervals(
        [
            event("labeled", "factory:triage", 10),
            event("labeled", "kind:bug", 11),
            event("unlabeled", "factory:triage", 20),
            event("labeled", "factory:building", 20),
            event("unlabeled", "factory:building", 30),
            event("labeled", "factory:building", 31),
            event("labeled", "factory:merged", 40),
        ]
    )
    assert [(interval.words, interval.since, interval.until) for interval in result] == [
        ("Triage", 10, 20),
        ("Building", 20, 40),
        ("Merged", 40, None),
    ]


def test_a_stay_that_was_ended_without_another_has_ended() -> None:
    assert [
        interval.until
        for interval in state_intervals(
            [event("labeled", "factory:paused", 1), event("unlabeled", "factory:paused", 5)]
        )
    ] == [5]
    assert replace(state_intervals([event("labeled", "factory:paused", 1)])[0]).until is None
