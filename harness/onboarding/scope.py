"""The scope that a mission states, read by our own reader."""

from harness.domain.errors import GovernanceError
from harness.domain.governance import MISSION, Document, ScopeEntry
from harness.governance.language.entries import scope_entry_in
from harness.governance.language.markdown import page_of
from harness.governance.language.yamlblock import read_block


def scope_in(text: str) -> tuple[ScopeEntry, ...]:
    """The entries of a mission with blocks; none of one that is prose, or that cannot be obeyed as
    it stands."""
    try:
        page = page_of(Document(MISSION, MISSION, text, ""))
        return tuple(
            scope_entry_in(section, read_block(section.block, MISSION))
            for section in page.sections
            if section.block
        )
    except GovernanceError:
        return ()
