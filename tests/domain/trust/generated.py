"""Pasts with a known truth: each landing has a probability to stay that its facts determine, and
chance decides by it."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import exp

from harness.domain.trust import ChangeTraits, Followed, Outcome

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
AREAS = {"app": 0.4, "docs": 1.6, "billing": -1.2}
KINDS = {"bug": 0.2, "feature": -0.3, "chore": 0.5}


@dataclass(frozen=True)
class Truth:
    traits: ChangeTraits
    stays: float


def truths(seed: int, count: int) -> list[Truth]:
    chance = random.Random(seed)
    return [_truth(chance) for _ in range(count)]


def _truth(chance: random.Random) -> Truth:
    area, kind = chance.choice(list(AREAS)), chance.choice(list(KINDS))
    lines = int(chance.lognormvariate(3.3, 1.1)) + 1
    files = 1 + int(chance.expovariate(0.5))
    rounds = chance.choice((0, 0, 0, 0, 1, 1, 2))
    retries = chance.choice((0, 0, 0, 1, 2))
    tier, findings = min(retries, 1), rounds * chance.choice((1, 2))
    score = 3.3 + AREAS[area] + KINDS[kind] - 0.25 * (lines / 40) - 0.8 * rounds - 0.5 * retries
    traits = ChangeTraits(area, kind, lines, files, rounds, retries, tier, findings, True, True)
    return Truth(traits, 1 / (1 + exp(-score)))


def past(seed: int, count: int, *, days: int = 14) -> list[Followed]:
    """Landings, four a day, each followed for its days."""
    chance = random.Random(f"{seed}/outcomes")
    return [_followed(chance, at, one, days) for at, one in enumerate(truths(seed, count))]


def _followed(chance: random.Random, at: int, one: Truth, days: int) -> Followed:
    stays = chance.random() < one.stays
    landed = BEGAN + timedelta(hours=6 * at)
    known = landed + timedelta(days=days if stays else chance.random() * days)
    worse = (Outcome.AMENDED, Outcome.REGRESSED, Outcome.REVERTED)
    outcome = Outcome.STAYED if stays else chance.choice(worse)
    return Followed(at + 1, f"{at:040x}", one.traits, outcome, landed, known)
