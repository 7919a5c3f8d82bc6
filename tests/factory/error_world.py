"""A world whose app reports errors."""

from dataclasses import replace
from datetime import UTC, datetime

from harness.domain.error_groups import ErrorSample, Frame
from harness.domain.lifecycle import State
from harness.factory.reporting.comments.error_issue import MARKER
from harness.programs.error_intake.keys import Service
from harness.programs.error_intake.reports import Report
from harness.programs.error_intake.spool import Spool
from tests.factory.world import World

GROUP, OTHER = "a" * 64, "b" * 64
SAMPLE = ErrorSample(
    "ZeroDivisionError",
    "The places are gone",
    "dsn 1",
    place="GET /cart",
    frames=(Frame("shop/cart.py", "total", 3),),
    environment="production",
)
EARLY = datetime(2030, 5, 4, tzinfo=UTC)
ONLY_TRIAGE = {"states": frozenset({State.UNTRIAGED})}


class ErrorWorld(World):
    """A world whose app reports errors, into a real spool."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.errors = Spool(self.work / "errors")

    def report(self, group=GROUP, *, release="", count=1, at=EARLY, signed=False, **sample) -> None:
        """Errors come in, by a DSN or, `signed`, by a webhook."""
        if signed:
            sample["source"] = Service.SENTRY
        report = Report("", group, release, replace(SAMPLE, **sample))
        for _ in range(count):
            self.errors.add(report, at=at)

    @property
    def filed(self):
        return [one for one in self.forge._issues.values() if one.body.startswith(MARKER)]

    def land(self, title="Cancelled bookings keep their places"):
        issue = self.file(title, "The places are gone.")
        self.tick()
        assert self.history(issue).state is State.MERGED
        return issue, self.history(issue).landed.commit
