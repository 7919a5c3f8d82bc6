"""Renders the governance files for a prompt: first, in a fixed order and byte-identical, so that
providers can cache them."""

from harness.domain.governance import Governance


def context(governance: Governance) -> str:
    """The documents to the byte, each between delimiters that name it, under the digest that names
    them all.

    The same governance gives the same text always; nothing of an issue, a run or a clock is in it.
    """
    return "\n".join(
        (
            f'<governance digest="{governance.digest}">',
            *(
                f'<document name="{document.name}">\n{document.text}\n</document>'
                for document in governance.documents
            ),
            "</governance>",
        )
    )
