"""package.json, npm's locks and pnpm's: what a change does to them, by the names that are really
fetched."""

import json
import time

import pytest

from harness.domain.facts import DependencyMove, Origin
from tests.governance.manifests import (
    Locked,
    moved,
    package_lock,
    pnpm_lock,
    tarball,
    worded,
)

ADDED, CHANGED, REMOVED, SWAPPED = (
    DependencyMove.ADDED,
    DependencyMove.CHANGED,
    DependencyMove.REMOVED,
    DependencyMove.SWAPPED,
)
REG, OPTION, GIT, URL, PATH = Origin.REGISTRY, Origin.OPTION, Origin.GIT, Origin.URL, Origin.PATH


def depends(**packages: str) -> str:
    return json.dumps({"dependencies": packages})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            '{"dependencies": {"a": "1", "b": "1"}}',
            '{ "dependencies":\r\n { "b": "1",\t"a": "1" } }',
            [],
        ),
        ("{}", "\ufeff{}", []),
        (depends(a="1"), depends(a="2"), [("a", CHANGED, REG)]),
        (depends(), depends(a="^1.2.3 || >=2 <3.0.0-rc.1"), [("a", ADDED, REG)]),
        (depends(), depends(a="owner/a#main"), [("a", ADDED, GIT)]),
        (depends(), depends(a="git+ssh://git@x.example/a.git"), [("a", ADDED, GIT)]),
        (depends(), depends(a="gitlab:o/a"), [("a", ADDED, GIT)]),
        (depends(), depends(a="git@x.example:o/a.git"), [("a", ADDED, GIT)]),
        (depends(), depends(a="https://x.example/a.tgz"), [("a", ADDED, URL)]),
        (depends(), depends(a="jsr:@o/a"), [("a", ADDED, URL)]),
        (depends(), depends(a="file:../a"), [("a", ADDED, PATH)]),
        (depends(), depends(a="patch:a@1#x.patch"), [("a", ADDED, PATH)]),
        (depends(a="1"), depends(a="npm:evil@1"), [("a", REMOVED, REG), ("evil", ADDED, REG)]),
        (
            depends(a="npm:real@1"),
            depends(a="npm:@s/evil@1"),
            [("@s/evil", ADDED, REG), ("real", REMOVED, REG)],
        ),
        ('{"peerDependencies": {}}', '{"devDependencies": {"a": "1"}}', [("a", ADDED, REG)]),
        (
            "{}",
            '{"overrides": {"a": {".": "1", "b": "npm:evil@1"}}}',
            [("a>.", ADDED, REG), ("evil", ADDED, REG)],
        ),
        # what held a back is gone
        ('{"overrides": {"a": "2"}}', "{}", [("a", CHANGED, REG)]),
        ("{}", '{"resolutions": {"**/a": "https://x.example/a.tgz"}}', [("**/a", ADDED, URL)]),
        ("{}", '{"pnpm": {"overrides": {"a>b": "file:b"}}}', [("a>b", ADDED, PATH)]),
        (
            "{}",
            '{"pnpm": {"patchedDependencies": {"a@1": "patches/a.patch"}}}',
            [("pnpm.patch of a@1", ADDED, PATH)],
        ),
        (
            "{}",
            '{"pnpm": {"onlyBuiltDependencies": ["a"]}}',
            [("install script of a", ADDED, OPTION)],
        ),
        (
            "{}",
            '{"pnpm": {"configDependencies": {"evil": "1+sha512-x"}}}',
            [("pnpm.configDependencies", ADDED, OPTION)],
        ),
        ("{}", '{"packageManager": "pnpm@9.0.0"}', [("packageManager", ADDED, OPTION)]),
        ("{}", '{"workspaces": ["evil"]}', [("workspaces", ADDED, OPTION)]),
        (
            "{}",
            '{"scripts": {"postinstall": "node x.js"}}',
            [("script postinstall", ADDED, OPTION)],
        ),
        (
            "{}",
            '{"scripts": {"prepare": "x", "dependencies": "x", "preuninstall": "x"}}',
            [
                ("script dependencies", ADDED, OPTION),
                ("script prepare", ADDED, OPTION),
                ("script preuninstall", ADDED, OPTION),
            ],
        ),
        ("{}", '{"scripts": {"test": "node x.js", "build": "x"}, "engines": {"node": "22"}}', []),
        ("{}", "not json", None),
        ("{}", "[]", None),
        ("{}", '{"dependencies": []}', None),
        ("{}", '{"dependencies": {"a": 1}}', None),
        ("{}", "[" * 100_000, None),
    ],
)
def test_a_package_json(before, after, expected) -> None:
    assert worded("package.json", before, after) == expected


A = {"a": Locked("1.0.0", "x")}
LOCK = package_lock(A)


def placed(place: str, **facts: object) -> str:
    document = json.loads(LOCK)
    document["packages"][place] = facts
    return json.dumps(document)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (LOCK, LOCK.replace("sha512-x", "sha512-y"), [("a", SWAPPED, REG)]),
        (
            LOCK,
            LOCK.replace("registry.", "evil."),
            [
                ("a", SWAPPED, REG),
                ("registry https://evil.example/", ADDED, OPTION),
                ("registry https://registry.example/", REMOVED, OPTION),
            ],
        ),
        (
            LOCK,
            LOCK.replace(tarball("a", "1.0.0"), tarball("evil", "1.0.0")),
            [("a", CHANGED, URL), ("registry https://registry.example/", REMOVED, OPTION)],
        ),
        (
            LOCK,
            LOCK.replace(tarball("a", "1.0.0"), tarball("a", "0.9.0")),
            [("a", CHANGED, URL), ("registry https://registry.example/", REMOVED, OPTION)],
        ),
        (
            LOCK,
            placed("node_modules/b", version="1", resolved="git+ssh://x.example/b.git#abc"),
            [("b", ADDED, GIT)],
        ),
        (
            LOCK,
            placed(
                "node_modules/b",
                version="1",
                resolved="https://x.example/b.tgz",
                integrity="sha512-x",
            ),
            [("b", ADDED, URL)],
        ),
        # no hash holds it
        (LOCK, placed("node_modules/b", version="1"), [("b", ADDED, URL)]),
        (LOCK, placed("node_modules/b", version="1", integrity="sha512-x"), [("b", ADDED, REG)]),
        (
            LOCK,
            placed("node_modules/a/node_modules/b", version="1", inBundle=True),
            [("b", ADDED, REG)],
        ),
        (LOCK, placed("node_modules/b", resolved="packages/b", link=True), [("b", ADDED, PATH)]),
        (LOCK, placed("packages/b", version="1"), [("packages/b", ADDED, PATH)]),
        (
            LOCK,
            placed(
                "node_modules/b",
                name="evil",
                version="1",
                resolved=tarball("evil", "1"),
                integrity="sha512-x",
            ),
            [("evil", ADDED, REG)],
        ),
        (
            LOCK,
            placed(
                "node_modules/@s/b",
                version="1",
                resolved=tarball("@s/b", "1").replace("@s/", "@s%2f", 1),
                integrity="sha512-x",
            ),
            [("@s/b", ADDED, REG)],
        ),
        (
            LOCK,
            placed(
                "node_modules/b",
                version="1",
                resolved=tarball("b", "1"),
                integrity="sha512-x",
                hasInstallScript=True,
            ),
            [("b", ADDED, REG)],
        ),
        # what old readers read is read, too
        (
            LOCK,
            json.dumps(
                {
                    **json.loads(LOCK),
                    "lockfileVersion": 2,
                    "dependencies": {
                        "a": {
                            "version": "1.0.0",
                            "resolved": tarball("evil", "1.0.0"),
                            "integrity": "sha512-y",
                        }
                    },
                }
            ),
            [("a", ADDED, URL)],
        ),
        ("{}", LOCK, None),
        (LOCK, '{"packages": {"node_modules/a": "x"}}', None),
        (LOCK, '{"packages": {"node_modules/a": {"version": 1}}}', None),
    ],
)
def test_npms_lock(before, after, expected) -> None:
    assert worded("package-lock.json", before, after) == expected


def test_npms_first_lock_nests_packages_and_names_aliases_in_their_version() -> None:
    before = {
        "lockfileVersion": 1,
        "dependencies": {"a": {"version": "1", "integrity": "x", "dependencies": {}}},
    }
    after = json.loads(json.dumps(before))
    after["dependencies"]["a"]["dependencies"] = {
        "b": {"version": "npm:evil@1.0.0", "integrity": "x"},
        "c": {"version": "git+https://x.example/c.git#abc"},
        "d": {"version": "file:d"},
    }
    assert worded("package-lock.json", json.dumps(before), json.dumps(after)) == [
        ("c", ADDED, GIT),
        ("d", ADDED, PATH),
        ("evil", ADDED, REG),
    ]


PNPM, OLD = pnpm_lock(A), pnpm_lock(A, version="6.0")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (PNPM, PNPM.replace("sha512-x", "sha512-y"), [("a", SWAPPED, REG)]),
        (PNPM, PNPM.replace("1.0.0", "1.0.1"), [("a", CHANGED, REG)]),
        (PNPM, PNPM.replace("\n", "\r\n").replace("'9.0'", '"9.0"'), []),
        (PNPM, PNPM + "\nsnapshots:\n\n  a@1.0.0: {}\n\nsettings:\n  autoInstallPeers: true\n", []),
        (
            OLD,
            OLD.replace("/a@1.0.0:", "/a@1.0.0(b@2.0.0):").replace(
                "version: 1.0.0", "version: 1.0.0(b@2.0.0)"
            ),
            [],
        ),
        (
            PNPM,
            PNPM.replace("version: 1.0.0", "version: evil@1.0.0").replace(
                "a@1.0.0:", "evil@1.0.0:"
            ),
            [("a", REMOVED, REG), ("evil", ADDED, REG)],
        ),
        (
            OLD,
            OLD.replace("version: 1.0.0", "version: /@s/evil@1.0.0").replace(
                "/a@1.0.0:", "/@s/evil@1.0.0:"
            ),
            [("@s/evil", ADDED, REG), ("a", REMOVED, REG)],
        ),
        (PNPM, PNPM.replace("version: 1.0.0", "version: link:../evil"), [("a", CHANGED, PATH)]),
        (
            PNPM,
            PNPM.replace(
                "{integrity: sha512-x}",
                "{integrity: sha512-x, tarball: https://evil.example/a.tgz}",
            ),
            [("a", CHANGED, URL)],
        ),
        (
            PNPM,
            PNPM.replace(
                "{integrity: sha512-x}",
                f"{{integrity: sha512-x, tarball: {tarball('a', '1.0.0')}}}",
            ),
            [("a", SWAPPED, REG), ("registry https://registry.example/", ADDED, OPTION)],
        ),
        (
            PNPM,
            PNPM.replace("{integrity: sha512-x}", "{tarball: https://evil.example/a.tgz}"),
            [("a", CHANGED, URL)],
        ),
        (
            PNPM,
            PNPM
            + "\n  b@https://x.example/b.tgz:\n    resolution: {tarball: https://x.example/b.tgz}\n"
            "    version: 2.0.0\n",
            [("b", ADDED, URL)],
        ),
        (
            PNPM,
            PNPM + "\n  b@git+https://x.example/b.git#abc:\n    resolution: {commit: abc, repo:"
            " https://x.example/b, type: git}\n",
            [("b", ADDED, GIT)],
        ),
        (
            PNPM,
            PNPM + "\n  b@file:b:\n    resolution: {directory: b, type: directory}\n",
            [("b", ADDED, PATH)],
        ),
        (PNPM, PNPM + "\noverrides:\n  a: npm:evil@2\n", [("evil", ADDED, REG)]),
        (PNPM + "\noverrides:\n  a: 2.0.0\n", PNPM, [("a", CHANGED, REG)]),
        (
            PNPM + "\npatchedDependencies:\n  a@1.0.0: {hash: aa, path: a.patch}\n",
            PNPM + "\npatchedDependencies:\n  a@1.0.0: {hash: bb, path: a.patch}\n",
            [("pnpm.patch of a@1.0.0", SWAPPED, PATH)],
        ),
        (PNPM, PNPM + "\npnpmfileChecksum: aa\n", [("pnpm.pnpmfileChecksum", ADDED, OPTION)]),
        (PNPM, PNPM.replace("9.0", "5.4"), None),
        (PNPM, PNPM.replace("9.0", "10.0"), None),
        (PNPM, PNPM.replace("{integrity: sha512-x}", "{type: pigeon}"), None),
        (PNPM, PNPM.replace("{integrity: sha512-x}", "{}"), None),
        (PNPM, PNPM.replace("{integrity: sha512-x}", "&x {integrity: sha512-x}"), None),
        (PNPM, PNPM + "\n  b@1.0.0: *x\n", None),
        # a key that stands there twice
        (
            PNPM,
            PNPM + "\n  a@1.0.0:\n    resolution: {integrity: sha512-y}\n",
            None,
        ),
        (PNPM, PNPM + "\n  <<: {b@1.0.0: {resolution: {integrity: sha512-y}}}\n", None),
        (PNPM, PNPM.replace("sha512-x", "!!str sha512-x"), None),
        (PNPM, PNPM + "\n---\nlockfileVersion: '9.0'\n", None),
        (PNPM, PNPM + "\u2028# x", None),
        (PNPM, PNPM + "\nx: " + "[" * 10_000, None),
        (PNPM, PNPM + "\nx: " + "[" * 30 + "]" * 30, None),
        (PNPM, PNPM + "\n\tx: 1", None),
    ],
)
def test_pnpms_lock(before, after, expected) -> None:
    assert worded("pnpm-lock.yaml", before, after) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("packages: [a]\n", "packages:\n  - a\n", []),
        ("catalog:\n  a: ^1\n", "catalog:\n  a: ^2\n", [("a", CHANGED, REG)]),
        ("", "catalogs:\n  old:\n    a: npm:evil@1\n", [("evil", ADDED, REG)]),
        ("", "overrides:\n  a: link:../a\n", [("a", ADDED, PATH)]),
        (
            "",
            "onlyBuiltDependencies: [a, b]\n",
            [("install script of a", ADDED, OPTION), ("install script of b", ADDED, OPTION)],
        ),
        (
            "",
            "patchedDependencies:\n  a@1: patches/a.patch\n",
            [("pnpm.patch of a@1", ADDED, PATH)],
        ),
        ("minimumReleaseAge: 1440\n", "", [("pnpm.minimumReleaseAge", CHANGED, OPTION)]),
    ],
)
def test_pnpms_workspace(before, after, expected) -> None:
    assert worded("pnpm-workspace.yaml", before, after) == expected


def test_a_patch_of_a_package_is_a_dependency_whose_bytes_can_be_swapped() -> None:
    assert worded("patches/a@1.patch", None, "+evil") == [("a patch of a package", ADDED, PATH)]
    assert worded("patches/a@1.patch", "+a", "+evil") == [("a patch of a package", SWAPPED, PATH)]


def test_an_alias_does_not_pass_under_the_name_it_is_imported_by() -> None:
    (gone, come) = moved("package.json", depends(a="1"), depends(a="npm:evil@1"))
    assert (gone.name, come.name, come.after) == ("a", "evil", "1 as a")


def test_a_lock_of_ten_thousand_packages_is_read_in_seconds() -> None:
    lock = pnpm_lock(
        {f"package-{number}": Locked("1.0.0", f"{number:x}") for number in range(10_000)}
    )
    began = time.process_time()
    (found,) = moved("pnpm-lock.yaml", lock, lock.replace("sha512-270f}", "sha512-ffff}"))
    assert (found.name, found.move) == ("package-9999", SWAPPED)
    assert time.process_time() - began < 20
