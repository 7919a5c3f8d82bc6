"""Files with secrets: who may read them is asked of the file that is read."""

import os
from pathlib import Path, PosixPath
from typing import IO, Any

import pytest

from harness.domain.errors import ConfigError
from harness.private_text import MOST_BYTES, private_text

SECRET = "hunter2-hunter2"


def test_a_private_file_is_read_and_one_that_is_not_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert private_text(path, what="the key") is None
    path.touch(0o600)
    path.write_text(SECRET)
    assert private_text(path, what="the key") == SECRET


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (SECRET.encode(), 0o640, "others may read it, and it holds the key: `chmod 600`"),
        (SECRET.encode(), 0o602, "others may read it, and it holds the key: `chmod 600`"),
        (SECRET.encode() + b"\xff", 0o600, "the key cannot be read: it is not UTF-8"),
        (SECRET.encode() * MOST_BYTES, 0o600, "the key cannot be read: expected at most 65,536"),
    ],
)
def test_a_file_that_is_not_private_or_no_text_is_refused_and_not_shown(
    tmp_path: Path, content: bytes, mode: int, message: str
) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=message) as refused:
        private_text(path, what="the key")
    assert (refused.value.file, SECRET in str(refused.value)) == (str(path), False)


class _Exchanged(PosixPath):
    """A path at which another, private file lies as soon as it was opened."""

    def open(self, *args: Any, **named: Any) -> IO[Any]:  # type: ignore[override]
        file = super().open(*args, **named)
        os.replace(self.with_name("private"), self)
        return file


def test_the_mode_is_that_of_the_file_that_was_read(tmp_path: Path) -> None:
    path = _Exchanged(tmp_path / "key")
    for name, mode in (("key", 0o644), ("private", 0o600)):
        (tmp_path / name).write_text(SECRET)
        (tmp_path / name).chmod(mode)
    with pytest.raises(ConfigError, match="others may read it"):
        private_text(path, what="the key")
