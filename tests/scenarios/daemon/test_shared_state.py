"""`factory up` with its state in a PostgreSQL: one works, on whichever machine; a database that
goes away is waited for."""

import json
import shutil
import signal

import pytest

from tests import warm
from tests.scenarios.conftest import as_said, environment
from tests.scenarios.daemons import daemons, example
from tests.scenarios.waiting import LONG


def factory(home, address, *arguments):
    return as_said(
        warm.run(arguments, env={**environment(home), "FACTORY_DATABASE": address}, timeout=LONG)
    )


@pytest.mark.soak("two machines; test_lease shows it on PostgreSQL, test_takeover by daemons")
def test_one_works_another_machine_stands_by_and_a_database_that_went_away_is_waited_for(
    tmp_path, postgres
) -> None:
    home, address = example(tmp_path / "home", "3-card-payments.md"), postgres.database()
    assert factory(home, address, "home", "move", "postgresql").code == 0
    another = tmp_path / "another-machine"
    shutil.copytree(home, another)
    with daemons(home) as start, daemons(another) as start_there:
        up = start(FACTORY_DATABASE=address)
        up.heard("node-ended", run="triage-1-1")
        up.heard("pass")
        refused = factory(another, address, "tick")
        assert (refused.code, "factory up on " in refused.err) == (5, True), refused.err
        standby = start_there(FACTORY_DATABASE=address)
        assert "factory up on " in standby.heard("standby")["message"]
        assert not [line for line in standby.lines if line["event"] == "takeover"]
        up.process.send_signal(
            signal.SIGSTOP
        )  # or it might be back sooner than the other one looks
        assert postgres.end_sessions(address, f"factory up on %, pid {up.process.pid}") == 1
        standby.heard("takeover")
        up.process.send_signal(signal.SIGCONT)
        up.heard("down")
        standby.heard("up")
        assert up.stopped_by(signal.SIGTERM) == 0
        assert standby.stopped_by(signal.SIGTERM) == 0
    audited = factory(another, address, "audit", "--json")
    assert (audited.code, json.loads(audited.out)["ok"]) == (0, True), audited.out
    assert not (home / "ledger.db").exists()
