"""Manifests and locks, before and after: what moved, from where, and when nobody can tell.
JavaScript's have a file of their own beside this one."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.domain.facts import UNKNOWN, DependencyMove, Origin
from harness.governance import dependency_changes, is_manifest
from tests.governance.manifests import FORMATS, Locked, moved, worded
from tests.governance.policy_texts import change
from tests.tiers import share

ADDED, CHANGED, REMOVED, SWAPPED = (
    DependencyMove.ADDED,
    DependencyMove.CHANGED,
    DependencyMove.REMOVED,
    DependencyMove.SWAPPED,
)
REG, OPTION, GIT, URL, PATH = Origin.REGISTRY, Origin.OPTION, Origin.GIT, Origin.URL, Origin.PATH


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("flask==3.0\n", "flask==3.0\n# hi\n", []),
        ("flask==3.0\nclick==8\n", "click==8\r\nFlask  ==  3.0\r\n", []),
        ("flask==3.0", "\ufeffflask==3.0", []),
        ("flask==3.0", "flask==3.0\nflask==3.0", []),
        ("flask==3.0", "flask==3.0\nReqeusts==1", [("reqeusts", ADDED, REG)]),
        ("flask==3.0", "Flask==3.1", [("flask", CHANGED, REG)]),
        ("flask==3.0", "flask[async]==3.0", [("flask", CHANGED, REG)]),
        ("flask==3.0", "flask==3.0 ; python_version < '4'", [("flask", CHANGED, REG)]),
        (
            "a==1; python_version<'3.9'\na==2; python_version>='3.9'",
            "a==2; python_version>='3.9'\na==1; python_version<'3.9'",
            [],
        ),
        ("flask==3.0\n", "", [("flask", REMOVED, REG)]),
        (None, "flask==3.0", [("flask", ADDED, REG)]),
        ("flask==3.0", None, [("flask", REMOVED, REG)]),
        ("a==1 \\\n  --hash=sha256:aa", "a==1 \\\n  --hash=sha256:bb", [("a", SWAPPED, REG)]),
        ("a==1 --hash=sha256:aa", "a==1", [("a", SWAPPED, REG)]),
        ("a==1 --hash=sha256:aa --hash=sha256:bb", "a==1 --hash=sha256:bb --hash=sha256:aa", []),
        ("", "a @ git+https://x.example/a.git@main", [("a", ADDED, GIT)]),
        ("a==1", "a @ https://x.example/a-1.whl", [("a", CHANGED, URL)]),
        ("", "./vendored", [("./vendored", ADDED, PATH)]),
        ("", "a @ file:///tmp/a-1.whl", [("a", ADDED, PATH)]),
        ("", "-e git+https://x.example/a", [("git+https://x.example/a", ADDED, GIT)]),
        ("", "--editable=../a", [("../a", ADDED, PATH)]),
        ("", "--extra-index-url https://x.example", [("--extra-index-url", ADDED, OPTION)]),
        ("--index-url=https://a", "--index-url https://a", []),
        ("--index-url https://a", "--index-url https://evil", [("--index-url", CHANGED, OPTION)]),
        (
            "--extra-index-url https://a",
            "--extra-index-url https://evil\n--extra-index-url https://a",
            [("--extra-index-url", ADDED, OPTION)],
        ),
        ("-r a.txt", "-r b.txt", [("-r", CHANGED, OPTION)]),
        ("-r a.txt", "-ra.txt", []),
        ("", "-c limits.txt", [("-c", ADDED, OPTION)]),
        ("", "--no-binary :all:", [("--no-binary", ADDED, OPTION)]),
        ("--require-hashes\na==1", "a==1", [("--require-hashes", CHANGED, OPTION)]),
        ("--only-binary :all:\na==1", "a==1", [("--only-binary", CHANGED, OPTION)]),
        ("a==1", 'a==1 --config-settings="x=y"', [("--config-settings of a", ADDED, OPTION)]),
        # pip reads the second line
        (
            "",
            "# a note that goes on \\\nevil==1",
            [("evil", ADDED, REG)],
        ),
        (
            "a==1 \\\n  --hash=sha256:aa",
            "a==1 \\\n# aside \\\n  --hash=sha256:aa",
            [("--hash", ADDED, OPTION), ("a", SWAPPED, REG)],
        ),
        ("", "a==1\x0bevil==1", None),
        ("", "a==1\u2028evil==1", None),
        # pip would read a line end there
        ("", "# coding: utf-7\n#+AAo-evil==1", None),
        ("", "a==1\0", None),
        ("", "???", None),
        ("", "--", None),
    ],
)
def test_a_requirements_file(before, after, expected) -> None:
    assert worded("requirements.txt", before, after) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            '[project]\ndependencies = ["a>=1"]',
            '[project]\ndependencies = ["b", "a>=1"]',
            [("b", ADDED, REG)],
        ),
        (
            '[project]\ndependencies = ["a", "b"]',
            '[project]\n# neat\ndependencies = [\n  "b",\n  "A",\n]',
            [],
        ),
        ("", '[project.optional-dependencies]\ndev = ["b"]', [("b", ADDED, REG)]),
        ("", '[dependency-groups]\ndev = ["b", {include-group = "x"}]', [("b", ADDED, REG)]),
        ("", '[project]\ndynamic = ["version"]', []),
        ("", '[project]\ndynamic = ["dependencies"]', [("dynamic", ADDED, OPTION)]),
        ("", '[build-system]\nrequires = ["evil"]', [("evil", ADDED, REG)]),
        (
            "",
            '[build-system]\nbuild-backend = "hook"\nbackend-path = ["."]',
            [("backend-path", ADDED, OPTION), ("build-backend", ADDED, OPTION)],
        ),
        (
            "",
            '[tool.poetry.dependencies]\npython = "^3.11"\nb = {git = "https://x.example/b"}',
            [("b", ADDED, GIT)],
        ),
        (
            "",
            '[tool.poetry.dependencies]\nb = [{url = "https://x.example/b", python = "<3"}]',
            [("b", ADDED, URL)],
        ),
        ("", '[tool.poetry.group.dev.dependencies]\nb = "^1"', [("b", ADDED, REG)]),
        (
            '[tool.poetry.dependencies]\nb = "^1"',
            '[tool.poetry.dependencies]\nb = {version = "^1", source = "evil"}',
            [("b", CHANGED, REG)],
        ),
        (
            "",
            '[[tool.poetry.source]]\nname = "evil"\nurl = "https://evil"',
            [("tool.poetry.source", ADDED, OPTION)],
        ),
        ("", '[tool.poetry.build]\nscript = "build.py"', [("tool.poetry.build", ADDED, OPTION)]),
        ("", '[tool.poetry.requires-plugins]\nevil = "*"', [("evil", ADDED, REG)]),
        ("", '[tool.uv.sources]\nb = {path = "."}', [("tool.uv.sources", ADDED, OPTION)]),
        ("", '[[tool.uv.index]]\nurl = "https://evil"', [("tool.uv.index", ADDED, OPTION)]),
        (
            "",
            '[tool.uv]\nextra-index-url = ["https://evil"]',
            [("tool.uv.extra-index-url", ADDED, OPTION)],
        ),
        ("[tool.uv]\nno-build = true", "[tool.uv]", [("tool.uv.no-build", CHANGED, OPTION)]),
        (
            '[tool.uv]\noverride-dependencies = ["a<2"]',
            '[tool.uv]\noverride-dependencies = ["a<3"]',
            [("a", CHANGED, REG)],
        ),
        ("", '[tool.uv]\ndev-dependencies = ["b @ git+https://x.example/b"]', [("b", ADDED, GIT)]),
        (
            "",
            '[tool.hatch.build.hooks.custom]\npath = "hook.py"',
            [("tool.hatch.build", ADDED, OPTION)],
        ),
        (
            "",
            '[tool.hatch.envs.default]\ndependencies = ["evil"]',
            [("tool.hatch.envs.default.dependencies", ADDED, OPTION)],
        ),
        (
            "",
            '[tool.setuptools.cmdclass]\nbuild = "evil.Build"',
            [("tool.setuptools.cmdclass", ADDED, OPTION)],
        ),
        (
            "",
            '[tool.setuptools.dynamic]\ndependencies = {file = ["any.txt"]}',
            [("tool.setuptools.dynamic", ADDED, OPTION)],
        ),
        *(
            ("", f"[tool.{table}]\n{key} = {value}", [(f"tool.{table}.{key}", ADDED, OPTION)])
            for table, key, value in (
                ("pixi", "pypi-dependencies", '{evil = "*"}'),
                ("pixi.target.linux-64", "host-dependencies", '{evil = "*"}'),
                ("pixi.workspace", "channels", '["https://evil.example"]'),
                ("pdm", "plugins", '["evil"]'),
                ("pdm.resolution", "overrides", '{a = "https://evil.example/a.whl"}'),
                ("pdm.scripts", "post_install", '"python evil.py"'),
                ("hatch.envs.default", "pre-install-commands", '["python evil.py"]'),
                ("cibuildwheel", "test-requires", '"evil"'),
            )
        ),
        ("", '[tool.poetry.plugins."app.readers"]\ncsv = "app:Csv"', []),
        ("", "[tool.setuptools.packages.find]\ninclude = ['a*']", []),
        (
            "[tool.ruff]\nline-length = 100",
            '[tool.ruff]\nline-length = 120\n[tool.coverage.run]\nsource = ["a"]',
            [],
        ),
        ("", "[project", None),
        ("", '[project]\ndependencies = ["???"]', None),
        ("", '[project]\ndependencies = "a"', None),
        ("", "[project]\ndependencies = [1]", None),
        ("", "project = 1", None),
        ("", "[tool]\npoetry = []", None),
    ],
)
def test_a_pyproject(before, after, expected) -> None:
    assert worded("pyproject.toml", before, after) == expected


UV = """\
version = 1
[[package]]
name = "a"
version = "1"
source = { registry = "https://packages.example/simple" }
sdist = { url = "https://files.example/a-1.tar.gz", hash = "sha256:aa", size = 9 }
wheels = [
  { url = "https://files.example/a-1-x.whl", hash = "sha256:bb", size = 9 },
  { url = "https://files.example/a-1-y.whl", hash = "sha256:cc", size = 9 },
]
"""
POETRY = """\
[[package]]
name = "a"
version = "1"
files = [{file = "a-1-x.whl", hash = "sha256:aa"}, {file = "a-1-y.whl", hash = "sha256:bb"}]
"""
PYLOCK = """\
lock-version = "1.0"
[[packages]]
name = "a"
version = "1"
index = "https://packages.example/simple"
wheels = [{name = "a-1.whl", url = "https://files.example/a-1.whl", hashes = {sha256 = "aa"}}]
"""
GIT_SOURCE = (
    '[package.source]\ntype = "git"\nurl = "https://x.example/a"\nresolved_reference = "{}"\n'
)


@pytest.mark.parametrize(
    ("path", "before", "after", "expected"),
    [
        ("uv.lock", UV, UV.replace("aa", "ff"), [("a", SWAPPED, REG)]),
        ("uv.lock", UV, UV.replace("a-1-x", "a-1-z"), [("a", SWAPPED, REG)]),
        ("uv.lock", UV, UV.replace("size = 9", 'upload-time = "2026-01-01T00:00:00Z"'), []),
        (
            "uv.lock",
            UV,
            UV.replace("-x.whl", "-w.whl").replace('"sha256:bb"', '"sha256:cc"', 1),
            [("a", SWAPPED, REG)],
        ),
        (
            "uv.lock",
            UV,
            UV.replace("files.example/a-1-x", "evil.example/a-1-x"),
            [("a", SWAPPED, REG), ("host evil.example", ADDED, OPTION)],
        ),
        (
            "uv.lock",
            UV,
            UV.replace("packages.example", "evil.example"),
            [
                ("a", SWAPPED, REG),
                ("index https://evil.example/simple", ADDED, OPTION),
                ("index https://packages.example/simple", REMOVED, OPTION),
            ],
        ),
        (
            "uv.lock",
            UV,
            UV.replace(
                'registry = "https://packages.example/simple"', 'git = "https://x.example/a#abc"'
            ),
            [("a", CHANGED, GIT), ("index https://packages.example/simple", REMOVED, OPTION)],
        ),
        (
            "uv.lock",
            "",
            '[[package]]\nname = "app"\nversion = "1"\nsource = {editable = "."}',
            [("app", ADDED, PATH)],
        ),
        (
            "uv.lock",
            "",
            '[options]\nindex-strategy = "unsafe-best-match"',
            [("options.index-strategy", ADDED, OPTION)],
        ),
        ("uv.lock", "", '[[package]]\nname = "a"\nsource = {carrier-pigeon = "x"}', None),
        ("uv.lock", "", '[[package]]\nversion = "1"', None),
        ("uv.lock", "", "package = {}", None),
        ("uv.lock", "", "package = [1]", None),
        ("uv.toml", "", 'index-url = "https://evil"', [("tool.uv.index-url", ADDED, OPTION)]),
        ("poetry.lock", POETRY, POETRY.replace("aa", "ff"), [("a", SWAPPED, REG)]),
        (
            "poetry.lock",
            POETRY,
            POETRY.replace("-x", "-z")
            .replace("-y", "-x")
            .replace("-z", "-y")
            .replace("aa", "q")
            .replace("bb", "aa")
            .replace("q", "bb"),
            [],
        ),
        ("poetry.lock", POETRY, POETRY.replace('"1"', '"2"'), [("a", CHANGED, REG)]),
        ("poetry.lock", POETRY, POETRY + GIT_SOURCE.format("abc"), [("a", CHANGED, GIT)]),
        (
            "poetry.lock",
            POETRY + GIT_SOURCE.format("abc"),
            POETRY + GIT_SOURCE.format("def"),
            [("a", SWAPPED, GIT)],
        ),
        (
            "poetry.lock",
            POETRY,
            POETRY + '[package.source]\ntype = "legacy"\nurl = "https://evil"\n',
            [("a", SWAPPED, REG), ("index https://evil", ADDED, OPTION)],
        ),
        ("poetry.lock", POETRY, POETRY + '[package.source]\ntype = "pigeon"\n', None),
        ("pylock.toml", PYLOCK, PYLOCK.replace("aa", "ff"), [("a", SWAPPED, REG)]),
        (
            "pylock.dev.toml",
            PYLOCK,
            PYLOCK.replace('"1"\nindex', '"2"\nindex'),
            [("a", CHANGED, REG)],
        ),
        (
            "pylock.toml",
            PYLOCK,
            PYLOCK + '[[packages]]\nname = "b"\nvcs = {type = "git", url = "https://x"}\n',
            [("b", ADDED, GIT)],
        ),
        (
            "pylock.toml",
            PYLOCK,
            PYLOCK + '[[packages]]\nname = "b"\narchive = {url = "https://x.example/b.zip"}\n',
            [("b", ADDED, URL), ("host x.example", ADDED, OPTION)],
        ),
        # a decoy for the other reader
        (
            "pylock.toml",
            PYLOCK,
            "package = []\n" + PYLOCK.replace("aa", "ff"),
            [("a", SWAPPED, REG)],
        ),
    ],
)
def test_a_lock_of_python(path, before, after, expected) -> None:
    assert worded(path, before, after) == expected


def test_two_versions_of_one_package_in_a_lock_are_two_entries() -> None:
    assert worded(
        "uv.lock",
        UV,
        UV + UV.removeprefix("version = 1\n").replace('version = "1"', 'version = "2"'),
    ) == [("a", ADDED, REG)]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"requirements.txt", True),
        (b"x/Requirements-Dev.TXT", True),
        (b"PYPROJECT.toml", True),
        (b"requirements.lock", True),
        (b"dev-requirements.in", True),
        (b"requirements/base.txt", True),
        (b"constraints.txt", True),
        (b"ci/deps.txt", True),
        (b"package.json", True),
        (b"web/pnpm-lock.yaml", True),
        (b"patches/a@1.patch", True),
        (b"Gemfile", True),
        ("рackage.json".encode(), True),
        (b"pyproject.toml.", True),
        (b"requirernents.txt", False),
        (b"requirements.py", False),
        (b"docs/dependencies.md", False),
        (b"src/lock.py", False),
        (b"hooks/a.patch", False),
    ],
)
def test_a_manifest_is_known_by_its_name(path, expected) -> None:
    assert is_manifest(path) is expected


@pytest.mark.parametrize(
    "path",
    [
        "Cargo.toml",
        "yarn.lock",
        "setup.py",
        "a/b/go.mod",
        ".npmrc",
        ".pnpmfile.cjs",
        "binding.gyp",
        "bun.lock",
        "Pipfile.lock",
        "рackage.json",
        "pyproject.toml ",
    ],
)
def test_a_manifest_of_a_kind_that_is_not_parsed_is_unknown(path) -> None:
    assert moved(path, "", "x = 1") is UNKNOWN


def test_what_is_no_manifest_changes_no_dependency() -> None:
    assert moved("src/flask.py", "a", "b") == ()


def test_one_manifest_that_cannot_be_read_leaves_the_whole_unknown() -> None:
    changes = dependency_changes(
        [change("requirements.txt", old_mode="100644"), change("yarn.lock")],
        lambda _: b"a==1",
        lambda _: b"a==2",
    )
    assert changes is UNKNOWN


@pytest.mark.parametrize("content", [b"\xff\xfe", "a==1".encode("utf-16"), b"a==1\0", None])
def test_a_manifest_that_is_not_a_plain_text_is_unknown(content) -> None:
    assert (
        dependency_changes([change("requirements.txt")], lambda _: None, lambda _: content)
        is UNKNOWN
    )


@pytest.mark.parametrize(
    ("there", "added", "near"),
    [
        ("requests==2", "reqeusts==2", "requests"),
        ("requests==2", "request==2", "requests"),
        ("requests==2", "requestss==2", "requests"),
        ("lodash==1", "Iodash==1", "lodash"),
        ("colorlog==1", "c0l0rlog==1", "colorlog"),
        ("python-dateutil==2", "pythondateutil==2", "python-dateutil"),
        ("flask==3", "flask-login==1", ""),
        ("six==1", "sox==1", ""),
        ("requests==2", "httpx==1", ""),
    ],
)
def test_an_added_name_that_is_nearly_one_already_there_is_marked(there, added, near) -> None:
    (found,) = moved("requirements.txt", there, f"{there}\n{added}")
    assert (found.move, found.near) == (ADDED, near)


def test_ten_thousand_names_are_compared_in_no_time() -> None:
    names = [f"package-{number:05}-{'x' * 20}" for number in range(10_000)]
    found = moved("requirements.txt", "\n".join(names[:5000]), "\n".join(names))
    assert len(found) == 5000


_NAMES = st.text("abcdefgh", min_size=3, max_size=6)
_VERSIONS = st.builds("{}.{}.{}".format, *[st.integers(0, 9)] * 3)
_LOCKS = st.dictionaries(
    _NAMES,
    st.builds(Locked, _VERSIONS, st.text("0123456789abcdef", min_size=4, max_size=4)),
    max_size=5,
)


def _expected(
    before: dict[str, Locked], after: dict[str, Locked], *, hashes: bool
) -> set[tuple[str, DependencyMove]]:
    moves = {(name, ADDED) for name in after.keys() - before.keys()} | {
        (name, REMOVED) for name in before.keys() - after.keys()
    }
    for name in before.keys() & after.keys():
        if before[name].version != after[name].version:
            moves.add((name, CHANGED))
        elif hashes and before[name] != after[name]:
            moves.add((name, SWAPPED))
    return moves


@pytest.mark.parametrize("path", FORMATS)
@settings(max_examples=share(30), deadline=None)
@given(before=_LOCKS, after=_LOCKS, shared=_LOCKS, order=st.randoms(use_true_random=False))
def test_for_any_two_states_exactly_what_moved_is_found_in_every_format(
    path, before, after, shared, order
) -> None:
    before, after = {**shared, **before}, {**shared, **after}
    names = list(after)
    order.shuffle(names)
    written, hashes = FORMATS[path]
    found = moved(path, written(before), written({name: after[name] for name in names}))
    assert {(one.name, one.move) for one in found if one.origin is not OPTION} == _expected(
        before, after, hashes=hashes
    )
    assert {one.origin for one in found} <= {REG, OPTION}


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab:/@.-", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                (
                    "dependencies",
                    "packages",
                    "",
                    "node_modules/a",
                    "version",
                    "resolved",
                    "overrides",
                    "pnpm",
                    "scripts",
                    "importers",
                    ".",
                    "resolution",
                    "a@1",
                    "lockfileVersion",
                    "patchedDependencies",
                    "catalogs",
                )
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=share(150), deadline=None)
@given(
    document=_ANY,
    path=st.sampled_from(
        ("package.json", "package-lock.json", "pnpm-lock.yaml", "pnpm-workspace.yaml")
    ),
)
def test_a_document_of_any_shape_is_an_answer_and_not_a_crash(document, path) -> None:
    text = json.dumps(
        {"lockfileVersion": "9.0", **document} if isinstance(document, dict) else document
    )
    found = moved(path, "{}" if "lock" not in path else None, text)
    assert found is UNKNOWN or isinstance(found, tuple)
