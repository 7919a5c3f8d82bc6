"""The commands for people: check, prove, store, key."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.validators_launcher import seaside
from tests.validators_launcher.world import ENV, World, command


def test_check_names_the_file_and_the_line(world: World, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(seaside.JOURNEY)
    bad.write_text(seaside.JOURNEY.replace("click:", "clik:"))
    done = world.validators("check", good, bad)
    assert done.returncode == 1
    assert done.stdout.startswith(f"{bad}: line 7: ")
    assert done.stderr == "1 of 2 journeys may be sealed\n"
    assert world.validators("check", good).returncode == 0


@pytest.mark.soak("test_proving_folders proves in a browser, too")
def test_prove_shows_red_on_base_and_green_on_a_reference_and_seals_nothing(
    world: World, tmp_path: Path
) -> None:
    request = world.request(*world.merge(seaside.BASE, seaside.FIXED))
    file = tmp_path / "journey.yaml"
    file.write_text(seaside.JOURNEY)
    done = world.validators("prove", "--request", request, file, "--rounds", "1", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads(done.stdout)["journeys"]
    (shown,) = found["rounds"]
    assert (found["journey"], found["proved"]) == ("book-a-large-group", True)
    assert (shown["base"]["proved"], shown["reference"]["outcome"]) == (True, "passed")
    assert world.context(request).journey_store.entries() == ()


def test_a_maintainer_supersedes_and_retires_and_everything_is_kept(
    world: World, tmp_path: Path
) -> None:
    world.issue["kind"] = "chore"  # its journey must be green on base
    request = world.request(world.source.commit(seaside.BASE))
    old = world.seal(request, seaside.HARMLESS).entry.digest
    file = tmp_path / "new.yaml"
    file.write_text(seaside.HARMLESS.replace("any.int(2, 4)", "any.int(2, 3)"))
    who = ("--actor", "greta", "--reason", "four is a family of its own")
    done = world.validators(
        "store", "supersede", "--request", request, "--digest", old, "--journey", file, *who
    )
    assert (done.returncode, done.stdout.startswith("sealed: 1 green on base")) == (0, True)
    (new,) = [one.entry.digest for one in world.context(request).journey_store.journeys(2)]
    assert (
        world.validators("store", "retire", "--request", request, "--digest", new, *who).returncode
        == 0
    )
    listed = [
        json.loads(line)
        for line in world.validators("store", "list", "--request", request).stdout.splitlines()
    ]
    assert [(entry["event"], entry["digest"]) for entry in listed] == [
        ("sealed", old),
        ("superseded", old),
        ("sealed", new),
        ("retired", new),
    ]
    assert listed[-1]["actor"] == "greta"
    digest = json.loads(world.validators("store", "digest", "--request", request).stdout)
    assert digest == {"journeys": 0, "declined": False, "standing": 0, "digest": None}
    assert len(list((world.home / "sealed" / "seaside" / "journeys").iterdir())) == 2


def test_the_key_that_is_pinned_is_the_key_that_signs(world: World) -> None:
    request = world.request(world.source.commit(seaside.BASE))
    done = world.validators("key", "--signing-key", world.home / "keys" / "validator.key")
    assert done.stdout.strip() == world.context(request).key_id


def test_a_request_that_cannot_be_read_is_named_and_nothing_is_written(
    world: World, tmp_path: Path
) -> None:
    request = tmp_path / "request.json"
    request.write_text('{"run": 7}')
    done = world.validators("judge", "--request", request, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "request.json: run: " in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_whoever_has_read_enough_may_leave_without_a_traceback(world: World) -> None:
    read, write = os.pipe()
    os.close(read)
    key = world.home / "keys" / "validator.key"
    done = subprocess.run(
        command("key", "--signing-key", key), env=ENV, stdout=write, stderr=subprocess.PIPE
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_folder_whose_name_is_too_long_for_a_socket_is_named_with_the_next_move(
    world: World, tmp_path: Path
) -> None:
    far = tmp_path / ("x" * 40)
    far.mkdir()
    request = world.request(*world.merge(seaside.BASE, seaside.FIXED))
    world.seal(request, seaside.JOURNEY)
    done = subprocess.run(
        command("judge", "--request", request, "--out", tmp_path / "out"),
        env={**ENV, "TMPDIR": str(far)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr
        == f"{far}: too long a name for the sockets below it; set TMPDIR to one of at most 40"
        " bytes\n"
    )
    assert not (tmp_path / "out" / "verdict.json").exists()
