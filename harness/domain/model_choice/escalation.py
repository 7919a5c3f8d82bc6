"""How the next attempt at an issue differs from those that failed: another model, more context,
smaller steps. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Approach:
    """How one attempt is made. `tier` is the place in the ladder from which a model is chosen, from
    0; `diagnosed`: somebody looks first at what went wrong; `split`: the work is done step by step,
    each by an agent with a fresh mind."""

    tier: int = 0
    diagnosed: bool = False
    split: bool = False

    @property
    def escalates(self) -> bool:
        """Whether it differs from a first attempt."""
        return self != Approach()


def approach(failed: int, *, tiers: int) -> Approach:
    """The attempt that follows `failed` ones that were the models' own failures, with a ladder of
    `tiers` models.

    First another model with a diagnosis; when there is no further model, and two have failed,
    smaller steps."""
    if failed == 0:
        return Approach()
    return Approach(
        # past the end of the chain the last model stays, and gets smaller steps instead
        tier=min(failed, max(tiers, 1) - 1),
        diagnosed=True,
        split=failed >= max(tiers, 2),
    )
