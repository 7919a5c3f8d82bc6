"""What prose that governs says against itself, and against the repository that it governs.

Prose does not bind, so nothing stops it from saying 500 lines here and 400 there. Each question is
a pure function over the documents and the files, and each prefers silence to noise: what may be
meant otherwise is not told."""

from collections.abc import Collection, Mapping

from harness.onboarding.contradictions.authority import rival_authorities
from harness.onboarding.contradictions.flows import flows_in
from harness.onboarding.contradictions.found import Contradiction, ContradictionKind, Place
from harness.onboarding.contradictions.limits import differing_limits
from harness.onboarding.contradictions.places import missing_paths, missing_workflows
from harness.onboarding.contradictions.promises import broken_promises
from harness.onboarding.contradictions.prose import prose_of
from harness.onboarding.contradictions.sections import misdirections
from harness.onboarding.contradictions.terms import unused_terms

__all__ = ["Contradiction", "ContradictionKind", "Place", "contradictions_in"]


def contradictions_in(
    documents: Mapping[str, str],
    files: Mapping[str, str],
    *,
    workflows: Collection[str] = (),
    terms: Collection[str] = (),
) -> tuple[Contradiction, ...]:
    """Everything in the documents that something else denies, by file and line.

    `documents` are the texts that govern, by path. `files` are all files of the repository with
    their texts, which may be read when they are asked for. `workflows` and `terms` are names that
    exist although no file here has them: those of a factory that steers the repository from
    outside. Raises nothing."""
    prose, flows = prose_of(documents), flows_in(files)
    found = (
        *differing_limits((*prose, *(flow.prompts for flow in flows))),
        *misdirections(prose),
        *missing_workflows(prose, files, flows, known=workflows),
        *broken_promises(prose, flows),
        *missing_paths(prose, files),
        *rival_authorities(prose),
        *unused_terms(prose, files, known=terms),
    )
    order = list(documents)
    return tuple(
        sorted(
            dict.fromkeys(found),
            key=lambda one: (
                order.index(one.here.file) if one.here.file in documents else len(order),
                one.here.file,
                one.here.line,
            ),
        )
    )
