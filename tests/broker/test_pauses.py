"""What money and prices are to whoever asks a real broker: a day's cap is a pause, and a price of
one's own is counted by."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.domain.budget import Price
from harness.domain.errors import ModelError, ModelsPaused
from harness.ports.model import Session
from tests.agents.conftest import MODEL, Broker, request
from tests.broker.conftest import DEAR
from tests.fakes.hours import DAY, within_one
from tests.fakes.sdks import anthropic

if TYPE_CHECKING:
    from anthropic import Anthropic

ASK = {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": "Hello?"}]}
# what DEAR costs, and what it may cost beforehand and a bit
ALREADY, ROOM_FOR_ONE = (Decimal("0.0057"), Decimal("0.0065"))


def test_a_day_that_is_used_up_is_a_pause_however_one_meets_it(
    brokers: Callable[..., Broker], tmp_path: Path, sdk: Callable[[Session], "Anthropic"]
) -> None:
    broker = brokers(replay=tmp_path)
    within_one(DAY)
    for attempt in (1, 2, 3, 4):
        broker.record(DEAR, attempt=attempt)
    today = datetime.now(UTC).date()
    with broker.client.open(request(usd_day=ROOM_FOR_ONE)) as session:
        sdk(session).messages.create(**ASK)
    with (
        pytest.raises(
            ModelsPaused, match=r"the cap of \$0.0065 for this day would be crossed"
        ) as paused,
        broker.client.open(request(attempt=2, usd_day=ROOM_FOR_ONE)) as session,
        pytest.raises(anthropic.APIStatusError, match="factory_paused"),
    ):
        sdk(session).messages.create(**ASK)
    assert paused.value.cause == "day"
    assert paused.value.again_at == datetime.combine(today + timedelta(days=1), time.min, UTC)
    with pytest.raises(ModelsPaused) as instead:
        fail_in_ones_own_words(broker, sdk)
    assert isinstance(instead.value.__cause__, ModelError)
    with pytest.raises(ModelsPaused), broker.client.open(request(attempt=4, usd_day=ALREADY)):
        pass
    assert broker.client.spent_on(1).cost_usd == ALREADY


def fail_in_ones_own_words(broker: Broker, sdk: Callable[[Session], "Anthropic"]) -> None:
    """As an author does that got no answer."""
    with broker.client.open(request(attempt=3, usd_day=ROOM_FOR_ONE)) as session:
        with suppress(anthropic.APIStatusError):
            sdk(session).messages.create(**ASK)
        raise ModelError("the author gave no answer")


def test_an_error_of_ones_own_stays_what_it_is_where_nothing_was_refused(replaying: Broker) -> None:
    replaying.record({"exchanges": []}, issue=9001)
    with pytest.raises(ModelError, match="of my own"), replaying.client.open(request(issue=9001)):
        raise ModelError("of my own")


def test_a_price_of_ones_own_is_what_its_model_costs(
    replaying: Broker, sdk: Callable[[Session], "Anthropic"]
) -> None:
    own = Price(MODEL, date(2026, 11, 21), *map(Decimal, ("1000", "100000", "0", "0", "0")))
    replaying.record(DEAR, issue=9002)
    with replaying.client.open(request(issue=9002, usd=Decimal(100), price=own)) as session:
        sdk(session).messages.create(**ASK)
    assert replaying.client.usage(session).cost_usd == Decimal("3.8")
