"""Whole journeys that use files, dialogs and the keyboard: each passes on an app that does it, and
fails on one that does not."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.validators import office
from tests.validators.house import PATIENCE, House
from tests.validators.office import KEYS, Notes
from tests.validators.patience import VAIN
from validators.browser.network.fault_injection import FaultInjection
from validators.browser.stage import BrowserStage
from validators.domain.evidence import FaultInjector, Identity, RunEvidence, RunId
from validators.domain.journeys.data_at_stake import stakes
from validators.domain.journeys.values import Draw, Values
from validators.domain.run_result import Result, result
from validators.language.reader import read
from validators.performance.journey_run import Patience, performed


def outcome(
    house: House,
    source: str,
    app: Any,
    *,
    meant: str,
    identity: Identity = Identity.PLAIN,
    injector: FaultInjector | None = None,
) -> str:
    """The outcome of a journey with this app: passed, or what failed first and why or where.

    `meant`, the expected outcome, decides which waits are short because they are in vain. An
    injected fault must find something to alter, and touch what the journey is about."""
    journey, values = read(source), Values(Draw(7, "hands", date(2026, 11, 21)))
    fault = FaultInjection(injector, lambda: stakes(journey, values)) if injector else None

    async def play(on: BrowserStage) -> RunEvidence:
        verbs = {type(step).__name__.lower() for step in journey.steps}
        stuck = bool(verbs & set(meant.split()[:1]))
        patience = Patience(
            step=VAIN if stuck else PATIENCE, look=PATIENCE if meant == "passed" else VAIN
        )
        return (
            await performed(
                RunId(journey.name),
                journey,
                on,
                values=values,
                patience=patience,
                seconds=10 * PATIENCE,
            )
        )[0]

    evidence = house.on_stage(
        app, play, tamper=fault, identity=identity, downloads=journey.downloads
    )
    failed = [f"{one.verb} {one.trouble}" for one in evidence.steps if not one.passed]
    failed += [f"{one.kind} {one.vantage}" for one in evidence.expectations if not one.passed]
    assert bool(failed) == (result(evidence) is not Result.PASSED)
    assert fault is None or fault.facts.touched
    return failed[0] if failed else "passed"


WHOLE = """\
journey: {name}
promise: issue
let: {{guest: "{{{{ any.name }}}}", size: "{{{{ any.int(10, 99) }}}}"}}
steps:
  - open: /
{steps}expect:
{expect}twin:
  expect:
    - title: Nothing
"""


def whole(name: str, steps: str, expect: str) -> str:
    return WHOLE.format(name=name, steps=steps, expect=expect)


UPLOADS = whole(
    "uploads",
    '  - upload: {label: "Guest lists", files: [{name: "{{ guest }}.csv", rows: [[Name, Size], ["{{'
    ' guest }}", "{{ size }}"]]}, {name: photo.png, picture: 4x3}]}\n  - click: {button: Send}\n',
    '  - visible: {listitem: "{{ guest }}.csv"}\n  - absent: {listitem: "0 bytes"}\n  -'
    ' after_reload: same\n  - as: other\n    open: /\n    expect: [visible: {listitem: "photo.png'
    ' image/png"}]\n',
)
DOWNLOADS = whole(
    "downloads",
    '  - dialog: {says: "New name?", type: "{{ guest }}"}\n  - click: {button: Rename}\n'
    "  - download: {link: Export as CSV, as: export}\n",
    '  - downloaded: {as: export, name: guests.csv}\n  - downloaded: {as: export, row: {Name: "{{'
    ' guest }}", Guests: "4"}}\n  - downloaded: {as: export, rows: 2}\n  - row: {cells: [\'{{'
    " guest }}', '4']}\n  - other_session: same\n",
)
REFUSES = whole(
    "refuses",
    '  - dialog: {says: "Delete all guests?", answer: dismiss}\n  - click: {button: Delete all}\n',
    "  - row: {cells: [Ada Holt, '4']}\n  - after_reload: same\n",
)
AGREES = whole(
    "agrees",
    '  - as: host\n  - open: /\n  - as: guest\n  - open: /\n  - as: host\n  - press: "Shift+Tab"\n '
    ' - dialog: {says: "Delete all guests?", kind: confirm, answer: accept}\n  - click: {button:'
    " Delete all}\n",
    "  - absent: {row: Ada Holt}\n  - visible: {heading: Office}\n"
    # their page is as old as they left it
    "  - as: guest\n    expect: [row: {cells: [Ada Holt, '4']}]\n  - as: guest\n    open: /\n   "
    " expect: [absent: {row: Ada Holt}, visible: {heading: Office}]\n",
)
KEYBOARD = whole(
    "keyboard",
    '  - press: "/"\n  - type: "{{ guest }}"\n  - press: Shift+Tab\n  - press: Enter\n',
    "  - focused: {button: Save}\n  - value: {label: Find, equals: '{{ guest }}'}\n",
)


class Deaf(Notes):
    """Its page hears no key."""

    def answer(self, environ: dict[str, Any], method: str, path: str, content: bytes) -> Any:
        return office.page(KEYS.replace("onkeydown", "unheard"))


@pytest.mark.parametrize(
    ("source", "app", "expected"),
    [
        (UPLOADS, office.Office, "passed"),
        (UPLOADS, office.PaintsUploads, "visible after_reload"),
        (UPLOADS, office.ForgetsContents, "absent here"),
        (DOWNLOADS, office.Office, "passed"),
        (DOWNLOADS, office.ExportsAPage, "download not-come"),
        (DOWNLOADS, office.BreaksOff, "download no-answer"),
        (DOWNLOADS, office.ExportsYesterday, "downloaded here"),
        (REFUSES, office.Office, "passed"),
        (REFUSES, office.NeverAsks, "click not-come"),
        (REFUSES, office.AsksSomethingElse, "click other-dialog"),
        (REFUSES, office.DoesItAnyway, "row here"),
        (KEYBOARD, Notes, "passed"),
        (KEYBOARD, Deaf, "type not-actionable"),
    ],
)
def test_a_journey_fails_on_an_app_that_does_not_do_it(house: House, source, app, expected) -> None:
    assert outcome(house, source, app(), meant=expected) == expected


@pytest.mark.parametrize("identity", Identity)
def test_people_see_with_their_own_eyes(house: House, identity) -> None:
    for app, expected in ((office.Office(), "passed"), (office.NeverAsks(), "click not-come")):
        assert outcome(house, AGREES, app, identity=identity, meant=expected) == expected


EXPORT = whole(
    "export",
    '  - dialog: {says: "New name?", type: "{{ guest }}"}\n  - click: {button: Rename}\n'
    "  - download: {link: Export as CSV, as: export}\n",
    '  - downloaded: {as: export, row: {Name: "{{ guest }}", Guests: "4"}}\n',
)


@pytest.mark.parametrize(
    "injector", [one for one in FaultInjector if one is not FaultInjector.FROZEN]
)  # the file is asked for once
def test_whatever_is_done_to_a_file_or_to_what_it_tells_is_noticed(house: House, injector) -> None:
    expected = "download missing" if injector is FaultInjector.ERROR_500 else "downloaded here"
    assert outcome(house, EXPORT, office.Office(), injector=injector, meant=expected) == expected
