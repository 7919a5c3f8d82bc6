"""Check verdicts offline, alone or with their evidence, and print what one binds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from validators.domain.stops import UsageError
from validators.evidence.merkle import evidence_in, merkle_root
from validators.signing.key import public_key_at
from validators.signing.notary import NotVerified
from validators.signing.statement import verified_verdict


def checked_verdict(
    verdict: Path, public_key: Path, *, key_id: str | None, evidence: Path | None
) -> dict[str, Any]:
    """The predicate of a verdict whose signature, key id and evidence are valid. Raises NotVerified
    or UsageError."""
    key = public_key_at(public_key)
    if key_id not in (None, key.keyid):
        raise NotVerified(
            f"{public_key} has the key id {key.keyid}, which is not the pinned {key_id}"
        )
    try:
        envelope = verdict.read_bytes()
    except OSError as error:
        raise UsageError(f"{verdict}: cannot read the verdict ({error.strerror})") from error
    predicate = verified_verdict(envelope, key)
    if evidence is not None:
        _refuse_changed(predicate, evidence)
    return {**predicate, "key_id": key.keyid}


def evidence_faults(verdicts: Iterable[Path], *, public_key: Path, store: Path) -> dict[str, str]:
    """By the verdict's path: why the store's evidence is not what the verdict binds; empty where it
    is. Raises UsageError when the store cannot be read."""
    try:
        # By the bytes of the verdict and not by a name: a name could be given to another judgement.
        homes = {(home / "verdict.json").read_bytes(): home for home in _judged(store)}
    except OSError as error:
        raise UsageError(
            f"{error.filename}: the store cannot be read ({error.strerror})"
        ) from error
    return {str(verdict): _evidence_fault(verdict, public_key, homes) for verdict in verdicts}


def _judged(store: Path) -> Iterator[Path]:
    """The folder of each finished judgement. One that was killed has no verdict."""
    yield from (home for home in (store / "judged").iterdir() if (home / "verdict.json").is_file())


def _evidence_fault(verdict: Path, public_key: Path, homes: Mapping[bytes, Path]) -> str:
    try:
        predicate = checked_verdict(verdict, public_key, key_id=None, evidence=None)
        home = homes.get(verdict.read_bytes())
        if home is None:
            return "its evidence is not in the store any more"
        _refuse_changed(predicate, home / "evidence")
    except NotVerified as fault:
        return str(fault)
    return ""


def words(predicate: Mapping[str, Any]) -> Iterator[str]:
    """A verified verdict in lines for people."""
    yield f"{predicate['outcome']}: {predicate['reason']}"
    yield f"issue {predicate['issue']}, run {predicate['run']}, round {predicate['round']}"
    for name, value in predicate["binds"].items():
        yield f"{name:<11} {value}"
    evidence, sandbox = predicate["evidence"], predicate["box"]
    unheld = "; ".join(sandbox["unheld"]) or "nothing"
    yield f"evidence    {evidence['files']} files under {evidence['merkle_root']}"
    yield f"sandbox     {sandbox['form']}, not enforced: {unheld}"
    yield f"signed by   {predicate['key_id']} ({predicate['signer']})"


def _refuse_changed(predicate: Mapping[str, Any], folder: Path) -> None:
    files = evidence_in(folder)
    found, bound = merkle_root(files), predicate["evidence"]["merkle_root"]
    if found != bound:
        changed = "a file was changed, added or taken away"
        raise NotVerified(
            f"the evidence in {folder} has the root {found}, the verdict binds {bound}: {changed}"
        )
