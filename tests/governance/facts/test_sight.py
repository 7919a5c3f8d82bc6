"""A chore is judged by what guards what works. So no user may see anything of it: known by its
files, not by a model."""

import pytest

from harness.domain.facts import UNKNOWN, ChangeKind, FileChange
from harness.governance.facts.sight import in_sight

HALL = 'def hall(size):\n    """How large."""\n    return f"{size} places" if size else "none"\n'
SHOWN = f"@app.command()\n{HALL}"


def is_test(path: bytes) -> bool:
    """By where it is, as a project's `factory.toml` says."""
    return path.startswith(b"tests/")


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
        ({"hall.py": HALL}, {"hall.py": HALL.replace("def", "@functools.cache\ndef")}),
        ({"hall.py": HALL}, {"hall.py": HALL.replace("def", "@lru_cache(maxsize=1)\ndef")}),
        ({"hall.py": "f(a=1)\n", "b.py": ""}, {"hall.py": "", "b.py": "f(a=2)\n"}),
        ({"hall.py": "class A:\n    _a = 1\n"}, {"hall.py": "class A:\n    _b = 1\n"}),
        ({"a/b.py": ""}, {"a/b.py": "from . import hall\nimport a.test_hall, testing\n"}),
    ],
    ids=[
        "renamed",
        "documented",
        "moved",
        "test",
        "readme",
        "papers",
        "lock",
        "tools",
        "cached",
        "bounded",
        "keyword elsewhere",
        "its own",
        "imports",
    ],
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
        ({"app/tests/hall.css": "a"}, {"app/tests/hall.css": "b"}),
        ({"data/halls.json": "[]"}, {"data/halls.json": "[1]"}),
        ({}, {"app/test_banner.py": "BANNER = '<h1>Buy now</h1>'\n"}),
        ({"a.py": "jsonify(count=n)"}, {"a.py": "jsonify(count=n, price=n, sold_out=True)"}),
        ({"a.py": "class A(Model):\n    a: int\n"}, {"a.py": "class A(Model):\n    b: int\n"}),
        ({"a.py": "class A:\n    a = C()\n"}, {"a.py": "class A:\n    b = C()\n"}),
        ({"hall.py": SHOWN}, {"hall.py": SHOWN.replace("How large.", "Buy now.")}),
        ({"hall.py": SHOWN}, {"hall.py": SHOWN.replace("size", "seats")}),
        ({"hall.py": SHOWN}, {"hall.py": SHOWN.replace("def hall", "def place")}),
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
        "tests elsewhere",
        "data",
        "test by its name alone",
        "keyword",
        "field",
        "column",
        "shown words",
        "shown option",
        "shown name",
    ],
)
def test_in_sight(before, after) -> None:
    assert seen(before, after) == tuple({*before, *after})


def test_what_is_not_known_is_not_out_of_sight() -> None:
    assert in_sight(UNKNOWN, before={}.get, after={}.get, is_test=is_test) is UNKNOWN


@pytest.mark.parametrize(
    "reads",
    [
        "banner.__doc__",
        "getattr(banner, '__doc__')",
        "inspect.getdoc(banner)",
        "from ast import get_docstring",
    ],
)
def test_documentation_is_a_text_where_the_change_or_what_it_changes_reads_it(reads) -> None:
    """A chore wrote `<h1>Buy now</h1>` as a docstring, and returned it."""
    old, new = '"""A banner."""\n', '"""<h1>Buy now</h1>"""\n'
    before = {"banner.py": old, "app.py": f"{reads}\nx = 1\n"}
    assert seen({"banner.py": old}, {"banner.py": new}) == ()
    assert seen(before, {"banner.py": new, "app.py": f"{reads}\nx = 2\n"}) == tuple(sorted(before))
    assert seen({"app.py": ""}, {"app.py": f"{reads}\n"}) == ("app.py",)


@pytest.mark.parametrize(
    "imports",
    [
        "from tests import banner",
        "import tests.banner as b",
        "from tests.banner import page",
        "from ..tests.banner import page",
        "from .. import tests",
    ],
)
def test_a_module_that_imports_a_test_is_in_sight_for_its_texts_are_not_read(imports) -> None:
    """One chore adds it as a test, and the next one shows it."""
    assert seen({}, {"tests/banner.py": "PAGE = '<h1>Buy now</h1>'\n"}) == ()
    assert seen({"app/main.py": ""}, {"app/main.py": f"{imports}\n"}) == ("app/main.py",)
