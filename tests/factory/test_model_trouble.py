"""Everything that a model and its provider can do wrong, over the whole factory: a real broker, the
real loop with its tools, and a provider of our own that misbehaves as planned. Each case names
where the issue is then, whether the factory waits, and that nothing was spent above a cap."""

from decimal import Decimal

import pytest

from harness.agents.model import BrokeredModel
from harness.agents.sessions import BrokerClient
from harness.agents.start import start
from harness.domain.lifecycle import State
from harness.factory.run.pause import pause_in_force, paused_issues
from harness.programs.broker.options import Options
from harness.programs.broker.sse import encoded, events_of
from harness.store.clock import SystemClock
from tests import warm
from tests.agents.conftest import (  # noqa: F401 - fixtures
    KEY,
    Answer,
    _nothing_left_planned,
    message,
    provider,
    text,
)
from tests.factory.provider_answers import (
    ACCEPTED,
    CAP,
    CAPS,
    DONE,
    EDIT,
    call,
    calls,
    configured,
    refused,
)
from tests.factory.unsandboxed_agent import UnsandboxedAgent
from tests.factory.world import ACCEPT, World
from tests.fakes.hours import DAY, within_one
from tests.fakes.ledger import FakeLedger

EARLY = "Sat, 21 Nov 2020 07:28:00 GMT"


def cut(whole, pieces):
    """A stream that ends after so many of its events."""
    return Answer(pieces=[encoded(event) for event in events_of(whole)][:pieces])


def broken(words):
    """A call of `run` whose input is streamed as these words, which are no JSON."""
    return calls({"type": "tool_use", "id": "toolu_x", "name": "run", "input": words})


class Case:
    def __init__(self, name, *answers, state, waits="", sees="", calls=None) -> None:
        self.name, self.answers, self.state, self.waits, self.sees, self.calls = (
            name,
            answers,
            state,
            waits,
            sees,
            calls,
        )


CASES = [
    Case(
        "429 with a wait of nothing, of less and of long ago",
        refused(429, retry_after="0"),
        refused(429, retry_after="-5"),
        refused(429, retry_after=EARLY),
        ACCEPTED,
        EDIT,
        DONE,
        state=State.MERGED,
        calls=6,
    ),
    Case(
        "429 for a day",
        refused(429, "rate_limit_error", "slow down", retry_after="86400"),
        state=State.UNTRIAGED,
        waits="issue",
        sees="it is overloaded",
    ),
    Case(
        "529 time after time",
        *[refused(529, retry_after="0")] * 4,
        state=State.UNTRIAGED,
        waits="issue",
    ),
    Case(
        "the end of what is paid for",
        refused(400, "invalid_request_error", "Your credit balance is too low"),
        refused(400, "invalid_request_error", "Your credit balance is too low"),
        state=State.UNTRIAGED,
        waits="provider",
        sees="what is paid for is used up",
    ),
    Case(
        "a key that is not taken",
        refused(401, "authentication_error", f"invalid x-api-key {KEY}"),
        refused(401, "authentication_error", f"invalid x-api-key {KEY}"),
        state=State.UNTRIAGED,
        waits="provider",
    ),
    Case(
        "a model that is not there",
        refused(404, "not_found_error", "model: claude-nothing"),
        refused(404, "not_found_error", "model: claude-nothing"),
        state=State.UNTRIAGED,
        waits="provider",
        sees="it has no model claude-haiku-5-5",
        calls=2,
    ),
    Case(
        "an endpoint of another kind, once the issue is accepted",
        ACCEPTED,
        refused(501, "api_error", "Unsupported method"),
        refused(501, "api_error", "Unsupported method"),
        state=State.IMPLEMENTING,
        waits="provider",
        sees="it does not implement this call",
    ),
    Case(
        "the provider's end while the change is built",
        ACCEPTED,
        EDIT,
        refused(402, "billing_error", "no credit"),
        refused(402, "billing_error", "no credit"),
        state=State.IMPLEMENTING,
        waits="provider",
    ),
    Case(
        "an answer of triage without its tool",
        message(text("I would say it is in.")),
        state=State.NEEDS_HUMAN,
    ),
    Case(
        "an answer of triage that is no JSON",
        calls({**call("answer"), "input": '{"verdict": "in", '}),
        state=State.NEEDS_HUMAN,
    ),
    Case(
        "a stream cut in the middle of a tool call",
        ACCEPTED,
        cut(EDIT, 4),
        EDIT,
        DONE,
        state=State.MERGED,
    ),
    Case(
        "a tool's input that is no JSON",
        ACCEPTED,
        broken('{"command": "ls'),
        EDIT,
        DONE,
        state=State.MERGED,
    ),
    Case(
        "a tool's input that is no object",
        ACCEPTED,
        broken('["ls"]'),
        EDIT,
        DONE,
        state=State.MERGED,
    ),
    Case(
        "a tool that nobody has",
        ACCEPTED,
        calls(call("deploy", to="production")),
        EDIT,
        DONE,
        state=State.MERGED,
    ),
    Case(
        "a tool that never returns",
        ACCEPTED,
        calls(call("run", command="sleep 3600")),
        EDIT,
        DONE,
        state=State.MERGED,
    ),
    Case(
        "a result of ten megabytes",
        ACCEPTED,
        calls(call("run", command="head -c 10000000 /dev/zero | tr '\\0' x")),
        EDIT,
        DONE,
        state=State.MERGED,
    ),
    Case(
        "no call of a tool, for ever",
        ACCEPTED,
        *[message(text("Let me think."))] * 6,
        state=State.NEEDS_HUMAN,
    ),
]


@pytest.fixture
def pipeline(tmp_path, provider):  # noqa: F811 - fixtures
    """A world whose models are asked for real."""
    home = tmp_path / "broker"
    with start(
        Options(home=home, control=home / "control.sock", upstream=provider.url),
        key=KEY,
        popen=warm.Server,
    ) as broker:
        yield world_of(tmp_path, BrokerClient(broker.control))


def world_of(folder, broker):
    world = World(
        folder, model=BrokeredModel(), broker=broker, agent=UnsandboxedAgent(folder / "outputs")
    )
    world.ledger = FakeLedger(SystemClock())  # the broker names moments by the real clock
    world.toml = world.git.read(world.base, "factory.toml")
    configured(world, CAPS)
    return world


# How each is taken by itself: broker/upstream/test_errors, broker/test_pauses, agents/test_loop,
# test_pause.
@pytest.mark.sample(6)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_goes_wrong_with_a_model_ends_as_it_is_written(
    pipeline,
    provider,  # noqa: F811
    case,
) -> None:
    provider.plan(*case.answers)
    issue = pipeline.file()
    pipeline.tick()
    history = pipeline.history(issue)
    assert history.state is case.state, (
        history.transitions[-1].data if history.transitions else pipeline.log.written
    )
    now = SystemClock().now()
    # What one issue meets holds up nobody else; what our own call meets, too, holds up all.
    of_all, of_one = pause_in_force(pipeline.ledger, now), paused_issues(pipeline.ledger, now)
    assert (of_all is not None) is (case.waits == "provider")
    pause = of_all or of_one.get(issue)
    assert (pause.cause if pause else "") == case.waits
    assert case.sees in (pause.why if pause else "")
    if case.waits:
        assert history.attempts == 0
        assert history.open_run is not None
    assert spent(pipeline, issue) <= CAP
    assert case.calls is None or len(provider.seen) == case.calls
    assert KEY not in "".join(str(entry.data) for entry in pipeline.ledger.written)


def spent(pipeline, issue) -> Decimal:
    return pipeline.history(issue).usage.cost_usd


def test_a_call_that_would_cross_a_cap_is_never_sent(pipeline, provider) -> None:  # noqa: F811
    """Whatever was spent before: the next one is held against what is left."""
    provider.plan(ACCEPTED, calls(call("run", command="true"), input_tokens=280_000))
    issue = pipeline.file()
    pipeline.tick()
    assert pipeline.history(issue).state is State.NEEDS_HUMAN
    assert spent(pipeline, issue) <= CAP
    assert len(provider.seen) == 2


def test_a_price_that_nobody_knows_is_the_dearest_that_is_known(
    pipeline,
    provider,  # noqa: F811
) -> None:
    """With the same cap a model of a known price is asked, and one of an unknown price is not."""
    small = b"\n[budget]\nusd_per_run = 0.10\n"
    configured(pipeline, small + b'[models]\ntriage = "nobody-knows-3"\n')
    unknown = pipeline.file()
    pipeline.tick()
    assert pipeline.history(unknown).state is State.NEEDS_HUMAN
    assert pipeline.history(unknown).transitions[-1].data["event"] == "budget-exhausted"
    assert provider.seen == []
    configured(pipeline, small)
    provider.plan(calls(call("answer", **{**ACCEPT, "verdict": "needs-human"})))
    pipeline.file("Another", "The places are gone again.")
    pipeline.tick()
    assert len(provider.seen) == 1


@pytest.mark.sample(1)
@pytest.mark.parametrize(("cap", "cause"), [(b"usd_per_day", "day"), (b"usd_per_month", "month")])
def test_what_a_day_or_a_month_may_cost_pauses_the_factory_and_fails_no_issue(
    pipeline,
    provider,  # noqa: F811
    cap,
    cause,
) -> None:
    """What is left is too little for the next call of the one that builds; the issue stays where it
    is until there is more."""
    within_one(DAY)
    configured(pipeline, b"\n[budget]\n" + cap + b" = 0.30\n")
    provider.plan(ACCEPTED, calls(call("run", command="true"), input_tokens=100_000))
    issue = pipeline.file()
    pipeline.tick()
    history, pause = pipeline.history(issue), pause_in_force(pipeline.ledger, SystemClock().now())
    assert (history.state, history.attempts, len(provider.seen)) == (State.IMPLEMENTING, 0, 2)
    assert pause is not None
    assert pause.cause == cause
    assert spent(pipeline, issue) <= Decimal("0.30")


def test_a_cap_that_is_crossed_in_the_middle_of_a_stream_ends_it_and_nothing_is_asked_after_it(
    pipeline,
    provider,  # noqa: F811
) -> None:
    """The provider reports more than any request of this size can cost: what flowed is counted, and
    no cent after it."""
    provider.plan(ACCEPTED, calls(call("run", command="true"), input_tokens=400_000))
    issue = pipeline.file()
    pipeline.tick()
    assert pipeline.history(issue).state is State.NEEDS_HUMAN
    assert pipeline.history(issue).transitions[-1].data["event"] == "budget-exhausted"
    assert len(provider.seen) == 2
