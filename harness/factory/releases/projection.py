"""What becomes of a release, on the page and in the comment of each issue that it carries.

Properties:
- each state that its filers wait for is shown once, also by a factory that was killed before;
- an issue that the forge no longer has holds nothing up."""

from harness.domain.errors import ForgeError
from harness.domain.events import Projected
from harness.factory.records.history import history_of
from harness.factory.records.releases import Release
from harness.factory.reporting.chain_page import write_page
from harness.factory.reporting.releases import SETTLED
from harness.factory.reporting.transitions import project
from harness.factory.run.services import Services
from harness.log import WARNING


def write_pages(services: Services, release: Release) -> None:
    """Write the page of each issue that it carries, in the home alone: the forge is not asked."""
    for issue in release.began.event.carries:
        if issue:
            write_page(services, history_of(services.ledger, issue))


def needs_showing(services: Services) -> bool:
    """Whether the filers do not see yet where the last release stands."""
    release = services.releases.last()
    return (
        release is not None
        and release.state in SETTLED
        and services.ledger.find(_mark(release)) is None
    )


def show_release(services: Services) -> None:
    """Show the filers where the last release stands. Raises Stopped, and ForgeError where trying
    again may help."""
    release = services.releases.last()
    if release is None or not needs_showing(services):
        return
    for issue in release.began.event.carries:
        try:
            if issue:
                project(services, issue)
        except ForgeError as error:
            if error.retryable:
                raise
            services.log.write("release-failed", f"#{issue} is not shown: {error}", level=WARNING)
    # The mark comes last: a factory that is killed before it shows everything again.
    services.ledger.append(Projected(), _mark(release), run=release.name)


def _mark(release: Release) -> str:
    filed = f"/{release.filed}" if release.filed else ""
    return f"projected/{release.name}/{release.state}{filed}"
