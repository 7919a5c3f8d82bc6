"""Command lines of a repository, as a sandbox can run them.

A sandbox runs a list of arguments, not a shell line, and finds `python` and what Python imports. So
console scripts become `python -m`, and a `$PORT` in the command becomes the variable that the
server reads itself.
"""

import re
import shlex

from harness.onboarding.evidence.daemons import foreground
from harness.onboarding.evidence.sources import Sources, table
from harness.onboarding.survey import Evidence, Start

MODULES = {
    "gunicorn": "gunicorn",
    "flask": "flask",
    "uvicorn": "uvicorn",
    "waitress-serve": "waitress",
    "hypercorn": "hypercorn",
}
_OWN_PORT = {"gunicorn": "PORT", "flask": "FLASK_RUN_PORT", "uvicorn": "UVICORN_PORT"}
_SHELLS = frozenset({"|", "||", "&&", ";", ">", ">>", "<", "&"})
_PORT_OPTIONS = ("-p", "--port", "-b", "--bind")
_ASSIGNMENT = re.compile(r"[A-Z_][A-Z0-9_]*=\S*")
_WRAPPERS = frozenset({"tini", "dumb-init", "exec", "cross-env", "env", "npx", "--", "-g"})
"""What only starts the words behind it. `exec` belongs to the shell, and a sandbox has none."""
_RUNS_SCRIPT = re.compile(
    r"(?:(?:npm|pnpm|yarn|bun)(?: run| run-script)?|npm-run-all)\s+(?P<name>[\w:.-]+)\s*\Z"
)
_DEEP = 4
_LONGEST = 1_000
"""The characters of a line that starts an app. A longer one is no command that a person wrote."""


def as_argv(command: str) -> tuple[tuple[str, ...], str] | None:
    """A shell line as a sandbox can run it, with the variable of its port; None if it is
    not a plain command."""
    found = _words(command)
    # Assignments and shell operators cannot be expressed as a list of arguments.
    return _argv(found[1]) if found and not found[0] else None


def start_from(command: str, because: Evidence) -> Start | None:
    """The start command in a shell line, in its foreground form; None if it is not plain."""
    found = _words(foreground(command) or command) if len(command) <= _LONGEST else None
    if found is None:
        return None
    assigned, words = found
    argv, port_env = _argv(words)
    is_server = argv[:2] == ("python", "-m") and argv[2:3] and argv[2] in MODULES.values()
    return Start(argv, port_env, because, needs=argv[2] if is_server else "", env=assigned)


def scripts_run(sources: Sources, command: str, deep: int = _DEEP) -> tuple[str, ...]:
    """The plain commands of a shell line, with the scripts of package.json that they name in their
    places: `yarn mocha && yarn lint` runs two."""
    found = list[str]()
    for one in command.split("&&"):
        named = _RUNS_SCRIPT.match(one.strip())
        name = named["name"] if named else ""
        script = table(sources.package_json, "scripts").get(name)
        if isinstance(script, str) and deep:
            found += scripts_run(sources, script, deep - 1)
        elif one.strip():
            # `yarn node app.js` and `yarn mocha` run a program of the project's packages.
            found.append(re.sub(r"\b(?:yarn|pnpm exec|bun x|bunx)\s+(?=[a-z])", "", one.strip()))
    return tuple(found)


def _words(command: str) -> tuple[tuple[tuple[str, str], ...], list[str]] | None:
    """The assignments in front of a plain command, and its words."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    assigned = list[tuple[str, str]]()
    while words and (_ASSIGNMENT.fullmatch(words[0]) or words[0].rpartition("/")[2] in _WRAPPERS):
        word = words.pop(0)
        if "=" in word:
            name, _, value = word.partition("=")
            assigned.append((name, value))
    if not words or not re.match(r"[\w./-]+\Z", words[0]) or not _SHELLS.isdisjoint(words):
        return None
    # What only a shell could expand.
    return None if any("$" in value for _, value in assigned) else (tuple(assigned), words)


def _argv(words: list[str]) -> tuple[tuple[str, ...], str]:
    name, *rest = words
    server = MODULES.get(name, "")
    if name in ("python", "python3"):
        server = rest[1] if rest[:1] == ["-m"] and len(rest) > 1 else ""
    elif server:
        rest = ["-m", server, *rest]
    if port := _OWN_PORT.get(server):
        rest = _without_port(rest)
    argv = ("python" if name.startswith("python") or name in MODULES else name, *rest)
    used = next(iter(re.findall(r"\$\{?([A-Z_][A-Z0-9_]*)", " ".join(rest))), "")
    # The server reads no variable of its own, so a shell puts the port in.
    if used:
        line = " ".join(word if "$" in word else shlex.quote(word) for word in argv)
        return ("sh", "-c", f"exec {line}"), used
    return argv, port or "PORT"


def _without_port(words: list[str]) -> list[str]:
    kept, skip = list[str](), False
    for word in words:
        if skip:
            skip = False
        elif word in _PORT_OPTIONS:
            skip = True
        elif not word.startswith(tuple(f"{option}=" for option in _PORT_OPTIONS)):
            kept.append(word)
    return kept
