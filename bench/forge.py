"""What it costs to stand before many open issues, and whether webhooks are held: against the
local forge, over HTTP.

    python bench/forge.py [--json] [--quick] [--issues N]

The issues are filed by the forge's own administrator in one go (`Administrator.file_issues`), no
webhook told. `first` is the first tick of a factory that knows none of them; `history` then gives
every fiftieth one a decision in the ledger, as if it had been triaged, and their labels follow,
whose echo comes back as news once. `steady` is a tick of the same process when nothing had changed;
`changed N` is one after strangers commented on N issues; `restart` is the first tick of another
process. Requests and bytes are those of the API, answers that say `not modified` among the
requests; git's own look at the branch comes to each tick besides.

`webhooks` sends 1,000 deliveries a minute for a minute from a process of its own, one in ten twice
and one in twenty badly signed, while this process ticks: all that are signed have to be answered
with 202 and to be there, once each."""

from __future__ import annotations

import argparse
import hashlib
import hmac
import http.client
import json
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.events import event_of

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

EXAMPLE = ROOT / "examples" / "tidebook"
SECRET = "the-secret-of-a-bench-on-loopback"
MOST_REQUESTS, A_MINUTE = 5, 1000
REPOSITORY = 4711


@dataclass(slots=True)
class Meter:
    """What this process asked of the forge's API."""

    requests: int = 0
    unchanged: int = 0
    bytes: int = 0
    asked: list[str] = field(default_factory=list)

    def hear(self, answer: Any) -> None:
        self.requests += 1
        self.unchanged += answer.status_code == 304
        self.bytes += len(answer.content)
        self.asked.append(f"{answer.request.method} {answer.request.path_url} {answer.status_code}")


def metered() -> Meter:
    """From now on every answer that `requests` gets is counted."""
    import requests

    meter, send = Meter(), requests.Session.send

    def counted(session: Any, request: Any, **more: Any) -> Any:
        answer = send(session, request, **more)
        meter.hear(answer)
        return answer

    requests.Session.send = counted  # type: ignore[method-assign]
    return meter


class Site:
    """A forge with many issues, and a factory on it: everything real but sandboxes, models and
    the judge."""

    def __init__(self, folder: Path, issues: int) -> None:
        from harness.programs.local_forge.seed import Administrator, push_folder
        from harness.programs.local_forge.start import start

        self.folder = folder
        self.forge = start(folder / "forge", open_door=True)
        admin = Administrator(self.forge)
        admin.create_user("tidehouse", role="admin")
        self.token = admin.create_user("factory", role="write", kind="Bot").token
        self.stranger = admin.create_user("kim").token
        made = admin.create_repository("tidehouse", "tidebook")
        push_folder(EXAMPLE, made.clone_url, token=self.token)
        self.clone_url, self.name = made.clone_url, made.full_name
        began = time.perf_counter()
        self.numbers = admin.file_issues(self.name, issues)
        self.filing = time.perf_counter() - began

    def services(self) -> Any:
        from harness.factory.run.services import Places, Services
        from harness.forge.connection import Access
        from harness.forge.github import GitHubForge
        from harness.log import Log
        from harness.repository.candidate import TrustedCandidates
        from harness.repository.remote import Remote
        from harness.repository.trusted import TrustedRepository
        from harness.repository.worktrees.adapter import RunWorktrees
        from harness.store.clock import SystemClock
        from harness.store.ledger.sqlite import SqliteLedger

        home = self.folder / "home"
        places = Places(home, "tidehouse.tidebook")
        hub = GitHubForge(
            Access(
                self.name, self.token, self.forge.api, cache_file=home / "cache" / "forge.sqlite"
            )
        )
        trusted = TrustedRepository(places.trusted, Remote(self.clone_url, lambda: self.token))
        nobody: Any = None
        return Services(
            places=places,
            forge=hub,
            writer=hub,
            repository=trusted,
            worktrees=RunWorktrees(trusted, places.worktrees),
            candidates=TrustedCandidates(trusted),
            sandbox=nobody,
            agent=nobody,
            model=nobody,
            broker=nobody,
            validator=nobody,
            ledger=SqliteLedger(home, SystemClock()),
            clock=SystemClock(),
            wheels=home,
            sandbox_command=(),
            trusted_keys=frozenset(),
            link=lambda path: f"{self.forge.url}/{self.name}/{path}",
            log=Log(),
        )

    def comment(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.forge.port, timeout=60)
        connection.request(
            "POST",
            f"/api/v3/repos/{self.name}/issues/{number}/comments",
            json.dumps({"body": "The same here."}),
            {"Authorization": f"token {self.stranger}", "Content-Type": "application/json"},
        )
        assert connection.getresponse().status == 201
        connection.close()


def ticked(services: Any) -> None:
    """One tick that takes in, and moves nothing: no issue is in a state that it may move."""
    from harness.factory.pipeline.dispatch import Dispatch
    from harness.factory.pipeline.tick import tick

    engine: Any = None
    tick(services, Dispatch(services, engine), states=frozenset())


@contextmanager
def measured(name: str, meter: Meter, rows: list[dict[str, Any]]) -> Iterator[None]:
    before, began = (meter.requests, meter.unchanged, meter.bytes), time.perf_counter()
    meter.asked.clear()
    yield
    seconds = time.perf_counter() - began
    rows.append(
        {
            "what": name,
            "requests": meter.requests - before[0],
            "unchanged": meter.unchanged - before[1],
            "kilobytes": round((meter.bytes - before[2]) / 1e3, 1),
            "seconds": round(seconds, 3),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
        }
    )


def decided(services: Any, numbers: list[int]) -> None:
    """Give these issues a past: triaged, rejected or accepted and landed, told to their filers, as
    the ledger has it."""
    ledger = services.ledger
    for number in numbers:
        landed = number % 2 == 0
        ledger.append(
            event_of(
                "triage",
                {
                    "event": "triage-accepted" if landed else "triage-rejected",
                    "cites": [],
                    "quote": "",
                    "reply": "",
                    "kind": "bug",
                    "priority": "normal",
                    "title": f"Issue {number}",
                    "body": " ".join(random.Random(number).choices(WORDS, k=150)),
                    "replies": [],
                    "heard": 0,
                    "hidden": [],
                    "text": "0" * 64,
                    "closes": None,
                    "rules": "sha256:0",
                },
            ),
            f"t/{number}",
            issue=number,
        )
        path = (
            [
                ("triage-accepted", "untriaged", "accepted"),
                ("dispatched", "accepted", "implementing"),
                ("change-ready", "implementing", "validating"),
                ("verdict-passed", "validating", "approved"),
                ("gates-open", "approved", "merging"),
                ("landed", "merging", "merged"),
            ]
            if landed
            else [("triage-rejected", "untriaged", "rejected")]
        )
        for at, (event, before, after) in enumerate(path):
            ledger.append(
                event_of(
                    "transition",
                    {"event": event, "from": before, "to": after, "says": "", "rules": ""},
                ),
                f"e/{number}/{at}",
                issue=number,
            )
        ledger.append(event_of("projected", {}), f"projected/{number}/{len(path)}", issue=number)


WORDS = [f"word{number}" for number in range(2000)]


def standing(site: Site, rows: list[dict[str, Any]], *, changes: tuple[int, ...]) -> Any:
    meter, services = metered(), site.services()
    with measured("first", meter, rows):
        ticked(services)
    with measured("history", meter, rows):
        decided(services, list(site.numbers)[::50])
    for name in ("after history", "its echo"):
        with measured(name, meter, rows):
            ticked(services)
        time.sleep(4)  # what has only just happened is told twice; from here on nothing has
    for _ in range(2):
        with measured("steady", meter, rows):
            ticked(services)
    untouched = [number for number in site.numbers if (number - site.numbers[0]) % 50]
    for count in changes:
        for number in untouched[:count]:
            site.comment(number)
        with measured(f"changed {count}", meter, rows):
            ticked(services)
        time.sleep(4)
        ticked(services)
    with measured("steady", meter, rows):
        ticked(services)
    if "--asked" in sys.argv:
        print(*meter.asked, sep="\n", file=sys.stderr)
    with measured("restart", meter, rows):
        ticked(site.services())
    return services


def webhooks(site: Site, services: Any, *, seconds: int) -> dict[str, Any]:
    from harness.forge.deliveries import DeliveryFilter
    from harness.forge.receiver import Receiver, application, listening
    from harness.store.clock import SystemClock
    from harness.store.inbox import SqlInbox

    inbox = SqlInbox(services.places.home, SystemClock())
    receiver = Receiver(inbox, DeliveryFilter(REPOSITORY), lambda: (SECRET,))
    ticks, over = 0, threading.Event()
    with listening(application(receiver), host="127.0.0.1", port=0) as port:
        command = [sys.executable, __file__, "--send", str(port), str(seconds)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
            threading.Thread(target=lambda: (sender.wait(), over.set()), daemon=True).start()
            while not over.is_set():
                ticked(services)
                ticks += 1
            assert sender.stdout is not None
            found: dict[str, Any] = json.loads(sender.stdout.read())
    kept = [delivery.id for _, delivery in inbox.waiting()]
    inbox.close()
    lost = set(found.pop("names")) - set(kept)
    return {
        **found,
        "kept": len(kept),
        "lost": len(lost),
        "kept_twice": len(kept) - len(set(kept)),
        "ticks_meanwhile": ticks,
    }


def send(port: int, seconds: int) -> dict[str, Any]:
    """Deliveries at their own pace, whatever the answers take: one in ten twice, one in twenty
    badly signed."""
    count, answers, names, lock = A_MINUTE * seconds // 60, [], [], threading.Lock()

    def deliver(at: int, name: str, *, good: bool) -> None:
        body = json.dumps(
            {
                "action": "edited",
                "repository": {"id": REPOSITORY},
                "issue": {"number": at + 1, "body": "x" * 4000},
            }
        )
        secret = SECRET if good else "another"
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "issues",
            "X-GitHub-Delivery": name,
            "X-Hub-Signature-256": "sha256="
            + hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest(),
        }
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST", "/webhook", body, headers)
        status = connection.getresponse().status
        connection.close()
        with lock:
            answers.append((status, time.perf_counter() - began, good))

    threads, start = [], time.perf_counter()
    for at in range(count):
        time.sleep(max(0.0, start + at * 60 / A_MINUTE - time.perf_counter()))
        good = at % 20 != 19
        if good:
            names.append(f"d-{at}")
        for _ in range(2 if at % 10 == 0 else 1):
            threads.append(
                threading.Thread(target=deliver, args=(at, f"d-{at}"), kwargs={"good": good})
            )
            threads[-1].start()
    for thread in threads:
        thread.join()
    took = sorted(spent for _, spent, _ in answers)
    right = sum(status == (202 if good else 401) for status, _, good in answers)
    return {
        "sent": len(answers),
        "answered_right": right,
        "names": names,
        "seconds": round(time.perf_counter() - start, 1),
        "p50_ms": round(took[len(took) // 2] * 1e3, 1),
        "p99_ms": round(took[int(len(took) * 0.99)] * 1e3, 1),
        "most_ms": round(took[-1] * 1e3, 1),
    }


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument(
        "--quick", action="store_true", help="500 issues, and webhooks for ten seconds"
    )
    arguments.add_argument("--issues", type=int)
    arguments.add_argument("--asked", action="store_true", help="print what a steady tick asked")
    arguments.add_argument("--send", nargs=2, type=int, help=argparse.SUPPRESS)
    told = arguments.parse_args()
    if told.send:
        print(json.dumps(send(*told.send)))
        return 0
    issues = told.issues or (500 if told.quick else 10_000)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="bench-forge-") as folder:
        site = Site(Path(folder), issues)
        try:
            services = standing(site, rows, changes=(1, 10) if told.quick else (1, 10, 100))
            hooks = webhooks(site, services, seconds=10 if told.quick else 60)
        finally:
            site.forge.stop()
    steady = max(row["requests"] for row in rows if row["what"] == "steady")
    holds = (
        steady <= MOST_REQUESTS
        and not hooks["lost"]
        and not hooks["kept_twice"]
        and hooks["answered_right"] == hooks["sent"]
    )
    if told.json:
        print(
            json.dumps(
                {
                    "issues": issues,
                    "filed_in_seconds": round(site.filing, 2),
                    "rows": rows,
                    "webhooks": hooks,
                    "holds": holds,
                }
            )
        )
        return 0 if holds else 1
    print(f"{issues} open issues, filed in {site.filing:.1f} s\n")
    print(f"{'':14} {'requests':>9} {'unchanged':>10} {'kB':>9} {'seconds':>9} {'peak MB':>8}")
    for row in rows:
        print(
            f"{row['what']:14} {row['requests']:9} {row['unchanged']:10} {row['kilobytes']:9}"
            f" {row['seconds']:9} {row['peak_mb']:8}"
        )
    print("\nwebhooks: " + ", ".join(f"{name} {value}" for name, value in hooks.items()))
    print(
        f"\n{'holds' if holds else 'DOES NOT HOLD'}: at most {MOST_REQUESTS} requests a steady"
        " tick, no delivery lost or kept twice"
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
