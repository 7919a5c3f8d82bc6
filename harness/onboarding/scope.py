"""Read the scope of a mission with our own reader."""

from harness.domain.errors import GovernanceError
from harness.domain.governance import MISSION, Document, ScopeEntry
from harness.governance.language.entries import scope_entry_in
from harness.governance.language.markdown import page_of
from harness.governance.language.yamlblock import read_block


def scope_in(text: str) -> tuple[ScopeEntry, ...]:
    """The scope entries of a mission; none for prose or for a mission with errors."""
    try:
        page = page_of(Document(MISSION, MISSION, text, ""))
        return tuple(
            scope_entry_in(section, read_block(section.block, MISSION))
            for section in page.sections
            if section.block
        )
    # A mission with errors is reported by lint, not here.
    except GovernanceError:
        return ()
