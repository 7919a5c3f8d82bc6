"""`[trust]` of `factory.toml`: how long a landing is followed. Thresholds are rules."""

from dataclasses import dataclass

from harness.domain.setting import setting


@dataclass(frozen=True, slots=True)
class TrustSettings:
    """How trust is learned from what landed."""

    # fmt: off
    follow_days: int = setting(
        14, "How long a landing is followed. A landing counts as stayed if by then nobody amended"
        " or reverted it and it broke nothing.",
        example="30", unit="days", least=1, most=365,
    )
    # fmt: on
