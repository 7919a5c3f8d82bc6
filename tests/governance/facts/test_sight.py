"""A chore is judged by what guards what works. So no user may see anything of it: known by its
files, not by a model."""

import pytest

from harness.domain.facts import UNKNOWN, ChangeKind, FileChange
from harness.governance.facts.assertions import is_test
from harness.governance.facts.sight import in_sight

HALL = 'def hall(size):\n    """How large."""\n    return f"{size} places" if size else "none"\n'


def seen(before, after):
    paths = sorted({*before, *after})
    changes = [
        FileChange(path.encode(), ChangeKind.MODIFIED, "100644", "100644", None, None, 1, 1)
        for path in paths
    ]
    read = [{path: text.encode() for path, text in side.items()}.get for side in (before, after)]
    return in_sight(changes, before=read[0], after=read[1], is_test=is_test)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"hall.py": HALL}, {"hall.py": HALL.replace("size", "seats")}),
        ({"hall.py": HALL}, {"hall.py": HALL.replace("How large.", "How many places it has.")}),
        ({"hall.py": HALL, "b.py": ""}, {"hall.py": "", "b.py": HALL}),
        ({"tests/test_hall.py": "x = 'a'\n"}, {"tests/test_hall.py": "x = 'b'\n"}),
        ({"README.md": "a"}, {"README.md": "b"}),
        ({"docs/halls/old.md": "a"}, {"docs/halls/old.md": "b"}),
        ({"requirements.txt": "a==1"}, {"requirements.txt": "a==2"}),
        ({"ruff.toml": "a"}, {"ruff.toml": "b"}),
    ],
    ids=["renamed", "documented", "moved", "test", "readme", "papers", "lock", "tools"],
)
def test_out_of_sight(before, after) -> None:
    assert seen(before, after) == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"hall.py": HALL}, {"hall.py": HALL.replace("places", "seats")}),
        ({"hall.py": HALL}, {"hall.py": HALL.replace('"none"', "''")}),
        ({"hall.py": HALL}, {}),
        ({}, {"hall.py": HALL}),
        ({"hall.py": HALL}, {"hall.py": "def hall(:\n"}),
        ({"hall.py": "x = 1"}, {"hall.py": "x = 1" + " " * (1 << 20)}),
        ({"templates/hall.html": "a"}, {"templates/hall.html": "b"}),
        ({"content/hall.md": "a"}, {"content/hall.md": "b"}),
        ({"hall.go": "a"}, {"hall.go": "b"}),
        ({"docs/app.js": "a"}, {"docs/app.js": "b"}),
        ({"tests/../hall.css": "a"}, {"tests/../hall.css": "b"}),
        ({"data/halls.json": "[]"}, {"data/halls.json": "[1]"}),
    ],
    ids=[
        "text",
        "emptied",
        "gone",
        "new",
        "broken",
        "huge",
        "template",
        "content",
        "go",
        "script",
        "odd",
        "data",
    ],
)
def test_in_sight(before, after) -> None:
    assert seen(before, after) == tuple({*before, *after})


def test_what_is_not_known_is_not_out_of_sight() -> None:
    assert in_sight(UNKNOWN, before={}.get, after={}.get, is_test=is_test) is UNKNOWN
