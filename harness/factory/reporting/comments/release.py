"""The issue that is filed about a release that turned red."""

from harness.domain.release import ReleaseState
from harness.factory.records.link import UrlFor
from harness.factory.records.releases import Release
from harness.factory.reporting.comments.inert import inline

_ENDS = {
    ReleaseState.HELD: "It did not go further, and what was served there before is served again.",
    ReleaseState.ROLLED_BACK: "It was taken back: what was served there before is served again.",
    ReleaseState.NEEDS_HUMAN: "It could not be taken back. A person has to look at once.",
}


def release_marker(commit: str) -> str:
    """The hidden marker by which the one issue about this commit is found again."""
    return f"<!-- lights-out-factory:release:{commit} -->"


def release_title(release: Release) -> str:
    """The title of the issue: no text from outside."""
    return f"Release {release.number} turned red in {release.environment}"


def release_issue(release: Release, link: UrlFor) -> str:
    """The text of the issue, with its marker. What it quotes is escaped."""
    whose = ", ".join(f"#{one}" for one in release.began.event.carries if one) or "no issue"
    return "\n\n".join(
        (
            release_marker(release.commit),
            f"Release {release.number} brought [{release.commit:.12}]"
            f"({link(f'commit/{release.commit}')}) to {release.environment}. It carries {whose}.",
            f"What was seen: {inline(release.fault)}",
            _ENDS.get(release.state, ""),
            "Nothing more is released until a change for this issue lands.",
        )
    )
