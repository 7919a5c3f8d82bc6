"""Attacks by errors of the running app: reports without a key, a bomb, and a flood by whoever has a
key."""

import gzip
import http.client
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.factory.reporting.comments.error_issue import MARKER
from harness.factory.settings.config import read_config
from harness.operations.drill.attack import Attack, AttackOutcome, held, not_held
from harness.operations.drill.attacks.strangers import SUBJECT
from harness.operations.drill.shop import MINIMAL_POLICY
from harness.programs.error_intake.bodies import MOST_UNPACKED
from harness.programs.error_intake.spool import Spool
from harness.programs.error_intake.start import RunningIntake, start

if TYPE_CHECKING:
    from harness.operations.drill.environment import DrillEnvironment

GROUPS, EVENTS = 30, 50
_KEY, _WRONG = "0123456789abcdef" * 2, "fedcba9876543210" * 2
_SECONDS = 60.0


def errors(drill: "DrillEnvironment") -> AttackOutcome:
    """Reports without a key and a bomb with one; then, with a key, one error fifty times and
    dozens of others. Under the user's own `[errors]`."""
    settings = read_config(drill.policy_files["factory.toml"]).errors
    folder = drill.folder_for("errors")
    keys = folder / "keys"
    keys.touch(mode=0o600)
    keys.write_text(f"dsn 1 {_KEY}\n", "ascii")
    intake = start(folder / "intake", host="127.0.0.1", port=0, keys=keys)
    try:
        answers = {
            "a report without the key was taken": _sent(intake, _event(1), key=_WRONG) != 403,
            "a bomb was unpacked": _sent(intake, b"\0" * (MOST_UNPACKED + 1), packed=True) != 413,
        }
        stored = Spool(folder / "intake").groups()
        taken = [_sent(intake, _event(number), key=_KEY) for number in range(EVENTS)]
        taken += [_sent(intake, _event(number, type=f"E{number}")) for number in range(GROUPS)]
    finally:
        intake.stop()
    if wrong := [what for what, is_so in answers.items() if is_so]:
        return not_held("; ".join(wrong))
    if stored or set(taken) != {200}:
        return not_held(f"what has a key is not taken either, so nothing was proven: {set(taken)}")
    toml = f"{MINIMAL_POLICY['factory.toml']}[errors]\nper_day = {settings.per_day}\n"
    factory = drill.factory("errors-shop", policy_files={**MINIMAL_POLICY, "factory.toml": toml})
    factory.customize(lambda services: replace(services, errors=Spool(folder / "intake")))
    # Two ticks: the second one shows whether the cap is of a day.
    for _ in range(2):
        factory.tick(states=frozenset())
    issues = [one for one in factory.services.forge.issues() if one.body.startswith(MARKER)]
    groups = {one.body.partition("`:")[0] for one in issues}
    if len(issues) > min(settings.per_day, GROUPS // 2) or len(groups) < len(issues):
        return not_held(
            f"{len(issues)} issues are filed in a day for {len(groups)} groups of errors",
            "lower `per_day` under [errors] in factory.toml",
        )
    if len(issues) < min(settings.per_day, 1):
        return not_held("no issue was filed at all, so nothing was proven")
    return held(f"{len(issues)} of {GROUPS + 1} groups have an issue, one each")


def _sent(intake: RunningIntake, body: bytes, *, key: str = _KEY, packed: bool = False) -> int:
    """The status of the intake's answer to this body."""
    connection = http.client.HTTPConnection("127.0.0.1", intake.port, timeout=_SECONDS)
    headers = {"Content-Encoding": "gzip"} if packed else {}
    try:
        connection.request(
            "POST",
            f"/api/1/envelope/?sentry_key={key}",
            gzip.compress(body, 1) if packed else body,
            headers,
        )
        return connection.getresponse().status
    finally:
        connection.close()


def _event(number: int, *, type: str = "DrillError") -> bytes:
    """An envelope with one event."""
    event = {"exception": {"values": [{"type": type, "value": f"attempt {number}"}]}}
    return b'{}\n{"type":"event"}\n' + json.dumps(event).encode()


ATTACKS = (
    Attack(
        "forged and flooding errors",
        SUBJECT,
        (116,),
        "the DSN's key, [errors] per_day",
        f"reports errors without a key, one {EVENTS} times, and {GROUPS} others",
        errors,
    ),
)
