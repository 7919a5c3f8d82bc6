"""What becomes of a release, on the page and in the comment of each issue that it carries.

Properties:
- each state that its filers wait for is shown once, also by a factory that was killed before;
- an issue that the forge no longer has holds nothing up."""

from harness.domain.events import Projected
from harness.factory.records.history import history_of
from harness.factory.records.releases import Release
from harness.factory.reporting.chain_page import write_page
from harness.factory.reporting.releases import SETTLED
from harness.factory.reporting.transitions import project
from harness.factory.run.services import Services
from harness.log import WARNING


def write_pages(services: Services, release: Release) -> None:
    """Write the page of each issue that it carries, in the home alone: the forge is not asked. A
    page that cannot be written holds no rollback up."""
    try:
        for issue in filter(None, release.began.event.carries):
            write_page(services, history_of(services.ledger, issue))
    except OSError as error:
        services.log.write("page-failed", str(error), run=release.name, level=WARNING)


def needs_showing(services: Services) -> bool:
    """Whether filers do not see yet where a release stands."""
    return bool(_unshown(services))


def show_releases(services: Services) -> None:
    """Show the filers where the last releases stand. Raises Stopped, and ForgeError where trying
    again may help: what is due of a release itself is done before."""
    for release in _unshown(services):
        for issue in filter(None, release.began.event.carries):
            project(services, issue)
        # The mark comes last: a factory that is killed before it shows everything again.
        services.ledger.append(Projected(), _mark(release), run=release.name)


def _unshown(services: Services) -> tuple[Release, ...]:
    """The last release, and the one before: that may have ended as the last one began."""
    return tuple(
        one
        for one in services.releases.all()[-2:]
        if one.state in SETTLED and services.ledger.find(_mark(one)) is None
    )


def _mark(release: Release) -> str:
    filed = f"/{release.filed}" if release.filed else ""
    return f"projected/{release.name}/{release.state}{filed}"
