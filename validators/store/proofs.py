"""Keep proofs: what a journey has shown on a base tree, so that it need not run there twice; and
what `prove` has shown about a journey in a file, kept beside that file."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from validators.domain.stops import UsageError

EVIDENCE = "evidence.json"


def kept_proof(folder: Path) -> str | None:
    """The evidence document of an earlier run on base, None when there was none."""
    file = folder / EVIDENCE
    return file.read_text() if file.is_file() else None


def keep_proof(folder: Path, document: str, *, files: Iterable[str], source: Path) -> None:
    """Keep a document and the files that it names (paths below `source`), all or nothing."""
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
        # Another launcher kept this proof first. Both hold the same, so the first one stays.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def set_aside(folder: Path) -> None:
    """Rename a proof that cannot be read, to make room for the next one. Only the last one that was
    renamed is kept."""
    aside = folder.with_name(f"{folder.name}.unreadable")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)


@dataclass(frozen=True, slots=True)
class ShownProof:
    """What `prove` has shown about one journey: the document that lies beside it.

    `digest` is of the journey's own bytes. `base` and `reference` are trees; `base` is empty for a
    regression journey. `seeds` has one seed for each round; all rounds agreed. `sandboxes` names
    the forms of sandbox that were used."""

    journey: str
    digest: str
    base: str
    reference: str
    seeds: tuple[int, ...]
    shown: tuple[str, ...]
    sandboxes: tuple[str, ...]
    at: str
    __pydantic_config__ = ConfigDict(extra="forbid")

    def refusal(self, *, digest: str, trees: tuple[str, str] | None = None) -> str:
        """Why it does not prove the journey with this digest on these trees (base, reference);
        empty when it does."""
        if self.digest != digest:
            return (
                f"the proof is older than the journey: it is of {self.digest[:19]}…, the journey is"
                f" {digest[:19]}…"
            )
        if trees and trees != (self.base, self.reference):
            return (
                f"the proof is of other trees: base {self.base or 'none'}, reference"
                f" {self.reference}"
            )
        return ""


def proof_beside(journey: Path) -> Path:
    """The file of the proof of a journey in a file: `walk.proof.json` beside `walk.yaml`."""
    return journey.with_suffix(".proof.json")


def shown_proof(file: Path) -> ShownProof | None:
    """The proof in a file, None when there is no file. Raises UsageError when it is no proof."""
    if not file.is_file():
        return None
    try:
        return TypeAdapter(ShownProof).validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(
            f"{file}: not a proof that can be read; prove the journey again, or take the file away"
        ) from error
