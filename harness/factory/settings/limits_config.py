"""`[limits]`, `[triage]`, `[errors]`, `[context]` and `[judge]` of `factory.toml`: how many, and
how long."""

from dataclasses import dataclass

from harness.domain.setting import MOST, setting


@dataclass(frozen=True, slots=True)
class Limits:
    """How often, how long, and how many at once."""

    # fmt: off
    parallel: int = setting(
        2, "Issues that are worked on at the same time.",
        example="4", unit="issues", least=1, most=MOST,
    )
    attempts: int = setting(
        3, "Attempts of the implementer at one issue, before a person is asked.",
        example="5", unit="attempts", least=1, most=MOST,
    )
    rounds: int = setting(
        2, "How often a judge, a rule or a reviewer may send a change back to the implementer.",
        example="3", unit="rounds", least=0, most=MOST,
    )
    judgements: int = setting(
        3, "Judgements of one change, until one of them gives an answer.",
        example="5", unit="judgements", least=1, most=MOST,
    )
    turns: int = setting(
        40, "Turns of one session of an agent.",
        example="60", unit="turns", least=1, most=MOST,
    )
    agent_seconds: int = setting(
        600, "How long one session of an agent may take.",
        example="1200", unit="seconds", least=1, most=MOST,
    )
    judge_seconds: int = setting(
        600, "How long one judgement may take.",
        example="1200", unit="seconds", least=1, most=MOST,
    )
    journey_seconds: int = setting(
        30, "How long one journey may take in one browser.",
        example="60", unit="seconds", least=1, most=MOST,
    )
    standing: int = setting(
        20, "Journeys of landed work in one judgement; of more, its seed selects some.",
        example="50", unit="journeys", least=0, most=MOST,
    )
    # fmt: on


@dataclass(frozen=True, slots=True)
class Triage:
    """How many issues are triaged within 24 hours, and how long people have to answer. Rules with
    `applies: issue` may be stricter."""

    # fmt: off
    per_author: int = setting(
        20, "Issues a day of one account that may not give commands.",
        example="5", unit="issues", least=1, most=MOST,
    )
    per_day: int = setting(
        200, "Issues a day of everybody together.",
        example="50", unit="issues", least=1, most=MOST,
    )
    reserved: int = setting(
        20, "Part of `per_day` for accounts that may give commands; half of it at most.",
        example="10", unit="issues", least=0, most=MOST,
    )
    batch: int = setting(
        50, "Issues that one tick triages.",
        example="10", unit="issues", least=1, most=MOST,
    )
    close_days: int = setting(
        7, "Time between a rejection and the closing of its issue, in which its filer can appeal.",
        example="14", unit="days", least=0, most=MOST,
    )
    reply_days: int = setting(
        14, "How long a question to a filer waits for its answer.",
        example="30", unit="days", least=0, most=MOST,
    )
    aging_days: int = setting(
        2, "Time after which an accepted issue becomes one step more urgent.",
        example="7", unit="days", least=1, most=MOST,
    )
    # fmt: on


@dataclass(frozen=True, slots=True)
class ErrorSettings:
    """What follows when the running app reports errors; docs/operator.md describes the intake."""

    # fmt: off
    per_day: int = setting(
        5, "Issues a day (UTC) that are filed, or opened again, for errors; 0: none.",
        example="2", unit="issues", least=0, most=1_000,
    )
    least: int = setting(
        1, "How often a new error, or a fixed one that came back, must be seen before an issue is"
        " filed or opened again.",
        example="10", unit="events", least=1, most=MOST,
    )
    # fmt: on


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """What an implementer is shown of the repository. An attempt after a failed one is shown
    more."""

    # fmt: off
    tokens: int = setting(
        6000, "How much of the repository an implementer is shown; 0: nothing.",
        example="12000", unit="tokens", least=0, most=MOST,
    )
    files: int = setting(
        6, "From how many files it is taken.",
        example="10", unit="files", least=0, most=MOST,
    )
    lessons: int = setting(
        5, "How many lessons of earlier runs are shown; 0: none.",
        example="10", unit="lessons", least=0, most=MOST,
    )
    # fmt: on


LONGEST_SECONDS = 600
START, STEP, READ, PICTURE, QUIET = 20.0, 5.0, 2.0, 1.0, 1.5


@dataclass(frozen=True, slots=True)
class Judge:
    """How long the judge's browser waits for the app on a quiet machine; a slower machine gets more
    time.

    No time may be shorter than its default: a negative control that is hurried fails for being
    slow, and proves nothing."""

    # fmt: off
    start_seconds: float = setting(
        START, "To start the browser itself.",
        example="40", unit="seconds", least=START, most=LONGEST_SECONDS,
    )
    step_seconds: float = setting(
        STEP, "To do one step, or to see what it expects; at most a sixth of"
        " `limits.journey_seconds`.",
        example="10", unit="seconds", least=STEP, most=LONGEST_SECONDS,
    )
    read_seconds: float = setting(
        READ, "To read one thing from a page.",
        example="4", unit="seconds", least=READ, most=LONGEST_SECONDS,
    )
    picture_seconds: float = setting(
        PICTURE, "To take one screenshot.",
        example="2.5", unit="seconds", least=PICTURE, most=LONGEST_SECONDS,
    )
    quiet_seconds: float = setting(
        QUIET, "How long a page's background requests may delay a step.",
        example="3", unit="seconds", least=QUIET, most=LONGEST_SECONDS,
    )
    # fmt: on
