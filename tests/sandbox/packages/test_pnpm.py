"""pnpm's lock: the tree that it comes to, and what it may not name."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.domain.errors import ConfigError
from harness.programs.sandbox.packages import npm_lock
from harness.programs.sandbox.packages.npm_unpack import own_programs
from harness.programs.sandbox.packages.pnpm_lock import tree_of
from tests.sandbox.layers import prepare
from tests.sandbox.npm import integrity, package, registry

MOON = package("moon", "1.0.0", "module.exports = 'spring'\n", bin="run.js")
TIDE = package("tide", "1.0.0", "module.exports = require('moon') + require('lamp')\n")
LAMP = package("lamp", "1.0.0", "module.exports = ' lamp'\n", bin={"../lamp": "x", "lit": "run.js"})
PEERS = "(@sea/moon@1.0.0)(react@18.3.1)"


def resolution(content: bytes, **more: Any) -> dict[str, Any]:
    return {"resolution": {"integrity": integrity(content)}, **more}


def lock(
    root: dict[str, str], packages: dict[str, Any], snapshots: dict[str, Any] | None = None
) -> str:
    """A lock, in YAML of the form of JSON. Packages without a snapshot have an empty one."""
    needs = {name: {"specifier": "^1", "version": version} for name, version in root.items()}
    return json.dumps(
        {
            "lockfileVersion": "9.0",
            "importers": {".": {"dependencies": needs}},
            "packages": packages,
            "snapshots": {**{key: {} for key in packages}, **(snapshots or {})},
        }
    )


ONE = {"moon@1.0.0": resolution(MOON)}


def test_an_app_finds_what_it_needs_and_a_package_also_what_it_does_not_name(sandbox) -> None:
    """Each set of peers has its own folder; a package under another name is found by that one."""
    key = f"tide@1.0.0{PEERS}"
    text = lock(
        {"tide": f"1.0.0{PEERS}", "luna": "moon@1.0.0"},
        {**ONE, "tide@1.0.0": resolution(TIDE), "lamp@1.0.0": resolution(LAMP)},
        {
            key: {"dependencies": {"moon": "1.0.0", "other": "lamp@1.0.0"}},
            "moon@1.0.0": {"dependencies": {"tide": f"1.0.0{PEERS}"}},
        },
    )
    app = sandbox.place("app")
    (app / "server.js").write_text(
        "const run = require('child_process').execFileSync('node_modules/.bin/moon').toString()\n"
        "console.log(require('tide'), '|', require('luna'), '|', run.trim())\n"
        "try { require('lamp') } catch (error) { console.log(error.code) }\n"
    )
    with registry(moon=MOON, tide=TIDE, lamp=LAMP) as own:
        done = prepare(sandbox, text, own.settings(sandbox.folder), name="pnpm-lock.yaml")
    assert done.returncode == 0, done
    made = json.loads(done.stdout)
    ended = sandbox.run(
        "node",
        "server.js",
        cwd="/app",
        binds=[
            {"source": str(app), "target": "/app"},
            {"source": made["folder"], "target": f"/app/{made['within']}"},
        ],
    )
    assert ended.text == "spring lamp | spring | run by name\nMODULE_NOT_FOUND\n", ended
    assert [path.name for path in (Path(made["folder"]) / ".bin").iterdir()] == ["moon"]


def test_an_optional_package_for_another_machine_is_left_out() -> None:
    other = {"resolution": {"integrity": "x"}, "os": ["win32"], "cpu": [npm_lock.CPU]}
    text = lock(
        {"moon": "1.0.0"},
        {**ONE, "win@1.0.0": other, "unasked@1.0.0": {}},
        {
            "moon@1.0.0": {"optionalDependencies": {"win": "1.0.0"}},
            "win@1.0.0": {"optional": True},
        },
    )
    assert [one.title for one in tree_of(text.encode()).packages] == ["moon@1.0.0"]
    needed = text.replace('{"optional": true}', "{}")
    with pytest.raises(
        ConfigError, match=r"`win@1\.0\.0` is not for this machine: its os is win32"
    ):
        tree_of(needed.encode())


@pytest.mark.parametrize(
    ("root", "packages", "snapshots", "message"),
    [
        ({"moon": "link:../moon"}, {}, {}, "`moon` comes from 'link:../moon', not from a registry"),
        ({"moon": "file:moon.tgz"}, {}, {}, "`moon` comes from 'file:moon.tgz'"),
        (
            {"moon": "https://codeload.invalid/moon/tar.gz/abc"},
            {},
            {},
            "`moon` comes from 'https://codeload",
        ),
        ({"moon": "git+ssh://git@host.invalid/moon.git#abc"}, {}, {}, "`moon` comes from 'git+ssh"),
        ({"moon": "1.0.0/../../x"}, {}, {}, "comes from"),
        ({"../moon": "1.0.0"}, {}, {}, "`../moon` is no name of a package"),
        ({"moon": "../x@1.0.0"}, {}, {}, "comes from"),
        ({"moon": "1.0.0"}, {}, {}, "`moon@1.0.0` is not in the lock's tables"),
        (
            {"moon": "1.0.0(patch_hash=abc)"},
            ONE,
            {"moon@1.0.0(patch_hash=abc)": {}},
            "`moon@1.0.0` is patched by a file of the repository",
        ),
        ({"moon": "1.0.0"}, {"moon@1.0.0": {}}, {}, "`moon@1.0.0` has no sha512"),
        (
            {"moon": "1.0.0"},
            {"moon@1.0.0": {"resolution": {"type": "git", "repo": "x", "commit": "y"}}},
            {},
            "`moon@1.0.0` comes from commit: y, not from a registry",
        ),
        (
            {"moon": "1.0.0"},
            {"moon@1.0.0": {"resolution": {"type": "directory", "directory": "../x"}}},
            {},
            "comes from directory: ../x",
        ),
        (
            {"moon": "1.0.0"},
            ONE,
            {"moon@1.0.0": {"dependencies": {"tide": "link:../tide"}}},
            "`tide` comes from 'link:../tide'",
        ),
        (
            {"moon": "1.0.0"},
            ONE,
            {f"p{number}@1.0.0": {} for number in range(npm_lock.MOST_PACKAGES)},
            "5001 packages, and 5000 are allowed",
        ),
    ],
)
def test_what_pnpms_lock_may_not_contain(root, packages, snapshots, message) -> None:
    with pytest.raises(ConfigError) as caught:
        tree_of(lock(root, packages, snapshots).encode())
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "no YAML"),
        ("\xff\xfe".encode("latin-1").decode("latin-1"), "no table"),
        ("[]", "no table"),
        ("", "no table"),
        ("[" * 100_000, "nested deeper than 16"),
        ("{a: " * 100_000, "nested deeper than 16"),
        ("- " * 100_000, "nested deeper than 16"),
        ("? [a]\n: b\n", "a key that is no text"),
        ("a: &all [x]\nb: *all\n", "refers to parts of itself"),
        ("lockfileVersion: '6.0'", "version 9.0, found 6.0; run `pnpm install"),
        ("lockfileVersion: '9.0'\nimporters: {.: {}, packages/a: {}}", "`packages/a` is a folder"),
    ],
)
def test_a_lock_that_is_no_lock_of_pnpm(text, message) -> None:
    """The YAML of deep nesting once ended a process: libyaml's loader calls itself."""
    with pytest.raises(ConfigError) as caught:
        tree_of(text.encode())
    assert message in str(caught.value)


def test_a_packages_own_file_names_only_commands_in_its_own_folder(tmp_path) -> None:
    def named(text: str) -> list[tuple[str, str]]:
        (tmp_path / "package.json").write_text(text)
        return own_programs(str(tmp_path))

    assert named('{"name": "@sea/moon", "bin": "./run.js"}') == [("moon", "./run.js")]
    hostile = {"ok": "run.js", "../x": "run.js", "a/b": "run.js", "up": "../x", "root": "/bin/sh"}
    assert named(json.dumps({"name": "x", "bin": {**hostile, "nul": "a\0b", "number": 7}})) == [
        ("ok", "run.js")
    ]
    assert named("[]") == named("{") == named("[" * 100_000) == named('{"bin": 7}') == []
