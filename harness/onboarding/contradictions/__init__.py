"""Find contradictions: governing prose against itself, and against its repository.

Prose is not checked, so it may demand 500 lines in one place and 400 in another. Each check is a
pure function over the documents and the files. Each prefers silence to noise: what may have another
meaning is not reported.
"""

from collections.abc import Collection, Mapping

from harness.onboarding.contradictions.authority import rival_authorities
from harness.onboarding.contradictions.flows import flows_in
from harness.onboarding.contradictions.found import Contradiction, ContradictionKind, FoundPlace
from harness.onboarding.contradictions.limits import differing_limits
from harness.onboarding.contradictions.places import missing_paths, missing_workflows
from harness.onboarding.contradictions.promises import broken_promises
from harness.onboarding.contradictions.prose import prose_of
from harness.onboarding.contradictions.sections import misdirections
from harness.onboarding.contradictions.terms import unused_terms

__all__ = ["Contradiction", "ContradictionKind", "FoundPlace", "contradictions_in"]


def contradictions_in(
    documents: Mapping[str, str],
    files: Mapping[str, str],
    *,
    workflows: Collection[str] = (),
    terms: Collection[str] = (),
) -> tuple[Contradiction, ...]:
    """Every contradiction in the documents, by file and line.

    `documents` are the governing texts, by path. `files` are all files of the repository with their
    texts, read on demand. `workflows` and `terms` are names that exist although no file here has
    them, because the factory works from outside. Raises nothing.
    """
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
            # One place may be found by two checks; it is reported once.
            dict.fromkeys(found),
            key=lambda one: (
                order.index(one.here.file) if one.here.file in documents else len(order),
                one.here.file,
                one.here.line,
            ),
        )
    )
