"""`[trust]` of `factory.toml`: how long a landing is followed. Thresholds are rules."""

from dataclasses import dataclass

from harness.domain.setting import setting


@dataclass(frozen=True, slots=True)
class TrustSettings:
    """How trust is learned from what landed."""

    # fmt: off
    follow_days: int = setting(
        14, "How long a landing is followed. One that nobody amended, broke or took back by then"
        " has stayed.",
        example="30", unit="days", least=1, most=365,
    )
    # fmt: on
