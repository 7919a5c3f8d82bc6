"""What journeys show on the base tree: taken from the store where it is known, performed where it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from validators.domain.errors import DocumentInvalid
from validators.domain.evidence import Kind, RunEvidence
from validators.domain.stops import Inconclusive
from validators.evidence.keep import kept
from validators.judge.evidence_json import evidence_json, read_evidence
from validators.store.proofs import keep_proof, kept_proof
from validators.store.shelf import Shelf

BASE = "base"


@dataclass(frozen=True, slots=True)
class BaseProofs:
    """The store's proofs for journeys on one base tree. `digests` gives each journey's digest by its name."""

    shelf: Shelf
    tree: str
    digests: Mapping[str, str]

    def known(self, *, into: Path) -> tuple[RunEvidence, ...]:
        """The base runs that need not be performed again; their files are copied below `into`."""
        found = tuple(run for name in self.digests for run in self._known(name))
        for name in {run.run.journey for run in found}:
            kept(self._folder(name), into=into / BASE / name)
        return tuple(replace(run, files=tuple(f"{BASE}/{run.run.journey}/{file}" for file in run.files)) for run in found)

    def keep(self, evidence: Sequence[RunEvidence], *, source: Path) -> None:
        """Keep the base runs among the evidence, whose files are below `source`. Runs that say nothing are not kept."""
        for name in self.digests:
            runs = tuple(run for run in evidence if run.run.journey == name and run.run.kind is Kind.BASE)
            if runs and all(run.app_ready and run.complete and not run.errors for run in runs):
                files = [file for run in runs for file in run.files]
                keep_proof(self._folder(name), evidence_json(runs), files=files, source=source)

    def _known(self, name: str) -> tuple[RunEvidence, ...]:
        document = kept_proof(self._folder(name))
        try:
            return read_evidence(document) if document else ()
        except DocumentInvalid as error:
            raise Inconclusive(f"the stored proof in {self._folder(name)} cannot be read ({error})") from error

    def _folder(self, name: str) -> Path:
        return self.shelf.proof_folder(tree=self.tree, digest=self.digests[name])
