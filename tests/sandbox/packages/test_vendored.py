"""Packages in the repository itself: what must agree, and that the real tools build them inside."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.domain.errors import ConfigError
from harness.programs.sandbox.packages.cargo_vendor import VendoredCargo
from harness.programs.sandbox.packages.ecosystems import BY_NAME
from harness.programs.sandbox.packages.go_vendor import VendoredGo
from harness.programs.sandbox.packages.vendored import MOST_TEXT, digests_in, text_of
from tests.nests import DEEP, folder_for_nests, nest
from tests.sandbox.layers import prepare
from tests.sandbox.vendored import CRATE, GO, SUM, cargo_project, go_project

NEEDS_GO = "Debian's Go, of 300 MB, and half a minute of compiling; the comparison needs no tool"
NEEDS_CARGO = "Debian's Cargo and Rust, of 500 MB; the comparison needs no tool"


def compared(folder: Path) -> str:
    """What comparing a project with its lock says; empty: that they agree."""
    name = "go.sum" if (folder / "go.mod").exists() else "Cargo.lock"
    try:
        BY_NAME[name].check((folder / name).read_bytes(), form="auto")
        BY_NAME[name].check_tree((folder / name).read_bytes(), folder)
    except ConfigError as error:
        return str(error)
    return ""


def edited(folder: Path, path: str, old: str, new: str) -> Path:
    """The project with another text at a place, which is there."""
    text = (folder / path).read_text()
    assert old in text
    (folder / path).write_text(text.replace(old, new))
    return folder


def test_a_project_as_the_tools_write_it_agrees_with_its_lock(tmp_path) -> None:
    assert compared(go_project(tmp_path / "go")) == ""
    assert compared(cargo_project(tmp_path / "cargo")) == ""
    # Without packages there is nothing to vendor.
    alone = cargo_project(tmp_path / "alone")
    lock = (alone / "Cargo.lock").read_text().partition('\n[[package]]\nname = "tide"')[0]
    (alone / "Cargo.lock").write_text(lock)
    (alone / ".cargo/config.toml").unlink()
    assert compared(alone) == ""


@pytest.mark.parametrize(
    ("path", "old", "new", "message"),
    [
        ("go.mod", "v1.0.0", "v1.0.1", "go.mod requires example.test/tide v1.0.1, and"),
        ("go.mod", "\nrequire example.test/tide v1.0.0", "", "names example.test/tide, and go.mod"),
        ("go.mod", "require e", "require (\n\tx.test/y v1.0.0\n)\nrequire e", "requires x.test/y"),
        ("go.mod", "example.test/tide v", "../tide v", "`../tide v1.0.0` is no module"),
        ("vendor/modules.txt", "## explicit; go 1.19\n", "", "has none; run `go mod tidy`"),
        ("vendor/modules.txt", "# exa", "# o.test/x v1.0.0\no.test/x\n# exa", "o.test/x v1.0"),
        ("vendor/modules.txt", "# exa", "## workspace\n# exa", "joins several modules (go.work)"),
        ("vendor/modules.txt", "# exa", "example.test/x\n# exa", "belongs to no module"),
        ("vendor/modules.txt", "# exa", "# ;rm\n# exa", "names no module"),
        (
            "go.sum",
            f"example.test/tide v1.0.0 h1:{SUM}\n",
            "",
            "example.test/tide v1.0.0 is vendored and has no hash in go.sum",
        ),
        ("go.sum", f" h1:{SUM}", " h1:AAAA", "is no module with its h1 hash"),
        ("go.sum", " h1:", " h2:", "is no module with its h1 hash"),
        ("go.sum", " v1.0.0", " ../x", "is no module with its h1 hash"),
    ],
)
def test_go_files_that_contradict_each_other_are_refused_by_name(
    tmp_path, path, old, new, message
) -> None:
    assert message in compared(edited(go_project(tmp_path), path, old, new))


def test_a_replaced_module_has_the_hash_of_its_replacement(tmp_path) -> None:
    whole = "vendor/modules.txt"
    folder = edited(go_project(tmp_path), whole, "tide v1.0.0", "tide v1.0.0 => ./tide")
    assert compared(folder) == "", "a folder of the repository needs no hash"
    edited(folder, whole, "=> ./tide", "=> fork.test/tide v1.2.0")
    assert "fork.test/tide v1.2.0 is vendored and has no hash" in compared(folder)
    (folder / "go.sum").write_text(GO["go.sum"] + f"fork.test/tide v1.2.0 h1:{SUM}\n")
    assert compared(folder) == ""


@pytest.mark.parametrize(
    ("path", "old", "new", "message"),
    [
        ("Cargo.lock", CRATE, "0" * 64, "tide 1.0.0 is not what the lock pins: expected 0000"),
        ("Cargo.lock", f'checksum = "{CRATE}"', "", "tide 1.0.0 has no checksum in the lock"),
        (
            "Cargo.lock",
            "registry+https://github",
            "git+https://github",
            "tide 1.0.0 comes from git",
        ),
        ("Cargo.lock", '"tide"\nversion = "1.0.0"', '"tide"\nversion = "1.0.1"', "not in vendor"),
        ("Cargo.lock", '"tide"\nversion', '"../x"\nversion', "`../x 1.0.0` is no crate"),
        ("Cargo.lock", "version = 3", "version = [", "the lock is no TOML"),
        ("Cargo.lock", "[[package]]", "[[other]]", "no tables `package`"),
        (".cargo/config.toml", "crates-io", "elsewhere", "does not replace crates-io"),
        (".cargo/config.toml", '"vendor"', '"../vendor"', "by a folder of the project"),
        (".cargo/config.toml", '"vendor"', '"/vendor"', "by a folder of the project"),
        (".cargo/config.toml", '"vendor"', '"crates"', "there is no folder crates"),
        ("vendor/tide/src/lib.rs", "pub fn", "pub  fn", "tide 1.0.0 has another 'src/lib.rs' than"),
        ("vendor/tide/.cargo-checksum.json", '"build.rs"', '"b.rs"', "lacks the file 'b.rs'"),
        ("vendor/tide/.cargo-checksum.json", '"files"', '"file"', "has no list `files`"),
        ("vendor/tide/.cargo-checksum.json", "{", "", "is no JSON"),
    ],
)
def test_crates_that_contradict_the_lock_are_refused_by_name(
    tmp_path, path, old, new, message
) -> None:
    folder = cargo_project(tmp_path)
    if path == "Cargo.lock" and old == "[[package]]":
        (folder / path).write_text('package = "tide"\n')
    else:
        edited(folder, path, old, new)
    assert message in compared(folder)


def lists_too_few(folder: Path) -> None:
    """As an attacker adds a build script, which Cargo would run and not miss in the list."""
    (folder / "vendor/tide/more.rs").write_text("fn main() {}\n")


def lacks_a_crate(folder: Path) -> None:
    (folder / "vendor/tide").rename(folder / "tide")
    (folder / "vendor/Cargo.toml").write_text("")


def is_a_link(folder: Path) -> None:
    (folder / "vendor/tide/src/lib.rs").unlink()
    (folder / "vendor/tide/src/lib.rs").symlink_to("/etc/hostname")


def is_behind_a_link(folder: Path) -> None:
    (folder / "vendor").rename(folder / "real")
    (folder / "vendor").symlink_to("real")


def is_a_pipe(folder: Path) -> None:
    (folder / "vendor/tide/src/lib.rs").unlink()
    os.mkfifo(folder / "vendor/tide/src/lib.rs")


def lacks_its_settings(folder: Path) -> None:
    (folder / ".cargo/config.toml").unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lists_too_few, "tide 1.0.0 has the file 'more.rs', which its list lacks"),
        (lacks_a_crate, "tide 1.0.0 is in the lock and not in vendor; run `cargo vendor --locked`"),
        (is_a_link, "`tide/src/lib.rs` cannot be read"),
        (is_behind_a_link, "the folder of crates is behind a link, vendor"),
        (is_a_pipe, "`tide/src/lib.rs` is no plain file"),
        (lacks_its_settings, "there is no .cargo/config.toml, and sandboxes have no network"),
    ],
)
def test_a_folder_of_crates_that_is_not_as_it_was_vendored(
    tmp_path, change: Callable[[Path], None], message
) -> None:
    folder = cargo_project(tmp_path)
    change(folder)
    assert message in compared(folder)


def test_a_go_project_that_was_not_vendored_is_told_to(tmp_path) -> None:
    folder = go_project(tmp_path)
    (folder / "vendor").rename(folder / "elsewhere")
    assert "run `go mod vendor` and commit the folder vendor" in compared(folder)
    (folder / "vendor").symlink_to("elsewhere")
    assert "is behind a link, vendor" in compared(folder)


def test_what_is_read_of_a_strangers_tree_is_bounded(tmp_path) -> None:
    vendor = cargo_project(tmp_path) / "vendor"
    with pytest.raises(ConfigError, match="has more than 3 files or 2048 MiB"):
        list(digests_in(vendor, most_files=3))
    with pytest.raises(ConfigError, match="has more than 100000 files or 0 MiB"):
        list(digests_in(vendor, most_bytes=100))
    (tmp_path / "go.mod").write_bytes(b" " * (MOST_TEXT + 1))
    with pytest.raises(ConfigError, match="has more than 16 MiB"):
        text_of(tmp_path, "go.mod")
    with folder_for_nests() as deep:
        nest(deep, *DEEP)
        with pytest.raises(ConfigError, match="is more than 128 folders deep"):
            list(digests_in(deep))


def test_doctor_names_a_toolchain_that_sandboxes_do_not_have(tmp_path) -> None:
    for row, package in ((VendoredGo(), "golang-go"), (VendoredCargo(), "cargo")):
        with pytest.raises(ConfigError, match=f"`apt-get install {package}`"):
            row.ready(str(tmp_path))


@pytest.mark.parametrize("make", [go_project, cargo_project])
def test_the_judges_command_compares_and_the_layer_is_empty(sandbox, make) -> None:
    """As a judgement asks for it, with the tree: a contradiction is refused before any sandbox."""
    tree = sandbox.folder / "tree"
    folder = make(tree / "web")
    name = "go.sum" if make is go_project else "Cargo.lock"
    lock = (folder / name).read_text()
    done = prepare(sandbox, lock, None, "--tree", str(tree), name=f"web/{name}")
    assert done.returncode == 0, done
    assert not list(Path(json.loads(done.stdout)["folder"]).iterdir())
    (folder / "vendor").rename(folder / "gone")
    refused = prepare(sandbox, lock, None, "--tree", str(tree), name=f"web/{name}")
    assert refused.returncode == 2
    assert "vendor" in refused.stderr


@pytest.mark.soak(NEEDS_GO)
def test_vendored_go_is_built_and_tested_inside_without_a_network(views) -> None:
    app = go_project(views.place("app"))
    binds = [{"source": str(app), "target": "/app"}]
    tests = views.run("go", "test", "./...", cwd="/app", binds=binds)
    assert tests.text.startswith("ok"), tests
    built = views.run("sh", "-c", "go build -o /tmp/app . && /tmp/app", cwd="/app", binds=binds)
    assert built.text == "spring\n", built
    # What only go notices: a package that is used and was not vendored.
    edited(app, "main.go", '"fmt"', '"fmt"\n\t_ "example.test/other"')
    lacking = views.run("go", "build", "-o", "/tmp/app", ".", cwd="/app", binds=binds)
    assert lacking.code != 0
    assert b"example.test/other" in lacking.err


@pytest.mark.soak(NEEDS_CARGO)
def test_a_build_script_of_a_crate_runs_inside_and_reaches_nothing(views) -> None:
    outside = views.place("outside")
    outside.chmod(0o777)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        app = cargo_project(views.place("app"), port=port, outside=str(outside))
        ended = views.run(
            "cargo", "run", "--quiet", "--locked", "--offline", "--target-dir", "/tmp/target",
            cwd="/app", binds=[{"source": str(app), "target": "/app"}],
        )  # fmt: skip
    assert ended.text == "spring false false\n", ended
    assert not list(outside.iterdir())
    # Cargo itself compares, too, wherever ours was not asked.
    edited(app, "vendor/tide/src/lib.rs", "pub fn", "pub  fn")
    ended = views.run(
        "cargo", "build", "--locked", "--offline", "--target-dir", "/tmp/target",
        cwd="/app", binds=[{"source": str(app), "target": "/app"}],
    )  # fmt: skip
    assert ended.code != 0
    assert b"checksum" in ended.err
