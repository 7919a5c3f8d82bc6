"""The store's proofs of what journeys show on a base tree, so that they need not run there
again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from validators.domain.errors import DocumentInvalid
from validators.domain.evidence import RunEvidence, RunKind
from validators.evidence.keep import keep_files
from validators.performance.evidence_json import evidence_json, read_evidence
from validators.store.journeys import JourneyStore
from validators.store.proofs import keep_proof, kept_proof, set_aside

BASE = "base"
# A journey of the regression suite that is red on base is performed there a second time.
ATTEMPTS = (1, 2)


@dataclass(frozen=True, slots=True)
class BaseProofs:
    """The store's proofs for journeys on one base tree. `digests` has each journey's digest by its
    name."""

    journey_store: JourneyStore
    tree: str
    digests: Mapping[str, str]

    def stored(self, names: Iterable[str], *, into: Path) -> tuple[RunEvidence, ...]:
        """The base runs of these journeys that the store has. Their files are copied below `into`.
        A proof that cannot be read is set aside."""
        return tuple(
            run
            for name in names
            for attempt in ATTEMPTS
            for run in self._stored(name, attempt, into=into)
        )

    def keep(self, evidence: Sequence[RunEvidence], *, source: Path) -> None:
        """Keep the base runs among the evidence, whose files are below `source`. Runs without a
        result are not kept."""
        for name, attempt in product(self.digests, ATTEMPTS):
            own = (
                run
                for run in evidence
                if run.run.kind is RunKind.BASE and run.run.attempt == attempt
            )
            runs = tuple(run for run in own if run.run.journey == name)
            if runs and all(run.app_ready and run.complete and not run.errors for run in runs):
                files = [file for run in runs for file in run.files]
                keep_proof(
                    self._folder(name, attempt), evidence_json(runs), files=files, source=source
                )

    def _stored(self, name: str, attempt: int, *, into: Path) -> tuple[RunEvidence, ...]:
        folder = self._folder(name, attempt)
        place = f"{BASE}/{name}/{attempt}" if attempt > 1 else f"{BASE}/{name}"
        document = kept_proof(folder)
        if document is None:
            return ()
        try:
            found = read_evidence(document)
        except DocumentInvalid:
            # Damaged, or of an earlier version of this program: the journey is performed again.
            set_aside(folder)
            return ()
        keep_files(folder, into=into / place)
        return tuple(
            replace(
                run,
                run=replace(run.run, journey=name),
                files=tuple(f"{place}/{file}" for file in run.files),
            )
            for run in found
        )

    def _folder(self, name: str, attempt: int) -> Path:
        """The proof's folder. Each attempt has its own, because a kept proof is never changed."""
        folder = self.journey_store.proof_folder(tree=self.tree, digest=self.digests[name])
        return folder if attempt == 1 else folder.with_name(f"{folder.name}.{attempt}")
