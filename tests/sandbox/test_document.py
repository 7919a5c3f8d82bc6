"""A specification is taken as a whole or refused by the key that is wrong."""

import json
import os
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.domain.errors import SandboxError
from harness.domain.sandbox import Bind, Dial, SandboxLimits, SandboxResult, SandboxSpec
from harness.programs.sandbox.document import (
    result_from,
    result_text,
    source_fault,
    spec_from,
    spec_text,
    write_result,
)
from tests.tiers import share


def spec(**changes: object) -> str:
    return json.dumps({"name": "t", "argv": ["true"], **changes})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "the specification must be one JSON object"),
        (json.dumps({"name": "t"}), "`argv` is missing"),
        (spec(argv=[]), "`argv`: must name a command"),
        (spec(argv="true"), "`argv` must be a list"),
        (spec(argv=[1]), "`argv` must be a text, not 1"),
        (spec(argv=["true", "a\0b"]), "`argv`: holds a character that no command line can carry"),
        (spec(argv=["true", "\ud800"]), "`argv`: holds a character that no command line can carry"),
        (spec(env={"A": "a\0b"}), "`env`: `A` must be a variable's name with a text"),
        (spec(limit={}), "`limit` is not a key; known here: name, argv, cwd"),
        (spec(limits={"wall": 1}), "`limits.wall` is not a key"),
        (spec(limits={"pids": 0}), "`limits.pids`: must be more than 0"),
        (spec(limits={"pids": True}), "`limits.pids` must be a whole number, not true"),
        (spec(limits={"pids": "9"}), "`limits.pids` must be a whole number"),
        (spec(cwd="app"), "`cwd`: must be an absolute path"),
        (spec(hostname="a b"), "`hostname`: `a b` is not a host name"),
        (
            spec(form="jail"),
            "`form`: `jail` is none of auto, bwrap-root, bwrap-userns, landlock, unsealed",
        ),
        (spec(env={"A=B": "c"}), "`env`: `A=B` must be a variable's name"),
        (spec(env={"A": 1}), "`env`: `A` must be a variable's name with a text"),
        (spec(result="here.json"), "`result` must be an absolute path"),
        (
            spec(binds=[{"source": "/usr", "target": "/app", "mode": "rx"}]),
            '`binds.mode` must be ro or rw, not "rx"',
        ),
        (spec(binds=[{"source": "/usr"}]), "`binds.target` is missing"),
        (
            spec(binds=[{"source": "/nowhere/at/all", "target": "/app"}]),
            "`binds`: /nowhere/at/all does not exist",
        ),
        (
            spec(binds=[{"source": "usr", "target": "/app"}]),
            "usr must be an absolute path of the host",
        ),
        (
            spec(binds=[{"source": "/usr", "target": "/"}]),
            "`binds`: the target / must be an absolute, plain path below the root",
        ),
        (
            spec(binds=[{"source": "/usr", "target": "/run"}]),
            "the target /run must be an absolute, plain path below the root",
        ),
        (
            spec(binds=[{"source": "/usr", "target": "/opt"}]),
            "the target /opt must be an absolute, plain path below the root",
        ),
        (
            spec(binds=[{"source": "/usr", "target": "/app/../etc"}]),
            "must be an absolute, plain path",
        ),
        (
            spec(binds=[{"source": "/usr", "target": "/usr/local"}]),
            (
                "`binds`: the target /usr/local belongs to the sandbox itself;"
                " choose another, such as /app"
            ),
        ),
        (
            spec(binds=[{"source": "/usr", "target": "/run/sockets"}]),
            "belongs to the sandbox itself",
        ),
        (
            spec(binds=[{"source": "/usr", "target": "/a"}, {"source": "/usr", "target": "/a"}]),
            "`binds`: the target /a is named twice",
        ),
        (
            spec(dial=[{"port": 80, "socket": "/usr"}]),
            "`dial/serve`: the port 80 is not one of 1024..65535",
        ),
        (spec(dial=[{"port": 1023, "socket": "/usr"}]), "the port 1023 is not one of 1024..65535"),
        (
            spec(dial=[{"port": 65536, "socket": "/usr"}]),
            "the port 65536 is not one of 1024..65535",
        ),
        (
            spec(dial=[{"port": 8090, "socket": "/nowhere.sock"}]),
            "`dial`: /nowhere.sock does not exist",
        ),
        (
            spec(serve=[{"port": 5000, "fd": 999_999_999}]),
            "`serve`: descriptor 999999999 is not open; pass it on to the supervisor",
        ),
        (
            spec(serve=[{"port": 5000, "fd": 2}]),
            "`serve`: descriptor 2 is a standard stream, not a listening socket",
        ),
        (
            spec(serve=[{"port": 5000, "fd": 0}], dial=[{"port": 5000, "socket": "/usr"}]),
            "`dial/serve`: the port 5000 is named twice",
        ),
        (spec(limits={"wall_seconds": "x"}), '`limits.wall_seconds` must be a number, not "x"'),
        (spec(browser=1), "`browser` must be true or false, not 1"),
        (spec(hostname=["a" * 90]), '`hostname` must be a text, not ["' + "a" * 78),
        (spec(limits=[]), "`limits` must be a list or an object, not []"),
        (spec(root="usr"), "`root`: usr must be an absolute path of the host"),
        (spec(user="A b"), "`user`: `A b` is not the name of an account"),
        (spec(home="~"), "`home`: `~` is not a plain folder"),
        (spec(commands=2), "`commands`: descriptor 2 is a standard stream"),
    ],
)
def test_what_is_refused_is_named(text, message) -> None:
    with pytest.raises(SandboxError) as caught:
        spec_from(text)
    assert message in str(caught.value)
    assert not message.startswith("`") or str(caught.value).startswith(message)


def test_a_specification_survives_its_document() -> None:
    value = SandboxSpec(
        "app",
        ("python", "-m", "x"),
        cwd="/app",
        env={"K": "✓"},
        binds=(Bind("/usr", "/app", "rw"),),
        distributions=("httpx",),
        dial=(Dial(8090, "/usr"),),
        browser=True,
        limits=SandboxLimits(wall_seconds=0.5),
    )
    assert spec_from(spec_text(value, result="/r.json")) == (value, "/r.json")


def test_what_is_not_said_has_the_documented_default() -> None:
    value, result = spec_from(spec())
    assert (value, result) == (SandboxSpec("t", ("true",)), None)
    assert value.limits == SandboxLimits(60, 1024, 256, 512, 256, 1024)


texts = st.text(max_size=5)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, max_examples=share(60))
@given(st.sampled_from([item.name for item in fields(SandboxSpec)]), json_values)
def test_any_value_under_any_key_is_taken_or_refused_but_never_a_crash(key, value) -> None:
    try:
        taken, _ = spec_from(spec(**{key: value}))
    except SandboxError:
        return
    assert spec_from(spec_text(taken))[0] == taken


def test_a_result_survives_its_document(tmp_path) -> None:
    value = SandboxResult(
        "bwrap-root", ("disk: watched",), 137, 9, "wall", 1.5, None, ("pids",), b"out", b"err"
    )
    assert result_from(result_text(value), stdout=b"out", stderr=b"err") == value
    write_result(str(tmp_path / "r.json"), value)
    assert json.loads((tmp_path / "r.json").read_text())["killed_by"] == "wall"
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]
    assert (tmp_path / "r.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the sandbox's result cannot be read: Expecting value"),
        ("[]", "the sandbox's result cannot be read: 'list'"),
        ("{}", "`form` is missing"),
        ('{"form": 1}', "`unheld` is missing"),
    ],
)
def test_what_is_no_result_is_an_error(text, message) -> None:
    with pytest.raises(SandboxError, match=f"^{message}"):
        result_from(text, stdout=b"", stderr=b"")


def test_a_result_that_cannot_be_written_is_an_error(tmp_path) -> None:
    with pytest.raises(SandboxError, match="cannot be written"):
        write_result(
            str(tmp_path / "missing" / "r.json"),
            SandboxResult("unsealed", (), 0, None, None, 0.1, 1),
        )


def test_a_link_in_the_middle_counts_when_somebody_else_made_it(tmp_path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "app").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert source_fault(str(tmp_path / "link" / "app")) is None, (
        "our own link, in the middle of the path"
    )
    assert "is a symbolic link" in (source_fault(str(tmp_path / "link")) or "")
    assert "is a symbolic link" in (source_fault(f"{tmp_path / 'link'}/") or "")
    (tmp_path / "elsewhereX").symlink_to(tmp_path / "real")
    assert "is a symbolic link" in (source_fault(str(tmp_path / "elsewhereX")) or "")
    assert source_fault("/proc/self") == "/proc/self is a symbolic link; name the place itself"
    assert source_fault("/bin") == "/bin is a symbolic link; name the place itself"


def test_the_outermost_ports_and_the_first_descriptor_of_ones_own_may_be_named() -> None:
    dial = [{"port": port, "socket": "/usr"} for port in (1024, 65535)]
    assert [one.port for one in spec_from(spec(dial=dial))[0].dial] == [1024, 65535]
    ours = os.dup(0)
    try:
        assert spec_from(spec(serve=[{"port": 5000, "fd": ours}]))[0].serve[0].fd == ours
    finally:
        os.close(ours)


def test_what_follows_the_program_may_be_empty() -> None:
    assert spec_from(spec(argv=["true", ""]))[0].argv == ("true", "")
