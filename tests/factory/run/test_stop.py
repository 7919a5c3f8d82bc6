"""Only a flag that is known not to be there lets the factory go on. A loop of links was no flag,
and stopped nothing."""

import re
from dataclasses import replace

import pytest

from harness.domain.errors import Stopped
from harness.domain.events import CommandGiven
from harness.factory.records.brakes import RESUME, STOP
from harness.factory.run.effects import is_flagged, is_stopped, raise_if_stopped
from harness.factory.run.services import Places


def loop(folder):
    (folder / "loop").symlink_to("loop")
    return folder / "loop"


def a_file(folder):
    (folder / "file").write_text("")
    return folder / "file"


UNREADABLE = {
    "its folder is a file": a_file,
    "its folder is a loop of links": loop,
    "its name is too long": lambda folder: folder / ("n" * 300),
    "its path is too long": lambda folder: folder.joinpath(*["p" * 200] * 30),
}


@pytest.mark.parametrize("why", UNREADABLE)
def test_a_flag_that_nobody_can_look_for_stops(world, tmp_path, why) -> None:
    home = UNREADABLE[why](tmp_path)
    services = replace(world.services(), places=Places(home, "tidebook"))
    assert is_flagged(home / "STOP") is is_stopped(services) is None
    words = f"the owner's stop is set ({home / 'STOP'}); `factory resume` lifts it"
    with pytest.raises(Stopped, match=f"^{re.escape(words)}$"):
        raise_if_stopped(services)


def test_a_flag_is_there_whatever_it_is_and_not_there_where_nothing_is(world) -> None:
    flag = world.services().places.stop_flag
    assert is_flagged(flag) is is_stopped(world.services()) is False
    assert is_flagged(flag.parent / "nowhere" / "STOP") is False
    flag.symlink_to("nowhere")
    assert is_flagged(flag) is is_stopped(world.services()) is True


def test_a_stop_in_the_ledger_stops_without_any_flag_until_it_is_taken_back(world) -> None:
    """There it reaches a factory on another machine."""
    services = world.services()
    services.ledger.append(CommandGiven(STOP), "command/1/stop")
    assert is_stopped(services) is True
    services.ledger.append(CommandGiven(RESUME), "command/2/resume")
    assert is_stopped(services) is False
