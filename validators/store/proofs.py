"""What a journey showed on a base tree, kept by (base tree, journey digest) so that it need not run there twice."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

EVIDENCE = "evidence.json"


def kept_proof(folder: Path) -> str | None:
    """The evidence document of an earlier run on base, or None when there was none."""
    file = folder / EVIDENCE
    return file.read_text() if file.is_file() else None


def keep_proof(folder: Path, document: str, *, files: Iterable[str], source: Path) -> None:
    """Keep a document and the files it names (paths below `source`), all or nothing. An earlier one stays: they say the same."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".fresh-", dir=folder.parent))
    for name in files:
        if (source / name).is_file():
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, fresh / name)
    (fresh / EVIDENCE).write_text(document)
    try:
        fresh.rename(folder)
    except OSError as error:
        shutil.rmtree(fresh)
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
