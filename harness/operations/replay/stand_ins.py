"""What stands before the judge and the broker in a replay, so that both do as they did."""

from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from harness.domain.budget import Usage
from harness.domain.judge_request import JudgeRequest
from harness.domain.verdict import Verdict
from harness.ports.model import Broker, Session, SessionRequest
from harness.ports.validator import Authored, Journeys, Judged, Observed, Validator


class SeededValidator:
    """A judge that draws its data from the recorded seed. All else is passed on."""

    def __init__(self, validator: Validator, seed: int | None) -> None:
        self._validator, self._seed = validator, seed

    def author(self, request: JudgeRequest, out: Path) -> Authored:
        return self._validator.author(request, out)

    def judge(self, request: JudgeRequest, out: Path) -> Judged:
        return self._validator.judge(replace(request, seed=self._seed), out)

    def observe(self, request: JudgeRequest, out: Path) -> Observed:
        return self._validator.observe(request, out)

    def verified(self, envelope: Path) -> Verdict | None:
        return self._validator.verified(envelope)

    def journeys(self, request: JudgeRequest) -> Journeys:
        return self._validator.journeys(request)


class NumberingBroker:
    """A broker that numbers the sessions of each role in their order, as the recording does."""

    def __init__(self, broker: Broker) -> None:
        self._broker, self._turns = broker, Counter[str]()

    def open(self, request: "SessionRequest") -> AbstractContextManager[Session]:
        self._turns[request.role] += 1
        return self._broker.open(replace(request, attempt=self._turns[request.role]))

    def usage(self, session: "Session") -> Usage:
        return self._broker.usage(session)
