"""The policy at one base commit: the three governance files, `factory.toml`, and the workflows, the
project's own where it has one and ours for the rest.

It is always read from the base commit in the trusted repository, where a change cannot write."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from harness.domain.errors import ConfigError
from harness.domain.governance import Governance, Level, Status
from harness.domain.issue import CommitSha
from harness.domain.model_choice.roles import family_of, others
from harness.domain.workflow import Workflow
from harness.factory.settings.config import Config, read_config
from harness.factory.settings.tables import FILE
from harness.factory.settings.workflows import WORKFLOWS, effective_workflows
from harness.governance import governing_files, read_governance

if TYPE_CHECKING:
    from harness.factory.run.services import Services

__all__ = ["WORKFLOWS", "PolicySnapshot", "policy_at", "read_policy"]


@dataclass(frozen=True, slots=True)
class PolicySnapshot:
    """The governance, the configuration and the workflows at `base`: the four, and the project's
    own of any other name. `digest` covers all of them, byte for byte."""

    base: CommitSha
    governance: Governance
    config: Config
    workflows: Mapping[str, Workflow]
    prompts: Mapping[str, str]
    digest: str
    own_workflows: Mapping[str, Workflow] = field(default_factory=dict)


@lru_cache(maxsize=8)
def policy_at(services: "Services", base: CommitSha) -> PolicySnapshot:
    """Read and check everything at `base`, once: a commit never changes. Raises GovernanceError or
    ConfigError, and the factory does not start then."""
    return read_policy(services.repository, base)


class CommitFiles(Protocol):
    """The files of a commit."""

    def files(self, commit: CommitSha) -> Mapping[bytes, str]:
        """Every path with its mode."""
        ...

    def read(self, commit: CommitSha, path: str) -> bytes | None:
        """The bytes of a file; None where there is none."""
        ...


def read_policy(repository: CommitFiles, base: CommitSha) -> PolicySnapshot:
    """Read and check the policy at `base` from any repository that has the commit. Raises as
    `policy_at` does."""
    toml = repository.read(base, FILE)
    if toml is None:
        raise ConfigError(f"not found at {base:.7}; `factory demo` shows one that works", file=FILE)
    paths = repository.files(base)
    files = _governing(repository, base, paths)
    governance = _governance_of(tuple(files.items()))
    found = effective_workflows(
        paths, lambda path: repository.read(base, path), lambda: governance.grants
    )
    # One fault at a time: it names the file and the line to mend.
    if found.faults:
        raise found.faults[0]
    config = _config_of(toml.decode("utf-8"))
    _require_others_to_review(governance, config)
    texts = {one.name: one.text.encode() for one in (*found.documents, *found.prompts)}
    texts |= {one.path: one.text.encode() for one in found.own}
    return PolicySnapshot(
        base=base,
        governance=governance,
        config=config,
        workflows=found.workflows,
        own_workflows=found.own_workflows,
        prompts=found.texts,
        digest=_digest({**files, FILE: toml, **texts}),
    )


def governance_at(repository: CommitFiles, base: CommitSha) -> Governance:
    """The three files alone. Raises GovernanceError."""
    return _governance_of(tuple(_governing(repository, base, repository.files(base)).items()))


def _governing(
    repository: CommitFiles, base: CommitSha, paths: Mapping[bytes, str]
) -> dict[str, bytes]:
    return {name: repository.read(base, name) or b"" for name in governing_files(paths).values()}


# Most commits change neither, and reading both takes longer than an idle tick. What is read is
# frozen, and a fault is not remembered.
@lru_cache(maxsize=8)
def _governance_of(files: tuple[tuple[str, bytes], ...]) -> Governance:
    return read_governance(dict(files))


_config_of = lru_cache(maxsize=8)(read_config)


def _require_others_to_review(governance: Governance, config: Config) -> None:
    """Check that no role reviews its own work, by model family, where there is something to
    review."""
    has_judged_rules = any(
        rule.level is Level.JUDGED and rule.status is not Status.OFF for rule in governance.rules
    )
    if has_judged_rules or config.review.lenses:
        _require_another("reviewer", config, what="a change is not reviewed or voted on")
    if any(persona.claims for persona in config.personas):
        _require_another("judge", config, what="what personas claim is not judged")


def _require_another(role: str, config: Config, *, what: str) -> None:
    models, own = config.models, dict(config.families)
    writers = [tier.model for tier in models.implementer]
    if others(models.of(role), writers, own=own, same_family=config.review.same_family):
        return
    families = ", ".join(sorted({family_of(model, own=own) for model in writers}))
    raise ConfigError(
        f"expected another model than `models.implementer`, of another family than {families}:"
        f" {what} by whoever may have written it. Name one, or say under `[families]` which names"
        " are apart",
        file=FILE,
        key=f"models.{role}",
    )


def _digest(documents: Mapping[str, bytes]) -> str:
    total = hashlib.sha256()
    for name, content in sorted(documents.items()):
        # The length keeps two files from passing for one that holds both.
        total.update(f"{name}\0{len(content)}\0".encode("utf-8", "surrogateescape") + content)
    return f"sha256:{total.hexdigest()}"
