"""What a lap's models read, and what a provider's prompt cache serves of it. `python
bench/tokens.py [--home HOME] [--json]`

A row a session: its calls, its input and output tokens as the wire accounted them, what of the
input came from the cache, and `reused`: of what a call repeats of the call before it, how much was
read from the cache, from the second call on. `by prefix` is the same, told by comparing the
recorded requests byte by byte, whatever the wire said.

Below: what an implementer was told at first, beside the same with the files whole that it was told
of, and with every file.

Without --home the first issue of the demo is worked on in a new home (a minute or two).
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from harness.domain.ledger import Entry
from harness.domain.repository_context import BYTES_A_TOKEN as MANIFESTS_BYTES_A_TOKEN
from harness.factory.run.services import Places
from harness.home.document import read_home
from harness.home.state import open_ledger
from harness.programs.broker.caching import BYTES_A_TOKEN, PromptCache

LEAST_REUSED = 0.90


@dataclass(frozen=True)
class Row:
    run: str
    role: str
    calls: int
    input: int
    output: int
    cached: int
    reused: float | None  # by the wire's own accounting
    by_prefix: float | None


@dataclass(frozen=True)
class Context:
    """Tokens of the first request of an implementer's session; of it with the shown files whole;
    with all text files."""

    run: str
    told: int
    with_whole_files: int
    with_everything: int


def bodies(calls: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The requests of a wire log, each whole again: a line holds what is new."""
    before: dict[str, Any] = {}
    for call in calls:
        request = dict(call["request"])
        kept = request.pop("kept", 0)
        old = [unmarked(message) for message in before.get("messages", [])[:kept]]
        before = {**before, **request, "messages": [*old, *request["messages"]]}
        yield before


def unmarked(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message without marks for the cache: a log does not tell whether they were still there, and
    they move on."""
    content = message["content"]
    return {
        **message,
        "content": content
        if isinstance(content, str)
        else [
            {name: value for name, value in block.items() if name != "cache_control"}
            for block in content
        ],
    }


def row(entry: Entry, calls: Sequence[Mapping[str, Any]]) -> Row:
    usages = [(call.get("response") or {}).get("usage") or {} for call in calls]
    totals = [
        sum(
            usage.get(name) or 0
            for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        )
        for usage in usages
    ]
    reads = [usage.get("cache_read_input_tokens") or 0 for usage in usages]
    cache = PromptCache()
    served = [cache.served(body) for body in bodies(calls)]
    return Row(
        str(entry.run),
        str(entry.data["role"]),
        len(calls),
        sum(totals),
        sum(usage.get("output_tokens") or 0 for usage in usages),
        sum(reads),
        reused(totals, reads),
        reused([one.total for one in served], [one.read for one in served]),
    )


def reused(totals: Sequence[int], reads: Sequence[int]) -> float | None:
    """Of all that calls repeat of the ones before them, the share that was read from the cache;
    None where there is one call. A request begins with the one before it, so what it repeats is at
    most as long as that was."""
    repeated = sum(min(before, now) for before, now in pairwise(totals))
    return sum(reads[1:]) / repeated if repeated else None


def rows(home: Path) -> tuple[list[Row], list[Context]]:
    document = read_home(home)
    places = Places(home, document.repository_id)
    found, told = [], []
    with open_ledger(home) as ledger:
        entries = ledger.entries()
    bases = {entry.run: str(entry.data["base"]) for entry in entries if entry.kind == "run"}
    for entry in entries:
        if entry.kind == "usage" and (calls := wire(places, entry.key.removeprefix("usage/"))):
            found.append(row(entry, calls))
            if entry.data["role"] == "implementer":
                told.append(context(places, str(entry.run), bases[entry.run], calls))
    return found, told


def wire(places: Places, session: str) -> list[Mapping[str, Any]]:
    for folder in (places.home / "broker" / "wire", places.sealed / "wire"):
        if (path := folder / f"{session}.jsonl").exists():
            return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return []


def context(places: Places, run: str, base: str, calls: Sequence[Mapping[str, Any]]) -> Context:
    sizes = {path: size for size, path in files(places.trusted, base)}
    manifest = places.run(run) / "context.json"
    listed = json.loads(manifest.read_text("utf-8"))["included"] if manifest.exists() else []
    shown = {
        one["name"].partition(":")[0]: one["tokens"] * MANIFESTS_BYTES_A_TOKEN // BYTES_A_TOKEN
        for one in listed
        if one["kind"] in ("file", "excerpt")
    }
    first = PromptCache().served(next(bodies(calls))).total
    missing = sum(
        max(0, sizes.get(path, 0) // BYTES_A_TOKEN - tokens) for path, tokens in shown.items()
    )
    unseen = sum(sizes.values()) // BYTES_A_TOKEN - sum(shown.values())
    return Context(run, first, first + missing, first + max(missing, unseen))


def files(repository: Path, commit: str) -> Iterator[tuple[int, str]]:
    command = ["git", f"--git-dir={repository}", "ls-tree", "-r", "-l", "-z", commit]
    listed = subprocess.run(command, capture_output=True, check=True)
    for line in listed.stdout.decode("utf-8", "replace").split("\0"):
        if line:
            facts, path = line.split("\t", 1)
            yield int(facts.split()[3]) if facts.split()[3].isdigit() else 0, path


@contextmanager
def lap(named: Path | None) -> Iterator[Path]:
    if named is not None:
        yield named
        return
    with tempfile.TemporaryDirectory(prefix="lights-out-tokens-") as folder:
        home = Path(folder, "home")
        subprocess.run(
            [
                Path(sys.executable).with_name("factory"),
                "demo",
                "--issue",
                "1",
                "--home",
                str(home),
                "--json",
            ],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        yield home


def share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, metavar="HOME", help="a home with recorded laps")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    given = parser.parse_args()
    with lap(given.home) as home:
        found, told = rows(home)
    short = [one for one in found if one.by_prefix is not None and one.by_prefix < LEAST_REUSED]
    if given.json:
        print(
            json.dumps(
                {
                    "ok": not short,
                    "least_reused": LEAST_REUSED,
                    "sessions": [asdict(one) for one in found],
                    "context": [asdict(one) for one in told],
                },
                indent=1,
            )
        )
        return 1 if short else 0
    print(
        f"{'run':<18} {'role':<12} {'calls':>5} {'input':>8} {'output':>7} {'cached':>8}"
        f" {'reused':>7} {'by prefix':>9}"
    )
    for one in found:
        print(
            f"{one.run:<18} {one.role:<12} {one.calls:>5} {one.input:>8} {one.output:>7}"
            f" {one.cached:>8} {share(one.reused):>7} {share(one.by_prefix):>9}"
        )
    print(f"\n{'run':<18} {'told at first':>13} {'files whole':>12} {'everything':>11}   tokens")
    for each in told:
        print(
            f"{each.run:<18} {each.told:>13} {each.with_whole_files:>12} {each.with_everything:>11}"
        )
    print(
        f"\nFrom the second call on, {LEAST_REUSED:.0%} of what is repeated has to come from the"
        " cache: " + (f"NOT so in {', '.join(one.run for one in short)}" if short else "so it does")
    )
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
