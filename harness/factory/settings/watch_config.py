"""`[watch]` of `factory.toml`: what is looked at after a landing, and what follows."""

import re
from dataclasses import dataclass

from harness.domain.errors import ConfigError
from harness.domain.events import Answer
from harness.domain.setting import MOST, setting
from harness.factory.settings.tables import FILE

_HOUR = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]")
_ANSWERS = (Answer.FIX.value, Answer.REVERT.value, Answer.PERSON.value)


@dataclass(frozen=True, slots=True)
class Watch:
    """The journeys of landed work, performed on the default branch itself. No model is asked, until
    a fix run begins."""

    # fmt: off
    on: bool = setting(
        True, "Whether they are performed on each new tip: a landing's, or a person's push.",
        example="false",
    )
    nightly: str = setting(
        "03:00", "When they are performed again, and bugs of the day are traced; empty: never.",
        example='"22:30"', unit="hour and minute, UTC",
    )
    answer: str = setting(
        Answer.FIX.value, "What follows from a landing that turned one red: its issue is worked on"
        " again, its prepared revert lands, or a person decides.",
        example='"revert"', choices=_ANSWERS,
    )
    fix_runs: int = setting(
        3, "Runs that may mend what one issue's landing broke, before a person is asked.",
        example="2", unit="runs", least=1, most=3,
    )
    journeys: int = setting(
        100, "Journeys in one observation; of more, its seed selects some.",
        example="300", unit="journeys", least=1, most=500,
    )
    look_back: int = setting(
        200, "How far back the landing is looked for that broke one.",
        example="1000", unit="commits", least=2, most=MOST,
    )
    per_day: int = setting(
        100, "Observations within 24 hours, those of searches included.",
        example="30", unit="observations", least=1, most=MOST,
    )
    # fmt: on

    def __post_init__(self) -> None:
        """Raises ConfigError for no hour of the day, and for an unknown answer."""
        if self.nightly and not _HOUR.fullmatch(self.nightly):
            raise ConfigError(
                f"expected an hour such as `03:00`, found {self.nightly!r:.60}",
                file=FILE,
                key="watch.nightly",
            )
        if self.answer not in _ANSWERS:
            raise ConfigError(
                f"expected {', '.join(f'`{one}`' for one in _ANSWERS)}, found {self.answer!r:.60}",
                file=FILE,
                key="watch.answer",
            )
