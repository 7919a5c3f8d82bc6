"""Packages of npm: what a lock may contain, what is asked of a registry, and what runs where."""

import json
import tarfile
from functools import partial
from pathlib import Path

import pytest

from harness.domain.errors import ConfigError, SandboxError
from harness.programs.sandbox.packages import npm_lock, npm_registry
from harness.programs.sandbox.packages.layer import MOST_BYTES, layer, make_plain
from harness.programs.sandbox.packages.npm import Npm
from harness.programs.sandbox.packages.npm_lock import NpmPackage, tree_of
from harness.programs.sandbox.packages.npm_unpack import unpack
from tests.nests import DEEP, LONG, folder_for_nests, nest
from tests.sandbox import layers
from tests.sandbox.npm import archive, entry, integrity, lock, package, registry
from tests.sandbox.sandboxes import Sandboxes

MOON = package("moon", "1.0.0", "module.exports = 'spring'\n")
TIDE = package("tide", "1.0.0", "module.exports = require('moon') + ' tide'\n")
NEAP = package("moon", "2.0.0", "module.exports = 'neap'\n")
ESM = archive(
    {
        "package.json": '{"name": "esm", "version": "1.0.0", "type": "module", "main": "index.js"}',
        "index.js": "import moon from 'moon'; export default moon\n",
    }
)


prepare = partial(layers.prepare, name="package-lock.json")


def kept(sandboxes: Sandboxes) -> list[str]:
    return sorted(path.name for path in (sandboxes.folder / "wheels" / "npm").iterdir())


def test_an_app_finds_the_packages_of_its_lock_in_its_own_tree(views) -> None:
    """Those inside others too, by `require` and by `import`, and commands by their names."""
    inner = {"tide/node_modules/moon": entry(NEAP, "2.0.0")}
    text = lock(
        moon=entry(MOON, bin={"moon": "run.js"}),
        tide=entry(TIDE),
        esm=entry(ESM),
        **inner,
    )
    app = views.place("app")
    (app / "web").mkdir()
    views.own(app / "web")
    (app / "web" / "server.mjs").write_text(
        "import esm from 'esm'; import tide from 'tide'; import { execFileSync } from 'node:child_process'\n"
        "const said = execFileSync('node_modules/.bin/moon').toString().trim()\n"
        "console.log(esm, '|', tide, '|', said)\n"
    )
    with registry(moon=MOON, tide=TIDE, esm=ESM) as known:
        known.has["/moon/-/moon-2.0.0.tgz"] = NEAP
        done = prepare(views, text, known.settings(views.folder), name="web/package-lock.json")
    assert done.returncode == 0, done
    made = json.loads(done.stdout)
    assert (made["variable"], made["within"]) == ("", "web/node_modules")
    ended = views.run(
        "node",
        "server.mjs",
        cwd="/app/web",
        binds=[
            {"source": str(app), "target": "/app"},
            {"source": made["folder"], "target": f"/app/{made['within']}"},
        ],
    )
    assert ended.text == "spring | neap tide | run by name\n", ended
    assert not [
        path
        for path in Path(made["folder"]).rglob("*")
        if path.stat().st_mode & 0o022 or path.stat().st_uid != Path(made["folder"]).stat().st_uid
    ]


def test_only_the_registry_of_this_machine_is_asked_whatever_the_lock_names(sandbox) -> None:
    with registry(moon=MOON) as other, registry(moon=MOON) as own:
        named = f"{other.address}moon/-/moon-1.0.0.tgz"
        done = prepare(
            sandbox, lock(moon=entry(MOON, resolved=named)), own.settings(sandbox.folder)
        )
    assert done.returncode == 0, done
    assert own.asked == ["/moon/-/moon-1.0.0.tgz"]
    assert other.asked == []


def test_a_scope_may_have_a_registry_of_its_own(sandbox) -> None:
    with registry() as own, registry() as scoped:
        scoped.has["/@sea/moon/-/moon-1.0.0.tgz"] = MOON
        more = {"@sea:registry": scoped.address}
        text = lock(**{"@sea/moon": entry(MOON)})
        done = prepare(sandbox, text, own.settings(sandbox.folder, **more))
    assert done.returncode == 0, done
    assert (own.asked, len(scoped.asked)) == ([], 1)


def test_a_token_goes_to_the_registry_that_it_is_for_and_to_no_other(sandbox) -> None:
    rc = sandbox.folder / "npmrc"
    with registry(moon=MOON) as own, registry() as scoped:
        scoped.has["/@sea/tide/-/tide-1.0.0.tgz"] = TIDE
        place = scoped.address.removeprefix("http:")
        rc.write_text(
            f'; mine\n{place}:_authToken=wide\n{place}@sea/:_authToken = "narrow"\n'
            f"{own.address.removeprefix('http:')}:_authToken=${{NOT_HERE}}\n"
        )
        more = {"@sea:registry": scoped.address, "userconfig": str(rc)}
        text = lock(moon=entry(MOON), **{"@sea/tide": entry(TIDE)})
        done = prepare(sandbox, text, own.settings(sandbox.folder, **more))
    assert done.returncode == 0, done
    assert (own.shown, scoped.shown) == ([None], ["Bearer narrow"])


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("https://me:secret@host.invalid/", "has a password in its address"),
        ("file:///tmp/registry", "is no address of a registry"),
        ("https://", "is no address of a registry"),
    ],
)
def test_a_setting_of_npm_that_cannot_be_used_is_named_and_not_shown(
    sandbox, address, message
) -> None:
    with registry() as own:
        around = own.settings(sandbox.folder, registry=address)
        done = prepare(sandbox, lock(moon=entry(MOON)), around)
        assert (done.returncode, own.asked) == (2, [])
        assert "npm's setting `registry`" in done.stderr
        assert message in done.stderr
        assert "secret" not in done.stderr
        broken = own.settings(sandbox.folder, cafile="/nowhere/ca.pem")
        done = prepare(sandbox, lock(moon=entry(MOON)), broken)
    assert done.returncode == 2
    assert "npm's certificates in /nowhere/ca.pem cannot be read" in done.stderr


def test_the_same_lock_is_prepared_once(sandbox) -> None:
    with registry(moon=MOON) as own:
        first = prepare(sandbox, lock(moon=entry(MOON)), own.settings(sandbox.folder))
        again = prepare(sandbox, lock(moon=entry(MOON)), own.settings(sandbox.folder))
        assert again.stdout == first.stdout
        prepare(sandbox, lock(luna=entry(MOON, name="moon")), own.settings(sandbox.folder))
    assert len(own.asked) == 1, "another lock takes the kept archive"


def test_an_archive_that_was_damaged_in_the_cache_is_fetched_again(sandbox) -> None:
    with registry(moon=MOON) as own:
        around = own.settings(sandbox.folder)
        prepare(sandbox, lock(moon=entry(MOON)), around)
        (file,) = (sandbox.folder / "wheels" / "npm").iterdir()
        file.write_bytes(archive({"index.js": "module.exports = 'planted'\n"}))
        done = prepare(sandbox, lock(luna=entry(MOON, name="moon")), around)
    made = Path(json.loads(done.stdout)["folder"])
    assert "spring" in (made / "luna" / "index.js").read_text()
    assert len(own.asked) == 2


def test_a_registry_that_answers_other_bytes_is_refused_by_the_packages_name(sandbox) -> None:
    with registry(moon=TIDE) as own:
        done = prepare(sandbox, lock(moon=entry(MOON)), own.settings(sandbox.folder))
    assert done.returncode == 125
    assert "moon@1.0.0 is not what the lock pins: expected sha512" in done.stderr
    assert kept(sandbox) == []
    assert not list((sandbox.folder / "layers").iterdir())


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (404, "moon@1.0.0 cannot be fetched: http://127.0.0.1:"),
        (503, "answers 503"),
        ("http://127.0.0.2:9/moon.tgz", "the registry leads to 127.0.0.2, another host"),
        ("https://127.0.0.1:9/moon.tgz", "leads to 127.0.0.1, another host"),
        ("/moon/-/moon-1.0.0.tgz", "leads in a circle"),
    ],
)
def test_a_registry_that_does_not_answer_with_the_archive(sandbox, answer, message) -> None:
    with registry(moon=answer) as own:
        done = prepare(sandbox, lock(moon=entry(MOON)), own.settings(sandbox.folder))
    assert done.returncode == 125
    assert message in done.stderr, done
    assert kept(sandbox) == []


def test_a_registry_may_lead_to_another_place_of_its_own(sandbox) -> None:
    with registry(moon="/files/moon.tgz") as own:
        own.has["/files/moon.tgz"] = MOON
        done = prepare(sandbox, lock(moon=entry(MOON)), own.settings(sandbox.folder))
    assert done.returncode == 0, done


def test_an_archive_without_end_is_not_read_to_its_end(tmp_path, monkeypatch) -> None:
    endless = bytes(4 * 1024 * 1024)
    wanted = NpmPackage("node_modules/moon", "moon", "1.0.0", "00" * 64)
    with registry(moon=endless) as own:
        monkeypatch.setenv("PATH", own.settings(tmp_path)["PATH"])
        with pytest.raises(SandboxError, match=r"moon@1\.0\.0 has more than 100000 bytes"):
            npm_registry.fetch([wanted], tmp_path, most_bytes=100_000)
        with pytest.raises(SandboxError, match="the packages of the lock have more than 50000"):
            npm_registry.fetch([wanted], tmp_path, most_together=50_000)
    assert {path.name for path in tmp_path.iterdir()} == {"bin", "package.json", ".npmrc"}


def test_without_npm_nobody_knows_the_registry(sandbox) -> None:
    done = prepare(sandbox, lock(moon=entry(MOON)), {"PATH": "/nowhere"})
    assert done.returncode == 2
    assert "npm is not on PATH" in done.stderr


GIT = {"version": "1.0.0", "resolved": "git+ssh://git@host.invalid/moon.git#0123abc"}
FILE = {"version": "1.0.0", "resolved": "file:../moon", "integrity": integrity(MOON)}
HTTP = entry(MOON, resolved="https://host.invalid/moon.tgz")
GITHUB = entry(MOON, resolved="https://codeload.host.invalid/moon/tar.gz/abc")


@pytest.mark.parametrize(
    ("place", "one", "message"),
    [
        ("node_modules/moon", GIT, "`node_modules/moon` comes from 'git+ssh"),
        ("node_modules/moon", FILE, "comes from 'file:../moon', not from a registry"),
        ("node_modules/moon", HTTP, "comes from 'https://host.invalid/moon.tgz'"),
        ("node_modules/moon", GITHUB, "comes from 'https://codeload"),
        ("node_modules/moon", entry(MOON, resolved=7), "comes from 7"),
        ("node_modules/moon", {"link": True, "resolved": "moon"}, "is a folder of the repository"),
        ("packages/moon", {"version": "1.0.0"}, "`packages/moon` is a folder of the repository"),
        ("node_modules/moon", {"version": "1.0.0"}, "`moon@1.0.0` has no sha512 in the lock"),
        (
            "node_modules/moon",
            {"version": "1.0.0", "integrity": "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="},
            "has no sha512",
        ),
        (
            "node_modules/moon",
            {"version": "1.0.0", "integrity": "sha512-AAAA"},
            "has no sha512",
        ),
        ("node_modules/moon", entry(MOON, "^1.0.0"), "has no exact version"),
        ("node_modules/moon", entry(MOON, "1.0.0/../../x"), "has no exact version"),
        ("node_modules/moon", entry(MOON, name="../x"), "has no name of a package"),
        ("node_modules/moon", entry(MOON, name="@a/b/c"), "has no name of a package"),
        ("node_modules/..", entry(MOON), "is no place of a package"),
        ("node_modules/.bin", entry(MOON), "is no place of a package"),
        ("node_modules/moon/../../x", entry(MOON), "is no place of a package"),
        ("node_modules/moon/index.js", entry(MOON), "is no place of a package"),
        ("node_modules/moon", entry(MOON, bin={"../x": "run.js"}), "a program that leads out"),
        ("node_modules/moon", entry(MOON, bin={"x": "../run.js"}), "a program that leads out"),
        ("node_modules/moon", entry(MOON, bin={"x": "/bin/sh"}), "a program that leads out"),
        ("node_modules/moon", entry(MOON, bin={"x": 7}), "a program that leads out"),
        (
            "node_modules/moon",
            entry(MOON, os=["win32"]),
            "is not for this machine: its os is win32",
        ),
        ("node_modules/moon", entry(MOON, cpu=["!" + npm_lock.CPU]), "is not for this machine"),
    ],
)
def test_what_an_npm_lock_may_not_contain(place, one, message) -> None:
    text = json.dumps({"lockfileVersion": 3, "packages": {place: one}})
    with pytest.raises(ConfigError) as caught:
        tree_of(text.encode())
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "version 2 or 3, found None"),
        ('{"lockfileVersion": 1, "dependencies": {}}', "found 1; run `npm install"),
        ('{"lockfileVersion": 3}', "no table `packages`"),
        ('{"lockfileVersion": 3, "packages": {"node_modules/x": 1}}', "no table `packages`"),
    ],
)
def test_a_lock_that_is_no_npm_lock(text, message) -> None:
    with pytest.raises(ConfigError) as caught:
        tree_of(text.encode())
    assert message in str(caught.value)


def test_a_lock_is_bounded_in_bytes_and_in_packages(tmp_path) -> None:
    places = {f"p{number}": entry(MOON) for number in range(npm_lock.MOST_PACKAGES)}
    with pytest.raises(ConfigError, match="5001 entries, and 5000 are allowed"):
        tree_of(lock(**places).encode())
    with pytest.raises(ConfigError, match="has more than 16 MiB"):
        layer(
            b" " * (MOST_BYTES + 1), name="package-lock.json", wheels=tmp_path, out=tmp_path / "out"
        )


def test_what_an_npm_lock_may_say() -> None:
    text = lock(
        **{
            "@sea/moon": entry(MOON, bin={"moon": "./run.js"}, hasInstallScript=True),
            "luna": entry(NEAP, "2.0.0-rc.1+b", name="moon", dev=True),
            "luna/node_modules/part": {"version": "1.0.0", "inBundle": True},
            "fsevents": {"version": "2.3.3", "optional": True, "os": ["darwin"], "integrity": "x"},
            "here": entry(ESM, optional=True, os=["linux", "darwin"], cpu=[npm_lock.CPU]),
            "musl": entry(ESM, optional=True, libc=["!" + npm_lock.libc()]),
        }
    )
    found = {
        one.place.removeprefix("node_modules/"): one for one in tree_of(text.encode()).packages
    }
    assert list(found) == ["@sea/moon", "here", "luna"]
    assert found["luna"].title == "moon@2.0.0-rc.1+b"
    assert found["@sea/moon"].programs == (("moon", "./run.js"),)
    assert [one.has_install_script for one in found.values()] == [True, False, False]


def test_an_archive_writes_regular_files_in_its_own_folder_and_nothing_else(tmp_path) -> None:
    members = []
    for name, kind, leads in (
        ("package/../../climbed", tarfile.REGTYPE, ""),
        ("/package/absolute", tarfile.REGTYPE, ""),
        ("package/link", tarfile.SYMTYPE, "/etc"),
        ("package/link/through", tarfile.REGTYPE, ""),
        ("package/hard", tarfile.LNKTYPE, "/etc/passwd"),
        ("package/fifo", tarfile.FIFOTYPE, ""),
        ("package/device", tarfile.CHRTYPE, ""),
        ("bare", tarfile.REGTYPE, ""),
    ):
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.mode = kind, leads, 0o4777
        members.append(member)
    folder = tmp_path / "tree" / "moon"
    unpack(archive({"index.js": "1"}, *members), str(folder))
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    within = {"package/absolute", "absolute", "index.js", "link/through"}
    assert found <= {f"tree/moon/{name}" for name in within}
    assert "tree/moon/index.js" in found
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink()]
    assert not [
        path for path in folder.rglob("*") if path.is_file() and path.stat().st_mode & 0o7022
    ]


def test_a_layer_has_links_within_and_none_that_lead_out(tmp_path) -> None:
    bin_folder = tmp_path / "site" / ".bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "fine").symlink_to("../moon/run.js")
    make_plain(tmp_path / "site")
    for leads in (
        "/etc/passwd",
        "../../other",
        "../../../etc/passwd",
        str(tmp_path / "site" / "x"),
    ):
        (bin_folder / "link").symlink_to(leads)
        with pytest.raises(SandboxError, match=r"\.bin/link is a link to .*outside the packages"):
            make_plain(tmp_path / "site")
        (bin_folder / "link").unlink()


@pytest.mark.parametrize("shape", [LONG, DEEP])
def test_a_layer_that_is_too_deep_to_be_copied_is_refused(shape) -> None:
    with folder_for_nests() as site:
        nest(site, *shape)
        with pytest.raises(SandboxError, match="lies too deep"):
            make_plain(site)


def test_a_sandbox_that_cannot_show_a_tree_with_packages_is_refused_by_name() -> None:
    with pytest.raises(SandboxError, match="a sandbox of the form unsealed can show nothing"):
        Npm(tree_of).check(lock(moon=entry(MOON)).encode(), form="unsealed")


HOSTILE = """
const fs = require('fs'), net = require('net'), path = require('path')
for (const place of ['OUTSIDE', '/layer/../escaped', '/usr/escaped', '/etc/escaped'])
  try { fs.writeFileSync(place, 'escaped') } catch (error) { console.log(error.code) }
const said = []
for (const name of ['package.json', '/store', '/plan.json'])
  said.push(`${name} ${fs.existsSync(name)}`)
const socket = net.connect(PORT, '127.0.0.1')
socket.on('connect', () => { fs.writeFileSync('reached', ''); process.exit(0) })
socket.on('error', error => { fs.writeFileSync('ran', [error.code, ...said].join('\\n')) })
"""
NEEDS_NPM = "npm and what it needs are 400 packages of Debian's; the spec of its sandbox is small"


@pytest.mark.soak(NEEDS_NPM)
def test_an_install_script_runs_inside_and_reaches_neither_files_nor_the_network(views) -> None:
    outside = views.place("outside")
    outside.chmod(0o777)
    with registry() as own:
        port = own.address.rstrip("/").rpartition(":")[2]
        code = HOSTILE.replace("OUTSIDE", f"{outside}/escaped").replace("PORT", port)
        scripts = {"install": "node install.js"}
        hostile = archive(
            {
                "package.json": json.dumps(
                    {"name": "hostile", "version": "1.0.0", "scripts": scripts}
                ),
                "install.js": code,
            }
        )
        own.has["/hostile/-/hostile-1.0.0.tgz"] = hostile
        text = lock(hostile=entry(hostile, hasInstallScript=True))
        done = prepare(views, text, own.settings(views.folder))
    assert done.returncode == 0, done
    folder = Path(json.loads(done.stdout)["folder"]) / "hostile"
    assert not (folder / "reached").exists()
    assert (folder / "ran").read_text().splitlines() == [
        "ECONNREFUSED",
        "package.json true",
        "/store false",
        "/plan.json false",
    ]
    assert not list(outside.iterdir())
    assert own.asked == ["/hostile/-/hostile-1.0.0.tgz"]


@pytest.mark.soak(NEEDS_NPM)
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 7", "the install scripts of hostile@1.0.0 failed, in a sandbox without a network"),
        ("ln -s /etc/passwd secrets", "hostile/secrets is a link to /etc/passwd"),
        ("mkfifo pipe", "pipe is neither a file nor a folder"),
    ],
)
def test_an_install_script_whose_result_is_refused(sandbox, script, message) -> None:
    about = {"name": "hostile", "version": "1.0.0", "scripts": {"postinstall": script}}
    hostile = archive({"package.json": json.dumps(about)})
    with registry(hostile=hostile) as own:
        text = lock(hostile=entry(hostile, hasInstallScript=True))
        done = prepare(sandbox, text, own.settings(sandbox.folder))
    assert done.returncode == 125
    assert message in done.stderr, done
    assert not list((sandbox.folder / "layers").iterdir())
