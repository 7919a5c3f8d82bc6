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


PACKAGE = '{"main": "app.js", "exports": {"a": 1, "b": 2}, "scripts": {"start": "node ."}}'
PYPROJECT = '[project]\nname = "a"\nscripts.a = "a:main"\ndependencies = ["b==1"]\n'


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("package.json", PACKAGE, PACKAGE[:-1] + ', "devDependencies": {"jest": "^30"}}'),
        ("web/package.json", '{"pnpm": {"overrides": {"a": "1"}}}', "{}"),
        ("pyproject.toml", PYPROJECT, PYPROJECT.replace("b==1", "b==2")),
        ("pyproject.toml", PYPROJECT, PYPROJECT + "[tool.ruff]\nline-length = 80\n"),
        ("pyproject.toml", "", "[tool.poetry.group.dev.dependencies]\na = '^1'\n"),
        ("requirements-dev.txt", "a==1  # old\n", "a==2 --hash=sha256:00\n-r requirements.txt\n"),
        ("requirements/edx/base.in", "a", "a>2"),
        ("web/package-lock.json", "{}", "[]"),
        ("go.sum", "a", "b"),
        ("LICENSE-MIT.txt", "a", "b"),
        ("changelog.txt", "a", "b"),
    ],
)
def test_a_dependency_that_moves_is_out_of_sight(path, before, after) -> None:
    assert seen({path: before}, {path: after}) == ()


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("package.json", PACKAGE, PACKAGE.replace("app.js", "test/evil.js")),
        ("package.json", PACKAGE, PACKAGE.replace('"a": 1, "b": 2', '"b": 2, "a": 1')),
        ("package.json", PACKAGE, PACKAGE.replace("1", "true")),
        ("package.json", PACKAGE, PACKAGE.replace("node .", "node evil.js")),
        ("package.json", PACKAGE, "{"),
        ("lib/package.json", None, '{"main": "../test/evil.js"}'),
        ("lib/package.json", '{"main": "a.js"}', None),
        ("Package.json", "{}", "[]"),
        ("pyproject.toml", PYPROJECT, PYPROJECT.replace("a:main", "test.evil:main")),
        ("pyproject.toml", PYPROJECT, PYPROJECT.replace('name = "a"', 'name = "b"')),
        ("app/setup.py", "A = 'a'", "A = '<h1>Buy now</h1>'"),
        ("web/data/packages.txt", "a", "b"),
        ("web/data/requirements.txt", "a", "b"),
        ("requirements.txt", "a==1", "<h1>Buy now</h1>"),
        ("static/composer.json", "{}", '{"name": "b"}'),
        ("CMakeLists.txt", "a", "b"),
        ("robots.txt", "a", "b"),
        ("go.mod", "a", "b"),
        ("mix.lock", "a", "b"),
    ],
)
def test_a_manifest_that_names_the_apps_program_is_in_sight(path, before, after) -> None:
    """A chore turned `main` to a file among the tests, which nobody reads for what a user sees."""
    sides = [{} if text is None else {path: text} for text in (before, after)]
    assert seen(*sides) == (path,)


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
