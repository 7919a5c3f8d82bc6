"""`try` on an app that runs already: its address, what is printed while it is performed, and what
at the end."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.http_server import Request, serving
from tests.fakes.ports import deaf_port
from tests.scenarios.waiting import LONG
from validators.authoring.trying import TryReport, address_of, outcome_of, try_document
from validators.domain.evidence import (
    ExpectationOutcome,
    RunEvidence,
    RunId,
    RunKind,
    StepOutcome,
    Trouble,
)
from validators.domain.run_result import Result
from validators.domain.stops import UsageError
from validators.language.reader import read
from validators.launcher.living import Address
from validators.launcher.progress import MOST_BYTES, Progress
from validators.performance.evidence_json import part_line
from validators.performance.plan import needed_line

GREETING = """\
journey: greeting
promise: issue
steps:
  - open: /?guest=7
  - click: {link: In}
expect:
  - visible: {heading: Good morning}
twin:
  expect:
    - visible: {heading: Good evening}
"""


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://127.0.0.1", "by plain HTTP"),
        ("127.0.0.1:80", "by plain HTTP"),
        ("http://", "by plain HTTP"),
        ("", "by plain HTTP"),
        ("http://127.0.0.1:80/walks", ": /walks is not put before the paths of a journey"),
        ("http://127.0.0.1:80/?day=1", ": /?day=1 is not put before the paths"),
        ("http://localhost/#x", ": /#x is not put before the paths"),
        ("http://example.org:8000", "example.org is another machine"),
        ("http://192.168.1.7", "192.168.1.7 is another machine"),
        ("http://0.0.0.0:8000", "0.0.0.0 is another machine"),
        ("http://localhost.example.org", "localhost.example.org is another machine"),
        ("http://127.0.0.1:70000", "Port out of range"),
        ("http://127.0.0.1:x", "Port could not be cast"),
        ("http://[::1", "Invalid IPv6 URL"),
    ],
)
def test_an_address_that_is_not_an_apps_own_on_this_machine_is_refused_with_the_reason(
    url: str, reason: str
) -> None:
    with pytest.raises(UsageError) as refused:
        address_of(url)
    assert f"--url {url}: expected the app's own address on this machine" in str(refused.value)
    assert reason in str(refused.value)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match="an account in the address is not used") as refused:
        address_of("http://ada:hunter2@127.0.0.1:8000")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8000", Address("127.0.0.1", 8000)),
        ("http://localhost:8000/", Address("localhost", 8000)),
        ("http://127.0.0.2", Address("127.0.0.2", 80)),
        ("http://[::1]:8000", Address("::1", 8000)),
    ],
)
def test_every_name_of_this_machine_is_an_address(url: str, address: Address) -> None:
    assert address_of(url) == address


OWN, CONTROL = RunId("greeting"), RunId("greeting", kind=RunKind.NEGATIVE_CONTROL)
STEPS = (StepOutcome(0, 4, "open", True), StepOutcome(1, 5, "click", True))
SEEN = ExpectationOutcome(0, 7, "visible", "here", True, "visible", "Good morning")
UNSEEN = ExpectationOutcome(0, 10, "visible", "here", False, "visible", "", Trouble.MISSING)
PASSED = RunEvidence(OWN, True, True, STEPS, (SEEN,), millis=40, files=("try/page.png",))
NOTICED = RunEvidence(CONTROL, True, True, STEPS, (UNSEEN,))
MISSED = RunEvidence(CONTROL, True, True, STEPS, (replace(SEEN, line=10),))


def test_the_weak_points_of_a_journey_are_printed_first() -> None:
    report = TryReport(read(GREETING), "http://localhost:8000")
    warning, title = report.begin_lines(Path("greeting.yaml"))
    assert warning.startswith("greeting.yaml: line 4: this address is fixed")
    assert title == "greeting, at http://localhost:8000"
    seeded = TryReport(read(f"{GREETING}needs: {{seed: full-house}}\n"), "http://localhost:8000")
    assert "needs the data 'full-house'" in list(seeded.begin_lines(Path("x")))[1]
    commands = "journey: j\npromise: issue\nsteps:\n  - run: [walks]\nexpect:\n  - output: x\n"
    running = TryReport(read(commands), "http://127.0.0.1:1")
    assert "name the folder, not an address" in list(running.begin_lines(Path("x")))[1]


def test_each_step_is_printed_once_whether_its_report_came_or_not(tmp_path: Path) -> None:
    report = TryReport(read(GREETING))
    live = [line for part in STEPS for line in report.done_lines(OWN, part)]
    live += report.done_lines(CONTROL, UNSEEN)  # whether it counts is known at the end
    assert live == ["  ok    4  - open: /?guest=7", "  ok    5  - click: {link: In}"]
    assert list(report.end_lines((PASSED, NOTICED), kept=tmp_path)) == [
        "  ok    7  - visible: {heading: Good morning}",
        "  passed in 40 ms",
        "negative control: one of its expectations must not hold",
        "  ok    4  - open: /?guest=7",
        "  ok    5  - click: {link: In}",
        "  NO   10  - visible: {heading: Good evening}",
        "           expected: visible",
        "           there was: missing: nothing",
        "  failed, as it must",
    ]


def test_where_only_calls_were_made_no_page_is_promised(tmp_path: Path) -> None:
    (tmp_path / "aria.txt").write_text("")
    failed = RunEvidence(OWN, True, True, STEPS, (UNSEEN,), files=("aria.txt",))
    lines = list(TryReport(read(GREETING)).end_lines((failed,), kept=tmp_path))
    assert not [line for line in lines if "by roles and names" in line]
    (tmp_path / "aria.txt").write_text("- main")
    lines = list(TryReport(read(GREETING)).end_lines((failed,), kept=tmp_path))
    assert lines[-1] == "    - main"


def test_on_a_terminal_what_is_underway_is_named_before_it_is_done() -> None:
    """A journey that looks on the way, too; the program that shows it knows the lines by UNDERWAY."""
    looks = GREETING.replace("  - click:", "  - expect: {title: Shore}\n  - click:")
    report = TryReport(read(looks), "http://localhost:8000", live=True)
    underway = [list(report.begin_lines(Path("greeting.yaml")))[-1]]
    own = (STEPS[0], replace(SEEN, line=5), replace(STEPS[1], line=6), replace(SEEN, line=8))
    underway += [list(report.done_lines(OWN, part))[-1] for part in own]
    assert underway == [
        "  ... starting the browser",
        "  ...   5  - expect: {title: Shore}",
        "  ...   6  - click: {link: In}",
        "  ...   8  - visible: {heading: Good morning}",
        "  ... the negative control",
    ]


@pytest.mark.parametrize(
    ("runs", "outcome"),
    [
        ((PASSED, NOTICED), Result.PASSED),
        ((PASSED, MISSED), Result.FAILED),
        ((PASSED, replace(NOTICED, complete=False)), Result.INCONCLUSIVE),
        ((replace(PASSED, expectations=(UNSEEN,)), replace(NOTICED, skipped="x")), Result.FAILED),
        ((replace(PASSED, errors=("x",)), replace(NOTICED, skipped="x")), Result.INCONCLUSIVE),
    ],
)
def test_a_try_passes_only_with_a_control_that_failed(
    runs: tuple[RunEvidence, ...], outcome: Result
) -> None:
    report = TryReport(read(GREETING))
    document = try_document(report, runs, seed=7, kept=None)
    assert outcome_of(runs) is outcome
    assert (document["ok"], document["outcome"]) == (outcome is Result.PASSED, outcome)


def test_the_document_names_files_only_where_they_are_kept(tmp_path: Path) -> None:
    report = TryReport(read(GREETING))
    files = [
        try_document(report, (PASSED, NOTICED), seed=7, kept=kept)["runs"][0]["files"]
        for kept in (None, tmp_path)
    ]
    assert files == [(), ("try/page.png",)]


def test_a_report_is_passed_on_once_it_is_whole_and_what_is_no_report_is_passed_over(
    tmp_path: Path,
) -> None:
    came: list[object] = []
    progress = Progress(tmp_path / "progress", lambda run, part: came.append((run, part)))
    progress.follow()  # the driver has not begun
    first, second = (part_line(OWN, part) for part in STEPS)
    progress.file.write_text(first + second[:9])
    progress.follow()
    assert came == [(OWN, STEPS[0])]
    with progress.file.open("a") as more:
        more.write(second[9:] + '{"done": true, "runs": 2}\n\xff{"run": []}\n')
    progress.follow()
    assert came == [(OWN, STEPS[0]), (OWN, STEPS[1])]


def test_a_line_without_end_is_passed_over_and_what_follows_it_is_heard(tmp_path: Path) -> None:
    came: list[object] = []
    progress = Progress(tmp_path / "progress", lambda run, part: came.append(part))
    with progress.file.open("w") as file:
        file.write("x" * 2 * MOST_BYTES + "\n" + part_line(OWN, STEPS[0]) + needed_line(4711))
    for _ in range(3):
        assert (came, progress.needed) == ([], set())
        progress.follow()
    assert (came, progress.needed) == ([STEPS[0]], {4711})


@contextmanager
def shore(entered: threading.Event) -> Iterator[str]:
    """An app that runs already. Its second page answers once `entered` is set."""

    def answer(request: Request) -> None:
        inside = request.path == "/in"
        if inside and not entered.wait(LONG):
            return
        page = "<h1>Good morning</h1>" if inside else '<h1>Shore</h1><a href="/in">In</a>'
        html = {"Content-Type": "text/html; charset=utf-8"}
        request.reply(200, f"<title>Shore</title>{page}".encode(), html)

    with serving(answer) as server:
        yield f"http://localhost:{server.server_port}"


def factory(*arguments: str | Path) -> "subprocess.Popen[str]":
    """`factory journeys try` of somebody without a home, a key or a setting."""
    return subprocess.Popen(
        [sys.executable, "-I", "-m", "harness", "journeys", "try", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        env={"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/nonexistent"},
    )


def test_a_step_is_printed_while_the_next_one_is_still_waited_for(tmp_path: Path) -> None:
    """The app answers the second step only once the first was read here."""
    (tmp_path / "greeting.yaml").write_text(GREETING)
    entered = threading.Event()
    with shore(entered) as url, factory(tmp_path / "greeting.yaml", "--url", url) as trying:
        lines = []
        for line in trying.stdout or ():
            lines.append(line.rstrip("\n"))
            if lines[-1] == "  ok    4  - open: /?guest=7":
                entered.set()
        assert trying.wait(LONG) == 0, lines
    assert lines[1] == f"greeting, at {url}"
    assert "  ok    5  - click: {link: In}" in lines
    assert lines[-2] == "  failed, as it must"


@pytest.mark.parametrize(
    ("journey", "url", "code", "words"),
    [
        (GREETING, "", 5, "nothing answers at localhost:"),
        pytest.param(
            GREETING,
            "http://example.org",
            2,
            "example.org is another machine",
            marks=pytest.mark.soak("what is refused is shown above, and how a mistake ends below"),
        ),
        ("journey: nothing\n", "", 2, "greeting.yaml: a journey needs 'steps'"),
    ],
)
def test_an_app_that_is_not_there_is_unavailable_and_another_machine_is_a_mistake(
    tmp_path: Path, journey: str, url: str, code: int, words: str
) -> None:
    (tmp_path / "greeting.yaml").write_text(journey)
    with (
        deaf_port() as port,
        factory(
            tmp_path / "greeting.yaml", "--url", url or f"http://localhost:{port}", "--json"
        ) as trying,
    ):
        said, complained = trying.communicate(timeout=LONG)
    assert (trying.returncode, json.loads(said)["ok"]) == (code, False)
    assert words in json.loads(said)["message"]
    assert words in complained


@pytest.mark.soak("a browser more; the tests above show the document, and that the app is reached")
def test_as_json_there_is_one_object_with_every_run(tmp_path: Path) -> None:
    (tmp_path / "greeting.yaml").write_text(GREETING.replace("Good morning", "Good night"))
    (entered := threading.Event()).set()
    with shore(entered) as url:
        file, kept = tmp_path / "greeting.yaml", tmp_path / "kept"
        with factory(file, "--url", url, "--json", "--seed", "7", "--keep", kept) as trying:
            said, _ = trying.communicate(timeout=LONG)
    document = json.loads(said)
    assert (trying.returncode, document["ok"], document["outcome"]) == (1, False, "failed")
    assert (document["seed"], [one["line"] for one in document["warnings"]]) == (7, [4])
    own, control = document["runs"]
    assert own["expectations"][0]["trouble"] == "missing"
    assert control["skipped"]
    assert all((kept / name).is_file() for name in own["files"])
    assert own["files"]


TOOL = """\
import pathlib, sys
book = pathlib.Path("book.txt")
if sys.argv[1] == "add":
    book.open("a").write(sys.argv[2] + "\\n")
else:
    print(book.read_text(), end="")
"""
LISTED = """\
journey: tool-lists
promise: issue
let: {guest: "{{ any.name }}"}
steps:
  - run: [walks, add, "{{ guest }}"]
  - run: [walks, list]
expect:
  - output: {lines: ["{{ guest }}"]}
twin: {expect: [{output: {lines: ["nobody"]}}]}
"""


def test_a_tool_in_a_folder_is_tried_as_its_factory_toml_names_it_or_as_the_caller_does(
    tmp_path: Path,
) -> None:
    """A tool needs no browser. The folder is a checkout with a link that its .gitignore names."""
    shop = tmp_path / "shop"
    shop.mkdir()
    (tmp_path / "list.yaml").write_text(LISTED)
    (shop / "walks.py").write_text(TOOL)
    (shop / ".gitignore").write_text(".venv\n")
    (shop / ".venv").symlink_to("/usr")
    subprocess.run(["git", "init", "--quiet", shop], check=True)
    tool = "python ./walks.py"
    (shop / "factory.toml").write_text(f'schema = 1\n[app]\ncommands = {{ walks = "{tool}" }}\n')
    file = tmp_path / "list.yaml"
    with factory(file, "--folder", shop) as trying:
        said, complained = trying.communicate(timeout=LONG)
    assert trying.returncode == 0, complained
    assert "  ok    8  - output:" in said
    (shop / "factory.toml").unlink()
    with factory(file, "--folder", shop) as trying:
        _, complained = trying.communicate(timeout=LONG)
    assert trying.returncode == 2
    assert "a tool with --command NAME=COMMAND" in complained
    with factory(file, "--folder", shop, "--command", f"walks={tool} list") as trying:
        said, _ = trying.communicate(timeout=LONG)
    assert trying.returncode == 1, "the caller has the last word, and this tool adds nobody"
