"""uv.lock and poetry.lock: which wheels they come to on this machine, and what they may not name."""

import json
import sys
from pathlib import Path

import pytest

from harness.domain.errors import ConfigError
from harness.programs.sandbox.packages.lockfile import Pin, pins
from harness.programs.sandbox.packages.python_locks import (
    MOST_PACKAGES,
    from_poetry,
    from_uv,
)
from tests.sandbox.index import wheel
from tests.sandbox.layers import prepare

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
THIS = f"cp{sys.version_info.major}{sys.version_info.minor}"
INDEX = '{ registry = "https://elsewhere.invalid/simple" }'


def uv_wheel(name: str, digest: str, version: str = "1.0", tag: str = "py3-none-any") -> str:
    return f'{{ url = "https://files.invalid/x/{name}-{version}-{tag}.whl", hash = "sha256:{digest}" }}'


def uv_package(name: str, *, version: str = "1.0", source: str = INDEX, more: str = "") -> str:
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {source}\n{more}\n'


def uv_lock(*packages: str, needs: str = '{ name = "tide" }', more: str = "") -> bytes:
    root = uv_package("shop", source='{ virtual = "." }', more=f"dependencies = [{needs}]\n{more}")
    return ("version = 1\nrevision = 3\n\n" + root + "".join(packages)).encode()


def wheels(*one: str) -> str:
    return f"wheels = [{', '.join(one)}]"


TIDE = uv_package("tide", more=wheels(uv_wheel("tide", A)))


def test_uvs_lock_comes_to_what_uv_sync_installs_here() -> None:
    found = from_uv(
        uv_lock(
            uv_package(
                "tide",
                more=wheels(
                    uv_wheel("tide", A, tag="cp27-cp27m-win32"),
                    uv_wheel("tide", B, tag=f"{THIS}-none-any"),
                    uv_wheel("tide", C),
                )
                + '\nsdist = { url = "https://files.invalid/tide-1.0.tar.gz", hash = "sha256:no" }\n'
                'dependencies = [{ name = "moon", extra = ["bright"] }]\n',
            ),
            uv_package(
                "moon",
                more=wheels(uv_wheel("moon", A))
                + '\n[package.optional-dependencies]\nbright = [{ name = "lamp" }]\n'
                'dark = [{ name = "unwanted" }]\n',
            ),
            uv_package(
                "lamp", more=wheels(uv_wheel("lamp", A)) + '\ndependencies = [{ name = "moon" }]'
            ),
            uv_package("unwanted"),
            uv_package("elsewhere"),
            uv_package("checker", more=wheels(uv_wheel("checker", A))),
            uv_package(
                "forked",
                version="2.0",
                more="resolution-markers = [\"sys_platform == 'win32'\"]\n",
            ),
            uv_package(
                "forked",
                version="3.0",
                more="resolution-markers = [\"sys_platform != 'win32'\"]\n"
                + wheels(uv_wheel("forked", A, "3.0")),
            ),
            needs='{ name = "tide" }, { name = "forked" },'
            ' { name = "elsewhere", marker = "sys_platform == \'win32\'" }',
            more='[package.optional-dependencies]\npg = [{ name = "unwanted" }]\n'
            '[package.dev-dependencies]\ndev = [{ name = "checker" }]\ndocs = [{ name = "unwanted" }]\n',
        )
    )
    assert pins(found) == (
        Pin("checker", "1.0", (A,)),
        Pin("forked", "3.0", (A,)),
        Pin("lamp", "1.0", (A,)),
        Pin("moon", "1.0", (A,)),
        Pin("tide", "1.0", (B, C)),
    )


@pytest.mark.parametrize("source", ['{ git = "https://host.invalid/tide?rev=1#2" }', '{ path = "x" }',
    '{ url = "https://host.invalid/tide-1.0-py3-none-any.whl" }', '{ editable = "packages/tide" }',
    '{ directory = "packages/tide" }', '{ virtual = "packages/tide" }', "7"])  # fmt: skip
def test_a_package_of_uvs_lock_that_comes_from_elsewhere_is_refused_by_name(source) -> None:
    lock = uv_lock(uv_package("tide", source=source, more=wheels(uv_wheel("tide", A))))
    with pytest.raises(ConfigError, match=r"`tide==1\.0` comes from .*, not from an index"):
        from_uv(lock)


@pytest.mark.parametrize(
    ("lock", "message"),
    [
        (b"\xff", "no TOML"),
        (b"x = " + b"[" * 100_000, "no TOML"),
        (b"", "no tables `package`"),
        (b"package = [1]", "no tables `package`"),
        (b"[[package]]\n" * (MOST_PACKAGES + 1), "5001 packages, and 5000 are allowed"),
        (TIDE.encode(), "expected one package that is the project itself, found 0"),
        (uv_lock(), "expected one package for `tide` in the lock, found 0"),
        (uv_lock(TIDE, TIDE), "expected one package for `tide` in the lock, found 2"),
        (uv_lock(uv_package("tide")), "`tide==1.0` has no wheel for the Python of sandboxes"),
        (
            uv_lock(uv_package("tide", more=wheels(uv_wheel("tide", A, tag="cp27-cp27m-win32")))),
            "has no wheel for the Python",
        ),
        (
            uv_lock(uv_package("tide", more=wheels(uv_wheel("tide", A).replace("sha256", "md5")))),
            "`tide==1.0` has a wheel without a sha256",
        ),
        (
            uv_lock(uv_package("tide", more=wheels('{ url = "x/tide-1.0-py3-none-any.whl" }'))),
            "has a wheel without a sha256",
        ),
        (uv_lock(TIDE, needs='{ name = "tide", marker = "import os" }'), "no environment marker"),
        (
            uv_lock(
                uv_package("tide\\n--index-url x", more=wheels(uv_wheel("tide", A))),
                needs='{ name = "tide\\n--index-url x" }',
            ),
            "is no name with a version",
        ),
        (
            uv_lock(uv_package("tide", version="1.0 --pre", more=wheels(uv_wheel("tide", A)))),
            "is no name with a version",
        ),
    ],
)
def test_what_uvs_lock_may_not_contain(lock, message) -> None:
    with pytest.raises(ConfigError) as caught:
        from_uv(lock)
    assert message in str(caught.value)


def test_a_hash_that_is_more_than_a_hash_is_refused_before_pip_reads_it() -> None:
    hostile = uv_wheel("tide", f"{A} --index-url=x")
    with pytest.raises(ConfigError, match="is not a plain"):
        pins(from_uv(uv_lock(uv_package("tide", more=wheels(hostile)))))


def poetry_package(name: str, *, version: str = "1.0", digest: str = A, more: str = "") -> str:
    return (
        f'[[package]]\nname = "{name}"\nversion = "{version}"\nfiles = ['
        f'{{file = "{name}-{version}-py3-none-any.whl", hash = "sha256:{digest}"}},'
        f'{{file = "{name}-{version}.tar.gz", hash = "sha256:{B}"}}]\n{more}\n'
    )


def poetry_lock(*packages: str, version: str = "2.1") -> bytes:
    return ("".join(packages) + f'[metadata]\nlock-version = "{version}"\n').encode()


def test_poetrys_lock_comes_to_what_poetry_install_installs_here() -> None:
    legacy = '[package.source]\ntype = "legacy"\nurl = "https://elsewhere.invalid/simple"\n'
    markers = "markers = {main = \"extra == 'pg'\", dev = \"sys_platform != 'win32'\"}"
    found = from_poetry(
        poetry_lock(
            poetry_package("Tide_Table", more='groups = ["main"]'),
            poetry_package("moon", more=f'groups = ["dev"]\n{markers}\n{legacy}'),
            poetry_package("win", more="markers = \"sys_platform == 'win32'\""),
            poetry_package("optional", more="optional = true"),
        )
    )
    assert pins(found) == (Pin("moon", "1.0", (A,)), Pin("tide-table", "1.0", (A,)))


@pytest.mark.parametrize(
    ("lock", "message"),
    [
        (
            poetry_lock(
                poetry_package(
                    "tide", more='[package.source]\ntype = "git"\nurl = "https://h.invalid"'
                )
            ),
            "`tide==1.0` comes from {'type': 'git'",
        ),
        (
            poetry_lock(poetry_package("tide", more='[package.source]\ntype = "url"\nurl = "x"')),
            "not from an index",
        ),
        (
            poetry_lock(poetry_package("tide", more='[package.source]\ntype = "directory"')),
            "not from an index",
        ),
        (poetry_lock(version="2.0"), "expected `lock-version` 2.1, found '2.0'; run `poetry lock`"),
        (b"", "expected `lock-version` 2.1, found None"),
        (
            poetry_lock(poetry_package("tide"), poetry_package("tide", version="2.0")),
            "two versions of `tide`",
        ),
        (poetry_lock('[[package]]\nname = "tide"\nversion = "1.0"\n'), "has no wheel"),
    ],
)
def test_what_poetrys_lock_may_not_contain(lock, message) -> None:
    with pytest.raises(ConfigError) as caught:
        from_poetry(lock)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["uv.lock", "poetry.lock"])
def test_a_layer_of_such_a_lock_is_importable_in_a_sandbox(sandbox, name) -> None:
    digest = wheel(sandbox.place("wheels"))
    locks = {
        "uv.lock": uv_lock(
            uv_package("tidetable", more=wheels(uv_wheel("tidetable", digest))),
            needs='{ name = "tidetable" }',
        ),
        "poetry.lock": poetry_lock(poetry_package("tidetable", digest=digest)),
    }
    done = prepare(sandbox, locks[name].decode(), name=f"server/{name}")
    assert done.returncode == 0, done
    made = json.loads(done.stdout)
    assert (made["variable"], made["within"]) == ("PYTHONPATH", "")
    assert (Path(made["folder"]) / "tidetable" / "__init__.py").exists()
