"""Start commands that daemonise: they return before the app answers, and leave a process behind."""

import re
from collections.abc import Iterator

from harness.onboarding.evidence.sources import Sources
from harness.onboarding.survey import Evidence, ServerStart
from harness.onboarding.words import plain

SCRIPTS = (
    "Procfile",
    "Makefile",
    "Dockerfile",
    "start.sh",
    "run.sh",
    "entrypoint.sh",
    "README.md",
    "README.rst",
    "README",
)
_SERVERS = "python3?|flask|node|npm|uvicorn|gunicorn|waitress-serve"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bdocker[ -]compose\b.*\bup\b.*\s(?:-d|--detach)\b"), ""),
    (re.compile(r"\bdocker run\b.*\s(?:-d|--detach)\b"), ""),
    (re.compile(r"\bsystemctl start\b|\bservice \S+ start\b|\bsupervisord\b"), ""),
    (re.compile(r"\bpm2 start (?P<script>\S+\.[cm]?js)\b.*"), r"node \g<script>"),
    (re.compile(r"\bforever start (?P<script>\S+)\b.*"), r"node \g<script>"),
    (re.compile(r"(?P<before>\bgunicorn\b.*?)\s(?:--daemon|-D)(?=\s|$)"), r"\g<before>"),
    (re.compile(r"(?P<before>\buwsgi\b.*?)\s--daemonize(?:2)?(?:[= ]\S+)?"), r"\g<before>"),
    (re.compile(r"(?P<before>\bcelery\b.*?)\s--detach\b"), r"\g<before>"),
    (
        re.compile(r"\b(?:nohup|setsid)\s+(?P<rest>[^&|;>]+?)(?:\s*\d?>>?\s*[^\s>]++)*\s*&?\s*$"),
        r"\g<rest>",
    ),
    (re.compile(r"\bscreen\s+-d\s?-?m\w*\s+(?:-S\s+\S+\s+)?(?P<rest>.+)$"), r"\g<rest>"),
    (re.compile(rf"^(?P<rest>[^&|;]*\b(?:{_SERVERS})\b[^&|;]*?)\s*&\s*$"), r"\g<rest>"),
)


def foreground(command: str) -> str | None:
    """The command in its foreground form; empty where it has none; None if it does not
    daemonise."""
    for pattern, instead in _RULES:
        if pattern.search(command):
            return " ".join(pattern.sub(instead, command, count=1).split()) if instead else ""
    return None


def daemons_in(sources: Sources) -> tuple[ServerStart, ...]:
    """Every command that daemonises, in the files that describe how a project starts."""
    # Reversed twice: of several places with one command, the first one counts.
    found = {daemon.command: daemon for daemon in reversed(tuple(_daemons(sources)))}
    return tuple(reversed(found.values()))


def commands_in(sources: Sources) -> Iterator[tuple[str, str, int]]:
    """Lines that may be commands, with their file and number."""
    for name in filter(None, (sources.contents.named(script) for script in SCRIPTS)):
        for number, line in sources.lines(name):
            yield re.sub(r"^(?:[\w-]+:|\$|CMD|RUN|ENTRYPOINT|[@-])\s+", "", line), name, number
    scripts = sources.package_json.get("scripts")
    for key, line in scripts.items() if isinstance(scripts, dict) else ():
        if isinstance(line, str) and key in ("start", "serve", "dev"):
            yield line, "package.json", _line_of(sources, f'"{key}"')


def _daemons(sources: Sources) -> Iterator[ServerStart]:
    for line, name, number in commands_in(sources):
        command = plain(line, longest=160)
        instead = foreground(command)
        if instead is not None:
            yield ServerStart(command, instead, Evidence(name, number, f"runs `{command}`"))


def _line_of(sources: Sources, text: str) -> int:
    return next((number for number, line in sources.lines("package.json") if text in line), 0)
