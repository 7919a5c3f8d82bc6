"""Webhooks in a home: the secret, the port, and a daemon that works sooner with them and the same
without."""

import hashlib
import hmac
import http.client
import json
import random
import threading
from collections import Counter
from datetime import UTC

import pytest

from harness.domain.errors import ConfigError, ForgeError
from harness.domain.lifecycle import State
from harness.home.document import HomeFile, write_home
from harness.home.webhooks import (
    WEBHOOK_SECRET,
    WebhookAddress,
    WebhookQueue,
    address_in,
    keep_webhook_secret,
    secrets_of,
    webhooks,
)
from harness.log import Log
from harness.operations.daemon.context import DaemonContext
from harness.operations.daemon.daemon import Daemon
from harness.operations.daemon.shutdown import Shutdown
from harness.ports.inbox import Delivery
from harness.store.systemd import Notifier
from tests.factory.world import World
from tests.fakes.inbox import FakeInbox
from tests.fakes.log import LogEntries
from tests.operations.daemon_run import DaemonRun

FIRST, SECOND, THIRD = (
    "the-first-secret-of-all",
    "the-second-secret-of-all",
    "the-third-secret-of-all",
)
NUMBER = 4711


@pytest.fixture
def home(tmp_path):
    write_home(
        tmp_path,
        HomeFile(
            owner="tidehouse",
            name="tidebook",
            forge="embedded",
            port=8300,
            number=NUMBER,
            token_file="keys/forge.token",
        ),
    )
    return tmp_path


def mail():
    return WebhookQueue(FakeInbox(), threading.Event(), Counter())


def hint(mailbox, number, name=None) -> None:
    mailbox.inbox.put(
        Delivery(name or f"d-{number}", "issues", number, f"digest of {name or number}")
    )
    mailbox.bell.set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("8321", WebhookAddress("127.0.0.1", 8321)),
        (":8321", WebhookAddress("127.0.0.1", 8321)),
        ("0.0.0.0:80", WebhookAddress("0.0.0.0", 80)),
        ("[::1]:8321", WebhookAddress("::1", 8321)),
        ("localhost:0", WebhookAddress("localhost", 0)),
    ],
)
def test_an_address_is_a_port_on_this_machine_unless_a_host_is_named(text, found) -> None:
    assert address_in(text) == found


@pytest.mark.parametrize("text", ["", "localhost", "host:", "1:2:x", "70000", "-1", "８３２１"])
def test_what_is_no_address_is_said_with_one_that_is(text) -> None:
    with pytest.raises(ConfigError, match="8321"):
        address_in(text)


def test_the_secret_before_the_newest_holds_and_the_one_before_that_does_not(home) -> None:
    for secret in (FIRST, SECOND, THIRD):
        keep_webhook_secret(home, secret)
    assert secrets_of(home) == (THIRD, SECOND)
    keep_webhook_secret(home, THIRD)
    assert secrets_of(home) == (THIRD, SECOND)
    assert (home / WEBHOOK_SECRET).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("secret", ["", "short", "two words that are long enough x"])
def test_a_secret_that_is_none_is_not_kept(home, secret) -> None:
    with pytest.raises(ConfigError, match="16 characters"):
        keep_webhook_secret(home, secret)
    assert not (home / WEBHOOK_SECRET).exists()


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (None, 0o600, "there is no secret"),
        ("", 0o600, "one secret a line"),
        ("short", 0o600, "one secret a line"),
        (f"{FIRST}\n{SECOND}\n{THIRD}", 0o600, "at most 2"),
        (FIRST, 0o644, "chmod 600"),
        (FIRST, 0o640, "chmod 600"),
    ],
)
def test_no_door_is_opened_for_a_secret_that_keeps_nobody_out(home, content, mode, message) -> None:
    if content is not None:
        (home / "keys").mkdir()
        (home / WEBHOOK_SECRET).write_text(content)
        (home / WEBHOOK_SECRET).chmod(mode)
    with (
        pytest.raises(ConfigError, match=message) as refused,
        webhooks(home, WebhookAddress("127.0.0.1", 0), log=Log()),
    ):
        pass
    assert refused.value.file == str(home / WEBHOOK_SECRET)


def test_a_daemon_that_cannot_open_its_door_does_not_begin(home) -> None:
    entries = LogEntries()
    context = DaemonContext(
        home,
        1,
        Log(entries),
        Shutdown(1),
        Notifier({}),
        UTC,
        webhooks=WebhookAddress("127.0.0.1", 0),
    )
    with pytest.raises(ConfigError, match="there is no secret"):
        Daemon(context).run()
    assert entries.written == []


def test_without_an_address_there_is_no_door_and_no_secret_is_asked_for(home) -> None:
    with webhooks(home, None, log=Log()) as mailbox:
        assert mailbox is None


def log(port, body, secret):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    connection.request(
        "POST",
        "/webhook",
        body,
        {
            "Content-Type": "application/json",
            "X-GitHub-Event": "issues",
            "X-GitHub-Delivery": hashlib.md5(body).hexdigest(),
            "X-Hub-Signature-256": signature,
        },
    )
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_door_of_a_home_keeps_what_is_about_its_repository_and_its_secret_is_read_anew_for_each(
    home,
) -> None:
    keep_webhook_secret(home, FIRST)
    entries = LogEntries()
    with webhooks(home, WebhookAddress("127.0.0.1", 0), log=Log(entries)) as mailbox:
        port = int(entries.written[0].message.rpartition(":")[2].partition("/")[0])
        ours = [
            json.dumps({"repository": {"id": NUMBER}, "issue": {"number": at}}).encode()
            for at in range(1, 5)
        ]
        theirs = json.dumps({"repository": {"id": 1}, "issue": {"number": 9}}).encode()
        assert log(port, ours[0], FIRST) == 202
        keep_webhook_secret(home, SECOND)
        assert [
            log(port, ours[1], FIRST),
            log(port, ours[2], SECOND),
            log(port, theirs, SECOND),
        ] == [202] * 3
        keep_webhook_secret(home, THIRD)
        assert log(port, ours[3], FIRST) == 401
        (home / WEBHOOK_SECRET).unlink()
        assert log(port, ours[3], THIRD) == 401, "no secret believes nobody"
        assert mailbox.bell.is_set()
        assert [delivery.number for _, delivery in mailbox.inbox.waiting()] == [1, 2, 3]
        assert FIRST not in repr(entries.written)


def test_a_delivery_ends_the_rest_between_two_looks(tmp_path, home) -> None:
    """The interval is an hour; the issue is filed after the first tick, and the forge sends a
    webhook."""
    world, mailbox = World(home), mail()
    filed: list[int] = []

    class Recording(DaemonRun):
        def on_success(self) -> None:
            if not filed:
                filed.append(world.file())
                hint(mailbox, filed[0])

    run = Recording(world, until=("pass",), looks=3, interval=3600.0, mail=mailbox)
    giving_up = threading.Timer(600, run.shutdown.request)
    giving_up.daemon = True
    giving_up.start()
    assert run.work() == [("pass", f"moved #{filed[0]}")]
    giving_up.cancel()
    assert mailbox.inbox.waiting() == ()


def test_what_was_heard_is_read_although_no_news_tell_of_it(home) -> None:
    world, mailbox = World(home), mail()
    number, services = world.file(), world.services()
    services.watch_list.refresh()
    services.watch_list.mark_done(number)
    assert services.watch_list.refresh() == ()
    hint(mailbox, number)
    assert mailbox.take_hints(services.watch_list) == tuple(
        place for place, _ in mailbox.inbox.waiting()
    )
    assert services.watch_list.refresh() == (number,)
    assert not mailbox.bell.is_set()


def test_what_was_heard_is_settled_only_when_all_that_follows_was_done(home) -> None:
    world, mailbox = World(home), mail()
    number = world.file()
    hint(mailbox, number)
    world.forge.fail("news", count=1)
    with pytest.raises(ForgeError):
        DaemonRun(world, mail=mailbox).loop.work()
    assert [delivery.number for _, delivery in mailbox.inbox.waiting()] == [number]
    DaemonRun(world, mail=mailbox).work()
    assert mailbox.inbox.waiting() == ()
    assert world.history(number).state is State.MERGED


def life(world, mailbox, *, tells):
    """A rejected issue that is appealed, another that is closed, a third that is edited. `tells`
    are the events that come as webhooks."""
    numbers = [
        world.file("Pay by card", "Please add card payments."),
        world.file("One", "a"),
        world.file(),
    ]
    DaemonRun(world, looks=2, mail=mailbox).work()
    world.forge.say(numbers[0], "/factory appeal for charity", author="kim")
    world.forge.edit_issue(numbers[1], open=False)
    for name, number in tells(numbers):
        hint(mailbox, number, name)
    DaemonRun(world, looks=3, mail=mailbox).work()
    return [world.history(number).state for number in numbers]


def doubled_and_shuffled(numbers):
    deliveries = [(f"d-{number}", number) for number in numbers] * 2 + [
        (f"late-{number}", number) for number in reversed(numbers)
    ]
    random.Random(7).shuffle(deliveries)
    return deliveries


@pytest.mark.parametrize(
    "tells",
    [
        lambda numbers: (),
        lambda numbers: [("d", numbers[0])],
        lambda numbers: [(f"d-{number}", number) for number in numbers],
        doubled_and_shuffled,
        lambda numbers: [("d-9", 999), ("d-0", 2**40)],
    ],
    ids=[
        "none",
        "all but one dropped",
        "each once",
        "doubled, late and in no order",
        "about nothing that is there",
    ],
)
def test_whatever_webhooks_tell_and_however_often_the_same_comes_of_it(home, tells) -> None:
    world, mailbox = World(home), mail()
    assert life(world, mailbox, tells=tells) == [State.NEEDS_HUMAN, State.REJECTED, State.MERGED]
    assert mailbox.inbox.waiting() == ()
    assert all(len(world.forge.ours(number)) <= 2 for number in (1, 2, 3))
