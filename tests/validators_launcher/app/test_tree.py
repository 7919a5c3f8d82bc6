"""The exported tree is the tree that was asked for, byte for byte, whatever its attributes say."""

from pathlib import Path

import pytest

from tests.validators_launcher.git_repository import Source
from validators.app.tree import CHUNK, TreeFile, chunks, exported, tree_id
from validators.domain.stops import Inconclusive


def test_attributes_change_no_byte_of_the_export(source: Source, tmp_path: Path) -> None:
    files = {
        ".gitattributes": "*.txt eol=crlf ident\nhidden.py export-ignore\n*.bin filter=evil\n",
        "a.txt": "one\n$Id$\n",
        "hidden.py": "print('still here')\n",
        "x.bin": "raw\r\n",
    }
    revision = source.commit(files)
    folder = exported(source.git_dir, revision.tree, into=tmp_path / "out")
    assert {path.name: path.read_bytes().decode() for path in folder.iterdir()} == files


def test_the_folder_hashes_to_the_tree_that_git_names(source: Source, tmp_path: Path) -> None:
    files = {
        "foo/x": "1",
        "foo.txt": "2",
        "foo-bar": "3",
        "zoë/é b": "4",
        "a/b/c/d": "5",
        "bin/run": "#!",
    }
    revision = source.commit(files, executable=("bin/run",))
    folder = exported(source.git_dir, revision.tree, into=tmp_path / "out")
    assert tree_id(folder) == revision.tree
    assert (folder / "bin/run").stat().st_mode & 0o777 == 0o755
    (folder / "foo/x").write_text("changed")
    assert tree_id(folder) != revision.tree


@pytest.mark.parametrize(
    ("mode", "path", "words"),
    [
        ("120000", "link", "mode 120000"),
        ("160000", "nested", "mode 160000"),
        ("100644", ".GIT/config", "poses as a repository"),
        ("100644", "a/../../etc/passwd", "leaves its folder"),
        ("100644", "n/" * 129 + "file", "more than 128 folders deep"),
    ],
)
def test_a_tree_that_holds_more_than_plain_files_is_refused(
    source: Source, tmp_path: Path, mode: str, path: str, words: str
) -> None:
    tree = source.raw_tree(mode, path)
    with pytest.raises(Inconclusive, match=words):
        exported(source.git_dir, tree, into=tmp_path / "out")
    assert not (tmp_path / "etc").exists()


def test_a_replaced_blob_is_not_what_is_exported(source: Source, tmp_path: Path) -> None:
    revision = source.commit({"app.py": "good\n"})
    source.git("replace", source.blob("good\n"), source.blob("evil\n"))
    folder = exported(source.git_dir, revision.tree, into=tmp_path / "out")
    assert (folder / "app.py").read_text() == "good\n"


def test_a_tree_that_the_repository_does_not_hold_is_inconclusive(
    source: Source, tmp_path: Path
) -> None:
    with pytest.raises(Inconclusive, match="could not read"):
        exported(source.git_dir, "a" * 40, into=tmp_path / "out")


def test_a_tree_that_the_export_cannot_reproduce_is_inconclusive(
    source: Source, tmp_path: Path
) -> None:
    """An empty subtree is in no listing of files, so the folder would hash to another tree than the
    one that lands."""
    tree = source.raw_tree("40000", "empty/nothing")
    with pytest.raises(Inconclusive, match="not to"):
        exported(source.git_dir, tree, into=tmp_path / "out")


def test_a_tree_is_written_in_chunks_whatever_its_size() -> None:
    """A pack of some kilobytes can hold gigabytes of zeros."""
    sizes = (CHUNK - 1, 1, 1, CHUNK + 7, 3, CHUNK - 3, 0)
    files = [TreeFile(b"100644", "0" * 40, size, b"f") for size in sizes]
    found = [[one.size for one in chunk] for chunk in chunks(files)]
    assert found == [[CHUNK - 1, 1], [1], [CHUNK + 7], [3, CHUNK - 3, 0]]
    assert list(chunks(())) == []
